"""The tree of files that a container sees.

The names below are imported when they are first used: the engine starts without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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

_WHERE = {
    "Change": ("course_lib.engine.fs.overlay", "Change"),
    "ContainerFs": ("course_lib.engine.fs.containerfs", "ContainerFs"),
    "DirLayer": ("course_lib.engine.fs.memory", "DirLayer"),
    "MemoryLayer": ("course_lib.engine.fs.memory", "MemoryLayer"),
    "Mount": ("course_lib.engine.fs.mounts", "Mount"),
    "ProcFiles": ("course_lib.engine.fs.procfs", "ProcFiles"),
    "RootFs": ("course_lib.engine.fs.overlay", "RootFs"),
    "Layer": ("course_lib.engine.fs.inode", "Tree"),
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    try:
        module, attribute = _WHERE[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(module), attribute)
