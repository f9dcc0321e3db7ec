"""Runs the instructor's notebooks with their reference solutions: ``course run``.

Each notebook is executed by a kernel of its own in an empty temporary folder. The scores are
those that its check cells say, read as the grade book reads them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib import connect
from course_lib.catalog import Catalog, Lesson, course
from course_lib.errors import CourseError
from course_lib.showing import UNATTENDED

CELL_SECONDS = 300
CLEAN = "from course_lib import lab\nlab.clean()"
"""Run at the end, whatever happened: the lesson's things go as they came."""


@dataclass(frozen=True, slots=True)
class LessonRun:
    """How one notebook went; ``error`` is None where every cell ran and every check judged."""

    assignment: str
    notebook: str
    earned: float
    points: float
    seconds: float
    error: str | None

    @property
    def complete(self) -> bool:
        """Whether the reference solutions earned all points."""
        return self.error is None and self.earned == self.points

    def to_json(self) -> dict[str, Any]:
        return {
            "assignment": self.assignment,
            "notebook": self.notebook,
            "earned": self.earned,
            "points": self.points,
            "seconds": self.seconds,
            "error": self.error,
        }


def run_lessons(
    selection: str | None = None,
    *,
    engine: str | None = None,
    catalog: Catalog | None = None,
    started: Callable[[Lesson], None] = lambda _: None,
    finished: Callable[[LessonRun], None] = lambda _: None,
) -> list[LessonRun]:
    """Run the lessons that ``selection`` means (``ASSIGNMENT[/NOTEBOOK]``; none: all).

    ``started`` and ``finished`` are told of progress. Raises
    :class:`~course_lib.errors.UnknownLesson` and what :func:`course_lib.connect.connect` raises;
    what goes wrong in a notebook is in its :class:`LessonRun`.
    """
    catalog = catalog or course()
    lessons = catalog.select(selection)
    environment = {**connect.connect(engine).environment(), UNATTENDED: "1"}
    runs = []
    with _environment(environment):
        for lesson in lessons:
            started(lesson)
            runs.append(run_lesson(catalog.notebook(lesson), lesson))
            finished(runs[-1])
    return runs


def run_lesson(notebook: Path, lesson: Lesson) -> LessonRun:
    """Execute one notebook with the engine that the environment names."""
    begun = time.monotonic()
    earned, error = 0.0, None
    with tempfile.TemporaryDirectory(prefix="course-run-") as folder:
        copy = Path(folder) / notebook.name
        try:
            shutil.copy(notebook, copy)
            earned, error = _execute(copy)
        except OSError as problem:
            error = f"{notebook} cannot be read: {problem.strerror}"
        except CourseError as problem:
            error = str(problem)
    seconds = round(time.monotonic() - begun, 3)
    return LessonRun(lesson.assignment, lesson.name, earned, lesson.points, seconds, error)


def _execute(path: Path) -> tuple[float, str | None]:
    """Points earned and the first thing that went wrong."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    from graders.nbgrader.scores import is_check, score

    try:
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        nbformat.validate(notebook)
    except (ValueError, TypeError, AttributeError, KeyError, nbformat.ValidationError) as problem:
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        return 0.0, f"{path.name} is no notebook: {reason}"
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        resources={"metadata": {"path": str(path.parent)}},
        shutdown_kernel="immediate",
    )
    error, started = None, False
    # A kernel's own log lines are not for whoever reads the scores.
    with client.setup_kernel(stderr=subprocess.DEVNULL):
        for index, cell in enumerate(notebook.cells):
            try:
                client.execute_cell(cell, index)
            except CellExecutionError as problem:
                error = error or f"cell {index + 1}: {problem.ename}: {problem.evalue}"
                if not started:
                    # `lab.start` refused: what follows would run on whatever there is.
                    return 0.0, error
            except (CellTimeoutError, DeadKernelError) as problem:
                return 0.0, error or f"cell {index + 1}: {str(problem).splitlines()[0]}"
            started = started or cell.cell_type == "code"
        error = _clean(client, notebook) or error
    checks = [cell for cell in notebook.cells if is_check(cell)]
    return float(sum(score(cell) or 0.0 for cell in checks)), error


def _clean(client: Any, notebook: Any) -> str | None:
    import nbformat
    from nbclient.exceptions import CellExecutionError

    cell = nbformat.v4.new_code_cell(CLEAN)  # type: ignore[no-untyped-call]
    notebook.cells.append(cell)
    try:
        client.execute_cell(cell, len(notebook.cells) - 1)
    except CellExecutionError as problem:
        return f"cleaning up: {problem.ename}: {problem.evalue}"
    finally:
        notebook.cells.pop()
    return None


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    """Kernels inherit the environment, so that is where the engine is named."""
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
