"""``course autograde`` that ends half-way: what is graded stays so, the rest is graded later."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.contract.harness import until
from tests.grading.courses import COURSE, Course
from tests.grading.notebooks import RIGHT
from tests.grading.test_class import HALF, comparable, tables

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
FOR_EVER = {"publish-any-port": "import threading\nthreading.Event().wait()"}


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Ctrl-C reaches what is started here, also where a shell started the tests behind itself."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_run_that_was_ended_goes_on(course: Course, tmp_path: Path) -> None:
    """By Ctrl-C, then by SIGKILL, then whole: as if it had been one run."""
    course.submit("ann", dict(RIGHT))
    course.submit("ben", HALF)
    course.submit("cho", {})
    shutil.copytree(course.root, tmp_path / "twin")
    twin = Course(tmp_path / "twin", tmp_path / "twin-home")
    whole = twin.grade("--workers", "1")

    course.submit("ben", FOR_EVER)
    interrupt(course, signal.SIGINT, "ann")
    course.submit("ben", HALF)
    course.submit("cho", FOR_EVER)
    interrupt(course, signal.SIGKILL, "ben")
    course.submit("cho", {})
    times = [folder(course, name).stat().st_mtime_ns for name in ("ann", "ben")]
    rows = course.grade()
    assert {name: row["status"] for name, row in rows.items()} == {
        "ann": "skipped", "ben": "skipped", "cho": "graded",
    }  # fmt: skip
    assert [folder(course, name).stat().st_mtime_ns for name in ("ann", "ben")] == times
    assert tables(course) == tables(twin)
    for name in whole:
        assert comparable(course.autograded(name)) == comparable(twin.autograded(name))


def interrupt(course: Course, how: signal.Signals, last: str) -> None:
    """Grade until that student is done, and the next is being graded; then end it."""
    run = subprocess.Popen(
        [str(COURSE), "autograde", "networking", "--workers", "1"],
        cwd=course.root, env=course.environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(lambda: folder(course, last).exists() or run.poll() is not None, 240)
    below = psutil.Process(run.pid).children(recursive=True)
    run.send_signal(how)
    printed, complaints = run.communicate(timeout=120)
    assert (printed, complaints) == ("", "")
    assert run.returncode == (130 if how is signal.SIGINT else -how)
    assert below
    # Nothing of it stays behind, neither the warm parent nor the student's endless cell.
    _, alive = psutil.wait_procs(below, timeout=60)
    assert alive == []


def folder(course: Course, student: str) -> Path:
    return course.root / "autograded" / student / "networking"
