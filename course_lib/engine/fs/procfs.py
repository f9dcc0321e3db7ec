"""``/proc`` of a container: the files that the userland says, read-only.

What a process lists and reads there is made at that moment by a :class:`ProcFiles`.
"""

from __future__ import annotations

import errno
import os
import stat as statmod
from typing import TYPE_CHECKING, Protocol

from course_lib.engine.fs.handles import BytesFile, DirectoryFile, can_write
from course_lib.engine.fs.inode import Inode, Tree, os_error
from course_lib.engine.interfaces import FileStat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from course_lib.engine.clock import Clock
    from course_lib.engine.interfaces import OpenFile


class ProcFiles(Protocol):
    """What ``/proc`` shows. Paths are relative to it, without a leading slash; ``""`` is it.

    ``self`` in a path means the process that is asking: the one that is taking a step.
    """

    def read(self, path: str) -> bytes | None:
        """Content of the file ``1/cmdline``, or ``None`` where there is no such file."""

    def listdir(self, path: str) -> list[str] | None:
        """Names in the directory ``1``, or ``None`` where there is no such directory."""

    def readlink(self, path: str) -> str | None:
        """Target of the link ``1/exe``, or ``None`` where there is no such link."""

    def open_file(self, path: str) -> OpenFile | None:
        """The open file that the link ``1/fd/0`` leads to, not duplicated; ``None`` for others."""

    def terminal(self) -> OpenFile | None:
        """A handle on the terminal of the process that is asking, not duplicated."""

    def network(self) -> Mapping[str, Mapping[str, str]]:
        """The interfaces by name, and for each what its files in ``/sys/class/net`` say."""


class NoProcFiles:
    """An empty ``/proc``, as long as nothing runs."""

    def read(self, path: str) -> bytes | None:
        return None

    def listdir(self, path: str) -> list[str] | None:
        return None if path else []

    def readlink(self, path: str) -> str | None:
        return None

    def open_file(self, path: str) -> OpenFile | None:
        return None

    def terminal(self) -> OpenFile | None:
        return None

    def network(self) -> Mapping[str, Mapping[str, str]]:
        return {}


class ProcTree(Tree):
    """The tree over a :class:`ProcFiles`, which can be replaced at any time."""

    fstype = "proc"

    def __init__(self, files: ProcFiles, clock: Clock, device: int) -> None:
        self.files = files
        self.clock = clock
        self.device = device

    def root(self) -> Inode:
        return _ProcInode(self, "", statmod.S_IFDIR | 0o555)


class _ProcInode(Inode):
    __slots__ = ("_mode", "_path", "_text", "_tree")

    def __init__(self, tree: ProcTree, path: str, mode: int, text: str = "") -> None:
        self._tree = tree
        self._path = path
        self._mode = mode
        self._text = text

    @property
    def tree(self) -> Tree:
        return self._tree

    def stat(self) -> FileStat:
        return FileStat(
            mode=self._mode,
            uid=0,
            gid=0,
            size=0,
            mtime_ns=self._tree.clock.time_ns(),
            ino=_ino(self._path),
            nlink=1,
            dev=self._tree.device,
        )

    def file_type(self) -> int:
        return statmod.S_IFMT(self._mode)

    def lookup(self, name: str) -> Inode | None:
        if not self.is_directory():
            raise os_error(errno.ENOTDIR)
        files = self._tree.files
        path = f"{self._path}/{name}" if self._path else name
        target = files.readlink(path)
        if target is not None:
            return _ProcInode(self._tree, path, statmod.S_IFLNK | 0o777, target)
        if files.listdir(path) is not None:
            return _ProcInode(self._tree, path, statmod.S_IFDIR | 0o555)
        if files.read(path) is not None:
            return _ProcInode(self._tree, path, statmod.S_IFREG | 0o444)
        return None

    def names(self) -> list[str]:
        found = self._tree.files.listdir(self._path)
        if found is None:
            raise os_error(errno.ENOENT if self.is_directory() else errno.ENOTDIR)
        return found

    def readlink(self) -> str:
        if not self.is_link():
            raise os_error(errno.EINVAL)
        return self._text

    def magic(self) -> Inode | None:
        handle = self._tree.files.open_file(self._path)
        return None if handle is None else _OpenInode(self._tree, handle)

    def create(self, name: str, flags: int, mode: int, uid: int, gid: int) -> OpenFile:
        raise os_error(errno.ENOENT)

    def open(self, flags: int) -> OpenFile:
        if self.is_directory():
            return DirectoryFile(self.stat).handle()
        if can_write(flags) or flags & os.O_TRUNC:
            raise os_error(errno.EACCES)
        content = self._tree.files.read(self._path)
        if content is None:
            raise os_error(errno.ENOENT)
        return BytesFile(content, self.stat()).handle()


class _OpenInode(Inode):
    """The file behind a descriptor of a process, whatever the text of its link says."""

    __slots__ = ("_handle", "_tree")

    def __init__(self, tree: Tree, handle: OpenFile) -> None:
        self._tree = tree
        self._handle = handle

    @property
    def tree(self) -> Tree:
        return self._tree

    def stat(self) -> FileStat:
        return self._handle.stat()

    def open(self, flags: int) -> OpenFile:
        return self._handle.dup()


def _ino(path: str) -> int:
    """A number that is the same for the same path, as ``/proc`` has while a process lives."""
    import zlib

    return 0xF0000000 | zlib.crc32(path.encode("utf-8", "surrogateescape")) >> 4
