"""Images, their references and the catalogue they are pulled from.

The names below are imported when they are first used: the engine starts without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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

_WHERE = {
    "HistoryEntry": ("course_lib.engine.image.model", "HistoryEntry"),
    "HistoryItem": ("course_lib.engine.image.store", "HistoryItem"),
    "Image": ("course_lib.engine.image.model", "Image"),
    "ImageConfig": ("course_lib.engine.image.model", "ImageConfig"),
    "ImageStore": ("course_lib.engine.image.store", "ImageStore"),
    "PullProgress": ("course_lib.engine.image.pull", "PullProgress"),
    "Reference": ("course_lib.engine.image.reference", "Reference"),
    "parse": ("course_lib.engine.image.reference", "parse"),
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    try:
        module, attribute = _WHERE[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(module), attribute)
