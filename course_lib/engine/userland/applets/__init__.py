"""The programs of a container, found by name and imported by family when first used.

A program is an :data:`~course_lib.engine.interfaces.Applet`: ``async def cat(proc) -> int``.
To add one, write it in a family module and put its name in a table below. A name in a table
works for its usual options; what cannot be done is not listed and so is ``not found``.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from course_lib.engine.interfaces import Applet

_BUSYBOX: dict[str, str] = {
    "cat": "files:cat",
    "echo": "text:echo",
    "false": "system:false",
    "sleep": "system:sleep",
    "true": "system:true",
}
"""Applets of BusyBox: name -> ``module:function``, the module below this package.

Images based on BusyBox have a link for each of them.
"""

_PROGRAMS: dict[str, str] = {
    "busybox": "busybox:busybox",
}
"""Programs that are files of their own, in the images that bring them."""


def find(name: str) -> Applet | None:
    """The program called ``name``, or None; imports its family."""
    entry = _BUSYBOX.get(name) or _PROGRAMS.get(name)
    if entry is None:
        return None
    module, _, function = entry.partition(":")
    full = module if module.startswith("course_lib.") else f"{__name__}.{module}"
    return cast("Applet", getattr(import_module(full), function))


def names() -> list[str]:
    """Names of all BusyBox applets, sorted: what an image links to ``/bin/busybox``."""
    return sorted(_BUSYBOX)
