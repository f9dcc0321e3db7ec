"""Tests that students do not see (``### BEGIN HIDDEN TESTS``) are put back, and run."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest

from tests.grading.courses import Course

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
WORK = """\
def double(number):
    ### BEGIN SOLUTION
    return 2 * number
    ### END SOLUTION
"""
TESTS = """\
assert double(2) == 4
### BEGIN HIDDEN TESTS
assert double(-3) == -6
### END HIDDEN TESTS
"""


def cell(grade_id: str, source: str, **words: Any) -> Any:
    made: Any = nbformat.v4.new_code_cell(source, id=grade_id)  # type: ignore[no-untyped-call]
    made.metadata["nbgrader"] = {
        "grade": False, "grade_id": grade_id, "locked": False, "schema_version": 3,
        "solution": False, "task": False, **words,
    }  # fmt: skip
    return made


def test_hidden_tests_are_put_back_and_run(course: Course) -> None:
    source: Any = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
    source.cells = [
        cell("double", WORK, solution=True),
        cell("double-test", TESTS, grade=True, locked=True, points=3),
    ]
    source.metadata["kernelspec"] = {
        "name": "python3", "display_name": "Python 3", "language": "python",
    }  # fmt: skip
    place = course.root / "source" / "quiz"
    place.mkdir()
    nbformat.write(source, place / "double.ipynb")  # type: ignore[no-untyped-call]
    course.release("quiz")
    released = (course.root / "release" / "quiz" / "double.ipynb").read_text()
    assert "double(2) == 4" in released
    assert "double(-3)" not in released

    for student, body in (("right", "return number + number"), ("guessed", "return 4")):
        work = nbformat.reads(released, as_version=4)  # type: ignore[no-untyped-call]
        work.cells[0].source = f"def double(number):\n    {body}\n"
        handed_in = nbformat.writes(work)  # type: ignore[no-untyped-call]
        course.hand_in(student, handed_in, "double.ipynb", "quiz")
    rows = course.grade(assignment="quiz")
    assert {student: row["earned"] for student, row in rows.items()} == {"right": 3, "guessed": 0}
    graded = course.root / "autograded" / "guessed" / "quiz" / "double.ipynb"
    assert "assert double(-3) == -6" in graded.read_text()
