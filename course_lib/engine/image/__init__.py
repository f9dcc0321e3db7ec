"""Images, their references and the catalogue they are pulled from.

The names below are imported when they are first used: the engine starts without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.lazy import exports

if TYPE_CHECKING:
    from course_lib.engine.image.model import HistoryEntry, Image, ImageConfig
    from course_lib.engine.image.pull import PullProgress
    from course_lib.engine.image.reference import Reference, parse
    from course_lib.engine.image.store import HistoryItem, ImageStore

__all__ = [
    "HistoryEntry",
    "HistoryItem",
    "Image",
    "ImageConfig",
    "ImageStore",
    "PullProgress",
    "Reference",
    "parse",
]

__getattr__ = exports(
    __name__,
    {
        "HistoryEntry": ("model", "HistoryEntry"),
        "HistoryItem": ("store", "HistoryItem"),
        "Image": ("model", "Image"),
        "ImageConfig": ("model", "ImageConfig"),
        "ImageStore": ("store", "ImageStore"),
        "PullProgress": ("pull", "PullProgress"),
        "Reference": ("reference", "Reference"),
        "parse": ("reference", "parse"),
    },
)
