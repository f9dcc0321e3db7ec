"""Runs one notebook: its cells in the student's kernel, the checks here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from graders.display import as_bundle
from graders.grading.cells import CheckCell, begins_lesson, is_test
from graders.grading.judge import Judge
from graders.grading.outputs import new_output
from graders.grading.session import CellRun, KernelGoneError, Session
from graders.result import SECONDS, CheckResult
from graders.runner import unobserved

TIMEOUT_ERROR = "CellTimeoutError"
_MISSPELT = ("UnknownLesson", "UsageError")
"""How a lesson does not begin where somebody has changed the words in its cell."""


@dataclass(slots=True)
class Run:
    """What happened while a notebook ran; see :class:`graders.grading.model.NotebookResult`."""

    unjudged: dict[str, str] = field(default_factory=dict)
    checks: list[CheckResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    in_kernel: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


class NotebookRunner:
    """Runs the cells of one notebook in order and fills in their outputs.

    :param session: the student's kernel.
    :param judge: makes the checks.
    :param healthy: why nothing can be judged any more; empty while it can.
    :param doubt: why what is missing may not be the student's fault; empty where it is.
    :param deadline: on the monotonic clock.
    """

    def __init__(
        self,
        session: Session,
        judge: Judge,
        healthy: Callable[[], str],
        doubt: Callable[[], str],
        deadline: float,
    ) -> None:
        self._session = session
        self._judge = judge
        self._healthy = healthy
        self._doubt = doubt
        self._deadline = deadline
        self._run = Run()
        self._trouble = ""
        """Of a cell since the last check: the next exercise cannot be judged for it."""
        self._unprepared = ""
        """Why the lesson did not begin, where the student had no part in it."""
        self._begun = time.monotonic()
        """When the work for the next exercise began: at the end of the check before."""

    def run(self, notebook: Any) -> Run:
        """Execute ``notebook`` in place."""
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            # As in nbclient; its outputs are those of this run alone.
            cell.outputs = []
            cell.execution_count = None
            if not cell.source.strip():
                if is_test(cell):
                    self._run.unjudged[_name(cell)] = "the test is empty"
                continue
            check = self._judge.check_in(cell)
            if check is None and is_test(cell):
                self._run.in_kernel.append(_name(cell))
            with self._timed("cells" if check is None else "checks"):
                if check is None:
                    self._execute(cell, index)
                else:
                    self._check(cell, check)
        return self._run

    def _execute(self, cell: Any, index: int) -> None:
        cell.outputs = self._session.outputs.begin()
        if self._session.gone:
            self._skip(cell)
            return
        try:
            if time.monotonic() > self._deadline:
                self._session.close()
                raise KernelGoneError("the time for the whole submission is over")
            done = self._session.execute(cell.source, cell.get("id", ""), self._deadline)
        except KernelGoneError as gone:
            self._trouble = f"cell {index + 1}: {gone}"
            self._run.notes.append(self._trouble)
            cell.outputs.append(_error("DeadKernelError", str(gone)))
            if is_test(cell):
                self._run.unjudged[_name(cell)] = self._trouble
            return
        cell.execution_count = done.count
        _add_error(cell, done)
        if done.trouble:
            self._trouble = f"cell {index + 1}: {done.trouble}"
            self._run.notes.append(self._trouble)
        failed = done.trouble or _failure(done)
        if begins_lesson(cell):
            self._unprepared = f"cell {index + 1} began no lesson: {failed}" if failed else ""
        if is_test(cell):
            reason = self._trouble or (self._excuse() if failed else "")
            if reason:
                self._run.unjudged[_name(cell)] = reason
            self._trouble = ""

    def _excuse(self) -> str:
        """Why a test that was not passed says nothing about the student; empty where it does."""
        return self._healthy() or self._doubt() or self._unprepared

    def _skip(self, cell: Any) -> None:
        if is_test(cell):
            self._run.unjudged[_name(cell)] = self._trouble or self._session.gone
            cell.outputs.append(_error("DeadKernelError", self._run.unjudged[_name(cell)]))

    def _check(self, cell: Any, check: CheckCell) -> None:
        """The grader's own look: engine, files, and the plain values of the answers."""
        cell.outputs = outputs = []
        asked = self._judge.asked(cell, check)
        exercise = asked.exercise
        reason = self._healthy() or asked.trouble
        answers: dict[str, object] = {}
        if not reason:
            try:
                answers = self._session.answers(exercise.answers)
                cell.execution_count = self._count(check)
            except KernelGoneError as gone:
                reason = self._trouble or str(gone)
        if self._trouble:
            reason = self._trouble
        if reason:
            result = unobserved(asked.lesson, exercise, (), reason)
        else:
            result = self._judge.judge(asked, answers)
            reason = result.reason or (self._excuse() if result.status != "passed" else "")
        self._run.checks.append(result)
        printed = self._judge.printed()
        if printed:
            outputs.append(new_output("stream", name="stdout", text=printed))
        took = {SECONDS: round(time.monotonic() - self._begun, 3)}
        outputs.append(new_output("display_data", data=as_bundle(result), metadata=took))
        if reason:
            self._run.unjudged[_name(cell)] = reason
            text = f"{exercise.id} could not be judged: {reason}"
            outputs.append(_error("ObservationError", text))
        else:
            value = {"text/plain": repr(float(result.earned))}
            count = cell.execution_count
            outputs.append(
                new_output("execute_result", data=value, metadata={}, execution_count=count)
            )
        if not self._session.gone:
            self._trouble = ""
        self._begun = time.monotonic()

    def _count(self, check: CheckCell) -> int | None:
        """The cell's number. What it imports and defines is there for cells after it, as ever."""
        if not check.definition:
            return self._session.count()
        shown = self._session.outputs.begin()
        done = self._session.execute(check.definition, "", self._deadline)
        shown.clear()
        return done.count

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        begun = time.monotonic()
        try:
            yield
        finally:
            took = time.monotonic() - begun
            self._run.seconds[what] = self._run.seconds.get(what, 0.0) + took


def _add_error(cell: Any, done: CellRun) -> None:
    """As nbgrader's ``Execute``: a cell that failed shows how, at least once."""
    if done.trouble:
        cell.outputs.append(_error(TIMEOUT_ERROR, done.trouble))
        return
    reply = done.reply
    if reply.get("status") != "error":
        return
    name = str(reply.get("ename"))
    if any(o.output_type == "error" and o.ename == name for o in cell.outputs):
        return
    traceback = reply.get("traceback")
    lines = [str(line) for line in traceback] if isinstance(traceback, list) else []
    output = _error(name, str(reply.get("evalue")))
    output.traceback = lines or ["ERROR: An error occurred while showtraceback was disabled"]
    cell.outputs.append(output)


def _failure(done: CellRun) -> str:
    """How a cell says that it failed, in a line; empty where it did not."""
    if done.reply.get("status") != "error" or done.reply.get("ename") in _MISSPELT:
        return ""
    value = str(done.reply.get("evalue")).partition("\n")[0]
    return f"{done.reply.get('ename')}: {value}"


def _error(name: str, text: str) -> Any:
    line = f"\x1b[0;31m{name}\x1b[0m: {text}"
    return new_output("error", ename=name, evalue=text, traceback=[line])


def _name(cell: Any) -> str:
    return str(cell.metadata["nbgrader"]["grade_id"])
