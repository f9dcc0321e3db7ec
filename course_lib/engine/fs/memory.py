"""Read-only layers: what an image consists of.

A :class:`MemoryLayer` is a tree of small objects that all containers of an image share; making a
container costs nothing, whatever the size of the image. A :class:`DirLayer` is a directory on
disk. Deletions of what a lower layer holds are marked as in OCI images: an empty file ``.wh.NAME``
hides ``NAME``, ``.wh..wh..opq`` hides all that lower layers have in its directory.
"""

from __future__ import annotations

import os
import stat as statmod
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.engine.fs.handles import BytesFile, DirectoryFile, HostFile
from course_lib.engine.fs.hostdir import HostTree
from course_lib.engine.fs.inode import HeldInode, Tree
from course_lib.engine.fs.owners import OwnerTable

if TYPE_CHECKING:
    from course_lib.engine.interfaces import OpenFile

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"

OVERLAY_DEVICE = 0x2A
"""``st_dev`` of every container's root: an anonymous device, as overlayfs has."""

DIRECTORY_SIZE = 4096
"""What ``ls`` shows as the size of a directory, as on ext4."""

_MEMORY_INODES = 1 << 40
"""Inode numbers of memory layers start here, above what the host hands out."""


class MemoryLayer(Tree):
    """A read-only tree in memory.

    It is filled by the ``add_…`` methods, then only read. Paths are relative or absolute; missing
    parents are made as directories 0755 of root.

    :param mtime_ns: time of last change of everything that is added without a time of its own.
    :param number: told apart from the other layers of an image by it (inode numbers).
    """

    fstype = "overlay"
    device = OVERLAY_DEVICE

    def __init__(self, mtime_ns: int = 0, number: int = 0) -> None:
        self.mtime_ns = mtime_ns
        self._next = _MEMORY_INODES * (1 + number)
        self._root = MemoryDirectory(self, self._ino(), statmod.S_IFDIR | 0o755, 0, 0, mtime_ns)

    def _ino(self) -> int:
        self._next += 1
        return self._next

    def root(self) -> MemoryDirectory:
        return self._root

    def _parent(self, path: str) -> tuple[MemoryDirectory, str]:
        parts = [part for part in path.split("/") if part not in {"", "."}]
        if not parts or ".." in parts:
            raise ValueError(f"not a path in a layer: {path!r}")
        node = self._root
        for part in parts[:-1]:
            child = node.children.get(part)
            if child is None:
                mode = statmod.S_IFDIR | 0o755
                child = MemoryDirectory(self, self._ino(), mode, 0, 0, self.mtime_ns)
                node.children[part] = child
            if not isinstance(child, MemoryDirectory):
                raise ValueError(f"{part!r} in {path!r} is not a directory")
            node = child
        return node, parts[-1]

    def add_directory(
        self, path: str, mode: int = 0o755, uid: int = 0, gid: int = 0, mtime_ns: int | None = None
    ) -> None:
        """Add a directory, or set mode and owner of one that is there."""
        when = self.mtime_ns if mtime_ns is None else mtime_ns
        if path.strip("/.") == "":
            node: MemoryNode | None = self._root
        else:
            parent, name = self._parent(path)
            node = parent.children.get(name)
        if isinstance(node, MemoryDirectory):
            node.mode, node.uid, node.gid = statmod.S_IFDIR | mode, uid, gid
            node.mtime_ns = when
            return
        parent.children[name] = MemoryDirectory(
            self, self._ino(), statmod.S_IFDIR | mode, uid, gid, when
        )

    def add_file(
        self,
        path: str,
        content: bytes | Path,
        mode: int = 0o644,
        uid: int = 0,
        gid: int = 0,
        mtime_ns: int | None = None,
    ) -> None:
        """Add a regular file; a ``Path`` is a host file that is read when it is opened."""
        parent, name = self._parent(path)
        when = self.mtime_ns if mtime_ns is None else mtime_ns
        mode |= statmod.S_IFREG
        parent.children[name] = MemoryFile(self, self._ino(), mode, uid, gid, when, content)

    def add_link(self, path: str, target: str, mtime_ns: int | None = None) -> None:
        """Add a symbolic link."""
        parent, name = self._parent(path)
        when = self.mtime_ns if mtime_ns is None else mtime_ns
        parent.children[name] = MemoryLink(self, self._ino(), when, target)

    def add_hard_link(self, path: str, existing: str) -> None:
        """Add a further name for a file that is there already."""
        node = self._file(existing)
        parent, name = self._parent(path)
        parent.children[name] = node
        node.links += 1

    def set_attributes(self, path: str, mode: int | None, uid: int = 0, gid: int = 0) -> None:
        """Set permissions (``None`` leaves them) and owner of a file that is there already."""
        node = self._file(path)
        if mode is not None:
            node.mode = statmod.S_IFREG | mode
        node.uid, node.gid = uid, gid

    def _file(self, path: str) -> MemoryFile:
        parent, name = self._parent(path)
        node = parent.children.get(name)
        if not isinstance(node, MemoryFile):
            raise ValueError(f"{path!r} is no file of this layer")
        return node

    def walk(self) -> Iterator[tuple[str, MemoryNode]]:
        """All nodes with their paths (``/etc/hosts``), sorted, the root left out."""
        pending: list[tuple[str, MemoryDirectory]] = [("", self._root)]
        while pending:
            path, directory = pending.pop()
            for name in sorted(directory.children):
                child = directory.children[name]
                yield f"{path}/{name}", child
                if isinstance(child, MemoryDirectory):
                    pending.append((f"{path}/{name}", child))


