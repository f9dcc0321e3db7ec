"""From a path to an inode: the walk through all mounts of a container.

Symbolic links are resolved here, by their text, from the container's own root; ``..`` goes back
along the way we came and stops at the root. So no path leads out of the mounted trees, whatever
links they hold.
"""

from __future__ import annotations

import errno
import stat as statmod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from course_lib.engine.fs.inode import MAX_NAME, Inode, os_error
from course_lib.engine.fs.permissions import EXECUTE, Credentials, permitted

if TYPE_CHECKING:
    from course_lib.engine.fs.mounts import Mounted

MAX_PATH = 4096
"""Longest path in bytes, its end included (Linux ``PATH_MAX``)."""

MAX_LINKS = 40
"""Links that one path may lead through (Linux ``MAXSYMLINKS``)."""


@dataclass(slots=True)
class Location:
    """Where a path leads.

    :param path: the same place without links, ``.`` and ``..``.
    :param inode: what is there, ``None`` where only the directory exists.
    :param mount: the mount in which ``inode`` lies.
    :param parent: the directory that has the name; ``None`` for the root, or where the path
        ended in ``.`` or ``..``.
    :param parent_mount: its mount; another one than ``mount`` if this is a mount point.
    :param must_be_directory: the path ended in a slash.
    """

    path: str
    inode: Inode | None
    mount: Mounted
    parent: Inode | None
    parent_mount: Mounted
    name: str
    must_be_directory: bool

    @property
    def is_mount_point(self) -> bool:
        return self.parent is None or self.mount is not self.parent_mount


def check_path(path: str) -> None:
    """Refuse what no Linux path can be: empty, too long, with NUL or half a surrogate."""
    if not path:
        raise os_error(errno.ENOENT)
    if "\0" in path:
        raise os_error(errno.EINVAL)
    try:
        size = len(path) if path.isascii() else len(path.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        raise os_error(errno.EILSEQ) from None
    if size >= MAX_PATH:
        raise os_error(errno.ENAMETOOLONG)


def _too_long(name: str) -> bool:
    if len(name) <= MAX_NAME // 4:
        return False
    return len(name.encode("utf-8", "surrogateescape")) > MAX_NAME


def _components(path: str) -> list[str]:
    """The parts of a path, last first. A dot at the end stays: it wants a directory before it."""
    parts = [part for part in path.split("/") if part]
    last = parts[-1:]
    return [*last, *(part for part in reversed(parts[:-1]) if part != ".")]


def walk(
    mounts: Mapping[str, Mounted],
    path: str,
    who: Credentials,
    *,
    follow: bool,
    for_name: bool = False,
) -> Location:
    """Find what ``path`` names.

    :param mounts: by target; ``/`` is the root file system.
    :param follow: whether a link in the last component is followed.
    :param for_name: the name itself matters, for making, removing or renaming it: a slash behind
        it does not make us follow a link, nor refuse what is no directory.

    Raises ``ENOENT`` where a directory on the way does not exist, ``ENOTDIR``, ``EACCES``,
    ``ELOOP`` and ``ENAMETOOLONG``. That the last component does not exist is no error.
    """
    check_path(path)
    root_mount = mounts["/"]
    stack: list[tuple[str, Mounted, Inode]] = [("", root_mount, root_mount.tree.root())]
    pending = _components(path)
    must_be_directory = path.endswith("/")
    links = 0
    while pending:
        name = pending.pop()
        if name == ".":
            continue
        here, mount, directory = stack[-1]
        if name == "..":
            if len(stack) > 1:
                stack.pop()
            continue
        if _too_long(name):
            raise os_error(errno.ENAMETOOLONG)
        if who.uid and not permitted(directory.stat(), who, EXECUTE):
            raise os_error(errno.EACCES)
        there = f"{here}/{name}"
        below = mounts.get(there)
        if below is not None:
            child: Inode | None = below.tree.root()
        else:
            below = mount
            child = directory.lookup(name)
        if child is None:
            if pending:
                raise os_error(errno.ENOENT)
            return Location(there, None, mount, directory, mount, name, must_be_directory)
        kind = child.file_type()
        if kind == statmod.S_IFLNK and (pending or follow or (must_be_directory and not for_name)):
            links += 1
            if links > MAX_LINKS:
                raise os_error(errno.ELOOP)
            magic = child.magic()
            if magic is not None:
                child, kind = magic, magic.file_type()
            else:
                target = child.readlink()
                if not target:
                    raise os_error(errno.ENOENT)
                if target.startswith("/"):
                    del stack[1:]
                if not pending:
                    must_be_directory = must_be_directory or target.endswith("/")
                pending += _components(target)
                continue
        if kind != statmod.S_IFDIR:
            if pending or (must_be_directory and not for_name):
                raise os_error(errno.ENOTDIR)
            return Location(there, child, below, directory, mount, name, must_be_directory)
        if not pending:
            return Location(there, child, below, directory, mount, name, must_be_directory)
        stack.append((there, below, child))
    here, mount, directory = stack[-1]
    return Location(here or "/", directory, mount, None, mount, "", True)
