"""Volumes, and what a container mounts.

The names below are imported when they are first used: the engine starts without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.lazy import exports

if TYPE_CHECKING:
    from course_lib.engine.volume.mounts import MountPoint, parse_mounts
    from course_lib.engine.volume.service import VolumeService
    from course_lib.engine.volume.volume import Volume

__all__ = [
    "MountPoint",
    "Volume",
    "VolumeService",
    "parse_mounts",
]

__getattr__ = exports(
    __name__,
    {
        "MountPoint": ("mounts", "MountPoint"),
        "Volume": ("volume", "Volume"),
        "VolumeService": ("service", "VolumeService"),
        "parse_mounts": ("mounts", "parse_mounts"),
    },
)
