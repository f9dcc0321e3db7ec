"""A part of a volume: what ``volume-subpath`` mounts (moby: ``internal/safepath``).

The path is resolved when it is mounted; from then on each look at it goes down from the volume's
own root by plain names. A directory that is swapped for a link afterwards is an error, never a way
out.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from course_lib.engine.fs.inode import Inode, Tree, os_error
from course_lib.engine.fs.walk import MAX_LINKS

if TYPE_CHECKING:
    from course_lib.engine.interfaces import FileSystemUsage


class EscapesBase(Exception):
    """A path leads out of the tree, or might: absolute links are those of another root."""


def resolve(tree: Tree, path: str) -> list[str]:
    """The names that lead from the root of a tree to ``path``, links followed.

    Raises :class:`EscapesBase`, ``FileNotFoundError``, or ``OSError`` (``ENOTDIR``, ``ELOOP``).
    """
    names: list[str] = []
    inodes = [tree.root()]
    pending = path.split("/")[::-1]
    links = 0
    while pending:
        name = pending.pop()
        if name in {"", "."}:
            continue
        if name == "..":
            if not names:
                raise EscapesBase
            names.pop()
            inodes.pop()
            continue
        child = inodes[-1].lookup(name)
        if child is None:
            raise os_error(errno.ENOENT)
        if not child.is_link():
            names.append(name)
            inodes.append(child)
            continue
        links += 1
        if links > MAX_LINKS:
            raise os_error(errno.ELOOP)
        target = child.readlink()
        if target.startswith("/"):
            raise EscapesBase
        pending += target.split("/")[::-1]
    return names


class SubTree(Tree):
    """One directory or file of another tree, mounted by itself.

    :param names: from that tree's root, as :func:`resolve` gives them.
    """

    def __init__(self, base: Tree, names: list[str]) -> None:
        self.base = base
        self._names = names
        self.fstype = base.fstype
        self.source, self.options = base.source, base.options
        self.device = base.device
        self.read_only = base.read_only

    def root(self) -> Inode:
        inode = self.base.root()
        for name in self._names:
            child = inode.lookup(name)
            if child is None:
                raise os_error(errno.ENOENT)
            if child.is_link():
                raise os_error(errno.ELOOP)
            inode = child
        return inode

    def usage(self) -> FileSystemUsage:
        return self.base.usage()
