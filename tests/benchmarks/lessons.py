"""How long lessons take, against the same notebooks with nothing in their cells, and to start."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course_lib.catalog import Lesson, course
from course_lib.showing import UNATTENDED
from graders.nbgrader.execute import run_lesson
from tests.benchmarks.engines import BenchEngine
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
    """Seconds for a lesson and for the same one with empty cells."""

    lesson: str
    seconds: float
    floor: float


def rows(ours: BenchEngine) -> Iterator[Row]:
    """All lessons as ``course run`` runs them, each right after its floor; then their starts."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        os.environ |= {
            "DOCKER_HOST": ours.host, "XDG_DATA_HOME": f"{folder}/data", UNATTENDED: "1",
        }  # fmt: skip
        # What the first run of all imports would count for a floor alone.
        lessons = list(course().lessons())
        run_lesson(_emptied(lessons[0], Path(folder)), lessons[0])
        pairs = [_pair(lesson, Path(folder)) for lesson in lessons]
        starts = [_start(lesson) for lesson in lessons]
    whole, floor = sum(pair.seconds for pair in pairs), sum(pair.floor for pair in pairs)
    yield Row(
        f"course run of {len(pairs)} lessons, against empty cells",
        f"{whole / floor:.1f}x ({whole:.1f} s, {floor:.1f} s)",
        "<= 2.5x",
        whole / floor <= 2.5,
    )
    for pair in sorted(pairs, key=lambda pair: -pair.seconds / pair.floor)[:5]:
        value = f"{pair.seconds / pair.floor:.1f}x ({pair.seconds:.1f} s, {pair.floor:.1f} s)"
        yield Row(f"  of them {pair.lesson.partition('/')[2]}", value, "")
    yield Row(
        "lab.start of a lesson",
        f"{max(starts) * 1000:.0f} ms at most, {statistics.median(starts) * 1000:.0f} ms mostly",
        "< 1 s",
        max(starts) < 1,
    )


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


def _pair(lesson: Lesson, folder: Path) -> Pair:
    floor = run_lesson(_emptied(lesson, folder), lesson)
    assert floor.error is None, floor.error
    whole = run_lesson(course().notebook(lesson), lesson)
    assert whole.complete, (lesson.key, whole.error, whole.earned)
    return Pair(lesson.key, whole.seconds, floor.seconds)


def _start(lesson: Lesson) -> float:
    """Seconds of ``lab.start`` in a new process, after another lesson."""
    said = subprocess.check_output([sys.executable, "-c", START, lesson.key], text=True)
    return float(said.rpartition("took ")[2])
