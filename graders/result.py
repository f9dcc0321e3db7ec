"""What a check says: the expectations it had, what it found, and the points earned.

The JSON shape is the same in the notebook, in ``course check --json`` and in the grade book.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from graders.sketch import Shown

Status = Literal["passed", "partial", "failed", "error"]

MIME_TYPE = "application/vnd.docker-course.check+json"
"""Under this type a check cell carries its result, for whoever reads the notebook later."""
SECONDS = "seconds"
"""In the metadata of that output: how long the exercise's cells and its check took, in grading."""


@dataclass(frozen=True, slots=True)
class ExpectationResult:
    """One named expectation: ``points`` are earned in full or not at all."""

    text: str
    passed: bool
    points: float
    found: str
    hint: str
    shows: tuple[Shown, ...] = ()
    """The same for a drawing; no part of what ``course check --json`` prints."""

    @property
    def earned(self) -> float:
        return self.points if self.passed else 0.0

    def to_json(self, *, shows: bool = False) -> dict[str, Any]:
        """Plain data; with what is drawn, where there is any, if it ``shows``."""
        document: dict[str, Any] = {
            "text": self.text,
            "passed": self.passed,
            "points": self.points,
            "found": self.found,
            "hint": self.hint,
        }
        if shows and self.shows:
            document["shows"] = [fact.to_json() for fact in self.shows]
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> ExpectationResult:
        """The inverse of :meth:`to_json`. Raises ``KeyError`` or ``TypeError`` for other data."""
        shows = tuple(map(Shown.from_json, document.get("shows", ())))
        return cls(**{**document, "shows": shows})


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The judgement of one exercise.

    ``status`` is ``error`` when an observation could not be made: that earns nothing and blames
    nobody. ``points`` are those of the exercise, whatever the check got to look at.
    """

    grade_id: str
    assignment: str
    notebook: str
    title: str
    status: Status
    points: float
    earned: float
    expectations: tuple[ExpectationResult, ...]

    def to_json(self, *, shows: bool = False) -> dict[str, Any]:
        """Plain data; with what a drawing of it needs, if it ``shows``."""
        return {
            "grade_id": self.grade_id,
            "assignment": self.assignment,
            "notebook": self.notebook,
            "title": self.title,
            "status": self.status,
            "points": self.points,
            "earned": self.earned,
            "expectations": [one.to_json(shows=shows) for one in self.expectations],
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> CheckResult:
        """The inverse of :meth:`to_json`. Raises ``KeyError`` or ``TypeError`` for other data."""
        expectations = tuple(map(ExpectationResult.from_json, document["expectations"]))
        return cls(**{**document, "expectations": expectations})

    @property
    def reason(self) -> str:
        """Why the status is ``error``: what could not be observed. Empty otherwise."""
        return self.expectations[-1].found if self.status == "error" else ""


def judge(
    expectations: tuple[ExpectationResult, ...], points: float
) -> tuple[Literal["passed", "partial", "failed"], float]:
    """Status and points earned. All expectations met is full points, without rounding errors."""
    if expectations and all(expectation.passed for expectation in expectations):
        return "passed", points
    earned = min(points, round(sum(expectation.earned for expectation in expectations), 6))
    return ("partial" if earned > 0 else "failed"), earned
