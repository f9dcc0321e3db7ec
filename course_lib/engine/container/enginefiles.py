"""The files that the engine itself puts into a container: ``hosts``, ``hostname``, ``resolv.conf``.

They are made anew at every start, so they live in memory: three files on disk would cost more
than all the rest of a start. Programs may edit them, and the engine sees what they wrote.
"""

from __future__ import annotations

from collections.abc import Mapping

from course_lib.engine.clock import Clock
from course_lib.engine.fs.inode import Tree
from course_lib.engine.fs.tmpfs import TmpFile, TmpTree
from course_lib.engine.interfaces import FileSystemUsage

TARGETS = {
    "/etc/resolv.conf": "resolv.conf",
    "/etc/hostname": "hostname",
    "/etc/hosts": "hosts",
}
"""Where they are mounted → what they are called here."""

_LIMIT = 1024 * 1024


class EngineFiles:
    """One container's engine files."""

    __slots__ = ("_files", "_memory")

    def __init__(self, clock: Clock) -> None:
        self._memory = TmpTree(clock, size=_LIMIT)
        self._files: dict[str, TmpFile] = {}

    def read(self, name: str) -> str:
        """Content as it is now.

        :raises FileNotFoundError: it was not written yet.
        """
        file = self._files.get(name)
        if file is None:
            raise FileNotFoundError(name)
        return file.read_at(0, file.size).decode("utf-8", "surrogateescape")

    def write(self, name: str, content: str) -> None:
        """Replace the content, in place: the file is mounted."""
        file = self._files.get(name)
        if file is None:
            file = self._files[name] = TmpFile(self._memory, 0o644, 0, 0)
        file.resize(0)
        file.write_at(0, content.encode("utf-8", "surrogateescape"))

    def trees(self) -> dict[str, Tree]:
        """What is to be mounted: target → tree."""
        return {
            target: _SingleFile(self._files[name])
            for target, name in TARGETS.items()
            if name in self._files
        }


def placed_trees(
    files: Mapping[str, tuple[bytes, int, int, int]] | None, clock: Clock
) -> dict[str, Tree]:
    """Files in memory (path → content, mode, uid, gid) as what is to be mounted there."""
    if not files:
        return {}
    memory = TmpTree(clock, size=sum(len(content) for content, *_ in files.values()) + _LIMIT)
    trees: dict[str, Tree] = {}
    for target, (content, mode, uid, gid) in files.items():
        file = TmpFile(memory, mode, uid, gid)
        file.write_at(0, content)
        trees[target] = _SingleFile(file)
    return trees


class _SingleFile(Tree):
    """A tree that is one file."""

    fstype = "tmpfs"

    def __init__(self, file: TmpFile) -> None:
        self._file = file
        self.device = file.tree.device

    def root(self) -> TmpFile:
        return self._file

    def usage(self) -> FileSystemUsage:
        return self._file.tree.usage()
