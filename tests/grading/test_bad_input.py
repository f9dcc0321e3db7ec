"""Submissions and courses that are not as they should be: each a clear line, the rest is graded."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook

from course_lib.cli import main
from graders.grading import intake
from tests.grading.courses import NAME, Course
from tests.grading.notebooks import POINTS, RIGHT, notebook, text
from tests.grading.test_class import FULL

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_bad_submissions_are_named_and_the_rest_is_graded(course: Course) -> None:
    course.submit("right", dict(RIGHT))
    good = course.submit("cut", {}).read_text()
    course.hand_in("cut", good[: len(good) // 2])
    course.hand_in("empty", "")
    course.hand_in("picture", b"\x89PNG\r\n\x1a\n\0\0")
    huge = course.hand_in("huge", "")
    os.truncate(huge, 200 << 20)
    for student, megabytes in (("laden", 60), ("overladen", 120)):
        course.hand_in(student, good)
        os.truncate(course.hand_in(student, "", "data.bin"), megabytes << 20)
    course.hand_in("late", good)
    course.hand_in("late", "yesterday\n", intake.TIMESTAMP)
    os.symlink("loop", course.hand_in("loop", good).parent / "loop")
    many = course.hand_in("many", good).parent
    for number in range(intake.MAX_COUNT):
        (many / str(number)).touch()
    deep = course.hand_in("deep", good).parent
    deep.joinpath(*"d" * (intake.MAX_DEPTH + 1)).mkdir(parents=True)
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
    current: Any = nbformat.reads(good, as_version=4)  # type: ignore[no-untyped-call]
    oldest = nbformat.convert(current, 3)  # type: ignore[no-untyped-call]
    course.hand_in("oldest", str(nbformat.writes(oldest, 3)))  # type: ignore[no-untyped-call]
    document = json.loads(good)
    document["cells"] *= 2  # as whoever copies cells leaves it
    course.hand_in("copied", json.dumps(document))
    course.hand_in("future", json.dumps({**document, "nbformat": 5}))
    document["cells"][3] = "not a cell"
    course.hand_in("broken", json.dumps(document))
    course.hand_in("marked", b"\xef\xbb\xbf" + good.encode())
    course.hand_in("another", text(notebook({}, name="bind-mounts")))

    names = os.listdir(course.root / "submitted")
    opened: Any = Gradebook(f"sqlite:///{course.root / 'gradebook.db'}", "docker-101")
    with opened as book:
        for name in names:
            book.update_or_create_student(name, first_name="Somebody")
    course.submit("stranger", {})

    rows = course.grade(code=1)
    found = {name: (row["status"], " ".join(row["notes"])) for name, row in rows.items()}
    assert course.scores("right") == FULL
    told = dict.fromkeys(("same-ids", "older", "oldest", "copied", "laden"), "")
    told["another"] = f"{NAME}.ipynb has none of the exercises: is it another notebook?"
    told["stranger"] = "was not on the grade book's list of students, and was added"
    for student, note in told.items():
        assert found[student] == ("graded", note)
        assert course.scores(student) == dict.fromkeys(POINTS, (0.0, False))
    reasons = {
        "cut": "not a notebook", "empty": "empty", "picture": "not a notebook", "huge": "200 MB",
        "overladen": "its files are 120 MB (at most 100)",
        "other": "no notebook of this assignment, but something-else.ipynb", "linked": "link",
        "late": "timestamp.txt says no time", "loop": "loop is a link to nothing",
        "many": "more than 1000 files", "deep": "more than 50 deep",
        "future": "notebook format 5", "broken": "a broken notebook", "marked": "not a notebook",
    }  # fmt: skip
    for student, reason in reasons.items():
        status, notes = found[student]
        assert status == "failed", (student, notes)
        assert reason in notes, (student, notes)
        assert not (course.root / "autograded" / student / "networking").exists()


def test_a_course_that_is_half_set_up_is_one_clear_line(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    course.submit("ann", {})
    config, book = course.root / "nbgrader_config.py", course.root / "gradebook.db"
    whole = config.read_text()

    def refused(*words: str) -> str:
        assert main(["autograde", *words, "--course", str(course.root)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    config.write_text("c = get_config(")
    assert "nbgrader_config.py cannot be used: SyntaxError" in refused("networking")
    config.write_text(whole)
    assert "the grade book knows no notebooks of 'volumes'" in refused("volumes")
    book.write_bytes(b"no grades" * 1000)
    assert "the grade book cannot be used: " in refused("networking")
    book.unlink()
    assert f"there is no grade book {book}" in refused("networking")


def test_no_course_and_no_submissions_are_one_clear_line(
    course: Course, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = tmp_path / "nothing"
    for words, line in {
        (str(nothing),): f"{nothing} is no nbgrader course directory",
        (str(course.root), "networking"): "nobody has handed in 'networking'",
        (str(course.root),): "nobody has handed in anything",
    }.items():
        assert main(["autograde", "--course", *words]) == 2
        (told,) = capsys.readouterr().err.splitlines()
        assert line in told


@pytest.mark.parametrize("words", ["--student nobody", "--notebook another"])
def test_no_submission_of_that_name_is_one_clear_line(
    course: Course, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    course.submit("ann", {})
    where = ("--course", str(course.root))
    assert main(["autograde", "networking", *where, *words.split()]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert f"nothing that was handed in for 'networking' matches {words}" in told
    assert f"ls {course.root}/submitted/*/networking" in told
