"""The report of a class: what is counted, what is grouped, and that nothing in it is executed."""

from __future__ import annotations

import csv
import io
import json
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from course_lib.catalog import course
from course_lib.cli import main
from course_lib.courses import make_grade_book
from course_lib.errors import CourseError
from graders.display import as_bundle
from graders.expectation import BLOCKED
from graders.report import table, text
from graders.report.collect import collect, read_result
from graders.report.model import Attempt, ClassReport, Exercise, Outcome, Student
from graders.report.page import page
from graders.result import SECONDS, CheckResult, ExpectationResult, Status

RUNS = ExpectationResult("web runs.", True, 1.0, "it runs", "")
STUDENTS = ("ann", "ben", "cho", "dan", "eve", "fay", "gus")
SCRIPT = "<script>alert('x')</script>"


def on_port(found: str, passed: bool = False) -> ExpectationResult:
    return ExpectationResult("web is published on 8080.", passed, 3.0, found, "Try -p 8080:80.")


def judged(*expectations: ExpectationResult, status: Status = "partial") -> CheckResult:
    earned = sum(one.earned for one in expectations)
    return CheckResult("ports", "net", "lesson", "Ports", status, 4.0, earned, expectations)


def attempt(student: str, outcome: Outcome, *found: str, seconds: float | None = 2.0) -> Attempt:
    result = judged(RUNS, *map(on_port, found))
    return Attempt(student, outcome, result.earned, result, "", seconds)


def klass(attempts: Sequence[Attempt]) -> ClassReport:
    students = tuple(Student(one.student, "", one.outcome != "missing") for one in attempts)
    exercise = Exercise("ports", "Ports", "lesson", 4.0, tuple(attempts))
    return ClassReport("net", "Networking", students, (exercise,))


def test_the_same_wrong_state_is_one_whatever_the_engine_made_up() -> None:
    blocked = ExpectationResult("web answers.", False, 1.0, "", BLOCKED)
    also_blocked = judged(RUNS, on_port("it is published on 32770"), blocked)
    report = klass(
        [
            attempt("ann", "partial", "it is published on 32768"),
            attempt("ben", "partial", "nothing is published"),
            attempt("cho", "partial", "it is published on 49153"),
            attempt("dan", "partial", "there is brave_curie 0123456789ab"),
            attempt("eve", "partial", "there is happy_bell4 ba9876543210"),
            Attempt("fay", "partial", 1.0, also_blocked),
            attempt("gus", "passed"),
            attempt("hal", "partial", "it is published on 8081"),
            attempt("ivy", "partial", "there is my_bell"),
            attempt("jon", "partial", "there is my_volume"),
            attempt("kim", "partial", "it is of /tmp/grade-a_8x/0-files/site"),
            attempt("lea", "partial", "it is of /tmp/grade-b0cd/12-files/site"),
        ]
    )
    states = report.exercises[0].wrong_states()
    assert [state.students for state in states] == [
        ("ann", "cho", "fay"), ("dan", "eve"), ("kim", "lea"), ("ben",), ("hal",), ("ivy",),
        ("jon",),
    ]  # fmt: skip
    assert [one.found for one in states[0].missed] == ["it is published on 32768"]


def test_scores_count_as_nbgrader_counts_them() -> None:
    ann, ben = Student("ann", "", True, penalty=0.5), Student("ben", "", True)
    cho, dan = Student("cho", ""), Student("dan", "", True, penalty=9.0)
    first = (
        Attempt("ann", "passed", 4.0), Attempt("ben", "waiting", 0.0, None, "the engine died"),
        Attempt("cho", "missing"), Attempt("dan", "failed", 0.0),
    )  # fmt: skip
    second = tuple(Attempt(one.student, one.outcome, 1.0, seconds=3.0) for one in first[:2])
    second += (Attempt("cho", "missing"), Attempt("dan", "partial", 1.0))
    report = ClassReport(
        "net", "Networking", (ann, ben, cho, dan),
        (Exercise("a", "A", "one", 4.0, first), Exercise("b", "B", "two", 2.0, second)),
    )  # fmt: skip
    found = [(one.earned, one.waiting, one.seconds, one.by_notebook) for one in report.standings()]
    assert found == [
        (4.5, 0, 3.0, (4.0, 1.0)), (1.0, 2, 3.0, (None, None)), (None, 0, None, (None, None)),
        (0.0, 0, None, (0.0, 1.0)),
    ]  # fmt: skip
    assert next((e.id, a.student, a.reason) for e, a in report.waiting()) == (
        "a", "ben", "the engine died",
    )  # fmt: skip
    assert report.exercises[0].mean == 2.0


