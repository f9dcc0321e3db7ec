"""Painting a drawing with matplotlib, for a figure or pixels. Nothing is decided here."""

from __future__ import annotations

import functools
import io
from typing import Any

from matplotlib import patches
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path

from course_lib.diagrams import palette
from course_lib.diagrams.lettering import FAMILY, measure
from course_lib.diagrams.shapes import Area, Drawing, Label, Line, Outline

PIXELS = 100
"""To the inch, as in the layout."""
_DASHES: dict[Outline, Any] = {"solid": "-", "dashed": (0, (4, 2.5)), "dotted": (0, (1, 2))}


def points(pixels: float) -> float:
    """Pixels as typographic points, matplotlib's unit for sizes and line widths."""
    return pixels * 72 / PIXELS


@functools.lru_cache(maxsize=64)
def _font(size: float, bold: bool) -> FontProperties:
    return FontProperties(family=FAMILY, size=points(size), weight="bold" if bold else "normal")


def figure(drawing: Drawing) -> Figure:
    """The drawing as a figure of its own, unknown to pyplot."""
    sheet = Figure(figsize=(drawing.width / PIXELS, drawing.height / PIXELS), dpi=PIXELS)
    axes = sheet.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, drawing.width)
    axes.set_ylim(drawing.height, 0)
    for shape in drawing.shapes:
        if isinstance(shape, Area):
            _area(axes, shape)
        elif isinstance(shape, Line):
            _line(axes, shape)
        else:
            _label(axes, shape)
    return sheet


def as_png(sheet: Figure, scale: float = 2.0) -> bytes:
    """Pixels, ``scale`` of them to each CSS pixel."""
    out = io.BytesIO()
    sheet.set_dpi(PIXELS * scale)
    FigureCanvasAgg(sheet).print_png(out, metadata={"Software": None})  # type: ignore[no-untyped-call]
    sheet.set_dpi(PIXELS)
    return out.getvalue()


def _area(axes: Any, area: Area) -> None:
    style = {
        "facecolor": area.fill,
        "edgecolor": area.edge,
        "linewidth": points(area.line),
        "linestyle": _DASHES[area.outline],
        "zorder": area.z,
    }
    if area.form == "cylinder":
        _cylinder(axes, area, style)
        return
    if area.form == "folder":
        tab = min(area.h * 0.22, 7.0)
        outline = [
            (area.x, area.bottom), (area.x, area.y), (area.x + area.w * 0.42, area.y),
            (area.x + area.w * 0.55, area.y + tab), (area.right, area.y + tab),
            (area.right, area.bottom), (area.x, area.bottom),
        ]  # fmt: skip
        axes.add_artist(patches.Polygon(outline, **style))
        return
    radius = area.h / 2 if area.form == "pill" else min(area.radius, area.h / 2, area.w / 2)
    axes.add_artist(
        patches.FancyBboxPatch(
            (area.x, area.y), area.w, area.h, f"round,pad=0,rounding_size={radius}", **style
        )
    )


def _cylinder(axes: Any, area: Area, style: dict[str, Any]) -> None:
    cap = min(area.h * 0.16, 6.0)
    x, y, right, bottom = area.x, area.y + cap, area.right, area.bottom - cap
    middle = area.middle
    body = Path(
        [(x, y), (x, bottom), (x, area.bottom), (middle, area.bottom), (right, area.bottom),
         (right, bottom), (right, y), (right, area.y), (middle, area.y), (x, area.y), (x, y)],
        [Path.MOVETO, Path.LINETO, Path.CURVE3, Path.CURVE3, Path.CURVE3, Path.CURVE3,
         Path.LINETO, Path.CURVE3, Path.CURVE3, Path.CURVE3, Path.CURVE3],
    )  # fmt: skip
    axes.add_artist(patches.PathPatch(body, **style))
    rim = Path(
        [(x, y), (x, y + cap), (middle, y + cap), (right, y + cap), (right, y)],
        [Path.MOVETO, Path.CURVE3, Path.CURVE3, Path.CURVE3, Path.CURVE3],
    )
    axes.add_artist(patches.PathPatch(rim, **{**style, "facecolor": "none"}))


def _line(axes: Any, line: Line) -> None:
    style: dict[str, Any] = {
        "edgecolor": line.colour,
        "facecolor": line.colour if line.arrow else "none",
        "linewidth": points(line.width),
        "linestyle": _DASHES[line.outline],
        "zorder": line.z,
    }
    if line.arrow:
        style["arrowstyle"] = "-|>,head_width=2.6,head_length=5"
        style["shrinkA"] = style["shrinkB"] = 0
        axes.add_artist(patches.FancyArrowPatch(line.points[0], line.points[-1], **style))
        return
    axes.add_artist(
        patches.PathPatch(Path(line.points), capstyle="round", joinstyle="round", **style)
    )


def _label(axes: Any, label: Label) -> None:
    axes.text(
        label.x,
        label.y,
        label.text,
        fontproperties=_font(label.size, label.bold),
        color=label.colour,
        ha=label.align,
        va="center_baseline",
        zorder=label.z,
        parse_math=False,
    )
    if label.struck:
        width = measure(label.text, label.size, label.bold)
        left = label.x - {"left": 0.0, "center": width / 2, "right": width}[label.align]
        _line(
            axes,
            Line(((left, label.y), (left + width, label.y)), palette.INK, 1.0, z=label.z),
        )
