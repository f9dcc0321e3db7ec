"""A grade book that another program has: the run waits and says so, and nothing is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from course_lib.errors import CourseError
from graders.grading import gradebook
from graders.grading.job import Row
from graders.grading.run import Options, autograde
from tests.grading.courses import Course
from tests.grading.notebooks import RIGHT
from tests.grading.test_class import FULL

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def formgrader(course: Course) -> Iterator[sqlite3.Connection]:
    """Another program that writes."""
    book = sqlite3.connect(course.root / "gradebook.db", isolation_level=None)
    book.execute("begin immediate")
    yield book
    book.close()


def test_for_too_long_is_one_line(
    course: Course, formgrader: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gradebook, "LOCKED_SECONDS", 1)
    course.submit("ann", {})
    told: list[str] = []
    with pytest.raises(CourseError, match="the grade book is locked by another program"):
        autograde(Options("networking", course.root), warn=told.append)
    assert told == ["the grade book is locked by another program; waiting 1 s"]


def test_once_it_is_free_all_goes_on_and_what_came_between_is_graded_again(
    course: Course, formgrader: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gradebook, "LOCKED_SECONDS", 1)
    for student in ("ann", "ben"):
        course.submit(student, dict(RIGHT))

    def free(_: str) -> None:
        formgrader.execute("rollback")

    def lock_again(_: str, row: Row) -> None:
        if row.student == "ann":
            formgrader.execute("begin immediate")

    options = Options("networking", course.root, workers=1)
    ann, ben = autograde(options, warn=free, tell=lock_again)["networking"]
    assert (ann.status, ben.status) == ("graded", "failed")
    assert "the grade book is locked by another program" in ben.notes[-1]
    free("")
    ann, ben = autograde(options)["networking"]
    assert (ann.status, ben.status) == ("skipped", "graded")
    assert course.scores("ann") == course.scores("ben") == FULL
