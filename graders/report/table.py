"""A report as CSV: one row for each student and exercise, for a spreadsheet or pandas."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import IO

from graders.nbgrader.spreadsheet import harmless
from graders.report.model import ClassReport

HEAD = (
    "assignment", "notebook", "exercise", "title", "student_id", "name", "outcome", "earned",
    "points", "missed", "found", "reason", "seconds",
)  # fmt: skip


def write(reports: Iterable[ClassReport], file: IO[str]) -> None:
    """Write the table, with its head."""
    writer = csv.writer(file)
    writer.writerow(HEAD)
    for report in reports:
        writer.writerows(rows(report))


def rows(report: ClassReport) -> Iterator[list[str]]:
    """The rows of one assignment. ``earned`` is empty where there is no score."""
    names = {student.id: student.name for student in report.students}
    for exercise in report.exercises:
        for attempt in exercise.attempts:
            scored = attempt.outcome not in ("waiting", "missing")
            yield [
                report.assignment, exercise.notebook, exercise.id, exercise.title,
                harmless(attempt.student), harmless(names[attempt.student]), attempt.outcome,
                f"{attempt.earned:g}" if scored else "", f"{exercise.points:g}",
                harmless("\n".join(one.text for one in attempt.missed)),
                harmless("\n".join(one.found for one in attempt.missed)),
                harmless(attempt.reason),
                "" if attempt.seconds is None else f"{attempt.seconds:.3f}",
            ]  # fmt: skip
