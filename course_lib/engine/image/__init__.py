"""Images, their references and the catalogue they are pulled from."""

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
