"""``/sys`` of a container, read-only: its directories, and the network interfaces.

The engine has no other devices to show; what programs look for there first exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.engine.fs.procfs import NoProcFiles, ProcTree

if TYPE_CHECKING:
    from course_lib.engine.clock import Clock

_TOP = ("block", "bus", "class", "dev", "devices", "firmware", "fs", "kernel", "module", "power")
_DIRECTORIES = {"": _TOP, "fs": ("cgroup",), "class": ("net",)} | {
    name: () for name in (*_TOP, "fs/cgroup") if name not in ("fs", "class")
}
_NET = "class/net"


class _SysFiles(NoProcFiles):
    """The interfaces are those that ``proc`` knows: both show one kernel."""

    def __init__(self, proc: ProcTree) -> None:
        self._proc = proc

    def listdir(self, path: str) -> list[str] | None:
        found = _DIRECTORIES.get(path)
        if found is not None:
            return list(found)
        interfaces = self._proc.files.network()
        if path == _NET:
            return list(interfaces)
        parent, _, name = path.rpartition("/")
        return list(interfaces[name]) if parent == _NET and name in interfaces else None

    def read(self, path: str) -> bytes | None:
        folder, _, name = path.rpartition("/")
        parent, _, interface = folder.rpartition("/")
        said = self._proc.files.network().get(interface, {}) if parent == _NET else {}
        return f"{said[name]}\n".encode() if name in said else None


class SysTree(ProcTree):
    """The tree to mount on ``/sys``, beside the ``/proc`` of the same container."""

    fstype = "sysfs"

    def __init__(self, proc: ProcTree, clock: Clock, device: int) -> None:
        super().__init__(_SysFiles(proc), clock, device)