@pytest.mark.parametrize("size", [1, 30, 300])
def test_a_page_for_a_class_of_any_size_needs_nothing_else(size: int) -> None:
    found = ("nothing is published", "it is published on 8081")
    attempts = [
        attempt(f"s{number:03}", "partial", found[number % 7 == 0]) for number in range(size)
    ]
    html = page([klass(attempts)], "docker-101")
    assert all(f"s{number:03}" in html for number in range(size))
    assert f"{sum(n % 7 != 0 for n in range(size))} ×" in html or size == 1
    assert not re.search(r"""(?:src|href)=["'](?!data:image/svg|#)""", html)
    assert html.count("<img") == html.count("data:image/svg+xml;base64") == 3
    assert len(html) < 400_000


def test_what_a_student_called_a_container_is_text_everywhere() -> None:
    one = Attempt(SCRIPT, "partial", 1.0, judged(RUNS, on_port(f"there is {SCRIPT}")))
    two = Attempt('"><img src=x onerror=alert(1)>', "waiting", 0.0, None, SCRIPT)
    report = klass([one, two])
    html = page([report], SCRIPT)
    assert "<script" not in html.lower()
    assert "<img src=x" not in html
    assert html.count("&lt;script&gt;") >= 4
    assert "script-src" not in html
    assert "default-src 'none'" in html
    escape = "\x1b]0;gotcha\x07"
    terminal = "\n".join(text.lines(klass([attempt("ann", "partial", escape)])))
    assert "gotcha" in terminal
    assert "\x1b" not in terminal
    out = io.StringIO()
    table.write([klass([attempt("=1+1", "partial", "=2+2")])], out)
    (row,) = csv.DictReader(io.StringIO(out.getvalue()))
    assert (row["student_id"], row["found"], row["earned"]) == ("'=1+1", "'=2+2", "1")


@pytest.mark.parametrize(
    "change",
    [
        {"grade_id": "other"}, {"points": "4"}, {"expectations": 3}, {"title": None},
        {"expectations": [{**on_port("x").to_json(), "found": 3}]}, {"unknown": 1},
        {"expectations": [{"text": "x"}]},
    ],
)  # fmt: skip
def test_what_is_no_result_is_none(change: dict[str, Any]) -> None:
    document = judged(RUNS, on_port("x")).to_json(shows=True)
    assert read_result(document, "ports") is not None
    assert read_result({**document, **change}, "ports") is None
    assert read_result("", "ports") is None


# --- from a grade book ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course directory with a grade book of nbgrader's own and three students' notebooks."""
    from nbgrader.api import Gradebook

    root = tmp_path_factory.mktemp("course")
    (root / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.course_id = 'docker-101'\n"
        f"c.CourseDirectory.db_url = 'sqlite:///{root}/gradebook.db'\n"
    )
    make_grade_book(root / "gradebook.db", "docker-101")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book: Any = Gradebook(f"sqlite:///{root}/gradebook.db", "docker-101")
        with book:
            book.add_assignment("networking")
            book.add_notebook("publish-a-service", "networking")
            place = ("publish-a-service", "networking")
            for name, points in (("own-thing", 2.0), ("publish-any-port", 4.0)):
                book.add_grade_cell(name, *place, max_score=points, cell_type="code")
            for student in STUDENTS:
                book.add_student(student, first_name=student.title(), last_name="Lee")
            scores = {
                "ann": (4.0, 2.0), "ben": (1.0, None), "cho": (None, None), "dan": (0, 0),
                "fay": (0, 0), "gus": (None, None),
            }  # fmt: skip
            for student, (auto, own) in scores.items():
                submission = book.add_submission("networking", student)
                submission.notebooks[0].late_submission_penalty = 0.5 if student == "ann" else 0.0
                for name, score in (("publish-any-port", auto), ("own-thing", own)):
                    grade = book.find_grade(name, *place, student)
                    grade.auto_score, grade.needs_manual_grade = score, score is None
            # An instructor has changed a score in formgrader.
            grade = book.find_grade("publish-any-port", *place, "ben")
            grade.manual_score, grade.needs_manual_grade = 3.0, False
            book.db.commit()
    passed = judged(RUNS, on_port("8080", passed=True), status="passed")
    failed = judged(RUNS, on_port("nothing is published"))
    hand_back(root, "ann", passed, seconds=1.5)
    hand_back(root, "ben", failed)
    for student in ("dan", "fay", "gus"):
        (root / "autograded" / student / "networking").mkdir(parents=True)
    (root / "autograded" / "dan" / "networking" / "publish-a-service.ipynb").write_text("half")
    return root


