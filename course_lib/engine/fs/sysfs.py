"""``/sys`` of a container: its directories, read-only and empty.

The engine has no devices to show; what programs look for there first exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.engine.fs.procfs import NoProcFiles, ProcTree

if TYPE_CHECKING:
    from course_lib.engine.clock import Clock

_TOP = ("block", "bus", "class", "dev", "devices", "firmware", "fs", "kernel", "module", "power")
_DIRECTORIES = {"": _TOP, "fs": ("cgroup",)} | {
    name: () for name in (*_TOP, "fs/cgroup") if name != "fs"
}


class _SysFiles(NoProcFiles):
    def listdir(self, path: str) -> list[str] | None:
        found = _DIRECTORIES.get(path)
        return None if found is None else list(found)


class SysTree(ProcTree):
    """The tree to mount on ``/sys``."""

    fstype = "sysfs"

    def __init__(self, clock: Clock, device: int) -> None:
        super().__init__(_SysFiles(), clock, device)
