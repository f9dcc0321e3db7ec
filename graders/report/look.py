"""How outcomes look everywhere in a report: the colours, signs and words of the checks."""

from __future__ import annotations

from course_lib import showing
from course_lib.diagrams import palette
from graders.report.model import Outcome

COLOUR: dict[Outcome, str] = {
    "passed": showing.GREEN,
    # Areas side by side, not signs: paler, so that nobody takes it for the next one.
    "partial": "#E69F00",
    "failed": showing.VERMILION,
    "waiting": showing.BLUE,
    "missing": palette.FAINT,
}
SIGN: dict[Outcome, str] = {
    "passed": "✔", "partial": "◐", "failed": "✘", "waiting": "?", "missing": "–",
}  # fmt: skip
WORD: dict[Outcome, str] = {
    "passed": "all points", "partial": "partly right", "failed": "not yet",
    "waiting": "waiting for you", "missing": "not handed in or not graded",
}  # fmt: skip


def students(count: int) -> str:
    """``1 student`` or ``30 students``."""
    return f"{count} student{'' if count == 1 else 's'}"


def seconds(value: float | None) -> str:
    """``0.8 s``, ``12 s``; empty where nobody knows."""
    if value is None:
        return ""
    return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"


def number(value: float | None, digits: int = 2) -> str:
    """Without needless digits: ``4``, ``3.25``; a dash for none."""
    return "–" if value is None else f"{round(value, digits):g}"
