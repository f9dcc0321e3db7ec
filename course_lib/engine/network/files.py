"""The files about names that the engine keeps for a container: ``hosts`` and ``resolv.conf``.

They lie in the container's folder and are mounted into it, so a program may edit them while it
runs. Like dockerd, we add and remove our own lines in ``hosts`` whatever else it holds, and
leave a ``resolv.conf`` alone once somebody has changed it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from course_lib.engine.network import etchosts


class NameFiles:
    """``hosts`` and ``resolv.conf`` of one sandbox.

    :param folder: where they lie; None keeps them in memory alone.
    """

    __slots__ = ("_dirty", "_folder", "_hosts", "_resolv", "_written")

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
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
            return (self._folder / name).read_text(encoding="utf-8", errors="surrogateescape")
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
                _write(self._folder / name, content)
        self._written = True
        self._dirty.clear()


def _write(path: Path, content: str) -> None:
    """Replace a file's content; at every start of a container, so without a text layer."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        os.write(descriptor, content.encode("utf-8", "surrogateescape"))
    finally:
        os.close(descriptor)
