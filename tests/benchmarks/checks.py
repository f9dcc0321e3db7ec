"""How long all checks of a lesson take, one after the other, on right work.

Each runs in its place in the lesson's notebook, on the reference solution.
``python -m tests.benchmarks.checks [LESSON …]`` prints a line for each lesson, with the seconds of
each check, on both engines.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from unittest.mock import patch

import nbformat
from nbclient import NotebookClient

from course_lib.catalog import Lesson, course
from course_lib.showing import UNATTENDED
from graders.nbgrader.turn import CELL_SECONDS, CLEAN
from tests.benchmarks.engines import BenchEngine, dockerd, embedded
from tests.benchmarks.measure import Row

WATCH = """
import time
import graders
check_of_the_course, times = graders.check, {}
def timed(name):
    begun = time.perf_counter()
    try:
        return check_of_the_course(name)
    finally:
        times[name] = time.perf_counter() - begun
graders.check = timed
"""
TELL = """
import json
print("took " + json.dumps(times))
"""
LIMIT = 5.0


def rows(engine: BenchEngine, name: str = "embedded") -> Iterator[Row]:
    """The lesson whose checks take longest, and how long all take together."""
    taken = {lesson.key: sum(seconds_of(lesson, engine).values()) for lesson in course().lessons()}
    slowest = max(taken, key=lambda key: taken[key])
    yield Row(
        f"checks of a lesson, {name} engine",
        f"{taken[slowest]:.1f} s at most ({slowest}), {sum(taken.values()):.1f} s of all",
        f"< {LIMIT:g} s",
        taken[slowest] < LIMIT,
    )


def seconds_of(lesson: Lesson, engine: BenchEngine) -> Mapping[str, float]:
    """Seconds of each of the lesson's checks."""
    document = nbformat.read(course().notebook(lesson), as_version=4)  # type: ignore[no-untyped-call]
    watch, tell, clean = map(nbformat.v4.new_code_cell, (WATCH, TELL, CLEAN))
    document.cells = [watch, *document.cells, tell, clean]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        client = NotebookClient(
            document,
            timeout=CELL_SECONDS,
            resources={"metadata": {"path": folder}},
            shutdown_kernel="immediate",
        )
        here = {"DOCKER_HOST": engine.host, "XDG_DATA_HOME": f"{folder}/data", UNATTENDED: "1"}
        with patch.dict(os.environ, here):
            # A kernel's own log lines are nobody's.
            client.execute(stderr=subprocess.DEVNULL)
    said = "".join(output.get("text", "") for output in tell.outputs)
    times: Mapping[str, float] = json.loads(said.rpartition("took ")[2])
    assert set(times) >= {exercise.id for exercise in lesson.exercises}, (lesson.key, times)
    return times


def main() -> None:
    """Print each lesson's seconds on both engines."""
    chosen = [one for one in course().lessons() if not sys.argv[1:] or one.key in sys.argv[1:]]
    with embedded() as ours:
        for name, engine in (("embedded", ours), ("dockerd", dockerd())):
            for lesson in chosen if engine else ():
                assert engine is not None
                times = seconds_of(lesson, engine)
                each = ", ".join(f"{key} {value:.2f}" for key, value in times.items())
                print(f"{name:9} {lesson.key:36} {sum(times.values()):5.2f} s: {each}", flush=True)


if __name__ == "__main__":
    main()
