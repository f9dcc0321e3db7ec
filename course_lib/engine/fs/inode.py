"""What every mounted file system offers to the path walk: trees of inodes.

A :class:`Tree` is one mounted file system, an :class:`Inode` one file, directory, link or device
in it. Inodes are short-lived: a walk makes them, one operation uses them, then they go. They know
nothing of permissions, mounts or symbolic-link resolution; :mod:`.walk` and :mod:`.containerfs`
see to those.

A method that an inode does not have refuses as Linux does for such a file: looking into a file is
``ENOTDIR``, reading the target of what is no link ``EINVAL``, changing a read-only kind of tree
``EROFS``.
"""

from __future__ import annotations

import errno
import os
import stat as statmod
from typing import TYPE_CHECKING

from course_lib.engine.interfaces import FileStat, FileSystemUsage

if TYPE_CHECKING:
    from socket import socket

    from course_lib.engine.interfaces import OpenFile

MAX_NAME = 255
"""Longest file name in bytes (Linux ``NAME_MAX``)."""


def os_error(number: int, path: str | None = None) -> OSError:
    """The ``OSError`` that Linux would give, with its usual message."""
    if path is None:
        return OSError(number, os.strerror(number))
    return OSError(number, os.strerror(number), path)


class Tree:
    """One mounted file system.

    :ivar fstype: as shown in ``/proc/mounts``; ``source`` and ``options`` likewise.
    :ivar device: ``st_dev`` of its files.
    :ivar read_only: nothing on it can be changed, however it is mounted.
    """

    fstype: str = "none"
    source: str = "tmpfs"
    options: str = "relatime"
    device: int = 0
    read_only: bool = False

    def root(self) -> Inode:
        """The topmost directory (or the one file of a single-file mount)."""
        raise NotImplementedError

    def usage(self) -> FileSystemUsage:
        """Size and free space; zero where the file system has none (``proc``)."""
        return FileSystemUsage(0, 0, 0)

    def close(self) -> None:
        """Forget the content, for trees that live in memory."""


class Inode:
    """One file of a tree. Directories answer :meth:`lookup` and :meth:`names`."""

    __slots__ = ()

    @property
    def tree(self) -> Tree:
        """The file system that this inode belongs to."""
        raise NotImplementedError

    def stat(self) -> FileStat:
        """What ``lstat`` tells."""
        raise NotImplementedError

    def file_type(self) -> int:
        """The type bits alone (``stat.S_IFDIR`` …); cheaper than :meth:`stat`."""
        return statmod.S_IFMT(self.stat().mode)

    def is_directory(self) -> bool:
        return self.file_type() == statmod.S_IFDIR

    def is_link(self) -> bool:
        return self.file_type() == statmod.S_IFLNK

    def same_as(self, other: Inode) -> bool:
        """Whether both are one and the same file."""
        if self.tree is not other.tree:
            return False
        return self.stat().ino == other.stat().ino

    def lookup(self, name: str) -> Inode | None:
        """The child of that name, or ``None``."""
        raise os_error(errno.ENOTDIR)

    def names(self) -> list[str]:
        """Names of all children, without ``.`` and ``..``, in no particular order."""
        raise os_error(errno.ENOTDIR)

    def readlink(self) -> str:
        raise os_error(errno.EINVAL)

    def magic(self) -> Inode | None:
        """Where a link of ``/proc`` leads although its text names no file (``fd/1``)."""
        return None

    def open(self, flags: int) -> OpenFile:
        """Open an existing file; ``O_CREAT`` and ``O_EXCL`` have been dealt with."""
        raise os_error(errno.ENXIO)

    def connect(self) -> socket:
        """A connection, not blocking, to the program that listens at this Unix socket."""
        raise os_error(errno.ECONNREFUSED)

    def readable(self) -> bool:
        """Whether the host lets us read (matters for bind mounts only)."""
        return True

    def writable(self) -> bool:
        """Whether the host lets us write (matters for bind mounts only)."""
        return True

    # Changes to what a directory holds. Owner and mode are those of the new file.
    def create(self, name: str, flags: int, mode: int, uid: int, gid: int) -> OpenFile:
        """Make and open a regular file; ``EEXIST`` where the name is taken."""
        raise os_error(errno.EROFS)

    def mkdir(self, name: str, mode: int, uid: int, gid: int) -> None:
        raise os_error(errno.EROFS)

    def mkfifo(self, name: str, mode: int, uid: int, gid: int) -> None:
        raise os_error(errno.EROFS)

    def symlink(self, name: str, target: str, uid: int, gid: int) -> None:
        raise os_error(errno.EROFS)

    def link(self, name: str, inode: Inode) -> None:
        """A further name for ``inode``, which is of the same tree."""
        raise os_error(errno.EROFS)

    def unlink(self, name: str) -> None:
        """Remove a child that is not a directory."""
        raise os_error(errno.EROFS)

    def rmdir(self, name: str) -> None:
        raise os_error(errno.EROFS)

    def rename(self, name: str, target: Inode, new_name: str) -> None:
        """Move a child into the directory ``target`` of the same tree.

        Kinds of source and target have been compared by the caller.
        """
        raise os_error(errno.EROFS)

    # Changes to the inode itself.
    def chmod(self, mode: int) -> None:
        raise os_error(errno.EROFS)

    def chown(self, uid: int, gid: int) -> None:
        """Set the owner; -1 leaves that part as it is."""
        raise os_error(errno.EROFS)

    def utime(self, atime_ns: int, mtime_ns: int) -> None:
        raise os_error(errno.EROFS)


class HeldInode(Inode):
    """An inode whose attributes are held in memory; subclasses tell size, links and device."""

    __slots__ = ("_tree", "gid", "ino", "mode", "mtime_ns", "uid")

    _tree: Tree
    ino: int
    mode: int
    uid: int
    gid: int
    mtime_ns: int

    def _size(self) -> int:
        return 0

    def _links(self) -> int:
        return 1

    def _rdev(self) -> int:
        return 0

    def stat(self) -> FileStat:
        return FileStat(
            mode=self.mode,
            uid=self.uid,
            gid=self.gid,
            size=self._size(),
            mtime_ns=self.mtime_ns,
            ino=self.ino,
            nlink=self._links(),
            dev=self._tree.device,
            rdev=self._rdev(),
        )

    def file_type(self) -> int:
        return statmod.S_IFMT(self.mode)
