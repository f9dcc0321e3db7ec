"""Submissions and courses that are not as they should be: each a clear line, the rest is graded."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from pathlib import Path

import nbformat
import psutil
import pytest

from tests.contract.harness import until
from tests.grading.courses import COURSE, NAME, Course
from tests.grading.notebooks import POINTS, RIGHT
from tests.grading.test_class import FULL, course, made

__all__ = ["course", "made"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
EVER = "import threading\nthreading.Event().wait()"
BRIEF = {"publish-find-port": "web_port = 1"}


def test_bad_submissions_are_named_and_the_rest_is_graded(course: Course) -> None:
    course.submit("right", dict(RIGHT))
    good = course.submit("cut", {}).read_text()
    course.hand_in("cut", good[: len(good) // 2])
    course.hand_in("empty", "")
    course.hand_in("picture", b"\x89PNG\r\n\x1a\n\0\0")
    course.hand_in("list", "[]")
    course.hand_in("no-cells", json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}}))
    course.hand_in("future", json.dumps({**json.loads(good), "nbformat": 5}))
    huge = course.hand_in("huge", "")
    os.truncate(huge, 200 << 20)
    course.hand_in("other", good, "something-else.ipynb")
    os.symlink(
        course.root / "source" / "networking" / f"{NAME}.ipynb",
        course.hand_in("linked", "x").parent / "again.ipynb",
    )
    path = course.root / "submitted" / "linked" / "networking" / f"{NAME}.ipynb"
    path.unlink()
    path.symlink_to(course.root / "source" / "networking" / f"{NAME}.ipynb")
    document = json.loads(good)
    for cell in document["cells"]:
        cell["id"] = "same"
    document["metadata"]["kernelspec"] = {"name": "nowhere", "display_name": "Nowhere"}
    course.hand_in("same-ids", json.dumps(document))
    document = json.loads(good)
    document["nbformat_minor"] = 2
    for cell in document["cells"]:
        del cell["id"]
    course.hand_in("older", json.dumps(document))
    old = nbformat.convert(nbformat.reads(good, 4), 3)  # type: ignore[no-untyped-call]
    course.hand_in("oldest", json.dumps(old))

    rows = course.grade(code=1)
    found = {name: (row["status"], " ".join(row["notes"])) for name, row in rows.items()}
    assert course.scores("right") == FULL
    for student in ("same-ids", "older", "oldest"):
        assert found[student] == ("graded", "")
        assert course.scores(student) == dict.fromkeys(POINTS, (0.0, False))
    reasons = {
        "cut": "not a notebook", "empty": "empty", "picture": "not a notebook", "huge": "200 MB",
        "other": "No notebooks found", "linked": "link", "list": "not a notebook",
        "no-cells": "not a notebook", "future": "format 5",
    }  # fmt: skip
    for student, reason in reasons.items():
        status, notes = found[student]
        assert status == "failed", (student, notes)
        assert reason in notes, (student, notes)
        assert not (course.root / "autograded" / student / "networking").exists()


def test_no_course_and_no_submissions_are_one_clear_line(course: Course, tmp_path: Path) -> None:
    course.run(COURSE, "autograde", "networking", "--course", tmp_path, code=2)
    course.run(COURSE, "autograde", "networking", code=2)
    course.hand_in("ann", "{}")
    course.run(COURSE, "autograde", "volumes", code=2)


def test_locked_grade_book_is_named(course: Course) -> None:
    course.submit("ann", BRIEF)
    book = sqlite3.connect(course.root / "gradebook.db", isolation_level=None)
    book.execute("begin exclusive")
    done = subprocess.run(
        [COURSE, "autograde", "networking"], cwd=course.root, env=course.environment,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=500,
    )  # fmt: skip
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "the grade book is locked by another program" in line
    book.close()
    assert course.grade()["ann"]["status"] == "graded"


def test_interrupted_runs_go_on_where_they_were(course: Course) -> None:
    """Ctrl-C, then a kill: what was graded stays, nobody is left behind, the rest comes later."""
    course.submit("a", BRIEF)
    course.submit("b", {"publish-find-port": EVER})
    left = _end_when_graded(course, "a", signal.SIGINT)
    assert left.returncode == 130
    assert left.stderr is not None
    assert "Traceback" not in left.stderr.read()
    course.submit("b", BRIEF)
    course.submit("c", {"publish-find-port": EVER})
    _end_when_graded(course, "b", signal.SIGKILL)
    course.submit("c", BRIEF)
    rows = course.grade()
    assert {name: row["status"] for name, row in rows.items()} == {
        "a": "skipped", "b": "skipped", "c": "graded",
    }  # fmt: skip


def _end_when_graded(course: Course, student: str, number: int) -> subprocess.Popen[str]:
    """Start grading one at a time, and end it as soon as that student is through."""
    program = subprocess.Popen(
        [COURSE, "autograde", "networking", "--workers", "1"], cwd=course.root,
        env=course.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until((course.root / "autograded" / student / "networking").exists, 300)
    below = psutil.Process(program.pid).children(recursive=True)
    assert below
    program.send_signal(number)
    program.wait(60)
    until(lambda: not any(process.is_running() and process.status() != "zombie"
                          for process in below), 60)  # fmt: skip
    return program
