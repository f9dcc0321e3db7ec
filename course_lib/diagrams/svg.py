"""Writing a drawing as SVG. Nothing is decided here.

matplotlib could (:mod:`course_lib.diagrams.paint` makes its figure); but loading that takes longer
than all the rest of a lesson's first picture, and each picture ten times as long.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape

from course_lib.diagrams import palette
from course_lib.diagrams.lettering import (
    BASELINE,
    FACE_SIZE,
    advance,
    is_foreign,
    measure,
    outline,
)
from course_lib.diagrams.shapes import Area, Drawing, Label, Line, Outline

HEAD_LENGTH, HEAD_WIDTH = 7.0, 7.2
"""Of an arrow, in pixels."""
_DASHES: dict[Outline, tuple[float, ...]] = {"solid": (), "dashed": (4, 2.5), "dotted": (1, 2)}
"""Strokes and gaps, as many times the width of the line."""


def as_svg(drawing: Drawing) -> bytes:
    """Scalable, the same bytes for the same drawing; texts are outlines of our font's letters.

    A letter that it has not is left to the fonts of whoever looks, in the room that it has here.
    """
    shapes = sorted(drawing.shapes, key=lambda shape: shape.z)
    letters = {
        (letter, shape.bold)
        for shape in shapes
        if isinstance(shape, Label)
        for letter in shape.text
        if not is_foreign(letter, shape.bold)
    }
    width, height = _number(drawing.width), _number(drawing.height)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"><rect width="100%" height="100%" fill="#fff"/><defs>',
        *(f'<path id="{_id(*one)}" d="{outline(*one)}"/>' for one in sorted(letters)),
        "</defs>",
    ]
    for shape in shapes:
        if isinstance(shape, Area):
            parts += _area(shape)
        elif isinstance(shape, Line):
            parts += _line(shape)
        else:
            parts += _label(shape)
    return "".join([*parts, "</svg>"]).encode()


def _area(area: Area) -> Iterator[str]:
    style = f'fill="{area.fill}" {_stroke(area.edge, area.line, area.outline)}'
    if area.form == "cylinder":
        yield from _cylinder(area, style)
    elif area.form == "folder":
        tab = min(area.h * 0.22, 7.0)
        corners = [
            (area.x, area.bottom), (area.x, area.y), (area.x + area.w * 0.42, area.y),
            (area.x + area.w * 0.55, area.y + tab), (area.right, area.y + tab),
            (area.right, area.bottom),
        ]  # fmt: skip
        yield f'<path d="M{_points(*corners)}Z" {style}/>'
    else:
        radius = area.h / 2 if area.form == "pill" else min(area.radius, area.h / 2, area.w / 2)
        place = f'x="{_number(area.x)}" y="{_number(area.y)}"'
        size = f'width="{_number(area.w)}" height="{_number(area.h)}"'
        yield f'<rect {place} {size} rx="{_number(radius)}" {style}/>'


def _cylinder(area: Area, style: str) -> Iterator[str]:
    cap = min(area.h * 0.16, 6.0)
    x, y, right, bottom = area.x, area.y + cap, area.right, area.bottom - cap
    middle = area.middle
    below = f"Q{_points((x, area.bottom), (middle, area.bottom))}"
    below += f"Q{_points((right, area.bottom), (right, bottom))}"
    above = f"Q{_points((right, area.y), (middle, area.y))}Q{_points((x, area.y), (x, y))}"
    yield f'<path d="M{_points((x, y), (x, bottom))}{below}L{_points((right, y))}{above}" {style}/>'
    rim = f"Q{_points((x, y + cap), (middle, y + cap))}Q{_points((right, y + cap), (right, y))}"
    hollow = _stroke(area.edge, area.line, area.outline)
    yield f'<path d="M{_points((x, y))}{rim}" fill="none" {hollow}/>'


def _line(line: Line) -> Iterator[str]:
    points = list(line.points)
    stroke = _stroke(line.colour, line.width, line.outline)
    if not line.arrow:
        ends = 'stroke-linecap="round" stroke-linejoin="round"'
        yield f'<path d="M{_points(*points)}" fill="none" {stroke} {ends}/>'
        return
    (x0, y0), (x, y) = points[0], points[-1]
    length = math.hypot(x - x0, y - y0) or 1.0
    along, across = (x - x0) / length, (y - y0) / length
    neck = (x - along * HEAD_LENGTH, y - across * HEAD_LENGTH)
    half = HEAD_WIDTH / 2
    left = (neck[0] - across * half, neck[1] + along * half)
    right = (neck[0] + across * half, neck[1] - along * half)
    yield f'<path d="M{_points((x0, y0), neck)}" fill="none" {stroke}/>'
    yield f'<path d="M{_points((x, y), left, right)}Z" fill="{line.colour}"/>'


def _label(label: Label) -> Iterator[str]:
    width = measure(label.text, label.size, label.bold)
    left = label.x - {"left": 0.0, "center": width / 2, "right": width}[label.align]
    scale = label.size / FACE_SIZE
    place = f"translate({_number(left)} {_number(label.y + BASELINE * label.size)})"
    letters, x = [], 0.0
    for letter in label.text:
        if is_foreign(letter, label.bold):
            letters.append(_foreign(letter, label.bold, x))
        elif letter != " ":
            letters.append(f'<use href="#{_id(letter, label.bold)}" x="{_number(x)}"/>')
        x += advance(letter, label.bold)
    yield (
        f'<g transform="{place} scale({scale:.7f} {-scale:.7f})" fill="{label.colour}">'
        f"{''.join(letters)}</g>"
    )
    if label.struck:
        yield from _line(Line(((left, label.y), (left + width, label.y)), palette.INK, 1.0))


def _foreign(letter: str, bold: bool, x: float) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text transform="translate({_number(x)} 0) scale(1 -1)" font-family="sans-serif"{weight} '
        f'font-size="{_number(FACE_SIZE)}" textLength="{_number(advance(letter, bold))}" '
        f'lengthAdjust="spacingAndGlyphs">{escape(letter)}</text>'
    )


def _stroke(colour: str, width: float, outline: Outline) -> str:
    if not width:
        return 'stroke="none"'
    dashes = " ".join(_number(part * width) for part in _DASHES[outline])
    more = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'stroke="{colour}" stroke-width="{_number(width)}"{more}'


def _id(letter: str, bold: bool) -> str:
    return f"{'b' if bold else 'r'}{ord(letter):x}"


def _points(*points: tuple[float, float]) -> str:
    return " ".join(f"{_number(x)} {_number(y)}" for x, y in points)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