class MemoryNode(HeldInode):
    """A node of a :class:`MemoryLayer`."""

    __slots__ = ()

    def __init__(
        self, tree: MemoryLayer, ino: int, mode: int, uid: int, gid: int, mtime_ns: int
    ) -> None:
        self._tree = tree
        self.ino = ino
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.mtime_ns = mtime_ns

    @property
    def tree(self) -> Tree:
        return self._tree


class MemoryDirectory(MemoryNode):
    """A directory; its children are set while the layer is being filled."""

    __slots__ = ("children",)

    def __init__(
        self, tree: MemoryLayer, ino: int, mode: int, uid: int, gid: int, mtime_ns: int
    ) -> None:
        super().__init__(tree, ino, mode, uid, gid, mtime_ns)
        self.children: dict[str, MemoryNode] = {}

    def _size(self) -> int:
        return DIRECTORY_SIZE

    def _links(self) -> int:
        return 2 + sum(isinstance(child, MemoryDirectory) for child in self.children.values())

    def lookup(self, name: str) -> MemoryNode | None:
        return self.children.get(name)

    def names(self) -> list[str]:
        return list(self.children)

    def open(self, flags: int) -> OpenFile:
        return DirectoryFile(self.stat).handle()


class MemoryFile(MemoryNode):
    """A regular file: bytes, or a host file that belongs to the package."""

    __slots__ = ("content", "links")

    def __init__(
        self,
        tree: MemoryLayer,
        ino: int,
        mode: int,
        uid: int,
        gid: int,
        mtime_ns: int,
        content: bytes | Path,
    ) -> None:
        super().__init__(tree, ino, mode, uid, gid, mtime_ns)
        self.content = content
        self.links = 1

    def _links(self) -> int:
        return self.links

    def _size(self) -> int:
        if isinstance(self.content, bytes):
            return len(self.content)
        return self.content.stat().st_size

    def read_all(self) -> bytes:
        """The whole content."""
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()

    def open(self, flags: int) -> OpenFile:
        if isinstance(self.content, bytes):
            return BytesFile(self.content, self.stat()).handle()
        fd = os.open(self.content, os.O_RDONLY | os.O_CLOEXEC)
        shown = self.stat()
        return HostFile(fd, os.O_RDONLY, lambda _: shown).handle()


class MemoryLink(MemoryNode):
    """A symbolic link."""

    __slots__ = ("target",)

    def __init__(self, tree: MemoryLayer, ino: int, mtime_ns: int, target: str) -> None:
        super().__init__(tree, ino, statmod.S_IFLNK | 0o777, 0, 0, mtime_ns)
        self.target = target

    def _size(self) -> int:
        return len(os.fsencode(self.target))

    def readlink(self) -> str:
        return self.target


class DirLayer(HostTree):
    """A read-only layer that lies in a directory, with its record of owners beside it."""

    device = OVERLAY_DEVICE

    def __init__(self, path: Path) -> None:
        super().__init__(path, OwnerTable(path.with_name(path.name + ".owners")))
