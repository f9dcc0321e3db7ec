"""What is mounted in one container, and where: its mount namespace.

Mounts are made in the order and by the rules of runc: what lies higher in the tree first, links in
a target followed within the container, missing mount points made.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat as statmod
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from course_lib.engine.fs.devices import DEV_SIZE, DevTree, PtsTree
from course_lib.engine.fs.guarded import guards
from course_lib.engine.fs.inode import Tree, os_error
from course_lib.engine.fs.mounts import (
    FIRST_DEVICE,
    Mount,
    Mounted,
    tmpfs_options,
    tree_for,
)
from course_lib.engine.fs.permissions import ROOT
from course_lib.engine.fs.procfs import ProcFiles, ProcTree
from course_lib.engine.fs.sysfs import SysTree
from course_lib.engine.fs.tmpfs import TmpTree
from course_lib.engine.fs.walk import walk

if TYPE_CHECKING:
    from course_lib.engine.clock import Clock
    from course_lib.engine.fs.overlay import RootFs

SHM_DEVICE = FIRST_DEVICE + 4
"""``st_dev`` of ``/dev/shm``."""

_KERNEL_OPTIONS = "nosuid,nodev,noexec,relatime"
_PTS_OPTIONS = "nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666"


class MountNamespace:
    """What all views of one container's tree share: its mounts.

    :param shm: the tree on ``/dev/shm``, which may be another container's, too; there is no such
        directory without one.
    :param kernel: whether there is what the kernel mounts (``/proc``, ``/dev`` …).
    :param read_only: paths of ``/proc`` that cannot be written to.
    :param masked: paths of ``/proc`` and ``/sys`` behind which there is nothing.
    :ivar mounts: by target, in order of mounting; ``/`` is the root file system.
    :ivar proc: the tree on ``/proc``.
    """

    def __init__(
        self,
        rootfs: RootFs,
        mounts: Sequence[Mount],
        proc: ProcFiles,
        clock: Clock,
        *,
        shm: Tree | None,
        kernel: bool = True,
        read_only: Collection[str] = (),
        masked: Collection[str] = (),
    ) -> None:
        self.clock = clock
        self.rootfs = rootfs
        self.proc = ProcTree(proc, clock, FIRST_DEVICE)
        self.mounts: dict[str, Mounted] = {}
        self._own: list[Mounted] = []
        # While mount points are being made the root file system is writable, as for runc.
        root = Mounted("/", rootfs, False, "overlay", "relatime", "root")
        self._put(root)
        if kernel:
            self._put_kernel(clock, shm)
        # As dockerd: what lies higher in the tree is mounted first, whatever the order given.
        for number, mount in enumerate(sorted(mounts, key=lambda one: _depth(one.target))):
            self._add(mount, FIRST_DEVICE + 6 + number)
        if kernel:
            for guard in guards(
                self.proc,
                self.mounts["/dev"],
                _KERNEL_OPTIONS,
                clock,
                read_only=read_only,
                masked=masked,
            ):
                self._put(guard)
        root.read_only = rootfs.read_only

    def _put_kernel(self, clock: Clock, shm: Tree | None) -> None:
        """What every container has mounted."""
        self._put(Mounted("/proc", self.proc, False, "proc", _KERNEL_OPTIONS))
        dev = DevTree(self.proc, clock, FIRST_DEVICE + 1, shm=shm is not None)
        size = f"size={DEV_SIZE >> 10}k"
        self._put(Mounted("/dev", dev, False, "tmpfs", f"nosuid,{size},mode=755"))
        pts = PtsTree(self.proc, clock, FIRST_DEVICE + 2)
        self._put(Mounted("/dev/pts", pts, False, "devpts", _PTS_OPTIONS))
        sys = SysTree(self.proc, clock, FIRST_DEVICE + 5)
        self._put(Mounted("/sys", sys, True, "sysfs", _KERNEL_OPTIONS))
        queues = TmpTree(clock, size=0, device=FIRST_DEVICE + 3)
        queues.fstype = "mqueue"
        self._put(Mounted("/dev/mqueue", queues, False, "mqueue", _KERNEL_OPTIONS))
        if shm is not None:
            size = f"size={shm.usage().total >> 10}k"
            mounted = Mounted("/dev/shm", shm, False, "shm", f"{_KERNEL_OPTIONS},{size}")
            self._put(mounted, own=False)  # others may have it, too

    def _put(self, mounted: Mounted, *, own: bool = True) -> None:
        self.mounts[mounted.target] = mounted
        if own:
            self._own.append(mounted)

    def _add(self, mount: Mount, device: int) -> None:
        if mount.target == "/proc" or mount.target.startswith("/proc/"):
            raise _unsafe(mount)
        if mount.kind == "tmpfs" and "mode" not in mount.options:
            mount = self._with_mode_of_target(mount)
        source = str(mount.source) if mount.source else mount.kind
        try:
            tree = tree_for(mount, self.clock, device)
            is_directory = tree.root().is_directory()
        except OSError as error:
            number = error.errno or errno.EIO
            raise OSError(number, os.strerror(number), mount.target, None, source) from None
        target = self._mount_point(mount.target, source, is_directory=is_directory)
        if mount.kind == "tmpfs":
            tree.options = tmpfs_options(mount).shown()
        read_only = mount.read_only or tree.read_only
        self._put(
            Mounted(target, tree, read_only, tree.source, tree.options, mount.kind),
            own=mount.tree is None,
        )

    def _with_mode_of_target(self, mount: Mount) -> Mount:
        """A tmpfs without a mode of its own takes that of the directory it covers, as in runc."""
        try:
            covered = walk(self.mounts, mount.target, ROOT, follow=True).inode
        except OSError:
            return mount  # told when the mount point is made
        if covered is None or not covered.is_directory():
            return mount
        mode = f"{statmod.S_IMODE(covered.stat().mode):o}"
        return replace(mount, options={**mount.options, "mode": mode})

    def _mount_point(self, target: str, source: str, *, is_directory: bool) -> str:
        """The place of a mount without links; what is missing of it is made, as runc does."""
        try:
            return self._make_mount_point(target, is_directory=is_directory)
        except OSError as error:
            number = error.errno or errno.EIO
            raise OSError(number, os.strerror(number), target, None, source) from None

    def _make_mount_point(self, target: str, *, is_directory: bool) -> str:
        with contextlib.suppress(FileNotFoundError):  # most are there, with all above them
            found = walk(self.mounts, target, ROOT, follow=True)
            if found.inode is not None and found.inode.is_directory() is is_directory:
                return found.path
        parts = [part for part in target.split("/") if part]
        path = "/"
        for number, part in enumerate(parts, 1):
            location = walk(self.mounts, f"{path}/{part}", ROOT, follow=True)
            path = location.path
            if location.inode is not None:
                wants_directory = is_directory or number < len(parts)
                if location.inode.is_directory() is not wants_directory:
                    raise os_error(errno.ENOTDIR)
                continue
            if location.mount.read_only:
                raise os_error(errno.EROFS)
            assert location.parent is not None
            if number < len(parts) or is_directory:
                location.parent.mkdir(location.name, 0o755, 0, 0)
            else:
                location.parent.create(location.name, os.O_WRONLY, 0o755, 0, 0).close()
        return path

    def close(self) -> None:
        """Forget what lies in memory and belongs to this container alone."""
        for mounted in self._own:
            mounted.tree.close()


def _unsafe(mount: Mount) -> OSError:
    """Why nothing is mounted on ``/proc`` or in it (runc: ``checkProcMount``)."""
    what = "it is not of type proc" if mount.target == "/proc" else "it is inside /proc"
    reason = (
        f"create mount destination for {mount.target} mount: check proc-safety of {mount.target} "
        f'mount: "{mount.target}" cannot be mounted because {what}'
    )
    source = str(mount.source) if mount.source else mount.kind
    return OSError(errno.EPERM, reason, mount.target, None, source)


def _depth(path: str) -> int:
    return sum(1 for part in path.split("/") if part)
