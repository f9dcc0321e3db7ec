"""Grades as Canvas, Moodle and others import them, from a grade book of nbgrader's own."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook
from sqlalchemy.exc import SAWarning

from course_lib.courses import make_grade_book
from graders.nbgrader.export import CanvasExport, MoodleExport, TableExport
from graders.nbgrader.spreadsheet import harmless
from tests.graders import moodle

# nbgrader adds a submission to its assignment before the session knows it.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    path = tmp_path_factory.mktemp("book") / "gradebook.db"
    make_grade_book(path, "docker-101")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        book: Any = Gradebook(f"sqlite:///{path}", "docker-101")
        with book:
            fill(book)
            yield book


def fill(book: Any) -> None:
    for name, points in (("networking", 10.0), ("volumes", 3.5)):
        book.add_assignment(name)
        book.add_notebook("lesson", name)
        book.add_grade_cell("exercise", "lesson", name, max_score=points, cell_type="code")
        book.add_solution_cell("work", "lesson", name)
    book.add_student("ann", first_name="Ann", last_name="O'Neil, Jr.", email="ann@uni.edu")
    book.add_student("bob", lms_user_id="4711")
    book.add_student("zoé", first_name="Zoé")
    book.add_student("mal", first_name="=cmd|' /C calc'!A0", last_name="@SUM(1+1)")
    graded(book, "networking", "ann", 8.1, penalty=0.8)
    graded(book, "volumes", "ann", 3.5)
    graded(book, "networking", "bob", None)
    graded(book, "volumes", "bob", 1.0, penalty=2.0)
    graded(book, "networking", "mal", 10.0)


def graded(
    book: Any, assignment: str, student: str, score: float | None, penalty: float = 0
) -> None:
    submission = book.add_submission(assignment, student)
    grade = book.find_grade("exercise", "lesson", assignment, student)
    grade.auto_score = score
    grade.needs_manual_grade = score is None
    submission.notebooks[0].late_submission_penalty = penalty
    book.db.commit()


def exported(plugin: type[Any], book: Any, target: Path, **options: Any) -> list[list[str]]:
    plugin(to=str(target), **options).export(book)
    with target.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_canvas(book: Any, tmp_path: Path) -> None:
    rows = exported(CanvasExport, book, tmp_path / "out.csv")
    assert rows[:2] == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "networking", "volumes"],
        ["    Points Possible", "", "", "", "", "10", "3.5"],
    ]
    assert sorted(rows[2:]) == [
        ["'@SUM(1+1), =cmd|' /C calc'!A0", "", "", "mal", "", "10", ""],
        ["O'Neil, Jr., Ann", "", "", "ann", "", "7.3", "3.5"],
        # What waits for the instructor is no zero, and what was not handed in is none either;
        # Zoé, without any score, has no row: an empty cell would clear what Canvas has.
        ["bob", "4711", "", "bob", "", "", "0"],
    ]


def test_moodle_with_the_comments(book: Any, tmp_path: Path) -> None:
    comment = book.find_comment("work", "lesson", "networking", "ann")
    comment.manual_comment = "Well done,\nAnn"
    book.db.commit()
    rows = exported(MoodleExport, book, tmp_path / "out.csv")
    # Not everybody has an ID number or an address: Moodle would give the grades to somebody else.
    identity = ["Username", "First name", "Last name"]
    columns = ["networking", "networking (feedback)", "volumes", "volumes (feedback)"]
    assert rows[0] == identity + columns
    ann = ["ann", "Ann", "O'Neil, Jr.", "7.3", "Well done,\nAnn", "3.5", ""]
    assert ann in rows
    assert ["bob", "", "", "-", "", "0", ""] in rows
    assert sorted(row[0] for row in rows[1:]) == ["ann", "bob", "mal"]
    (mal,) = (row for row in rows if row[0] == "mal")
    assert mal[1:3] == ["'=cmd|' /C calc'!A0", "'@SUM(1+1)"]


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Any]:
    """A grade book for what one test alone is about."""
    make_grade_book(tmp_path / "gradebook.db", "docker-101")
    book: Any = Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}", "docker-101")
    with book:
        yield book


def assignment(book: Any, name: str, students: dict[str, dict[str, str]]) -> None:
    """Everybody has a point in it."""
    book.add_assignment(name)
    book.add_notebook("lesson", name)
    book.add_grade_cell("exercise", "lesson", name, max_score=1.0, cell_type="code")
    book.add_solution_cell("work", "lesson", name)
    for student, facts in students.items():
        book.update_or_create_student(student, **facts)
        graded(book, name, student, 1.0)


def test_canvas_takes_nobody_for_another(
    fresh: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    students = {
        "ann": {"lms_user_id": "2024-0815"}, "1.2.34": {}, "1.2.35": {"lms_user_id": "7"},
        "1.5": {}, "12,34": {}, "bob": {"lms_user_id": "3."}, "eve": {"lms_user_id": "²"},
    }  # fmt: skip
    assignment(fresh, "week (2)", students)
    assignment(fresh, "The Final Grade", students)
    with caplog.at_level("WARNING"):
        rows = exported(CanvasExport, fresh, tmp_path / "out.csv")
    ids = {row[3]: (row[1], row[2]) for row in rows[2:]}
    assert ids["ann"] == ("", "2024-0815")
    assert ids["eve"] == ("", "²")
    assert ids["1.2.35"] == ("7", "")
    told = sorted(message.split(":")[0] for message in caplog.messages)
    assert told == ["1.2.34", "12,34", "The Final Grade", "bob", "week (2)"]


def test_moodle_takes_nobody_for_another(
    fresh: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    everybody = {"email": "somebody@uni.edu"}
    students = {"ann": {"lms_user_id": "0", **everybody}, "0": {"lms_user_id": "8", **everybody}}
    for name in ("net", "net (feedback)"):
        assignment(fresh, name, students)
    with caplog.at_level("WARNING"):
        rows = exported(MoodleExport, fresh, tmp_path / "out.csv")
    assert rows[0][:4] == ["Username", "First name", "Last name", "Email address"]
    assert len(set(rows[0])) == len(rows[0]) == 8
    assert [message.split(":")[0] for message in caplog.messages] == ["0"]


BACKSLASHES = ("C:\\\\", 'say \\"hi\\", he said', '\\\\"', "docker run \\\n  nginx\\", "é\\")


def test_moodle_reads_all_students_behind_a_comment_with_backslashes(
    fresh: Any, tmp_path: Path
) -> None:
    students = [f"s{number}" for number in range(len(BACKSLASHES))]
    assignment(fresh, "net", {name: {"last_name": f"{name}\\"} for name in students})
    for name, text in zip(students, BACKSLASHES, strict=True):
        fresh.find_comment("work", "lesson", "net", name).manual_comment = text
    fresh.db.commit()
    exported(MoodleExport, fresh, tmp_path / "out.csv")
    head, *rows = moodle.imported((tmp_path / "out.csv").read_bytes())
    assert [row[0] for row in rows] == students
    assert {len(row) for row in (head, *rows)} == {5}
    for row, text in zip(rows, BACKSLASHES, strict=True):
        # A blank here and there, and nothing else, is not what the instructor wrote.
        assert row[4].replace("\\ ", "\\") == text
        assert row[2:4] == [f"{row[0]}\\", "1"]


def test_moodle_shows_a_comment_as_it_was_written(fresh: Any, tmp_path: Path) -> None:
    text = 'docker run <image> && echo "done" > log'
    assignment(fresh, "net", {"ann": {}})
    fresh.find_comment("work", "lesson", "net", "ann").manual_comment = text
    fresh.db.commit()
    _, row = exported(MoodleExport, fresh, tmp_path / "out.csv")
    assert row[-1] == 'docker run &lt;image&gt; &amp;&amp; echo "done" &gt; log'


def test_what_ends_an_import_to_moodle_is_said(
    fresh: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assignment(fresh, "net", {"ann": {}, "@bob": {}, "-eve": {}})
    assignment(fresh, "vol", {"ann": {}})
    fresh.find_grade("exercise", "lesson", "vol", "ann").extra_credit = 0.5
    fresh.db.commit()
    with caplog.at_level("WARNING"):
        rows = exported(MoodleExport, fresh, tmp_path / "out.csv")
    told = {message.split(":")[0]: message for message in caplog.messages if ":" in message}
    assert {"@bob", "-eve", "vol"} <= set(told)
    assert "net" not in told
    assert "1.5 of 1 points" in told["vol"]
    # As Moodle reads it, they are somebody else.
    names = {row[0] for row in moodle.imported((tmp_path / "out.csv").read_bytes())[1:]}
    assert names == {"ann", "'@bob", "'-eve"}
    assert {row[0] for row in rows[1:]} == {"ann", "@bob", "-eve"}


def test_a_plain_table(book: Any, tmp_path: Path) -> None:
    rows = exported(TableExport, book, tmp_path / "out.csv")
    assert rows[0][-4:] == ["networking", "volumes", "total", "points_possible"]
    grades = {row[0]: row[-4:] for row in rows}
    assert grades["ann"] == ["7.3", "3.5", "10.8", "13.5"]
    assert grades["zoé"] == ["", "", "", "13.5"]
    # No total of a part.
    assert grades["bob"] == ["", "0", "", "13.5"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("=1+1", "'=1+1"), ("=A1", "'=A1"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"), ("- well done", "'- well done"),
        ("-smith", "-smith"), ("+49@uni.edu", "+49@uni.edu"), ("@ann", "@ann"), ("-0.5", "-0.5"),
        ("O'Neil", "O'Neil"), ("a=b", "a=b"), ("", ""),
    ],
)  # fmt: skip
def test_a_formula_is_told_as_text_and_a_login_as_it_is(text: str, told: str) -> None:
    assert harmless(text) == told


def test_one_assignment_and_one_student(book: Any, tmp_path: Path) -> None:
    rows = exported(
        TableExport, book, tmp_path / "out.csv", assignment=["volumes"], student=["ann"]
    )
    assert [row[0] for row in rows] == ["student_id", "ann"]
    assert rows[0][5:] == ["volumes", "total", "points_possible"]


@pytest.mark.parametrize("options", [{"assignment": ["volume"]}, {"student": ["eve"]}])
def test_an_unknown_name_writes_nothing(
    book: Any, tmp_path: Path, options: dict[str, list[str]]
) -> None:
    with pytest.raises(ValueError, match="knows no"):
        exported(TableExport, book, tmp_path / "out.csv", **options)
    assert not (tmp_path / "out.csv").exists()
