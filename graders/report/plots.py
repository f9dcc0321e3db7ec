"""The pictures of a report, in the visual language of the course's diagrams.

Every text is painted as outlines, so that a page needs no font, and nothing in it is markup.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import LogLocator, NullLocator

from course_lib.diagrams import lettering, paint, palette
from graders.report import look
from graders.report.model import OUTCOMES, ClassReport, Exercise, Outcome, middle

WIDTH = palette.WIDTH
_ROW = 26.0
_HATCH: dict[Outcome, str] = {"partial": "///", "failed": "xx", "waiting": ".."}
"""For paper without colours, and for eyes that see them alike."""
_BINS = 10
SHORTEST = 0.01
"""Seconds; what took less is shown as if it took that."""


def distribution(report: ClassReport) -> str:
    """How many students have how many points: an SVG document; empty where nobody has any."""
    earned = [one.earned for one in report.standings() if one.earned is not None]
    if not earned or not report.points:
        return ""
    counts = [0] * _BINS
    for value in earned:
        counts[min(_BINS - 1, int(value / report.points * _BINS))] += 1
    sheet, axes = _sheet(240, left=60, right=20, bottom=46)
    width = report.points / _BINS
    for number, count in enumerate(counts):
        axes.bar(
            number * width, count, width, align="edge", color=palette.tint(palette.PORT, 0.55),
            edgecolor=palette.PORT, linewidth=paint.points(1.2),
        )  # fmt: skip
        if count:
            place = (number + 0.5) * width
            _write(axes, place, count, str(count), ha="center", va="bottom", size=palette.TEXT_SIZE)
    half = middle(earned)
    axes.axvline(half, color=palette.INK, linewidth=paint.points(1.5), linestyle=(0, (4, 2.5)))
    axes.set_xlim(0, report.points)
    axes.set_ylim(0, max(counts) * 1.25)
    side = "right" if half > report.points / 2 else "left"
    gap = report.points * (-0.008 if side == "right" else 0.008)
    _write(
        axes, half + gap, max(counts) * 1.24, f"median {look.number(half, 1)}", ha=side, va="top",
        size=palette.TEXT_SIZE, weight="bold",
    )  # fmt: skip
    axes.set_xticks([number * width for number in range(_BINS + 1)])
    _label(axes, f"points of {report.points:g}", "students")
    axes.yaxis.get_major_locator().set_params(integer=True)
    return _as_svg(sheet)


def outcomes(exercises: Sequence[Exercise]) -> str:
    """How each exercise went for whom, as bars of the whole class; an SVG document."""
    if not exercises or not exercises[0].attempts:
        return ""
    sheet, axes = _sheet(_ROW * len(exercises) + 66, left=235, right=20, top=40, bottom=26)
    everybody = len(exercises[0].attempts)
    for row, exercise in enumerate(exercises):
        start = 0
        for outcome in OUTCOMES:
            count = exercise.count(outcome)
            if not count:
                continue
            axes.barh(row, count, 0.72, start, linewidth=paint.points(1.0), **_style(outcome))
            if count / everybody > 0.035:
                _write(
                    axes, start + count / 2, row, str(count), ha="center", va="center",
                    size=palette.TEXT_SIZE, weight="bold",
                    bbox={"facecolor": palette.PAPER, "edgecolor": "none", "pad": 1.2},
                )  # fmt: skip
            start += count
    axes.set_xlim(0, everybody)
    _rows(axes, exercises)
    axes.xaxis.get_major_locator().set_params(integer=True)
    _legend(axes, exercises)
    return _as_svg(sheet)


def times(exercises: Sequence[Exercise]) -> str:
    """Seconds that each exercise took: the middle half of the class as a bar, the median, the
    slowest; an SVG document, empty where nobody knows."""
    known = [exercise for exercise in exercises if exercise.seconds]
    if not known:
        return ""
    sheet, axes = _sheet(_ROW * len(known) + 66, left=235, right=70, top=10, bottom=46)
    rows = [[max(SHORTEST, seconds) for seconds in exercise.seconds] for exercise in known]
    for row, found in enumerate(rows):
        low, half, high = (found[int(part * (len(found) - 1))] for part in (0.25, 0.5, 0.75))
        axes.barh(
            row, high - low, 0.5, low, color=palette.tint(palette.PORT, 0.45),
            edgecolor=palette.PORT, linewidth=paint.points(1.0),
        )  # fmt: skip
        axes.plot([half, half], [row - 0.36, row + 0.36], color=palette.INK, linewidth=2)
        axes.plot(
            found[-1], row, marker="D", markersize=4, color=palette.INK, fillstyle="none",
            linestyle="none",
        )  # fmt: skip
    # One endless loop takes as long as a hundred others together.
    axes.set_xscale("log")
    axes.set_xlim(min(map(min, rows)) * 0.8, max(map(max, rows)) * 1.25)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    _rows(axes, known)
    _label(axes, "seconds while grading: middle half of the class, | median, ◇ slowest", "")
    return _as_svg(sheet)


# --- inside ------------------------------------------------------------------------------------


def _sheet(
    height: float, *, left: float, right: float, top: float = 16, bottom: float
) -> tuple[Figure, Any]:
    sheet = Figure(figsize=(WIDTH / paint.PIXELS, height / paint.PIXELS), dpi=paint.PIXELS)
    size = (1 - (left + right) / WIDTH, 1 - (top + bottom) / height)
    axes: Any = sheet.add_axes((left / WIDTH, bottom / height, *size))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(palette.FAINT)
    axes.tick_params(colors=palette.MUTED, length=3)
    axes.set_axisbelow(True)
    return sheet, axes


def _rows(axes: Any, exercises: Sequence[Exercise]) -> None:
    """One row for each exercise from top to bottom, its title at the left."""
    axes.set_ylim(len(exercises) - 0.4, -0.6)
    axes.set_yticks(range(len(exercises)), [_short(one.title) for one in exercises])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=palette.STOPPED_FILL)
    _fonts(axes)


def _legend(axes: Any, exercises: Sequence[Exercise]) -> None:
    from matplotlib.patches import Patch

    shown = [one for one in OUTCOMES if any(exercise.count(one) for exercise in exercises)]
    handles = [Patch(label=look.WORD[one], **_style(one)) for one in shown]
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(shown), frameon=False,
        prop=_font(palette.TEXT_SIZE), borderaxespad=0.4, handlelength=1.6,
    )  # fmt: skip


def _style(outcome: Outcome) -> dict[str, Any]:
    """Of the patch that stands for it; nothing handed in is as empty as the paper."""
    colour = look.COLOUR[outcome]
    face = palette.PAPER if outcome == "missing" else palette.tint(colour, 0.5)
    return {"facecolor": face, "edgecolor": colour, "hatch": _HATCH.get(outcome)}


def _short(text: str, longest: int = 38) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def _label(axes: Any, across: str, up: str) -> None:
    axes.set_xlabel(across, fontproperties=_font(palette.TEXT_SIZE), color=palette.MUTED)
    axes.set_ylabel(up, fontproperties=_font(palette.TEXT_SIZE), color=palette.MUTED)
    _fonts(axes)


def _fonts(axes: Any) -> None:
    for text in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        text.set_fontproperties(_font(palette.TEXT_SIZE))
        text.set_parse_math(False)
    for text in axes.get_yticklabels():
        text.set_color(palette.INK)


def _write(axes: Any, x: float, y: float, text: str, *, size: float, **style: Any) -> None:
    font = _font(size, style.pop("weight", "normal"))
    axes.text(x, y, text, fontproperties=font, color=palette.INK, parse_math=False, **style)


def _font(size: float, weight: str = "normal") -> FontProperties:
    return FontProperties(family=lettering.FAMILY, size=paint.points(size), weight=weight)


def _as_svg(sheet: Figure) -> str:
    """The same text for the same figure; letters are outlines."""
    import matplotlib

    out = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "course"}):
        canvas = FigureCanvasSVG(sheet)
        canvas.print_svg(out, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
    # Millionths of a pixel make a third of the file.
    return re.sub(
        r' d="[^"]*"', lambda d: re.sub(r"(\.\d\d)\d+", r"\1", d[0]), out.getvalue().decode()
    )
