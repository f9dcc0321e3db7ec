"""Reads what is known of a class: scores from the grade book, reasons from the notebooks.

The grade book says what counts (formgrader may have changed a score); the autograded notebooks
say why, in the outputs of their check cells. Nothing else is kept, so a report is right for
whatever was graded, today or last year, by ``course autograde`` or ``nbgrader autograde``.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.catalog import Catalog, course
from course_lib.errors import CourseError
from graders.nbgrader.directory import open_directory
from graders.report.model import Attempt, ClassReport, Exercise, Outcome, Student
from graders.result import MIME_TYPE, SECONDS, CheckResult

MAX_BYTES = 50 * 1024 * 1024


def collect(
    root: Path, assignment: str | None = None, *, catalog: Catalog | None = None
) -> list[ClassReport]:
    """The report of one assignment, or of all that somebody handed in.

    :raises CourseError: this is no course directory, or nothing is graded there.
    """
    directory = open_directory(root)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbgrader's own use of SQLAlchemy
        from nbgrader.api import Gradebook

        with Gradebook(directory.db_url, directory.course_id) as book:
            known = [str(one.name) for one in book.assignments if one.submissions]
            if assignment is None and not known:
                raise CourseError("nothing is graded yet", "course autograde")
            if assignment is not None and assignment not in known:
                others = ", ".join(known) or "none"
                raise CourseError(
                    f"nobody's {assignment!r} is in the grade book", f"assignments: {others}"
                )
            names = [assignment] if assignment else known
            return [_Reader(book, directory, name, catalog or course()).read() for name in names]


@dataclass(slots=True)
class _Seen:
    """What a notebook tells of one exercise."""

    result: CheckResult | None = None
    reason: str = ""
    seconds: float | None = None


@dataclass(slots=True)
class _Reader:
    book: Any
    directory: Any
    assignment: str
    catalog: Catalog
    notes: list[str] = field(default_factory=list)

    def read(self) -> ClassReport:
        cells = self._cells()
        grades = self._grades()
        penalties = self._penalties()
        seen = {
            (student, notebook): self._notebook(student, notebook)
            for student in penalties
            for notebook in dict.fromkeys(notebook for notebook, _, _ in cells)
        }
        students = tuple(
            Student(
                one.id, _name(one), one.id in penalties, penalties.get(one.id, 0.0)
            )
            for one in sorted(self.book.students, key=lambda one: str(one.id))
        )  # fmt: skip
        exercises = []
        for notebook, name, points in cells:
            attempts = tuple(
                _attempt(
                    student, name, grades.get((student.id, notebook, name)), points,
                    seen.get((student.id, notebook)),
                )
                for student in students
            )  # fmt: skip
            title = self._title(name, attempts)
            exercises.append(Exercise(name, title, notebook, points, attempts))
        title = next(
            (one.title for one in self.catalog.assignments if one.name == self.assignment),
            self.assignment,
        )
        return ClassReport(
            self.assignment, title, students, tuple(exercises), tuple(self.notes)
        )  # fmt: skip

    def _title(self, name: str, attempts: tuple[Attempt, ...]) -> str:
        for _, exercise in self.catalog.exercises():
            if exercise.id == name:
                return exercise.title
        told = (attempt.result.title for attempt in attempts if attempt.result)
        return next(told, name)

    def _cells(self) -> list[tuple[str, str, float]]:
        """Notebook, grade_id and points of what is graded, in the order of the course."""
        from nbgrader.api import GradeCell, Notebook, TaskCell

        order = {exercise.id: i for i, (_, exercise) in enumerate(self.catalog.exercises())}
        found = []
        for kind in (GradeCell, TaskCell):
            rows = (
                self.book.db.query(Notebook.name, kind.name, kind.max_score)
                .join(Notebook, Notebook.id == kind.notebook_id)
                .filter(Notebook.assignment_id == self._id)
            )
            found += [(str(n), str(c), float(points)) for n, c, points in rows]
        # A cell of the instructor's own stands behind those of the course in its notebook.
        places: dict[str, int] = {}
        for notebook, name, _ in found:
            place = order.get(name, len(order))
            places[notebook] = min(place, places.get(notebook, len(order)))
        return sorted(
            found, key=lambda row: (places[row[0]], row[0], order.get(row[1], len(order)), row[1])
        )

    @property
    def _id(self) -> Any:
        return self.book.find_assignment(self.assignment).id

    def _grades(self) -> dict[tuple[str, str, str], tuple[float | None, float, bool]]:
        """By student, notebook and cell: automatic score, score, whether it waits."""
        from nbgrader.api import BaseCell, Grade, Notebook, SubmittedAssignment, SubmittedNotebook

        rows = (
            self.book.db.query(
                SubmittedAssignment.student_id, Notebook.name, BaseCell.name,
                Grade.auto_score, Grade.manual_score, Grade.score, Grade.needs_manual_grade,
            )
            .select_from(Grade)
            .join(BaseCell, BaseCell.id == Grade.cell_id)
            .join(SubmittedNotebook, SubmittedNotebook.id == Grade.notebook_id)
            .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
            .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
            .filter(SubmittedAssignment.assignment_id == self._id)
        )  # fmt: skip
        return {
            (student, notebook, cell): (auto if manual is None else manual, score, bool(waits))
            for student, notebook, cell, auto, manual, score, waits in rows
        }

    def _penalties(self) -> dict[str, float]:
        """By student of whom something is graded: the points taken for lateness."""
        from nbgrader.api import SubmittedAssignment, SubmittedNotebook

        rows = (
            self.book.db.query(
                SubmittedAssignment.student_id, SubmittedNotebook.late_submission_penalty
            )
            .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .filter(SubmittedAssignment.assignment_id == self._id)
        )
        found: dict[str, float] = {}
        for student, penalty in rows:
            if self._folder(student).is_dir():
                found[student] = found.get(student, 0.0) + (penalty or 0.0)
        return found

    def _folder(self, student: str) -> Path:
        path = self.directory.format_path(
            self.directory.autograded_directory, student, self.assignment
        )
        return Path(path)

    def _notebook(self, student: str, notebook: str) -> dict[str, _Seen] | None:
        """By grade_id; None where there is no such notebook."""
        path = self._folder(student) / f"{notebook}.ipynb"
        try:
            if path.stat().st_size > MAX_BYTES:
                raise ValueError("too large")
            document = json.loads(path.read_bytes())
            return dict(_seen(document))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            self.notes.append(f"{path} cannot be read: {reason}")
            return {}


def _seen(document: Any) -> Iterator[tuple[str, _Seen]]:
    for cell in document["cells"]:
        words = cell["metadata"].get("nbgrader") or {}
        if cell["cell_type"] != "code" or not words.get("grade") or words.get("solution"):
            continue
        found = _Seen()
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                found.reason = str(output["evalue"]).partition(" could not be judged: ")[2]
            data = output.get("data", {})
            if MIME_TYPE in data:
                found.result = read_result(data[MIME_TYPE], words["grade_id"])
                seconds = output.get("metadata", {}).get(SECONDS)
                if isinstance(seconds, int | float):
                    found.seconds = float(seconds)
        yield str(words["grade_id"]), found


def read_result(document: Any, grade_id: str) -> CheckResult | None:
    """What a check said, None for anything else: the notebook may say what it likes."""
    try:
        found = CheckResult.from_json(document)
        texts = [found.title, found.status]
        numbers = [found.points, found.earned]
        for one in found.expectations:
            texts += [one.text, one.found, one.hint]
            numbers.append(one.points)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    sound = all(isinstance(text, str) for text in texts) and all(
        isinstance(number, int | float) for number in numbers
    )
    return found if sound and found.grade_id == grade_id else None


def _attempt(
    student: Student,
    name: str,
    grade: tuple[float | None, float, bool] | None,
    points: float,
    notebook: Mapping[str, _Seen] | None,
) -> Attempt:
    known, score, waits = grade or (None, 0.0, False)
    # For a notebook that was not handed in nbgrader writes 0, as for wrong work.
    waits = waits and student.graded
    if grade is None or (notebook is None and not known and not waits):
        return Attempt(student.id, "missing")
    seen = (notebook or {}).get(name, _Seen())
    if waits:
        reason = seen.reason or (seen.result.reason if seen.result else "")
        if not reason:
            reason = (
                "it is graded by hand" if notebook is not None else "its notebook is unreadable"
            )
        return Attempt(student.id, "waiting", score, seen.result, reason, seen.seconds)
    outcome: Outcome = "passed" if score >= points else "partial" if score > 0 else "failed"
    return Attempt(student.id, outcome, score, seen.result, "", seen.seconds)


def _name(student: Any) -> str:
    return ", ".join(filter(None, (student.last_name, student.first_name)))
