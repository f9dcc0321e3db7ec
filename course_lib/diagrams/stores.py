"""The volumes at the foot of a picture of networks. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from course_lib.diagrams import palette
from course_lib.diagrams.blocks import badge, mark_line
from course_lib.diagrams.palette import NAME_SIZE, SMALL_SIZE, TEXT_SIZE
from course_lib.diagrams.panels import GAP, ROW_GAP
from course_lib.diagrams.scene import Store
from course_lib.diagrams.shapes import Area, Label, Shape
from course_lib.diagrams.text import Measure, shortened

WIDTH, HEIGHT = 176.0, 48.0


def row_width(count: int, room: float) -> float:
    """How wide the widest row of so many volumes is."""
    across = min(count, int((room + GAP) // (WIDTH + GAP)))
    return across * (WIDTH + GAP) - GAP


def at_the_foot(
    stores: Sequence[Store], y: float, inner: float, measure: Measure
) -> tuple[list[Shape], float]:
    """The volumes in rows below ``y``, and where they end."""
    shapes: list[Shape] = [
        Label(2 * palette.MARGIN, y + 2, "volumes", TEXT_SIZE, True, palette.MUTED),
    ]
    y += 16
    across = max(1, int((inner + GAP) // (WIDTH + GAP)))
    for number, store in enumerate(stores):
        x = 2 * palette.MARGIN + (number % across) * (WIDTH + GAP)
        top = y + (number // across) * (HEIGHT + ROW_GAP)
        gone = store.mark == "removed"
        name = shortened(store.name, WIDTH - 24, NAME_SIZE, measure, bold=True)
        detail = shortened(store.detail, WIDTH - 20, SMALL_SIZE, measure)
        shapes += [
            Area(x, top, WIDTH, HEIGHT, palette.PAPER,
                 palette.INK, mark_line(store.mark),
                 "dotted" if gone else "solid", "cylinder", role="volume", key=store.name),
            Label(x + WIDTH / 2, top + 22, name, NAME_SIZE, True, align="center",
                  struck=gone),
            Label(x + WIDTH / 2, top + 37, detail, SMALL_SIZE, colour=palette.MUTED,
                  align="center"),
            *badge(store.mark, x + WIDTH, top),
        ]  # fmt: skip
    count = math.ceil(len(stores) / across)
    return shapes, y + count * (HEIGHT + ROW_GAP) - ROW_GAP + GAP * 1.4
