"""The grader's own look at a student's work: exercises of the course, and own ones.

An instructor's own exercise stands in a locked cell, whose source is the instructor's again by the
time it gets here. It is run in the grader's process, not in the student's: what it defines looks at
the engine through a :class:`~graders.probe.Probe`, and takes from the student plain answers only.
"""

from __future__ import annotations

import contextlib
import io
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import graders
from course_lib.catalog import Catalog, Exercise, Lesson
from course_lib.errors import UnknownGradeId
from graders import own
from graders.grading.cells import CheckCell, check_cell
from graders.past import Past
from graders.probe import Probe
from graders.registry import CheckFunction
from graders.result import CheckResult
from graders.runner import run_check, unobserved

CHECK_SECONDS = 90
"""For one check: it waits for what is still starting."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An exercise to judge.

    :param function: its check; None for those of the course.
    :param trouble: why it cannot be judged.
    """

    lesson: Lesson
    exercise: Exercise
    function: CheckFunction | None = None
    trouble: str = ""


class Judge:
    """Judges the exercises of one notebook.

    :param client: of the engine.
    :param past: what happened on it, by the engine's own word.
    :param folder: the student's files.
    """

    def __init__(self, client: Any, past: Past, folder: Path, catalog: Catalog) -> None:
        self._client = client
        self._past = past
        self._folder = folder
        self._catalog = catalog
        # What a notebook's first cell imports; then what each definition adds for the next.
        self._names: dict[str, Any] = {name: getattr(graders, name) for name in graders.__all__}
        self._names["__name__"] = "__main__"
        self._printed = io.StringIO()

    def printed(self) -> str:
        """What instructor's code has printed since this was last asked."""
        text = self._printed.getvalue()
        self._printed = io.StringIO()
        return text

    def check_in(self, cell: Any) -> CheckCell | None:
        """The check that a cell asks for, where it needs nothing of the student's kernel."""
        check = check_cell(cell)
        if check is None or self._of_course(check) is not None:
            return check
        mine = bool(check.definition) and check.needs <= self._names.keys()
        return check if mine else None

    def asked(self, cell: Any, check: CheckCell) -> Asked:
        """The exercise; an own one is defined by that."""
        found = self._of_course(check)
        if found is not None:
            return found
        try:
            with _alarm(CHECK_SECONDS), self._as_in_a_cell():
                exec(compile(check.definition, f"<{check.grade_id}>", "exec"), self._names)
            mine = own.find(check.grade_id)
            if mine is None:
                raise UnknownGradeId(f"the cell defines no exercise {check.grade_id!r}")
        except Exception as error:  # the instructor's mistake, and nobody's points
            points = float(cell.metadata["nbgrader"]["points"])
            nothing = Exercise(check.grade_id, check.grade_id, points)
            reason = f"its definition broke ({type(error).__name__}: {error})"
            return Asked(own.LESSON, nothing, trouble=reason)
        return Asked(own.LESSON, mine.entry, mine.check)

    def judge(self, asked: Asked, answers: Mapping[str, object]) -> CheckResult:
        """Look, and say what was found."""
        probe = Probe(self._client, answers, self._folder, past=self._past)
        try:
            with _alarm(CHECK_SECONDS):
                if asked.function is None:
                    return run_check(asked.lesson, asked.exercise, probe)
                with self._as_in_a_cell():
                    return run_check(asked.lesson, asked.exercise, probe, asked.function)
        except OSError as error:
            return unobserved(asked.lesson, asked.exercise, (), str(error))

    def _of_course(self, check: CheckCell) -> Asked | None:
        try:
            lesson, exercise = self._catalog.exercise(check.grade_id)
        except UnknownGradeId:
            return None
        return Asked(lesson, exercise) if check.only_imports else None

    @contextlib.contextmanager
    def _as_in_a_cell(self) -> Iterator[None]:
        """An instructor's own words may print, and read the student's files."""
        with contextlib.chdir(self._folder), contextlib.redirect_stdout(self._printed):
            yield


@contextlib.contextmanager
def _alarm(seconds: int) -> Iterator[None]:
    """A check that hangs is one that could not observe."""

    def ring(*_: object) -> None:
        raise TimeoutError(f"the check was not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
