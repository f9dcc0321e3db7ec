"""``course autograde``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from course_lib.cli import nbgrader_words
from course_lib.cli.progress import announce, printable

if TYPE_CHECKING:
    from graders.grading.job import Row


def run(arguments: argparse.Namespace) -> int:
    """Grade, show progress on a terminal, print the summary; 1 where one was not graded."""
    announce("getting ready")
    from graders.grading.run import Options, autograde

    root, course_id = nbgrader_words.course_of(arguments)
    options = Options(
        arguments.assignment or arguments.assignment_option, root, arguments.workers,
        arguments.engine, arguments.student, arguments.notebook, arguments.force,
        arguments.cell_seconds, arguments.dask, arguments.db, course_id,
    )  # fmt: skip
    with _progress() as bar:
        found = autograde(options, begin=bar.begin, tell=bar.tell, warn=_warn)
    if arguments.json:
        document = {name: [asdict(row) for row in rows] for name, rows in found.items()}
        print(json.dumps(document, indent=2))
    else:
        for name, rows in found.items():
            print("\n".join(_summary(name, rows)))
    failed = any(row.status == "failed" for rows in found.values() for row in rows)
    return 1 if failed else 0


def _warn(text: str) -> None:
    print(f"course autograde: note: {text}", file=sys.stderr, flush=True)


def _summary(assignment: str, rows: list[Row]) -> Iterator[str]:
    told = [row for row in rows if row.status not in _NOT_DONE]
    width = max([7, *(len(row.student) for row in told)])
    yield f"{assignment}"
    for row in told:
        score = f"{row.earned:g}/{row.points:g}" if row.status in ("graded", "attention") else "-"
        line = f"  {printable(row.student):<{width}}  {row.status:<9}  {score:>9}"
        yield f"{line}  {row.seconds:6.1f} s" if row.seconds else line
        yield from (f"  {'':<{width}}    {printable(note)}" for note in row.notes)
    in_kernel = sorted({name for row in rows for name in row.in_kernel})
    if in_kernel:
        yield f"  judged in the students' kernels, on whose word they rest: {', '.join(in_kernel)}"
    counts = {status: sum(row.status == status for row in rows) for status in _STATUSES}
    yield "  " + ", ".join(f"{count} {text}" for (s, text) in _STATUSES.items()
                           if (count := counts[s]))  # fmt: skip


_STATUSES = {
    "graded": "graded", "attention": "graded, but something waits for you",
    "skipped": "graded before (--force does it again)",
    "excluded": "left out (student_id_exclude)", "failed": "not graded",
}  # fmt: skip
_NOT_DONE = ("skipped", "excluded")


class _Quiet:
    def begin(self, count: int) -> None:
        """Nothing is shown in a pipe."""

    def tell(self, assignment: str, row: Row) -> None:
        """Nor here."""


class _Bar(_Quiet):
    def __init__(self, progress: Any) -> None:
        self._progress = progress
        self._task: Any = None
        self._left = 0

    def begin(self, count: int) -> None:
        self._left = count
        self._task = self._progress.add_task("grading", total=count)
        self._progress.refresh()

    def tell(self, assignment: str, row: Row) -> None:
        text = f"{assignment}: {printable(row.student)}"
        if row.status in _NOT_DONE:
            # It took no time, and would make the rest look as quick.
            self._left -= 1
            self._progress.update(self._task, total=self._left, description=text)
        else:
            self._progress.update(self._task, advance=1, description=text)
        self._progress.refresh()


@contextmanager
def _progress() -> Iterator[_Quiet]:
    """A bar with an estimate on a terminal."""
    if not sys.stderr.isatty():
        yield _Quiet()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    console = Console(stderr=True)
    # The estimate is of the last ten minutes: what runs side by side is done in bursts.
    with Progress(
        *columns, console=console, auto_refresh=False, speed_estimate_period=600
    ) as progress:
        yield _Bar(progress)
