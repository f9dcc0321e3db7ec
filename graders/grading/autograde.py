"""Grades a class: nbgrader's ``Autograde`` with its middle, the running, done in parallel.

What comes before (files, sanitizing) and after (scores, late penalties, the notebook's file) is
nbgrader's own, step by step in this one process, which alone writes the grade book. Running a
notebook is :func:`graders.grading.submission.grade`, in other processes.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbconvert.exporters import Exporter
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import CheckCellMetadata, Execute, OverwriteCells, SaveAutoGrades
from traitlets import Type
from traitlets.utils.importstring import import_item

from course_lib.errors import CourseError
from graders.grading import intake, packed
from graders.grading.conversion import PACKED, CheckCells, OwningExporter
from graders.grading.gradebook import (
    RESULT,
    SaveResults,
    listed_students,
    path_of,
    shared_gradebook,
)
from graders.grading.job import Job, NotGradedError, Row
from graders.grading.model import MEGABYTE, Limits, NotebookResult, Submission, SubmissionResult
from graders.grading.restore import STRANGE, RestoreCells
from graders.nbgrader.engine import PrepareEngine

STAGING = ".grading"
"""Folder in ``autograded/`` with what is not complete; no command of nbgrader looks there."""


class ClassAutograde(Autograde):
    """nbgrader's converter; :meth:`jobs` and :meth:`save` are its two halves.

    :param limits: what a submission may use.
    :param engine: see :class:`~graders.grading.model.Submission`.
    """

    exporter_class = Type(OwningExporter, klass=Exporter).tag(config=True)
    limits = Limits()
    engine = "embedded"
    _staged = False
    _listed: frozenset[str] = frozenset()

    def _format_dest(self, assignment_id: str, student_id: str, escape: bool = False) -> str:
        if self._staged and not escape:
            return os.path.join(self._staging, student_id, assignment_id)
        found: str = super()._format_dest(assignment_id, student_id, escape)
        return found

    @property
    def _course(self) -> Any:
        return self.coursedir

    @property
    def _staging(self) -> str:
        return os.path.join(self._course.root, self._course.autograded_directory, STAGING)

    def grade_class(self, work: Callable[[Iterator[Job | Row], Callable[..., Row]], None]) -> None:
        """Prepare everything and hand jobs and :meth:`save` to ``work``.

        :raises CourseError: nothing can be graded here.
        """
        self._work = work
        self.start()

    def convert_notebooks(self) -> None:
        """In place of nbgrader's loop."""
        with self._alone(), shared_gradebook(self._course.db_url, self._course.course_id):
            self._listed = listed_students(self._course.db_url, self._course.course_id)
            self._work(self.jobs(), self.save)

    # --- before --------------------------------------------------------------------------

    def jobs(self) -> Iterator[Job | Row]:
        """What is to be graded, and at once the rows of what is not."""
        for path in sorted(self.assignments):
            match = re.match(
                self._format_source("(?P<assignment>.*)", "(?P<student>.*)", escape=True), path
            )
            assert match is not None
            assignment, student = match["assignment"], match["student"]
            self.notebooks = sorted(self.assignments[path])
            if student in self._course.student_id_exclude.split(","):  # as nbgrader reads it
                yield Row(student, "excluded", notes=["left out (student_id_exclude)"])
                continue
            try:
                if not self.init_destination(assignment, student):
                    yield Row(student, "skipped", notes=["graded before (--force does it again)"])
                    continue
                yield self._prepare(assignment, student, path)
            except Exception as error:
                self._clear(assignment, student)
                yield Row(student, "failed", notes=[intake.reason(error)])

    def _prepare(self, assignment: str, student: str, path: str) -> Job:
        self.run_pre_convert_hook()  # type: ignore[no-untyped-call]
        self._sanitizing = True
        self._clear(assignment, student)
        links = intake.look_over(Path(path), self.limits.disk_mb * MEGABYTE)
        intake.check_time(Path(path))
        with self._in_staging():
            notes = self._init(assignment, student)
            notes += self._strangers(path)
            for link in links:
                notes.append(f"{link} is a link, and was left out")
                copy = Path(self._format_dest(assignment, student), link)
                if copy.suffix != ".ipynb":
                    copy.unlink(missing_ok=True)
            files = intake.read_files(Path(self._format_dest(assignment, student)))
        texts: dict[str, str] = {}
        paths: dict[str, str] = {}
        unreadable: dict[str, str] = {}
        self._use(self.sanitize_preprocessors)
        for notebook in self.notebooks:
            name = Path(notebook).stem
            try:
                texts[name], strange = self._sanitize(notebook)
                paths[name] = notebook
                if strange:
                    notes.append(f"{name}.ipynb has none of the exercises: is it another notebook?")
            except Exception as error:
                unreadable[name] = intake.reason(error, "it is a broken notebook")
                notes.append(f"{name}.ipynb: {unreadable[name]}")
        if not texts:
            raise NotGradedError("; ".join(notes))
        submission = Submission(
            student, assignment, texts, files, self._hidden(), self.limits, self.engine
        )
        return Job(assignment, student, path, submission, paths, notes, unreadable)

    def _init(self, assignment: str, student: str) -> list[str]:
        """nbgrader's part; a line where the student is not on the course's list."""
        handed = ", ".join(Path(notebook).name for notebook in self.notebooks)
        try:
            self.init_assignment(assignment, student)
        except NbGraderException:
            if self.notebooks:
                raise
            raise NotGradedError(f"it has no notebook of this assignment, but {handed}") from None
        if not self._listed or student in self._listed:
            return []
        return ["was not on the grade book's list of students, and was added"]

    def _sanitize(self, path: str) -> tuple[str, bool]:
        """The notebook's text, and whether it has nothing of what was handed out."""
        intake.check_notebook(path)
        resources: Any = self.init_single_notebook_resources(path)
        resources[PACKED] = True
        text, resources = self.exporter.from_filename(path, resources=resources)
        return str(text), bool(resources.get(STRANGE))

    def _strangers(self, path: str) -> list[str]:
        """Notebooks that were handed in beside those of the assignment; they are left out."""
        known = {Path(notebook).name for notebook in self.notebooks}
        return [
            f"{found.name} is not of this assignment, and was left out"
            for found in sorted(Path(path).glob("*.ipynb"))
            if found.name not in known and self._course.notebook_id == "*"
        ]

    def _hidden(self) -> tuple[str, ...]:
        course = self._course
        folders = (
            course.source_directory, course.release_directory, course.submitted_directory,
            course.autograded_directory, course.feedback_directory,
        )  # fmt: skip
        book = path_of(course.db_url)
        return tuple(os.path.join(course.root, name) for name in filter(None, (*folders, book)))

    # --- after ---------------------------------------------------------------------------

    def save(self, job: Job, result: SubmissionResult) -> Row:
        """Write scores and notebooks of a submission that ran."""
        row = Row(job.student, seconds=result.seconds, notes=list(job.notes))
        try:
            if result.problem:
                raise NotGradedError(result.problem)
            self.notebooks = [job.paths[name] for name in result.notebooks]
            with self._in_staging():
                self._use(self.autograde_preprocessors)
                for name, done in result.notebooks.items():
                    self._save_notebook(job.paths[name], done)
                self._mark_unreadable(job)
                self.set_permissions(job.assignment, job.student)
                staged = self._format_dest(job.assignment, job.student)
            _complete(Path(staged), Path(self._format_dest(job.assignment, job.student)))
            self.run_post_convert_hook()  # type: ignore[no-untyped-call]
        except Exception as error:
            self._clear(job.assignment, job.student)
            row.status = "failed"
            row.notes.append(intake.reason(error))
            return row
        self._fill(row, job, result)
        return row

    def _save_notebook(self, path: str, done: NotebookResult) -> None:
        resources: Any = self.init_single_notebook_resources(path)
        resources[RESULT] = done
        exporter: Any = self.exporter
        notebook = packed.notebook(done.notebook)
        output, resources = exporter.from_notebook_node(notebook, resources=resources)
        self.write_single_notebook(output, resources)

    def _mark_unreadable(self, job: Job) -> None:
        from nbgrader.api import Gradebook

        for name in job.unreadable:
            with Gradebook(self._course.db_url, self._course.course_id) as book:
                found: Any = book.find_submission_notebook(name, job.assignment, job.student)
                for grade in found.grades:
                    grade.auto_score = None
                    grade.needs_manual_grade = True
                book.db.commit()

    def _fill(self, row: Row, job: Job, result: SubmissionResult) -> None:
        from nbgrader.api import Gradebook

        with Gradebook(self._course.db_url, self._course.course_id) as book:
            found: Any = book.find_submission(job.assignment, job.student)
            row.earned, row.points = float(found.score), float(found.max_score)
        for name, done in result.notebooks.items():
            for grade_id, reason in done.unjudged.items():
                row.notes.append(f"{name}: {grade_id} waits for you: {reason}")
            row.notes += [f"{name}: {line}" for line in done.left]
            row.in_kernel += done.in_kernel
        if job.unreadable or any(done.unjudged for done in result.notebooks.values()):
            row.status = "attention"

    # --- inside --------------------------------------------------------------------------

    def _use(self, preprocessors: list[Any]) -> None:
        """nbgrader's list, but for the running and what of it a submission could trip up."""
        exporter: Any = self.exporter
        exporter.optimistic_validation = True  # once in the end, not after every step
        exporter._preprocessors = []
        for step in preprocessors:
            kind = import_item(step) if isinstance(step, str) else step
            if not isinstance(kind, type) or issubclass(kind, (Execute, PrepareEngine)):
                continue
            if issubclass(kind, OverwriteCells):
                exporter.register_preprocessor(RestoreCells)
            if issubclass(kind, SaveAutoGrades):
                kind = SaveResults
            if kind is CheckCellMetadata:
                kind = CheckCells
            exporter.register_preprocessor(kind)

    def _clear(self, assignment: str, student: str) -> None:
        with self._in_staging():
            shutil.rmtree(self._format_dest(assignment, student), ignore_errors=True)

    @contextmanager
    def _in_staging(self) -> Iterator[None]:
        self._staged = True
        try:
            yield
        finally:
            self._staged = False

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One such run at a time in a course; what an interrupted one left is taken away."""
        os.makedirs(self._staging, exist_ok=True)
        with open(os.path.join(self._staging, "lock"), "w", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise CourseError("another `course autograde` is at work in this course") from None
            for entry in Path(self._staging).iterdir():
                if entry.is_dir():
                    shutil.rmtree(entry, ignore_errors=True)
            try:
                yield
            finally:
                shutil.rmtree(self._staging, ignore_errors=True)


def _complete(staged: Path, final: Path) -> None:
    """Put what is graded where nbgrader has it.

    Other notebooks of the submission are there where ``--notebook`` named some: they stay.
    """
    if not final.exists():
        final.parent.mkdir(parents=True, exist_ok=True)
        staged.rename(final)
        return
    # Notebooks come last: who looks for them begins anew where one is missing.
    found = sorted(staged.rglob("*"), key=lambda path: (path.suffix == ".ipynb", path))
    for path in found:
        target = final / path.relative_to(staged)
        if path.is_dir():
            target.mkdir(exist_ok=True)
        else:
            path.replace(target)
