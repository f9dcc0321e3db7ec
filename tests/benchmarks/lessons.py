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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from course_lib.catalog import Lesson, course
from course_lib.showing import UNATTENDED
from graders.nbgrader.execute import run_lesson
from tests.benchmarks.engines import BenchEngine, dockerd, embedded
from tests.benchmarks.measure import Row

START = """
import sys, time
from course_lib import lab
begun = time.perf_counter()
lab.start(sys.argv[1])
print(f"took {time.perf_counter() - begun}")
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """Seconds for a lesson, and what they are held against: ``other``."""

    lesson: str
    seconds: float
    other: float

    def __str__(self) -> str:
        return f"{self.lesson.partition('/')[2]} {self.seconds:.1f} s, {self.other:.1f} s"


def rows(ours: BenchEngine) -> Iterator[Row]:
    """All lessons as ``course run`` runs them, each right after its floor; then their starts."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, _on(ours, Path(name)):
        folder = Path(name)
        # What the first run of all imports would count for a floor alone.
        lessons = list(course().lessons())
        run_lesson(_emptied(lessons[0], folder), lessons[0])
        pairs = [_beside_floor(lesson, folder) for lesson in lessons]
        starts = [_start(lesson) for lesson in lessons]
    whole, floor = sum(pair.seconds for pair in pairs), sum(pair.other for pair in pairs)
    yield Row(
        f"course run of {len(pairs)} lessons, against empty cells",
        f"{whole / floor:.1f}x ({whole:.1f} s, {floor:.1f} s)",
        "<= 2.5x",
        whole / floor <= 2.5,
    )
    for pair in sorted(pairs, key=lambda pair: -pair.seconds / pair.other)[:5]:
        yield Row(f"  of them {pair}", f"{pair.seconds / pair.other:.1f}x", "")
    yield Row(
        "lab.start of a lesson",
        f"{max(starts) * 1000:.0f} ms at most, {statistics.median(starts) * 1000:.0f} ms mostly",
        "< 1 s",
        max(starts) < 1,
    )


def against_dockerd(ours: BenchEngine, theirs: BenchEngine) -> Iterator[Row]:
    """All lessons as ``course run`` runs them, each on one engine and right after on the other."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        pairs = [
            Pair(lesson.key, *(_whole(lesson, one, Path(folder)) for one in (ours, theirs)))
            for lesson in course().lessons()
        ]
    here, there = sum(pair.seconds for pair in pairs), sum(pair.other for pair in pairs)
    yield Row(
        f"course run of {len(pairs)} lessons, against dockerd",
        f"{there / here:.1f}x ({here:.1f} s, {there:.1f} s)",
        ">= 5x",
        there / here >= 5,
    )
    for pair in sorted(pairs, key=lambda pair: pair.other / pair.seconds):
        yield Row(f"  of them {pair}", f"{pair.other / pair.seconds:.1f}x", "")


@contextmanager
def _on(engine: BenchEngine, folder: Path) -> Iterator[None]:
    """Lessons run on that engine, with a journal of their own."""
    data = folder / ("ours" if engine.pid else "theirs")
    here = {"DOCKER_HOST": engine.host, "XDG_DATA_HOME": str(data), UNATTENDED: "1"}
    with patch.dict(os.environ, here):
        yield


def _emptied(lesson: Lesson, folder: Path) -> Path:
    """Its notebook with nothing in the cells."""
    notebook = course().notebook(lesson)
    document = json.loads(notebook.read_text(encoding="utf-8"))
    for cell in document["cells"]:
        if cell["cell_type"] == "code":
            cell["source"] = []
    empty = folder / notebook.name
    empty.write_text(json.dumps(document), encoding="utf-8")
    return empty


def _beside_floor(lesson: Lesson, folder: Path) -> Pair:
    floor = run_lesson(_emptied(lesson, folder), lesson)
    assert floor.error is None, floor.error
    return Pair(lesson.key, _complete(lesson), floor.seconds)


def _whole(lesson: Lesson, engine: BenchEngine, folder: Path) -> float:
    with _on(engine, folder):
        return _complete(lesson)


def _complete(lesson: Lesson) -> float:
    """Seconds of a lesson that went as it should."""
    whole = run_lesson(course().notebook(lesson), lesson)
    assert whole.complete, (lesson.key, whole.error, whole.earned)
    return whole.seconds


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
