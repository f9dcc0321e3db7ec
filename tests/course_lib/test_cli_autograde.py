"""What ``course autograde`` shows: a bar on a terminal, nothing in a pipe, and the summary."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from course_lib.cli import autograde, main, nbgrader_words
from course_lib.cli.parser import build_parser
from graders.grading.job import Row


def test_the_bar_counts_what_is_left_to_grade() -> None:
    """What was graded before would make the estimate of the rest too good."""
    terminal = io.StringIO()
    console = Console(file=terminal, force_terminal=True, width=100)
    with Progress(console=console, auto_refresh=False) as progress:
        bar = autograde._Bar(progress)
        bar.begin(5)
        bar.tell("networking", Row("ann", "skipped"))
        bar.tell("networking", Row("ben", "skipped"))
        bar.tell("networking", Row("[bold]cho\x1b[31m", "graded"))
        (task,) = progress.tasks
        assert (task.completed, task.total) == (1, 3)
    assert "networking" in terminal.getvalue()


def test_nothing_is_shown_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with autograde._progress() as bar:
        bar.begin(1)
        bar.tell("networking", Row("ann"))
    assert capsys.readouterr() == ("", "")


def test_the_summary_names_what_needs_a_look() -> None:
    rows = [
        Row("ann", "skipped", notes=["graded before (--force does it again)"]),
        Row("eva", "excluded", notes=["left out (student_id_exclude)"]),
        Row("ben", "graded", 10.5, 12.0, 4.25),
        Row("cho", "attention", 6.0, 12.0, 61.0, ["publish-address waits for you: \x1b[2J why"]),
        Row("dan", "failed", notes=["it is not a notebook"]),
    ]
    assert list(autograde._summary("networking", rows)) == [
        "networking",
        "  ben      graded       10.5/12     4.2 s",
        "  cho      attention       6/12    61.0 s",
        "             publish-address waits for you:  [2J why",
        "  dan      failed             -",
        "             it is not a notebook",
        "  1 graded, 1 graded, but something waits for you,"
        " 1 graded before (--force does it again), 1 left out (student_id_exclude), 1 not graded",
    ]


def test_what_nbgrader_calls_otherwise_is_taken_as_meant() -> None:
    words = ["autograde", "--assignment=networking", "-f", "--create"]
    found = build_parser().parse_args([*words, "--student=b*", "--db=sqlite:///x.db"])
    assert (found.assignment or found.assignment_option) == "networking"
    assert (found.force, found.student, found.db) == (True, "b*", "sqlite:///x.db")


@pytest.mark.parametrize(
    ("words", "root", "course_id"),
    [
        ([], ".", None),
        (["--course=there"], "there", None),
        (["--course=../elsewhere"], "../elsewhere", None),
        (["--course=docker-101"], ".", "docker-101"),  # as nbgrader has it
        (["--course=there", "--course-dir=/class"], "/class", "there"),
        (["--course-dir=/class"], "/class", None),
    ],
)
def test_a_course_is_a_directory_or_its_id(
    words: list[str], root: str, course_id: str | None, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "nbgrader_config.py").touch()
    found = build_parser().parse_args(["autograde", *words])
    assert nbgrader_words.course_of(found) == (Path(root), course_id)


def test_elsewhere_a_course_is_a_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["autograde", "--course=docker-101"]) == 2
    assert "docker-101 is no nbgrader course directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        (["--no-execute"], "nbgrader autograde --no-execute"),
        (["--log-level", "DEBUG"], "the summary says what went wrong"),
        (["--debug"], "the summary says what went wrong"),
        (["--quiet"], "a pipe is quiet by itself"),
        (["--config=mine.py"], "the course's own nbgrader_config.py"),
        (["--Execute.timeout=5"], "write c.Execute.timeout = … into"),
    ],
)
def test_what_only_nbgrader_has_is_told_with_what_to_do(
    words: list[str], instead: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["autograde", "networking", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert instead in line
