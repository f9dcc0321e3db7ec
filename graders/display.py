"""How a result looks: a panel in a notebook, and the same as text.

A sign and a word always say the same. Words keep the page's own colour.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from course_lib.showing import BLUE, GREEN, OCHRE, VERMILION, image
from graders.expectation import BLOCKED
from graders.result import MIME_TYPE, CheckResult, ExpectationResult
from graders.sketch import Shown, concise, merged, worth_drawing

if TYPE_CHECKING:
    from course_lib.diagrams.shapes import Drawing

_LOOK = {
    "passed": (GREEN, "✔", "passed"),
    "partial": (OCHRE, "◐", "partly right"),
    "failed": (VERMILION, "✘", "not yet"),
    "error": (BLUE, "?", "could not be judged"),
}


def as_bundle(result: CheckResult) -> dict[str, Any]:
    """What stands below a check cell: the panel, and the result itself for whoever grades."""
    return {
        "text/plain": as_text(result),
        "text/html": as_html(result),
        MIME_TYPE: result.to_json(shows=True),
    }


def as_text(result: CheckResult) -> str:
    """The panel for a terminal."""
    _, sign, word = _LOOK[result.status]
    lines = [
        f"{sign} {result.title} ({result.grade_id}): {word},"
        f" {number(result.earned)} of {points(result.points)}"
    ]
    for expectation in result.expectations:
        lines.append(
            f"  {_sign(result, expectation)} {expectation.text} [{number(expectation.points)}]"
        )
        if expectation.hint == BLOCKED:
            lines.append(f"      {BLOCKED}")
            continue
        lines.append(f"      found: {expectation.found}")
        if not expectation.passed and expectation.hint:
            lines.append(f"      hint:  {expectation.hint}")
    return "\n".join(lines)


def as_html(result: CheckResult) -> str:
    """The panel for a notebook. Whatever came out of a container is escaped."""
    colour, sign, word = _LOOK[result.status]
    rows = "".join(_row(result, expectation) for expectation in result.expectations)
    share = 100 * result.earned / result.points if result.points else 0
    return (
        f'<section aria-label="Check {escape(result.grade_id)}" style="border:1px solid {colour};'
        f"border-left:6px solid {colour};border-radius:6px;padding:10px 16px 12px;margin:6px 0;"
        'max-width:60em;line-height:1.45">'
        '<div style="display:flex;justify-content:space-between;gap:1em;align-items:baseline">'
        f'<strong style="font-size:1.08em">{escape(result.title)}</strong>'
        f'<span style="white-space:nowrap"><strong><span style="color:{colour}">{sign}</span> '
        f"{word}</strong>&ensp;{number(result.earned)} of {points(result.points)}</span></div>"
        '<div aria-hidden="true" style="height:4px;border-radius:2px;background:rgba(128,128,128,'
        f'.25);margin:8px 0 4px"><div style="height:4px;border-radius:2px;width:{share:.0f}%;'
        f'background:{colour}"></div></div>{rows}{_picture(result)}</section>'
    )


def drawn(result: CheckResult) -> tuple[Shown, ...]:
    """What the picture of a result shows; nothing where all is well or nothing can be drawn."""
    facts = concise(merged(fact for one in result.expectations for fact in one.shows))
    return facts if result.status in ("partial", "failed") and worth_drawing(facts) else ()


def as_svg(result: CheckResult) -> str:
    """What was expected beside what was found, as a picture; empty where there is none."""
    drawing = _drawing(result)
    return _written(drawing).decode() if drawing else ""


def _drawing(result: CheckResult) -> Drawing | None:
    facts = drawn(result)
    if not facts:
        return None
    from course_lib.diagrams.lettering import measure
    from graders.sketch_layout import lay_out_sketch

    return lay_out_sketch(facts, measure)


def _written(drawing: Drawing) -> bytes:
    from course_lib.diagrams.svg import as_svg as written

    return written(drawing)


def _picture(result: CheckResult) -> str:
    drawing = _drawing(result)
    if drawing is None:
        return ""
    words = "\n".join(map(str, drawn(result)))
    return f'<div style="margin-top:8px">{image(_written(drawing), drawing.width, words)}</div>'


def _row(result: CheckResult, expectation: ExpectationResult) -> str:
    colour = GREEN if expectation.passed else _LOOK[_failed_as(result, expectation)][0]
    details = f"Found: {escape(expectation.found)}"
    if expectation.hint == BLOCKED:
        details = f"<em>{escape(BLOCKED)}</em>"
    elif expectation.hint and not expectation.passed:
        details += f"<br><strong>Try:</strong> {escape(expectation.hint)}"
    return (
        '<div style="display:flex;gap:.7em;padding:5px 0 1px">'
        f'<span style="color:{colour};font-weight:700;width:1.1em">{_sign(result, expectation)}'
        f'</span><div style="flex:1">{escape(expectation.text)}'
        f'<div style="opacity:.85;font-size:.93em">{details}</div>'
        f'</div><span style="opacity:.7;white-space:nowrap">{number(expectation.points)}</span>'
        "</div>"
    )


def _failed_as(result: CheckResult, expectation: ExpectationResult) -> str:
    """What broke the check is not the student's mistake, and does not look like one."""
    last = expectation is result.expectations[-1]
    return "error" if result.status == "error" and last else "failed"


def _sign(result: CheckResult, expectation: ExpectationResult) -> str:
    if expectation.passed:
        return "✔"
    return "○" if expectation.hint == BLOCKED else _LOOK[_failed_as(result, expectation)][1]


def number(value: float) -> str:
    """``4`` or ``1.5``."""
    return f"{value:g}"


def points(value: float) -> str:
    """``1 point`` or ``4 points``."""
    return f"{value:g} point{'' if value == 1 else 's'}"
