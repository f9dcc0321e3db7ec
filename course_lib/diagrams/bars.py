"""Drawing one bar: a network, a volume or a path, and what is written on it. Pure."""

from __future__ import annotations

from course_lib.diagrams import palette
from course_lib.diagrams.blocks import badge
from course_lib.diagrams.palette import NAME_SIZE, TEXT_SIZE
from course_lib.diagrams.scene import Bar, BarKind
from course_lib.diagrams.shapes import Area, Form, Label, Outline, Shape
from course_lib.diagrams.text import Measure, shortened

HEIGHT = 42.0
PAD = 12.0
LINE = 15.0
LEAST_WIDTH = 190.0
LINES_WIDTH = 230.0
"""Of a bar that says what is inside, at least."""
LINES_MOST = 320.0
"""How far to the right the sizes stand at most."""
TITLE_MOST = 300.0
"""A longer title makes no wider bar; it is shortened."""
FORMS: dict[BarKind, Form] = {"volume": "cylinder", "bind": "folder"}
HOLLOW: tuple[BarKind, ...] = ("none", "tmpfs")


def bar_width(bar: Bar, standing: float, measure: Measure) -> float:
    """How wide a bar is, on which stands something ``standing`` wide."""
    texts = measure(bar.title, NAME_SIZE, True) + measure(bar.subtitle, TEXT_SIZE, False) + 10
    least = max(min(texts, TITLE_MOST), measure(bar.detail, TEXT_SIZE, False)) + 2 * PAD
    if bar.lines:
        least = max(least, LINES_WIDTH)
    return max(standing + 2 * PAD, least, LEAST_WIDTH)


def bar_height(bar: Bar) -> float:
    """How high a bar is, with all that is written on it."""
    missing = 0 if bar.detail else 16 if bar.lines else 10
    bottom = 4 if bar.kind == "volume" else 0
    return HEIGHT + _lid(bar) + LINE * len(bar.lines) - missing + bottom


def bar_shapes(bar: Bar, width: float, measure: Measure) -> list[Shape]:
    """A bar of that width, its upper left corner at the origin."""
    gone = bar.mark == "removed"
    if bar.kind == "nowhere":
        return [
            Area(0, 0, width, HEIGHT / 2, palette.HOST_FILL, palette.HOST_FILL, 0, z=1,
                 role="bar", key=bar.key),
            Label(width / 2, HEIGHT / 4, bar.title, TEXT_SIZE, colour=palette.MUTED,
                  align="center"),
        ]  # fmt: skip
    outline: Outline = "dotted" if gone else "dashed" if bar.kind in HOLLOW else "solid"
    height = bar_height(bar)
    form: Form = FORMS.get(bar.kind, "box")
    area = Area(
        0, 0, width, height, palette.PAPER if gone else palette.tint(bar.colour, 0.22),
        bar.colour,
        3.0 if bar.mark else 1.8, outline, form, radius=8, role="bar", key=bar.key,
    )  # fmt: skip
    y = 14.0 + _lid(bar)
    subtitle_width = measure(bar.subtitle, TEXT_SIZE, False)
    name = shortened(bar.title, width - 2 * PAD - subtitle_width - 8, NAME_SIZE, measure,
                     bold=True)  # fmt: skip
    title_width = measure(name, NAME_SIZE, True)
    detail = shortened(bar.detail, width - 2 * PAD, TEXT_SIZE, measure)
    shapes: list[Shape] = [
        area,
        Label(PAD, y, name, NAME_SIZE, True, struck=gone),
        Label(PAD + title_width + 8, y + 0.5, bar.subtitle, TEXT_SIZE, colour=palette.MUTED),
        *badge(bar.mark, width, 0),
    ]
    y += 16
    if detail:
        shapes.append(Label(PAD, y, detail, TEXT_SIZE))
        y += 16
    for text, size in bar.lines:
        right = min(width - PAD, LINES_MOST)
        room = right - PAD - measure(size, TEXT_SIZE, False) - 8
        shapes.append(Label(PAD, y, shortened(text, room, TEXT_SIZE, measure), TEXT_SIZE))
        if size:
            shapes.append(Label(right, y, size, TEXT_SIZE, colour=palette.MUTED, align="right"))
        y += LINE
    return shapes


def _lid(bar: Bar) -> float:
    """Room that the upper edge of its form takes."""
    return {"volume": 8.0, "bind": 6.0}.get(bar.kind, 0.0)
