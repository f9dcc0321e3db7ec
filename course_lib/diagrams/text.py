"""Making texts fit: measured, wrapped, shortened in the middle.

How wide a text is depends on the painter's font, so the measure is passed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

Measure = Callable[[str, float, bool], float]
"""(text, size, bold) -> width, all in pixels."""

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def shortened(text: str, width: float, size: float, measure: Measure, *, bold: bool = False) -> str:
    """The text, its middle replaced by an ellipsis where it is wider than ``width``.

    Beginnings and ends are kept, because names that belong together differ there.
    """
    if measure(text, size, bold) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        kept = (low + high + 1) // 2
        if measure(_cut(text, kept), size, bold) <= width:
            low = kept
        else:
            high = kept - 1
    return _cut(text, low)


def wrapped(
    text: str, width: float, size: float, measure: Measure, *, bold: bool = False, lines: int = 2
) -> list[str]:
    """At most that many lines, broken after ``-``, ``_``, ``.``, ``/`` or a blank if possible."""
    found: list[str] = []
    rest = text
    while rest and len(found) < lines - 1 and measure(rest, size, bold) > width:
        head = _head(rest, width, size, measure, bold)
        found.append(head.rstrip())
        rest = rest[len(head) :].lstrip()
    return [*found, shortened(rest, width, size, measure, bold=bold)] if rest else found


def rows(items: Iterable[tuple[str, float]], width: float, gap: float) -> list[list[str]]:
    """Items with their widths, filled into rows from left to right."""
    found: list[list[str]] = []
    room = 0.0
    for text, wide in items:
        if not found or wide > room:
            found.append([])
            room = width
        found[-1].append(text)
        room -= wide + gap
    return found


def _cut(text: str, kept: int) -> str:
    front = (kept + 1) // 2
    return f"{text[:front]}{ELLIPSIS}{text[len(text) - (kept - front) :]}"


def _head(text: str, width: float, size: float, measure: Measure, bold: bool) -> str:
    """The longest beginning that fits, cut at a good place if there is one."""
    fitting = len(text)
    while fitting > 1 and measure(text[:fitting], size, bold) > width:
        fitting -= 1
    breaks = [match.end() for match in re.finditer(r"[-_./ ]", text[:fitting])]
    # Not too early, but a service and the number of its task stay by themselves: echo.1.
    good = [place for place in breaks if place > fitting // 3]
    return text[: good[-1] if good else fitting]
