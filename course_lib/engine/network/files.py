"""The files about names that the engine keeps for a container: ``hosts`` and ``resolv.conf``.

They are mounted into the container, so a program may edit them while it runs. Like dockerd, we
add and remove our own lines in ``hosts`` whatever else it holds, and leave a ``resolv.conf``
alone once somebody has changed it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from course_lib.engine.network import etchosts


class NameFolder(Protocol):
    """Where the files lie that a container sees."""

    def read(self, name: str) -> str:
        """Content as it is now; ``FileNotFoundError`` where there is no such file."""

    def write(self, name: str, content: str) -> None:
        """Replace the content of a file, or make it."""


class NameFiles:
    """``hosts`` and ``resolv.conf`` of one sandbox.

    :param folder: where they lie; None where nobody but we looks at them.
    """

    __slots__ = ("_dirty", "_folder", "_hosts", "_resolv", "_written")

    def __init__(self, folder: NameFolder | Path | None) -> None:
        self._folder = _DiskFolder(folder) if isinstance(folder, Path) else folder
        self._hosts = ""
        self._resolv = ""
        self._written = False
        self._dirty: set[str] = set()

    @property
    def hosts(self) -> str:
        """Content of ``/etc/hosts`` now."""
        return self._current("hosts", self._hosts)

    @property
    def resolv_conf(self) -> str:
        """Content of ``/etc/resolv.conf`` now."""
        return self._current("resolv.conf", self._resolv)

    def _current(self, name: str, ours: str) -> str:
        if self._folder is None or name in self._dirty or not self._written:
            return ours
        try:
            return self._folder.read(name)
        except FileNotFoundError:
            return ours

    def set_hosts(self, content: str) -> None:
        """Replace ``/etc/hosts``."""
        self._hosts = content
        self._dirty.add("hosts")

    def add_hosts(self, records: Iterable[etchosts.Record]) -> None:
        """Add lines to ``/etc/hosts``."""
        self.set_hosts(etchosts.add(self.hosts, records))

    def remove_hosts(self, stale: Callable[[str], bool]) -> None:
        """Take lines with stale names out of ``/etc/hosts``."""
        self.set_hosts(etchosts.remove_names(self.hosts, stale))

    def move_host(self, name: str, address: str) -> None:
        """Give the lines of ``/etc/hosts`` that begin with a name another address."""
        self.set_hosts(etchosts.move(self.hosts, name, address))

    def set_resolv_conf(self, content: str) -> None:
        """Replace ``/etc/resolv.conf``, unless somebody has edited it."""
        if self.resolv_conf == self._resolv:
            self._resolv = content
            self._dirty.add("resolv.conf")

    def flush(self) -> None:
        """Write what has changed; in place, because the files are mounted."""
        if self._folder is not None:
            for name in self._dirty:
                content = self._hosts if name == "hosts" else self._resolv
                self._folder.write(name, content)
        self._written = True
        self._dirty.clear()


class _DiskFolder:
    """A real directory."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str) -> str:
        return (self._path / name).read_text(encoding="utf-8", errors="surrogateescape")

    def write(self, name: str, content: str) -> None:
        (self._path / name).write_text(content, encoding="utf-8", errors="surrogateescape")
