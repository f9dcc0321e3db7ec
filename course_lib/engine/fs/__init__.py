"""The tree of files that a container sees."""

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
