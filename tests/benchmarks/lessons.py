"""How long lessons take, against the same notebooks with nothing in their cells, and to start;
and on the embedded engine against dockerd.

``python -m tests.benchmarks.lessons`` prints them alone, those against dockerd of each lesson.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from course_lib.catalog import Catalog, Lesson, course
from course_lib.connect import VARIABLE
from graders.nbgrader.execute import run_lessons
from tests.benchmarks.engines import BenchEngine, dockerd, embedded
from tests.benchmarks.measure import Row

ROUNDS = 4
"""Of all lessons and of their floor: one alone is a fifth off now and then."""
START = """
import sys, time
from course_lib import lab
begun = time.perf_counter()
lab.start(sys.argv[1])
print(f"took {time.perf_counter() - begun}")
"""


@dataclass(frozen=True, slots=True)
class CourseRun:
    """Seconds of ``course run`` as a whole, and of each lesson in it by its key."""

    seconds: float
    lessons: Mapping[str, float]


def rows(ours: BenchEngine) -> Iterator[Row]:
    """``course run`` of all lessons, each time beside its floor; then their starts."""
    lessons = list(course().lessons())
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        with _on(None, Path(name)):
            empty = _emptied(Path(name) / "empty")
            # What the first run of all imports would count for a floor alone.
            _course_run(empty, lessons[0].key)
            rounds = [(_course_run(course()), _course_run(empty)) for _ in range(ROUNDS)]
        with _on(ours, Path(name)):
            starts = [_start(lesson) for lesson in lessons]
    whole, floor = (sum(run.seconds for run in runs) for runs in zip(*rounds, strict=True))
    yield Row(
        f"course run of {len(lessons)} lessons, against empty cells",
        f"{whole / floor:.2f}x ({whole / ROUNDS:.1f} s, {floor / ROUNDS:.1f} s)",
        "<= 2.5x",
        whole / floor <= 2.5,
    )
    yield Row(
        "lab.start of a lesson",
        f"{max(starts) * 1000:.0f} ms at most, {statistics.median(starts) * 1000:.0f} ms mostly",
        "< 1 s",
        max(starts) < 1,
    )


def against_dockerd(ours: BenchEngine, theirs: BenchEngine) -> Iterator[Row]:
    """``course run`` of all lessons on engines made for it, and right after on dockerd.

    Then on one embedded engine, where it is one lesson after the other as on dockerd.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        runs = []
        for engine in (None, theirs, ours):
            with _on(engine, Path(folder)):
                runs.append(_course_run(course()))
    here, there, single = runs
    yield Row(
        f"course run of {len(here.lessons)} lessons, against dockerd",
        f"{there.seconds / here.seconds:.1f}x ({here.seconds:.1f} s, {there.seconds:.1f} s)",
        ">= 5x",
        there.seconds / here.seconds >= 5,
    )
    ratio = there.seconds / single.seconds
    yield Row("one lesson after the other", f"{ratio:.1f}x ({single.seconds:.1f} s)", "")
    for lesson in sorted(there.lessons, key=lambda key: there.lessons[key] / single.lessons[key]):
        ratio = there.lessons[lesson] / single.lessons[lesson]
        pair = f"{single.lessons[lesson]:.1f} s, {there.lessons[lesson]:.1f} s"
        yield Row(f"  {lesson.partition('/')[2]}", f"{ratio:.1f}x ({pair})", "")


@contextmanager
def _on(engine: BenchEngine | None, folder: Path) -> Iterator[None]:
    """Lessons run on that engine (None: on embedded ones made for them), journals in ``folder``."""
    data = {"XDG_DATA_HOME": str(folder / (engine.host.replace("/", "-") if engine else "own"))}
    with patch.dict(os.environ, data):
        for variable in ("DOCKER_HOST", VARIABLE):
            os.environ.pop(variable, None)
        os.environ.update({"DOCKER_HOST": engine.host} if engine else {VARIABLE: "embedded"})
        yield


def _emptied(folder: Path) -> Catalog:
    """The course with nothing in its cells."""
    empty = Catalog(folder, course().assignments)
    for lesson in course().lessons():
        document = json.loads(course().notebook(lesson).read_text(encoding="utf-8"))
        for cell in document["cells"]:
            if cell["cell_type"] == "code":
                cell.update(source=[], outputs=[])
        path = empty.notebook(lesson)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document), encoding="utf-8")
    return empty


def _course_run(catalog: Catalog, selection: str | None = None) -> CourseRun:
    """One that went as it should: full points, or none of the empty course."""
    begun = time.perf_counter()
    runs = run_lessons(selection, catalog=catalog)
    seconds = time.perf_counter() - begun
    for run in runs:
        assert run.error is None, (run.notebook, run.error)
        assert run.earned == (run.points if catalog is course() else 0), (run.notebook, run.earned)
    return CourseRun(seconds, {f"{run.assignment}/{run.notebook}": run.seconds for run in runs})


def _start(lesson: Lesson) -> float:
    """Seconds of ``lab.start`` in a new process, after another lesson."""
    said = subprocess.check_output([sys.executable, "-c", START, lesson.key], text=True)
    return float(said.rpartition("took ")[2])


def main() -> None:
    """Print the figures of lessons, against dockerd where one answers."""
    theirs = dockerd()
    with embedded() as ours:
        for row in rows(ours):
            print(row, flush=True)
    with embedded() as ours:
        for row in against_dockerd(ours, theirs) if theirs else ():
            print(row, flush=True)


if __name__ == "__main__":
    main()
