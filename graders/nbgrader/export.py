"""Grades as learning management systems import them: plug-ins of ``nbgrader export``.

::

    nbgrader export --exporter=graders.nbgrader.export.CanvasExport --to canvas.csv
    nbgrader export --exporter=graders.nbgrader.export.MoodleExport --to moodle.csv
    nbgrader export --exporter=graders.nbgrader.export.TableExport  --to grades.csv

One row per student, one column per assignment; the score is nbgrader's, less the penalty for
lateness, as in its own ``CsvExportPlugin``. Where nothing was handed in and where something waits
for the instructor's eye there is no score, and how many of each is said; nbgrader's own exporter
writes 0 there. For Canvas and Moodle a student without any score has no row: an empty cell would
clear what stands there (Canvas' ``gradebook_importer.rb`` shows it as a change). Beside other
scores it stays empty, or is Moodle's ``-``; who minds exports one assignment at a time. Names and
comments that a spreadsheet would compute are told as text. What an importer would take for another
student or another column is left out, or said.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import ExportPlugin

from graders.nbgrader.moodle_text import readable, shown
from graders.nbgrader.spreadsheet import harmless

_NUMBER = re.compile(r"-?[0-9.,]+%?\Z")
"""What Canvas takes for a number: it drops all but the last of its points and commas."""
_CHANGED = re.compile(r",|[.].*[.]|[.]%?\Z")
_OWN_COLUMN = re.compile(r"(Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)")
"""Anywhere in a title: Canvas leaves the column out, taking it for one of its own."""
_NUMBERED = re.compile(r"\(\d+\)\Z")
"""Of a title Canvas takes it for the number that it has itself for the assignment."""
_FINDS = ("ID number", "Email address")
"""Columns by which Moodle can find a student, beside the username."""


@dataclass(frozen=True, slots=True)
class Grade:
    """One student's score in one assignment; None where there is none to pass on.

    :param waiting: something in it still has to be graded by hand.
    """

    score: float | None
    comment: str = ""
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A student and their grades, in the order of the assignments."""

    student: Any
    grades: Sequence[Grade]

    @property
    def scored(self) -> bool:
        """Whether there is a score to pass on."""
        return any(grade.score is not None for grade in self.grades)


class _Export(ExportPlugin):
    """What the formats have in common."""

    default_name = "grades.csv"
    without_score = False
    """Whether a student has a row all of whose scores are missing."""
    quoting: Literal[0, 1] = csv.QUOTE_MINIMAL

    def export(self, gradebook: Gradebook) -> None:
        """Write the file named by ``--to``; assignments and students as nbgrader's options say.

        :raises ValueError: for an assignment or a student that the grade book does not know;
            nothing is written then.
        """
        assignments = _chosen(gradebook.assignments, "name", self.assignment, "assignment")
        students = _chosen(gradebook.students, "id", self.student, "student")
        rows = [
            Row(student, [_grade(gradebook, assignment, student) for assignment in assignments])
            for student in students
        ]
        target = Path(self.to or self.default_name)
        told = [row for row in rows if self.without_score or row.scored]
        with target.open("w", encoding="utf-8", newline="") as file:
            lines = self.table(assignments, told)
            writer = csv.writer(file, quoting=self.quoting)
            writer.writerows([self.written(cell) for cell in line] for line in lines)
        grades = [grade for row in rows for grade in row.grades]
        waiting = sum(grade.waiting for grade in grades)
        missing = sum(grade.score is None for grade in grades) - waiting
        self.log.info("Exported %d of %d students to %s", len(told), len(rows), target)
        if missing:
            self.log.warning("%d without a score: nothing was handed in or graded", missing)
        if waiting:
            self.log.warning("%d without a score: they wait for manual grading", waiting)
        for line in self.doubts(assignments, told):
            self.log.warning(line)

    def written(self, cell: str) -> str:
        """The cell as it stands in the file."""
        return harmless(cell)

    def doubts(self, assignments: Sequence[Any], rows: Sequence[Row]) -> Iterator[str]:
        """What the importer would not read as it is meant."""
        yield from ()

    def table(self, assignments: Sequence[Any], rows: Sequence[Row]) -> Iterator[list[str]]:
        """The lines of the file."""
        raise NotImplementedError


class CanvasExport(_Export):
    """As the gradebook of Canvas imports: its five columns of identity, then the assignments.

    Canvas finds a student by ``ID`` (its own number), else by ``SIS User ID``, ``SIS Login ID``
    (here the student's ID) or, in the end, the name; it makes an assignment that it does not know.
    nbgrader's ``lms_user_id`` is one of the first two: of ``2024-0815`` as ``ID`` Canvas would
    read 2024, which is somebody else.
    """

    default_name = "canvas.csv"

    def table(self, assignments: Sequence[Any], rows: Sequence[Row]) -> Iterator[list[str]]:
        yield ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *_names(assignments)]
        points = [_number(assignment.max_score) for assignment in assignments]
        yield ["    Points Possible", "", "", "", "", *points]
        for row in rows:
            student = row.student
            names = (student.last_name, student.first_name)
            name = ", ".join(filter(None, names)) or student.id
            known = str(student.lms_user_id or "")
            ids = (known, "") if _is_number(known) else ("", known)
            yield [name, *ids, student.id, "", *_scores(row)]

    def doubts(self, assignments: Sequence[Any], rows: Sequence[Row]) -> Iterator[str]:
        for row in rows:
            student = row.student
            known = str(student.lms_user_id or "")
            for text in () if _is_number(known) else filter(None, (known, student.id)):
                if _NUMBER.match(text) and _CHANGED.search(text):
                    yield (
                        f"{student.id}: Canvas reads {text} as a number, and may give the grades "
                        "to another; let lms_user_id be the number that Canvas has for the student"
                    )
        for name in _names(assignments):
            if _OWN_COLUMN.search(name):
                yield f"{name}: Canvas leaves out a column of that name; rename it in the file"
            elif _NUMBERED.search(name) or (_NUMBER.match(name) and _CHANGED.search(name)):
                yield (
                    f"{name}: Canvas does not take that for an assignment's name; in the file, "
                    f"write the number that Canvas has for it behind: {name} (98765)"
                )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


