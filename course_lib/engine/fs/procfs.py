"""``/proc`` of a container: the files that the userland says, read-only.

What a process lists and reads there is made at that moment by a :class:`ProcFiles`. ``self`` and
the links below ``self/fd`` depend on who looks, and are answered here.
"""

from __future__ import annotations

import errno
import stat as statmod
from typing import TYPE_CHECKING, Protocol

from course_lib.engine.fs.handles import BytesFile, DirectoryFile
from course_lib.engine.fs.inode import Inode, Tree, os_error
from course_lib.engine.interfaces import FileStat

if TYPE_CHECKING:
    from course_lib.engine.clock import Clock
    from course_lib.engine.interfaces import OpenFile, Process


class ProcFiles(Protocol):
    """What ``/proc`` shows. Paths are relative to it, without a leading slash; ``""`` is it."""

    def read(self, path: str) -> bytes | None:
        """Content of the file ``1/cmdline``, or ``None`` where there is no such file."""

    def listdir(self, path: str) -> list[str] | None:
        """Names in the directory ``1``, or ``None`` where there is no such directory."""

    def readlink(self, path: str) -> str | None:
        """Target of the link ``1/exe``, or ``None`` where there is no such link."""


class NoProcFiles:
    """An empty ``/proc``, as long as nothing runs."""

    def read(self, path: str) -> bytes | None:
        return None

    def listdir(self, path: str) -> list[str] | None:
        return None if path else []

    def readlink(self, path: str) -> str | None:
        return None


class ProcTree(Tree):
    """The tree over a :class:`ProcFiles`, which can be replaced at any time."""

    fstype = "proc"

    def __init__(self, files: ProcFiles, clock: Clock, device: int) -> None:
        self.files = files
        self.clock = clock
        self.device = device

    def root(self, process: Process | None = None) -> Inode:
        return _ProcInode(self, "", statmod.S_IFDIR | 0o555, process)


class _ProcInode(Inode):
    __slots__ = ("_mode", "_path", "_process", "_text", "_tree")

    def __init__(
        self, tree: ProcTree, path: str, mode: int, process: Process | None, text: str = ""
    ) -> None:
        self._tree = tree
        self._path = path
        self._mode = mode
        self._process = process
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

    def _own_fds(self) -> bool:
        """Whether this is the ``fd`` directory of the process that looks."""
        return self._process is not None and self._path == f"{self._process.pid}/fd"

    def lookup(self, name: str) -> Inode | None:
        if not self.is_directory():
            raise os_error(errno.ENOTDIR)
        process = self._process
        path = f"{self._path}/{name}" if self._path else name
        if not self._path and name in {"self", "thread-self"} and process is not None:
            return self._link(path, str(process.pid))
        if process is not None and path == f"{process.pid}/fd":
            return _ProcInode(self._tree, path, statmod.S_IFDIR | 0o500, process)
        if self._own_fds():
            return self._own_fd(path, name)
        target = self._tree.files.readlink(path)
        if target is not None:
            return self._link(path, target)
        if self._tree.files.listdir(path) is not None:
            return _ProcInode(self._tree, path, statmod.S_IFDIR | 0o555, process)
        if self._tree.files.read(path) is not None:
            return _ProcInode(self._tree, path, statmod.S_IFREG | 0o444, process)
        return None

    def _link(self, path: str, target: str) -> Inode:
        return _ProcInode(self._tree, path, statmod.S_IFLNK | 0o777, self._process, target)

    def _own_fd(self, path: str, name: str) -> Inode | None:
        assert self._process is not None
        handle = self._process.fds.get(int(name)) if name.isdecimal() else None
        if handle is None:
            return None
        kind = "/dev/pts/0" if handle.isatty() else f"{handle.kind}:[{handle.stat().ino}]"
        return _FdLink(self._tree, path, statmod.S_IFLNK | 0o700, self._process, kind, handle)

    def names(self) -> list[str]:
        if self._own_fds():
            assert self._process is not None
            return [str(number) for number in sorted(self._process.fds)]
        found = self._tree.files.listdir(self._path)
        if found is None:
            raise os_error(errno.ENOTDIR if not self.is_directory() else errno.ENOENT)
        if not self._path and self._process is not None:
            found = [*found, *(name for name in ("self", "thread-self") if name not in found)]
        return found

    def readlink(self) -> str:
        if not self.is_link():
            raise os_error(errno.EINVAL)
        return self._text

    def open(self, flags: int) -> OpenFile:
        if self.is_directory():
            return DirectoryFile(self.stat).handle()
        content = self._tree.files.read(self._path)
        if content is None:
            raise os_error(errno.ENOENT)
        return BytesFile(content, self.stat()).handle()


class _FdLink(_ProcInode):
    """``/proc/self/fd/N``: a link that leads to the open file itself, whatever its text says."""

    __slots__ = ("_handle",)

    def __init__(
        self,
        tree: ProcTree,
        path: str,
        mode: int,
        process: Process | None,
        text: str,
        handle: OpenFile,
    ) -> None:
        super().__init__(tree, path, mode, process, text)
        self._handle = handle

    def magic(self) -> Inode:
        return _OpenInode(self._tree, self._handle)


class _OpenInode(Inode):
    """The file behind a descriptor of the process that looks."""

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
