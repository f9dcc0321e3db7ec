"""Submissions and courses that are not as they should be: each a clear line, the rest is graded."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.grading.courses import COURSE, NAME, Course
from tests.grading.notebooks import POINTS, RIGHT
from tests.grading.test_class import FULL, course, made

__all__ = ["course", "made"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_bad_submissions_are_named_and_the_rest_is_graded(course: Course) -> None:
    course.submit("right", dict(RIGHT))
    good = course.submit("cut", {}).read_text()
    course.hand_in("cut", good[: len(good) // 2])
    course.hand_in("empty", "")
    course.hand_in("picture", b"\x89PNG\r\n\x1a\n\0\0")
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

    rows = course.grade(code=1)
    found = {name: (row["status"], " ".join(row["notes"])) for name, row in rows.items()}
    assert course.scores("right") == FULL
    for student in ("same-ids", "older"):
        assert found[student] == ("graded", "")
        assert course.scores(student) == dict.fromkeys(POINTS, (0.0, False))
    reasons = {
        "cut": "not a notebook", "empty": "empty", "picture": "not a notebook", "huge": "200 MB",
        "other": "No notebooks found", "linked": "link",
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