class MoodleExport(_Export):
    """As Moodle's grade import takes it: map by username, ID number or e-mail address.

    Beside each assignment's grade stands a column with the comments, for the mapping to
    "Feedback for …" (map both: an older Moodle clears the grade that comes without). A point is a
    decimal point in all of Moodle's languages (``unformat_float``). What Moodle does not take ends
    the whole import: a student it does not know, a score above the maximum of the grade item. A row
    that says nothing in the column by which students are found gives its grades to the student of
    the row before in an older Moodle, and ends the import in a newer (``load_data.php``), so ID
    numbers and addresses are there only where everybody has one.
    """

    default_name = "moodle.csv"
    quoting = csv.QUOTE_ALL
    """Moodle drops blanks at the end of a file, unless they are in quotes: see :func:`readable`."""

    def table(self, assignments: Sequence[Any], rows: Sequence[Row]) -> Iterator[list[str]]:
        names = _names(assignments)
        columns: list[str] = []
        for name in names:
            feedback = f"{name} (feedback)"
            while feedback in (*columns, *names):
                feedback += "*"
            columns += [name, feedback]
        identity = {
            "Username": "id", "ID number": "lms_user_id", "First name": "first_name",
            "Last name": "last_name", "Email address": "email",
        }  # fmt: skip
        for name in _FINDS:
            if not all(_says(row.student, identity[name]) for row in rows):
                del identity[name]
        yield [*identity, *columns]
        for row in rows:
            cells = [
                cell
                for score, grade in zip(_scores(row), row.grades, strict=True)
                for cell in (score or "-", shown(grade.comment))
            ]
            yield [*(str(getattr(row.student, key) or "") for key in identity.values()), *cells]

    def written(self, cell: str) -> str:
        return readable(super().written(cell))

    def doubts(self, assignments: Sequence[Any], rows: Sequence[Row]) -> Iterator[str]:
        for row in rows:
            name = str(row.student.id)
            if not _says(row.student, "id"):
                yield (
                    f"{name}: Moodle does not find such a username, and may give the grades to the "
                    "student of the line before; take the line out"
                )
            elif name.startswith(("=", "+", "-", "@")):
                yield (
                    f"{name}: Moodle puts an apostrophe before it as it reads the file, finds no "
                    "such student and imports nothing; take the line out, or let Moodle find "
                    "everybody by ID number"
                )
        for number, assignment in enumerate(assignments):
            best = max((row.grades[number].score or 0.0 for row in rows), default=0.0)
            if best > assignment.max_score:
                words = f"{_number(best)} of {_number(assignment.max_score)} points"
                yield (
                    f"{assignment.name}: a student has {words}; Moodle imports nothing while a "
                    "score is above the maximum of the grade item"
                )


def _says(student: Any, key: str) -> bool:
    """Whether PHP finds something in it: "0" is nothing there."""
    return str(getattr(student, key) or "") not in ("", "0")


class TableExport(_Export):
    """A plain table, for any other system: identity, scores, total and the points possible."""

    without_score = True

    def table(self, assignments: Sequence[Any], rows: Sequence[Row]) -> Iterator[list[str]]:
        possible = sum(assignment.max_score for assignment in assignments)
        head = ["student_id", "lms_user_id", "last_name", "first_name", "email"]
        yield [*head, *_names(assignments), "total", "points_possible"]
        for row in rows:
            student = row.student
            identity = (
                student.id, student.lms_user_id, student.last_name, student.first_name,
                student.email,
            )  # fmt: skip
            known = [grade.score for grade in row.grades if grade.score is not None]
            # A total of less than all would look like a low one.
            total = _number(sum(known)) if len(known) == len(row.grades) else ""
            cells = [*_scores(row), total, _number(possible)]
            yield [*(part or "" for part in identity), *cells]


def _chosen(entries: Iterable[Any], key: str, wanted: Iterable[object], kind: str) -> list[Any]:
    found = {str(getattr(entry, key)): entry for entry in entries}
    names = [str(name) for name in wanted]
    unknown = [name for name in names if name not in found]
    if unknown:
        raise ValueError(f"the grade book knows no {kind} {', '.join(unknown)}")
    return [entry for name, entry in found.items() if not names or name in names]


def _grade(gradebook: Gradebook, assignment: Any, student: Any) -> Grade:
    try:
        # (Its columns have no types that a checker could follow.)
        submission: Any = gradebook.find_submission(assignment.name, student.id)
    except MissingEntry:
        return Grade(None)
    if submission.needs_manual_grade:
        return Grade(None, waiting=True)
    if not submission.notebooks:
        return Grade(None)
    comments = [
        comment.comment
        for notebook in submission.notebooks
        for comment in notebook.comments
        if comment.comment
    ]
    penalty = submission.late_submission_penalty or 0.0
    return Grade(max(0.0, submission.score - penalty), "\n".join(comments))


def _names(assignments: Sequence[Any]) -> list[str]:
    return [cast(str, assignment.name) for assignment in assignments]


def _scores(row: Row) -> list[str]:
    return ["" if grade.score is None else _number(grade.score) for grade in row.grades]


def _number(value: float) -> str:
    """Without the noise of binary fractions: ``13.5``, ``100``."""
    return f"{round(value, 4):.10g}"
