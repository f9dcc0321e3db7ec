"""Runs the instructor's notebooks with their reference solutions: ``course run``.

Each notebook is executed by a kernel of its own in an empty temporary folder. On an engine that
is there already, one after the other; where embedded engines are made for the occasion, several
at once. The scores are those that the check cells say, read as the grade book reads them.
"""

from __future__ import annotations

import asyncio
import importlib
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib import lean
from course_lib.catalog import Catalog, Lesson, course
from graders.nbgrader import lanes
from graders.nbgrader.shared_machine import SharedMachine
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

    ``started`` and ``finished`` are told of progress, in the order in which lessons begin and end;
    what is returned has the order of the course. Raises
    :class:`~course_lib.errors.UnknownLesson` and what :func:`course_lib.connect.connect` raises;
    what goes wrong in a notebook is in its :class:`LessonRun`.
    """
    catalog = catalog or course()
    lessons = catalog.select(selection)
    with lean.importing():
        lean.import_nbformat()
        importlib.import_module("nbclient")
    return asyncio.run(_Run(catalog, lessons, started, finished).on(engine))


def run_lesson(
    notebook: Path, lesson: Lesson, environment: Mapping[str, str] = os.environ
) -> LessonRun:
    """Execute one notebook with the engine that the environment names."""

    async def run() -> LessonRun:
        turn = Turn(notebook, environment)
        try:
            await turn.open()
            async with turn:
                return await _run(turn, lesson)
        finally:
            await turn.close()

    return asyncio.run(run())


async def _run(turn: Turn, lesson: Lesson) -> LessonRun:
    earned, seconds, error = await turn.run()
    return LessonRun(lesson.assignment, lesson.name, earned, lesson.points, seconds, error)


class _Run:
    """Lessons on their way through the lanes."""

    def __init__(
        self,
        catalog: Catalog,
        lessons: Sequence[Lesson],
        started: Callable[[Lesson], None],
        finished: Callable[[LessonRun], None],
    ) -> None:
        self._catalog, self._lessons = catalog, lessons
        self._started, self._finished = started, finished
        self._waiting = deque(lessons)
        self._runs: dict[str, LessonRun] = {}
        self._machine = SharedMachine()

    async def on(self, engine: str | None) -> list[LessonRun]:
        """Run them all, in as many lanes as that engine gives."""
        try:
            async with asyncio.TaskGroup() as group:
                for lane in lanes.of(engine)[: len(self._lessons)]:
                    group.create_task(self._go_through(lane))
        except ExceptionGroup as failed:
            # Where one lane could not be had, the others were given up.
            raise failed.exceptions[0] from None
        return [self._runs[lesson.key] for lesson in self._lessons]

    async def _go_through(self, lane: lanes.Lane) -> None:
        async with AsyncExitStack() as stack:
            environment = await stack.enter_async_context(_in_thread(lane))
            following = await self._open(stack, environment)
            while following:
                lesson, turn = following
                async with turn:
                    # The next one's kernel comes up while this lesson runs.
                    following = await self._open(stack, environment)
                    async with self._machine.used_by(lesson):
                        self._started(lesson)
                        self._runs[lesson.key] = done = await _run(turn, lesson)
                        self._finished(done)

    async def _open(
        self, stack: AsyncExitStack, environment: Mapping[str, str]
    ) -> tuple[Lesson, Turn] | None:
        if not self._waiting:
            return None
        lesson = self._waiting.popleft()
        turn = Turn(self._catalog.notebook(lesson), environment)
        stack.push_async_callback(turn.close)
        await turn.open()
        return lesson, turn


@asynccontextmanager
async def _in_thread(lane: lanes.Lane) -> AsyncIterator[Mapping[str, str]]:
    """A lane, whose beginning and end take a while."""
    environment = await asyncio.to_thread(lane.__enter__)
    try:
        yield environment
    finally:
        await asyncio.to_thread(lane.__exit__, None, None, None)
