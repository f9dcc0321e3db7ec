"""``python -m tests.benchmarks.grading [STUDENTS]``: a class, by nbgrader and by the course.

Both grade the same submissions on the same embedded engine, one after the other in one run: stock
``nbgrader autograde`` (serial, a kernel started for every notebook) and ``course autograde``.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from course_lib.catalog import course
from tests.benchmarks.measure import Row

SCRIPTS = Path(sysconfig.get_path("scripts"))
LESSONS = ("publish-a-service", "container-network-model")
STUDENTS = 40
"""A class: loading, which is for all of them, is a twentieth of it."""
TRIVIAL_NOTEBOOKS = 3
TRIVIAL_CELLS = 12
CLASSES = (30, 300)


@dataclass(frozen=True, slots=True)
class Used:
    """What a command took: seconds, and CPU seconds of all its processes; what it printed."""

    wall: float
    cpu: float
    printed: str


class Class:
    """A course directory with submissions that are the reference solutions."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "course"
        home = folder / "home"
        home.mkdir(parents=True)
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "DOCKER_HOST"},
            "HOME": str(home),
            "XDG_DATA_HOME": str(home / "data"),
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "PYTHONWARNINGS": "ignore",
        }
        self.run("course", "init", str(self.root), "--course-id", "x", cwd=folder)

    def fill(self, notebooks: dict[str, Any], students: int) -> None:
        """That source, and as many students who hand it in."""
        source = self.root / "source" / "networking"
        shutil.rmtree(source)
        source.mkdir()
        for name, found in notebooks.items():
            nbformat.write(found, source / f"{name}.ipynb")  # type: ignore[no-untyped-call]
        self.run("nbgrader", "generate_assignment", "networking")
        for number in range(students):
            target = self.root / "submitted" / f"s{number:03}" / "networking"
            shutil.copytree(source, target)

    def run(self, *words: str, cwd: Path | None = None) -> Used:
        """What a command takes."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begun = time.perf_counter()
        program = [SCRIPTS / words[0]] if words[0] != "python" else [sys.executable]
        done = subprocess.run(
            [*program, *words[1:]], cwd=cwd or self.root, env=self._environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        wall = time.perf_counter() - begun
        if done.returncode:
            raise RuntimeError(f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Used(wall, cpu, done.stdout)

    def grade(self, by: str) -> Used:
        """What grading everybody anew takes, by ``course`` or ``nbgrader``."""
        shutil.rmtree(self.root / "autograded", ignore_errors=True)
        return self.run(by, "autograde", "networking")


def rows(students: int = STUDENTS) -> Iterator[Row]:
    """The real lessons, then trivial notebooks, then whether a large class costs more."""
    wanted = {
        lesson.name: nbformat.read(course().notebook(lesson), as_version=4)  # type: ignore[no-untyped-call]
        for lesson in course().lessons()
        if lesson.name in LESSONS
    }
    yield from _compare("grading, two lessons", wanted, students, 8)
    trivial = {f"trivial-{number}": _trivial() for number in range(TRIVIAL_NOTEBOOKS)}
    yield from _compare("grading, trivial notebooks", trivial, students, 12)
    yield _growth()


def _compare(name: str, notebooks: dict[str, Any], students: int, target: float) -> Iterator[Row]:
    with _class(notebooks, students) as made:
        ours = made.grade("course")
        sources = map(str, sorted((made.root / "source" / "networking").glob("*.ipynb")))
        words = ("python", "-m", "tests.benchmarks.grading_parts", *sources)
        parts: dict[str, dict[str, float]] = json.loads(made.run(*words).printed)
        theirs = made.grade("nbgrader")
    count = students * len(notebooks)
    ratio = theirs.wall / ours.wall
    value = f"{ratio:.1f}x ({ours.wall:.1f} s against {theirs.wall:.1f} s)"
    yield Row(f"{name}, {students} students", value, f">= {target}x", ratio >= target)
    each, stock = ours.cpu / count, theirs.cpu / count
    value = f"{stock / each:.1f}x ({each:.2f} s a notebook against {stock:.2f} s)"
    yield Row(f"{name}, CPU time of all processes", value, "")
    floor = sum(part.pop("floor") for part in parts.values()) / len(parts)
    value = f"{each / floor:.1f}x ({floor:.2f} s a notebook)"
    yield Row(f"{name}, CPU over cells and docker alone", value, "")
    rest = each - sum(sum(part.values()) - part["wall"] for part in parts.values()) / len(parts)
    yield Row(f"{name}, CPU of grade book and start", f"{rest:.2f} s a notebook", "")
    for notebook, part in parts.items():
        wall = part.pop("wall")
        value = ", ".join(f"{what} {seconds:.2f}" for what, seconds in part.items())
        waits = max(0.0, wall - sum(part.values()))
        yield Row(f"grading {notebook}, CPU by part", f"{value}; waits {waits:.1f} s", "")


def _growth() -> Row:
    """Time for each of a large class against that of a small one, on one very small notebook."""
    small = _trivial()
    del small.cells[:-2]
    each: dict[int, float] = {}
    for students in CLASSES:
        with _class({"small": small}, students) as made:
            each[students] = made.grade("course").wall / students
    few, many = each.values()
    value = f"{many / few:.2f} ({many * 1000:.0f} ms against {few * 1000:.0f} ms)"
    name = f"grading, time for each of {CLASSES[1]} against {CLASSES[0]}"
    return Row(name, value, "<= 1.1", many / few <= 1.1)


@contextmanager
def _class(notebooks: dict[str, Any], students: int) -> Iterator[Class]:
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        made = Class(Path(scratch))
        made.fill(notebooks, students)
        yield made


def _trivial() -> Any:
    """Twelve small cells, the last one a test."""
    sources = ["import docker\nimport matplotlib.pyplot as plt"]
    sources += [f"x{number} = {number}\nx{number}" for number in range(TRIVIAL_CELLS - 4)]
    sources += ["plt.plot([1, 2, 3]);", "answer = 42", "assert answer == 42"]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]  # type: ignore[no-untyped-call]
    for cell, solution in zip(cells[-2:], (True, False), strict=True):
        cell.metadata["nbgrader"] = {
            "grade": not solution, "grade_id": "work" if solution else "test",
            "locked": not solution, "schema_version": 3, "solution": solution, "task": False,
        }  # fmt: skip
    cells[-1].metadata["nbgrader"]["points"] = 5
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})  # type: ignore[no-untyped-call]


def main(words: Sequence[str]) -> int:
    """Print the rows; 1 where a target is missed."""
    students = int(words[0]) if words else STUDENTS
    missed = 0
    for row in rows(students):
        print(f"{row.name}: {row.value} (target {row.target})", flush=True)
        missed += row.met is False
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
