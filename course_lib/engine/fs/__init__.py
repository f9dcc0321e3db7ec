"""The tree of files that a container sees.

The names below are imported when they are first used: the engine starts without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.lazy import exports

if TYPE_CHECKING:
    from course_lib.engine.fs.containerfs import ContainerFs
    from course_lib.engine.fs.inode import Tree as Layer
    from course_lib.engine.fs.memory import DirLayer, MemoryLayer
    from course_lib.engine.fs.mounts import Mount
    from course_lib.engine.fs.overlay import Change, RootFs
    from course_lib.engine.fs.procfs import ProcFiles

__all__ = [
    "Change",
    "ContainerFs",
    "DirLayer",
    "Layer",
    "MemoryLayer",
    "Mount",
    "ProcFiles",
    "RootFs",
]

__getattr__ = exports(
    __name__,
    {
        "Change": ("overlay", "Change"),
        "ContainerFs": ("containerfs", "ContainerFs"),
        "DirLayer": ("memory", "DirLayer"),
        "MemoryLayer": ("memory", "MemoryLayer"),
        "Mount": ("mounts", "Mount"),
        "ProcFiles": ("procfs", "ProcFiles"),
        "RootFs": ("overlay", "RootFs"),
        "Layer": ("inode", "Tree"),
    },
)
