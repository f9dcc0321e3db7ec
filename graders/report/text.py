"""A report for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from course_lib.cli.progress import printable
from graders.report import look
from graders.report.model import OUTCOMES, ClassReport, Exercise, middle

STATES = 3
"""Wrong states shown for each exercise."""


def lines(report: ClassReport) -> Iterator[str]:
    """The report, a line at a time."""
    standings = report.standings()
    earned = [one.earned for one in standings if one.earned is not None]
    head = f"{report.assignment}: {look.students(len(standings))}, {len(earned)} graded"
    if earned:
        mean = look.number(sum(earned) / len(earned), 1)
        head += f"; mean {mean}, median {look.number(middle(earned), 1)} of {report.points:g}"
    yield head
    width = max([8, *(len(exercise.id) for exercise in report.exercises)])
    signs = "  ".join(f"{look.SIGN[outcome]:>4}" for outcome in OUTCOMES)
    yield f"  {'':<{width}}  {signs}  {'mean':>11}  {'time':>6}"
    for exercise in report.exercises:
        counts = "  ".join(f"{exercise.count(outcome):>4}" for outcome in OUTCOMES)
        mean = f"{look.number(exercise.mean)} of {exercise.points:g}"
        took = look.seconds(middle(exercise.seconds)) if exercise.seconds else ""
        yield f"  {exercise.id:<{width}}  {counts}  {mean:>11}  {took:>6}".rstrip()
        yield from _states(exercise)
    yield "  " + ", ".join(f"{look.SIGN[outcome]} {look.WORD[outcome]}" for outcome in OUTCOMES)
    for exercise, attempt in report.waiting():
        yield f"  {attempt.student}: {exercise.id} waits for you: {printable(attempt.reason)}"
    for note in report.notes:
        yield f"  {printable(note)}"


def _states(exercise: Exercise) -> Iterator[str]:
    states = exercise.wrong_states()
    for state in states[:STATES]:
        missed = "; ".join(f"{expected} Found: {found}" for expected, found, _ in state.told)
        yield f"      {len(state.students)} x {printable(missed)}"
    if len(states) > STATES:
        rest = sum(len(state.students) for state in states[STATES:])
        yield f"      {rest} x in {len(states) - STATES} other ways"
