"""What a report is about: the class, its exercises, and how each student did. Pure data."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from course_lib.warm_engine import words_of_names
from graders.expectation import BLOCKED
from graders.result import CheckResult, ExpectationResult

Outcome = Literal["passed", "partial", "failed", "waiting", "missing"]
OUTCOMES: tuple[Outcome, ...] = ("passed", "partial", "failed", "waiting", "missing")
"""All points, some, none; waits for the instructor; nothing was handed in, or graded."""

# What an engine and grading make up, which is another each time: the student's folder, IDs, the
# ports and names that an engine chooses.
_CHANCE = (
    (re.compile(r"\S*/grade-\w+/\d+-files\b"), "<folder>"),
    (re.compile(r"\b[0-9a-f]{12,64}\b"), "<id>"),
    (re.compile(r"\b(?:3276[89]|327[7-9]\d|32[89]\d\d|3[3-9]\d{3}|[45]\d{4}|60\d{3})\b"), "<port>"),
)
_NAME = re.compile(r"\b([a-z]+)_([a-z]+)\d?\b")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One student's work for one exercise.

    :param result: what the check said, where it said something.
    :param reason: why it waits for the instructor; empty where it does not.
    :param seconds: that its cells and its check took while grading; None where nobody knows.
    """

    student: str
    outcome: Outcome
    earned: float = 0.0
    result: CheckResult | None = None
    reason: str = ""
    seconds: float | None = None

    @property
    def missed(self) -> tuple[ExpectationResult, ...]:
        """The expectations that were looked at and not met."""
        if self.result is None or self.result.status not in ("partial", "failed"):
            return ()
        return tuple(
            one for one in self.result.expectations if not one.passed and one.hint != BLOCKED
        )


@dataclass(frozen=True, slots=True)
class WrongState:
    """What several students have in common: the same missed, the same found instead."""

    missed: tuple[ExpectationResult, ...]
    students: tuple[str, ...]

    @property
    def told(self) -> list[tuple[str, str, str]]:
        """What was expected, what was found, and the hint; the same found is told once."""
        found: dict[tuple[str, str], list[str]] = {}
        for one in self.missed:
            found.setdefault((one.found, one.hint), []).append(one.text)
        return [(" ".join(texts), *key) for key, texts in found.items()]


@dataclass(frozen=True, slots=True)
class Exercise:
    """An exercise and everybody's attempt at it, in the order of the students."""

    id: str
    title: str
    notebook: str
    points: float
    attempts: tuple[Attempt, ...]

    def count(self, outcome: Outcome) -> int:
        """How many ended like that."""
        return sum(attempt.outcome == outcome for attempt in self.attempts)

    @property
    def judged(self) -> list[Attempt]:
        """Those with a score."""
        return [one for one in self.attempts if one.outcome not in ("waiting", "missing")]

    @property
    def mean(self) -> float | None:
        """Points earned by those with a score, on average; None where nobody has one."""
        earned = [attempt.earned for attempt in self.judged]
        return statistics.fmean(earned) if earned else None

    @property
    def seconds(self) -> list[float]:
        """What is known of the time, in ascending order."""
        return sorted(one.seconds for one in self.attempts if one.seconds is not None)

    def wrong_states(self) -> list[WrongState]:
        """What went wrong, the most frequent first."""
        groups: dict[tuple[tuple[str, str], ...], list[Attempt]] = {}
        for attempt in self.attempts:
            if attempt.missed:
                key = tuple((one.text, _general(one.found)) for one in attempt.missed)
                groups.setdefault(key, []).append(attempt)
        found = [
            WrongState(attempts[0].missed, tuple(one.student for one in attempts))
            for attempts in groups.values()
        ]
        return sorted(found, key=lambda state: -len(state.students))


@dataclass(frozen=True, slots=True)
class Student:
    """One student in this assignment.

    :param penalty: points taken for lateness.
    :param graded: something of it is in the grade book.
    """

    id: str
    name: str
    graded: bool = False
    penalty: float = 0.0


@dataclass(frozen=True, slots=True)
class ClassReport:
    """An assignment of a class."""

    assignment: str
    title: str
    students: tuple[Student, ...]
    exercises: tuple[Exercise, ...]
    notes: tuple[str, ...] = field(default=())
    """What could not be read."""

    @property
    def points(self) -> float:
        return sum(exercise.points for exercise in self.exercises)

    @property
    def notebooks(self) -> list[str]:
        """In the order of the exercises."""
        return list(dict.fromkeys(exercise.notebook for exercise in self.exercises))

    def of(self, student: Student, notebook: str | None = None) -> Iterator[Attempt]:
        """A student's attempts, in one notebook or in all."""
        place = self.students.index(student)
        for exercise in self.exercises:
            if notebook in (None, exercise.notebook):
                yield exercise.attempts[place]

    def standings(self) -> list[Standing]:
        """Everybody's score, in the order of the students."""
        return [Standing.of(self, student) for student in self.students]

    def waiting(self) -> list[tuple[Exercise, Attempt]]:
        """What the instructor has to look at."""
        return [
            (exercise, attempt)
            for exercise in self.exercises
            for attempt in exercise.attempts
            if attempt.outcome == "waiting"
        ]


@dataclass(frozen=True, slots=True)
class Standing:
    """A student's score: ``earned`` is less the penalty, as nbgrader counts; None: not graded.

    :param by_notebook: points in each notebook of the report; None where some wait, and where it
        was not handed in.
    """

    student: Student
    earned: float | None
    waiting: int
    seconds: float | None
    by_notebook: tuple[float | None, ...]

    @classmethod
    def of(cls, report: ClassReport, student: Student) -> Standing:
        """Put together from the student's attempts."""
        attempts = list(report.of(student))
        waiting = sum(attempt.outcome == "waiting" for attempt in attempts)
        seconds = [one.seconds for one in attempts if one.seconds is not None]
        by_notebook = tuple(
            _points(report.of(student, name)) if student.graded else None
            for name in report.notebooks
        )
        earned = max(0.0, sum(one.earned for one in attempts) - student.penalty)
        return cls(
            student,
            earned if student.graded else None,
            waiting,
            sum(seconds) if seconds else None,
            by_notebook,
        )


def _points(attempts: Iterable[Attempt]) -> float | None:
    found = list(attempts)
    outcomes = {attempt.outcome for attempt in found}
    if "waiting" in outcomes or outcomes == {"missing"}:
        return None
    return sum(attempt.earned for attempt in found)


def _general(text: str) -> str:
    for pattern, word in _CHANCE:
        text = pattern.sub(word, text)
    return _NAME.sub(_without_name, text)


def _without_name(found: re.Match[str]) -> str:
    adjectives, surnames = words_of_names()
    return "<name>" if found[1] in adjectives and found[2] in surnames else found[0]


def middle(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)
