"""File systems in memory: ``--tmpfs``, ``--mount type=tmpfs``, ``/dev`` and ``/dev/shm``.

Content is counted in pages of 4096 bytes against the size limit, as Linux does; beyond it, writing
is ``ENOSPC``. A file that was made longer without being written (``truncate``) takes no memory.
"""

from __future__ import annotations

import errno
import os
import stat as statmod
from collections.abc import Callable
from typing import TYPE_CHECKING

from course_lib.engine.fs.fifo import Fifos
from course_lib.engine.fs.handles import CHUNK, Description, DirectoryFile, seek_position
from course_lib.engine.fs.inode import MAX_NAME, HeldInode, Inode, Tree, os_error
from course_lib.engine.interfaces import FileStat, FileSystemUsage

if TYPE_CHECKING:
    from course_lib.engine.clock import Clock
    from course_lib.engine.interfaces import OpenFile

PAGE = 4096

MAX_FILE = 1 << 62
"""Longest file, whatever of it is filled (Linux: ``EFBIG`` beyond its own limit)."""


class TmpTree(Tree):
    """A writable tree in memory.

    :param size: limit in bytes, rounded up to pages; ``None`` takes half of the host's memory,
        Linux's default, but no more than 1 GiB, because it is the engine's own memory.
    :param inodes: most files, the topmost directory included, and each name of a file by itself;
        beyond them making one is ``ENOSPC``. ``None`` for no limit.
    :param mode: permissions of the root directory.
    """

    fstype = "tmpfs"

    def __init__(
        self,
        clock: Clock,
        *,
        size: int | None = None,
        inodes: int | None = None,
        mode: int = 0o1777,
        uid: int = 0,
        gid: int = 0,
        device: int = 0x30,
    ) -> None:
        self.clock = clock
        self.device = device
        self.fifos = Fifos()
        limit = default_size() if size is None else size
        self.pages = -(-limit // PAGE)
        self.pages_used = 0
        self._inodes = inodes
        self._inodes_used = 1
        self._next_ino = 1
        self._root = TmpDirectory(self, statmod.S_IFDIR | mode, uid, gid)

    def new_ino(self) -> int:
        """The next inode number."""
        self._next_ino += 1
        return self._next_ino - 1

    def root(self) -> TmpDirectory:
        return self._root

    def usage(self) -> FileSystemUsage:
        free = max(self.pages - self.pages_used, 0) * PAGE
        return FileSystemUsage(total=self.pages * PAGE, free=free, available=free)

    def take(self, pages: int) -> None:
        """Count pages as used (negative: given back); ``ENOSPC`` where there are none left."""
        if pages > 0 and self.pages_used + pages > self.pages:
            raise os_error(errno.ENOSPC)
        self.pages_used += pages

    def take_inode(self) -> None:
        """Count one more name of a file; ``ENOSPC`` where there may be no more."""
        if self._inodes is not None and self._inodes_used >= self._inodes:
            raise os_error(errno.ENOSPC)
        self._inodes_used += 1

    def give_inode(self) -> None:
        """A name is gone."""
        self._inodes_used -= 1

    def close(self) -> None:
        self._root = TmpDirectory(self, self._root.mode, self._root.uid, self._root.gid)
        self.pages_used = 0
        self._inodes_used = 1


def default_size() -> int:
    """Size of a tmpfs that was given none."""
    return min(host_memory() // 2, 1 << 30)


def host_memory() -> int:
    """Bytes of memory that the machine has; 2 GiB where it does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 1 << 31


class TmpNode(HeldInode):
    """An inode of a :class:`TmpTree`."""

    __slots__ = ("links",)

    _tree: TmpTree

    def __init__(self, tree: TmpTree, mode: int, uid: int, gid: int) -> None:
        self._tree = tree
        self.ino = tree.new_ino()
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.links = 1
        self.mtime_ns = tree.clock.time_ns()

    @property
    def tree(self) -> TmpTree:
        return self._tree

    def _links(self) -> int:
        return self.links

    def same_as(self, other: Inode) -> bool:
        return self is other

    def touch(self) -> None:
        """The content changed now."""
        self.mtime_ns = self._tree.clock.time_ns()

    def chmod(self, mode: int) -> None:
        self.mode = statmod.S_IFMT(self.mode) | (mode & 0o7777)

    def chown(self, uid: int, gid: int) -> None:
        self.uid = self.uid if uid < 0 else uid
        self.gid = self.gid if gid < 0 else gid

    def utime(self, atime_ns: int, mtime_ns: int) -> None:
        self.mtime_ns = mtime_ns

    def unlinked(self) -> None:
        """One name less."""
        self.links -= 1


class TmpLink(TmpNode):
    """A symbolic link."""

    __slots__ = ("target",)

    def __init__(self, tree: TmpTree, target: str, uid: int, gid: int) -> None:
        super().__init__(tree, statmod.S_IFLNK | 0o777, uid, gid)
        self.target = target

    def _size(self) -> int:
        return len(os.fsencode(self.target))

    def readlink(self) -> str:
        return self.target


class TmpFifo(TmpNode):
    """A named pipe."""

    __slots__ = ()

    def open(self, flags: int) -> OpenFile:
        return self._tree.fifos.open((0, self.ino), flags, self.stat())


class TmpDevice(TmpNode):
    """A character device; what it does is decided by its number alone."""

    __slots__ = ("rdev",)

    def __init__(self, tree: TmpTree, mode: int, rdev: int, gid: int = 0) -> None:
        super().__init__(tree, statmod.S_IFCHR | mode, 0, gid)
        self.rdev = rdev

    def _rdev(self) -> int:
        return self.rdev

    def open(self, flags: int) -> OpenFile:
        from course_lib.engine.fs.devices import open_device

        return open_device(self.stat(), flags)


class TmpFile(TmpNode):
    """A regular file. ``size`` may lie beyond ``data``: the rest reads as zeros."""

    __slots__ = ("data", "opened", "size")

    def __init__(self, tree: TmpTree, mode: int, uid: int, gid: int) -> None:
        super().__init__(tree, statmod.S_IFREG | mode, uid, gid)
        self.data = bytearray()
        self.size = 0
        self.opened = 0

    def _size(self) -> int:
        return self.size

    def open(self, flags: int) -> OpenFile:
        if flags & os.O_TRUNC:
            self.resize(0)
        return _TmpHandle(self, flags).handle()

    def read_at(self, position: int, size: int) -> bytes:
        """Bytes from a position."""
        size = max(min(size, self.size - position), 0)
        data = bytes(self.data[position : position + size])
        return data + bytes(size - len(data))

    def write_at(self, position: int, data: bytes | memoryview) -> None:
        """Put bytes at a position; as many pages as needed are taken first."""
        end = position + len(data)
        if end > MAX_FILE:
            raise os_error(errno.EFBIG)
        self._reserve(max(end, len(self.data)))
        if position > len(self.data):
            self.data.extend(bytes(position - len(self.data)))
        self.data[position:end] = data
        self.size = max(self.size, end)
        self.touch()

    def resize(self, size: int) -> None:
        """Cut or extend."""
        if size > MAX_FILE:
            raise os_error(errno.EFBIG)
        if size < len(self.data):
            self._reserve(size)
            del self.data[size:]
        self.size = size
        self.touch()

    def _reserve(self, size: int) -> None:
        self._tree.take(-(-size // PAGE) - (-(-len(self.data) // PAGE)))

    def unlinked(self) -> None:
        super().unlinked()
        self.forget_if_unused()

    def forget_if_unused(self) -> None:
        """Give the memory back once no name and no descriptor is left."""
        if self.links <= 0 and not self.opened and self.data:
            self._reserve(0)
            self.data = bytearray()


class _TmpHandle(Description):
    def __init__(self, node: TmpFile, flags: int) -> None:
        super().__init__(flags)
        self._node = node
        self._position = 0
        node.opened += 1

    async def do_read(self, size: int) -> bytes:
        data = self._node.read_at(self._position, size)
        self._position += len(data)
        await self.give_way(len(data))
        return data

    async def do_write(self, data: bytes) -> None:
        if self.flags & os.O_APPEND:
            self._position = self._node.size
        view = memoryview(data)
        while view:
            piece = view[:CHUNK]
            self._write_piece(piece)
            view = view[len(piece) :]
            await self.give_way(len(piece))

    def _write_piece(self, piece: memoryview) -> None:
        node = self._node
        try:
            node.write_at(self._position, piece)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            # As Linux: what fits is written, then the error is reported.
            tree = node.tree
            room = (-(-len(node.data) // PAGE) + tree.pages - tree.pages_used) * PAGE
            fitting = piece[: max(room - self._position, 0)]
            if fitting:
                node.write_at(self._position, fitting)
                self._position += len(fitting)
            raise
        self._position += len(piece)

    def seek(self, offset: int, whence: int) -> int:
        self._position = seek_position(self._position, self._node.size, offset, whence)
        return self._position

    def do_truncate(self, size: int) -> None:
        self._node.resize(size)

    def stat(self) -> FileStat:
        return self._node.stat()

    def release(self) -> None:
        self._node.opened -= 1
        self._node.forget_if_unused()


class TmpDirectory(TmpNode):
    """A directory."""

    __slots__ = ("children",)

    def __init__(self, tree: TmpTree, mode: int, uid: int, gid: int) -> None:
        super().__init__(tree, mode, uid, gid)
        self.children: dict[str, TmpNode] = {}

    def _size(self) -> int:
        return 20 * (2 + len(self.children))  # as tmpfs counts entries

    def _links(self) -> int:
        return 2 + sum(isinstance(child, TmpDirectory) for child in self.children.values())

    def lookup(self, name: str) -> TmpNode | None:
        return self.children.get(name)

    def names(self) -> list[str]:
        return list(self.children)

    def open(self, flags: int) -> OpenFile:
        return DirectoryFile(self.stat).handle()

    def add(self, name: str, make: Callable[[], TmpNode]) -> TmpNode:
        """Put a new node in; ``EEXIST`` where the name is taken."""
        if len(os.fsencode(name)) > MAX_NAME:
            raise os_error(errno.ENAMETOOLONG)
        if name in self.children:
            raise os_error(errno.EEXIST)
        if self.links <= 0:
            raise os_error(errno.ENOENT)
        self._tree.take_inode()
        node = self.children[name] = make()
        self.touch()
        return node

    def create(self, name: str, flags: int, mode: int, uid: int, gid: int) -> OpenFile:
        node = self.add(name, lambda: TmpFile(self._tree, mode & 0o7777, uid, gid))
        return node.open(flags)

    def mkdir(self, name: str, mode: int, uid: int, gid: int) -> None:
        full = statmod.S_IFDIR | (mode & 0o7777)
        self.add(name, lambda: TmpDirectory(self._tree, full, uid, gid))

    def mkfifo(self, name: str, mode: int, uid: int, gid: int) -> None:
        full = statmod.S_IFIFO | (mode & 0o7777)
        self.add(name, lambda: TmpFifo(self._tree, full, uid, gid))

    def symlink(self, name: str, target: str, uid: int, gid: int) -> None:
        self.add(name, lambda: TmpLink(self._tree, target, uid, gid))

    def link(self, name: str, inode: Inode) -> None:
        if not isinstance(inode, TmpNode) or inode._tree is not self._tree:
            raise os_error(errno.EXDEV)
        self.add(name, lambda: inode)
        inode.links += 1

    def _pop(self, name: str) -> TmpNode:
        node = self.children.pop(name, None)
        if node is None:
            raise os_error(errno.ENOENT)
        self.touch()
        node.unlinked()
        self._tree.give_inode()
        return node

    def unlink(self, name: str) -> None:
        self._pop(name)

    def rmdir(self, name: str) -> None:
        child = self.children.get(name)
        if child is not None and child.names():
            raise os_error(errno.ENOTEMPTY)
        self._pop(name)

    def rename(self, name: str, target: Inode, new_name: str) -> None:
        if not isinstance(target, TmpDirectory) or target._tree is not self._tree:
            raise os_error(errno.EXDEV)
        if len(os.fsencode(new_name)) > MAX_NAME:
            raise os_error(errno.ENAMETOOLONG)
        replaced = target.children.get(new_name)
        if isinstance(replaced, TmpDirectory) and replaced.children:
            raise os_error(errno.ENOTEMPTY)
        if replaced is not None:
            target._pop(new_name)
        target.children[new_name] = self.children.pop(name)
        self.touch()
        target.touch()
