"""``/sys`` of a container: its directories, read-only and empty.

The engine has no devices to show; what programs look for there first exists.
"""

from __future__ import annotations

from functools import cache

from course_lib.engine.fs.memory import MemoryLayer

_DIRECTORIES = "block bus class dev devices firmware fs fs/cgroup kernel module power"


@cache
def sys_tree() -> MemoryLayer:
    """The tree to mount on ``/sys``; one serves all containers."""
    tree = MemoryLayer()
    tree.fstype = "sysfs"
    tree.device = 0x3F
    tree.add_directory("/", 0o555)
    for path in _DIRECTORIES.split():
        tree.add_directory(path)
    return tree
