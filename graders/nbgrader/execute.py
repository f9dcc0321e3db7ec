"""Runs the instructor's notebooks with their reference solutions: ``course run``.

Each notebook is executed by a kernel of its own in an empty temporary folder, one after the other.
The scores are those that its check cells say, read as the grade book reads them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from course_lib import connect
from course_lib.catalog import Catalog, Lesson, course
from course_lib.showing import UNATTENDED
from graders.nbgrader.turn import Turn


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
    runs: list[LessonRun] = []
    with _environment(environment), ExitStack() as stack:
        ahead = None
        for lesson, following in zip_longest(lessons, lessons[1:]):
            started(lesson)
            with ahead or Turn(catalog.notebook(lesson)) as turn:
                # The next one's kernel comes up while this lesson runs.
                ahead = Turn(catalog.notebook(following)) if following else None
                if ahead:
                    stack.callback(ahead.close)
                runs.append(_run(turn, lesson))
            finished(runs[-1])
    return runs


def run_lesson(notebook: Path, lesson: Lesson) -> LessonRun:
    """Execute one notebook with the engine that the environment names."""
    with Turn(notebook) as turn:
        return _run(turn, lesson)


def _run(turn: Turn, lesson: Lesson) -> LessonRun:
    earned, seconds, error = turn.run()
    return LessonRun(lesson.assignment, lesson.name, earned, lesson.points, seconds, error)


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
