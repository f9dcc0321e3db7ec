"""Volumes, and what a container mounts.

The names below are imported when they are first used: the engine starts without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course_lib.engine.volume.mounts import MountPoint, parse_mounts
    from course_lib.engine.volume.service import Volume, VolumeService

__all__ = [
    "MountPoint",
    "Volume",
    "VolumeService",
    "parse_mounts",
]

_WHERE = {
    "MountPoint": ("course_lib.engine.volume.mounts", "MountPoint"),
    "Volume": ("course_lib.engine.volume.service", "Volume"),
    "VolumeService": ("course_lib.engine.volume.service", "VolumeService"),
    "parse_mounts": ("course_lib.engine.volume.mounts", "parse_mounts"),
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    try:
        module, attribute = _WHERE[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(module), attribute)
