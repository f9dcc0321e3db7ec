"""What is mounted where in a container."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from course_lib.engine.fs.bound import BoundTree
from course_lib.engine.fs.hostdir import HostTree
from course_lib.engine.fs.inode import Tree
from course_lib.engine.fs.owners import OwnerTable
from course_lib.engine.fs.subtree import SubTree
from course_lib.engine.fs.tmpfsoptions import CONTAINER_FLAGS, TmpfsOptions
from course_lib.engine.interfaces import MountEntry

if TYPE_CHECKING:
    from course_lib.engine.clock import Clock

FIRST_DEVICE = 0x40
"""``st_dev`` of the first file system that a container has to itself."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount that a container was asked to have.

    :param target: absolute path in the container; links in it are followed inside the container.
    :param source: directory or file of the host; none for a tmpfs.
    :param options: of a tmpfs, as :class:`.tmpfsoptions.TmpfsOptions` reads them.
    :param tree: the volume's own tree, shared by all containers that mount it; made from
        ``source`` where it is not given.
    """

    target: str
    kind: Literal["bind", "volume", "tmpfs"]
    source: Path | None = None
    read_only: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    tree: Tree | None = None


@dataclass(slots=True)
class Mounted:
    """A tree in its place. ``target`` is free of links."""

    target: str
    tree: Tree
    read_only: bool
    source: str
    options: str
    kind: Literal["root", "kernel", "bind", "volume", "tmpfs"] = "kernel"

    @property
    def no_exec(self) -> bool:
        """Whether programs on it cannot be executed."""
        return "noexec" in self.options.split(",")

    def entry(self) -> MountEntry:
        """The line of ``/proc/mounts``."""
        access = "ro" if self.read_only else "rw"
        options = f"{access},{self.options}" if self.options else access
        source, fstype = self.source, self.tree.fstype
        tree = self.tree.base if isinstance(self.tree, SubTree) else self.tree
        root, device = "/", self.tree.device
        if isinstance(tree, HostTree):
            source, fstype, root, device = host_mount_of(tree.path)
        return MountEntry(
            source, self.target, fstype, options, root, (os.major(device), os.minor(device))
        )


def tree_for(mount: Mount, clock: Clock, device: int) -> Tree:
    """The tree that a mount brings.

    Raises ``FileNotFoundError`` where its source does not exist.
    """
    if mount.tree is not None:
        return mount.tree
    if mount.kind == "tmpfs":
        return tmpfs_options(mount).tree(clock, device)
    assert mount.source is not None
    if mount.kind == "volume":
        mount.source.stat()
        return HostTree(mount.source, volume_owners(mount.source))
    return BoundTree(Path(os.path.realpath(mount.source, strict=True)))


def volume_owners(data: Path) -> OwnerTable:
    """Where owners and modes of a volume's files are recorded: beside its data."""
    return OwnerTable(data.with_name(data.name + ".owners"))


def tmpfs_options(mount: Mount) -> TmpfsOptions:
    """What a container's tmpfs is to be.

    Raises ``OSError`` (``EINVAL``) where the kernel would not take its options.
    """
    return TmpfsOptions.read(mount.options, CONTAINER_FLAGS)


def host_mount_of(path: Path) -> tuple[str, str, str, int]:
    """Where a host path lies: ``/dev/sda1``, ``ext4``, its path there, the device's number."""
    device = 0
    try:
        device = path.stat().st_dev
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
            for line in lines:
                fields = line.split()
                if fields[2] == f"{os.major(device)}:{os.minor(device)}":
                    after = fields.index("-")
                    mounted = fields[4].rstrip("/")
                    inside = str(path).removeprefix(mounted) if mounted else str(path)
                    return fields[after + 2], fields[after + 1], inside or "/", device
    except (OSError, ValueError, IndexError):
        pass
    return "/dev/root", "ext4", str(path), device