def hand_back(root: Path, student: str, result: CheckResult, seconds: float | None = None) -> None:
    document = {**result.to_json(), "grade_id": "publish-any-port"}
    output = {
        "output_type": "display_data", "metadata": {} if seconds is None else {SECONDS: seconds},
        "data": as_bundle(CheckResult.from_json(document)),
    }  # fmt: skip
    words = {"grade_id": "publish-any-port", "grade": True, "solution": False}
    error = {"output_type": "error", "ename": "ObservationError", "traceback": []}
    own = {"grade_id": "own-thing", "grade": True, "solution": False}
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ""},
        {"cell_type": "code", "metadata": {"nbgrader": words}, "outputs": [output]},
        {
            "cell_type": "code", "metadata": {"nbgrader": own},
            "outputs": [{**error, "evalue": "own-thing could not be judged: the engine died"}],
        },
    ]  # fmt: skip
    folder = root / "autograded" / student / "networking"
    folder.mkdir(parents=True)
    (folder / "publish-a-service.ipynb").write_text(json.dumps({"cells": cells}))


def test_scores_are_those_of_the_grade_book_and_reasons_those_of_the_notebooks(root: Path) -> None:
    (report,) = collect(root)
    title = course().exercise("publish-any-port")[1].title
    assert [student.id for student in report.students] == list(STUDENTS)
    ports, own = report.exercises
    assert (ports.id, ports.title, own.title) == ("publish-any-port", title, "own-thing")
    assert [(one.outcome, one.earned, one.seconds) for one in ports.attempts] == [
        ("passed", 4.0, 1.5), ("partial", 3.0, None), ("missing", 0.0, None),
        ("failed", 0.0, None), ("missing", 0.0, None), ("missing", 0.0, None),
        ("waiting", 0.0, None),
    ]  # fmt: skip
    # Fay handed in other notebooks alone: nbgrader counts 0 for this one, which is no wrong work.
    assert ports.attempts[6].reason == "its notebook is unreadable"
    assert (report.standings()[5].earned, report.standings()[5].by_notebook) == (0.0, (None,))
    assert [state.students for state in ports.wrong_states()] == [("ben",)]
    assert own.attempts[1].reason == "the engine died"
    assert report.standings()[0].earned == 5.5
    (note,) = report.notes
    assert "dan" in note
    assert "cannot be read" in note


def test_the_command_prints_and_writes(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["report", "networking", "--course", str(root)]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "networking: 7 students, 5 graded; mean" in printed
    assert "ben: own-thing waits for you: the engine died" in printed
    files = ["--csv", str(tmp_path / "a.csv"), "--html", str(tmp_path / "a.html")]
    assert main([*words, *files]) == 0
    assert capsys.readouterr().out == ""
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 14
    assert [row["found"] for row in rows if row["student_id"] == "ben"] == [
        "nothing is published", "",
    ]  # fmt: skip
    assert "docker-101: class report" in (tmp_path / "a.html").read_text()


def test_what_cannot_be_reported_is_one_clear_line(root: Path, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="no nbgrader course directory"):
        collect(tmp_path)
    with pytest.raises(CourseError, match="'volumes' is in the grade book"):
        collect(root, "volumes")
    assert main(["report", "--course", str(root), "--csv", str(tmp_path / "no" / "a.csv")]) == 2
