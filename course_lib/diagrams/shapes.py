"""The few shapes that every picture is made of. A layout yields them, a painter paints them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from course_lib.diagrams import palette

Outline = Literal["solid", "dashed", "dotted"]
Form = Literal["box", "pill", "cylinder", "folder"]


@dataclass(frozen=True, slots=True)
class Area:
    """A filled shape; ``role`` and ``key`` say what it stands for (``container``, its ID)."""

    x: float
    y: float
    w: float
    h: float
    fill: str = palette.PAPER
    edge: str = palette.INK
    line: float = 1.0
    outline: Outline = "solid"
    form: Form = "box"
    radius: float = 5.0
    z: int = 2
    role: str = ""
    key: str = ""

    @property
    def right(self) -> float:
        return self.x + self.w

    @property
    def bottom(self) -> float:
        return self.y + self.h

    @property
    def middle(self) -> float:
        return self.x + self.w / 2

    def overlaps(self, other: Area) -> bool:
        """Whether the two cover a common spot."""
        return (
            self.x < other.right
            and other.x < self.right
            and self.y < other.bottom
            and other.y < self.bottom
        )


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text whose middle height is ``y``; ``x`` is its left, centre or right."""

    x: float
    y: float
    text: str
    size: float = palette.TEXT_SIZE
    bold: bool = False
    colour: str = palette.INK
    align: Literal["left", "center", "right"] = "left"
    struck: bool = False
    z: int = 4


@dataclass(frozen=True, slots=True)
class Line:
    """A wire through some points; ``arrow`` at its end."""

    points: tuple[tuple[float, float], ...]
    colour: str = palette.INK
    width: float = 1.5
    outline: Outline = "solid"
    arrow: bool = False
    z: int = 1


Shape = Area | Label | Line


@dataclass(frozen=True, slots=True)
class Drawing:
    """A finished layout: shapes on a sheet of that size."""

    width: float
    height: float
    shapes: tuple[Shape, ...]

    def areas(self, role: str) -> list[Area]:
        """All areas that stand for one kind of thing."""
        return [s for s in self.shapes if isinstance(s, Area) and s.role == role]

    def labels(self) -> list[str]:
        """All texts, in the order in which they are drawn."""
        return [s.text for s in self.shapes if isinstance(s, Label)]


def moved(shape: Shape, dx: float, dy: float) -> Shape:
    """The same shape elsewhere."""
    if isinstance(shape, Line):
        return replace(shape, points=tuple((x + dx, y + dy) for x, y in shape.points))
    return replace(shape, x=shape.x + dx, y=shape.y + dy)
