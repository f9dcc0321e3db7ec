"""Exercises of a class's own: the page of the docs, run as it stands, and each word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import graders
from course_lib.errors import UnknownGradeId, UsageError
from graders import answer, container, exercise, fact, met, missed, network, own, volume
from graders.nbgrader.check_cells import is_check, score
from graders.probe import Probe
from graders.result import MIME_TYPE, CheckResult
from graders.runner import run_check
from tests.contract.harness import Engine
from tests.submissions.corpus import Student

PAGE = Path(__file__).parents[2] / "docs" / "own-exercises.md"
BEGIN, WORK, CHECK, FACT = re.findall(r"^```i?python\n(.*?)^```", PAGE.read_text(), re.M | re.S)


@pytest.fixture(autouse=True)
def defined() -> Iterator[None]:
    before = dict(own._defined)
    yield
    own._defined.clear()
    own._defined.update(before)


def judge(engine: Engine, grade_id: str, **answers: object) -> CheckResult:
    made = own.find(grade_id)
    assert made is not None
    probe = Probe(engine.sdk, answers, Path.cwd(), published_host=engine.address)
    return run_check(own.LESSON, made.entry, probe, made.check)


# --- the page ------------------------------------------------------------------------------


def test_the_pages_exercise_has_at_most_fifteen_lines() -> None:
    assert len(CHECK.strip().splitlines()) <= 15
    assert WORK.startswith("### BEGIN SOLUTION")


def test_the_page_names_every_word() -> None:
    words = {
        f".{name}("
        for kind in (
            own.Fact,
            graders.words.Member,
            graders.words.Network,
            graders.words.Container,
            graders.words.Volume,
            graders.words.Answer,
        )
        for name in vars(kind)
        if not name.startswith("_")
        and callable(getattr(kind, name))
        and name not in ("observe", "look")
    }
    text = PAGE.read_text()
    assert {word for word in words if word not in text} == set()


@pytest.fixture
def no_shop(engine: Engine, student: Student) -> Iterator[None]:
    """The names of the page are free, before and after."""

    def clear() -> None:
        student.shell(
            "docker rm -f till; docker network rm shop || true; docker volume rm -f takings"
        )

    clear()
    yield
    clear()


@pytest.mark.slow
@pytest.mark.usefixtures("no_shop")
def test_the_page_works_in_a_notebook(
    engine: Engine, student: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing, everything, and everything but the content of the file."""
    monkeypatch.setenv("DOCKER_HOST", engine.docker_host)
    again = "!docker exec till sh -c 'echo closed > /data/today.txt'"
    work = f"import os\nos.environ['DOCKER_HOST']\n{WORK}"
    book = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
        cells=[_cell(BEGIN), _check(), _cell(work), _check(), _cell(again), _check()]
    )
    NotebookClient(book, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    checks = [cell for cell in book.cells if is_check(cell)]
    assert [score(cell) for cell in checks] == [0.0, 8.0, 6.0], _said(checks[1])
    (closed,) = [e for e in _said(checks[2]) if not e["passed"]]
    assert closed["found"] == "today.txt in takings does not say 'total:'"


def _cell(source: str, **metadata: Any) -> Any:
    return nbformat.v4.new_code_cell(source, metadata=metadata)  # type: ignore[no-untyped-call]


def _check() -> Any:
    words = {"grade": True, "solution": False, "locked": True, "task": False, "schema_version": 3}
    return _cell(CHECK.strip(), nbgrader={**words, "grade_id": "shop-till", "points": 8})


def _said(cell: Any) -> Any:
    (shown,) = [o for o in cell.outputs if MIME_TYPE in o.get("data", {})]
    return shown["data"][MIME_TYPE]["expectations"]


# --- words ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_word_says_what_is_there_and_what_is_not(engine: Engine, student: Student) -> None:
    exercise(
        "own-right",
        "All that is true",
        network("decoy-shop").exists(),
        network("decoy-vault").is_internal(),
        network("decoy-shop").has("decoy-till"),
        network("decoy-shop").has("decoy-till").answers_ping(),
        network("decoy-shop").has("decoy-till").answers_http(80, containing="nginx"),
        network("decoy-vault").has_not("decoy-till"),
        container("decoy-till").runs(),
        container("decoy-till").made_from("nginx"),
        container("decoy-guest").reaches("decoy-till"),
        container("decoy-till").has_volume("decoy-takings", at="/data/"),
        volume("decoy-takings").exists(),
        volume("decoy-takings").has_file("/sub/today.txt", containing="42"),
        answer("port").equals(80),
    )
    exercise(
        "own-wrong",
        "All that is not",
        network("sohp").exists(),
        network("decoy-shop").is_internal(),
        network("decoy-shop").has("decoy-loner"),
        network("decoy-shop").has("decoy-halted"),
        network("decoy-shop").has("decoy-loner").answers_ping(),
        network("decoy-shop").has("decoy-guest").answers_http(80),
        network("decoy-shop").has("decoy-till").answers_http(80, "/no-such-page"),
        network("decoy-shop").has("decoy-till").answers_http(80, containing="Apache"),
        network("decoy-shop").has_not("decoy-till"),
        network("decoy-shop").has_not("nobody"),
        network("nowhere").has_not("decoy-till"),
        container("decoy-halted").runs(),
        container("decoy-till").made_from("alpine"),
        container("decoy-loner").reaches("decoy-till"),
        container("nobody").reaches("decoy-till"),
        container("decoy-till").answers_on(1),
        container("decoy-till").has_volume("decoy-takings", at="/elsewhere"),
        container("decoy-guest").has_volume("decoy-takings", at="/data"),
        volume("decoy-takings").has_file("sub"),
        volume("decoy-takings").has_file("sub/yesterday.txt"),
        volume("decoy-takings").has_file("sub/today.txt", containing="43"),
        volume("nothing").has_file("x"),
        answer("port").equals("81"),
        answer("unset").equals("81"),
        answer("blank").equals("81"),
        answer("odd").equals("81"),
    )
    nothing = judge(engine, "own-right", port=None)
    assert (nothing.status, nothing.earned) == ("failed", 0.0), nothing.expectations
    student.shell(
        """
        docker network create decoy-shop
        docker network create --internal decoy-vault
        docker run -d --name decoy-till --net decoy-shop -v decoy-takings:/data nginx
        docker run -d --name decoy-guest --net decoy-shop alpine sleep 1000
        docker run -d --name decoy-loner alpine sleep 1000
        docker run -d --name decoy-halted --net decoy-shop alpine true
        docker wait decoy-halted
        docker exec decoy-till sh -c 'mkdir /data/sub; echo 42 > /data/sub/today.txt'
        """
    )
    right = judge(engine, "own-right", port="80")
    assert (right.status, right.earned, right.points) == ("passed", 13.0, 13.0), right.expectations
    wrong = judge(engine, "own-wrong", port=80, blank=..., odd=["80"])
    assert [e.text for e in wrong.expectations if e.passed] == []
    assert (wrong.status, wrong.earned, wrong.points) == ("failed", 0.0, 26.0)
    assert all(e.found and e.hint for e in wrong.expectations)


@pytest.mark.slow
def test_a_decoy_by_alias_is_not_the_container(engine: Engine, student: Student) -> None:
    """Another container answers to the name: the one that was meant is on no such network."""
    exercise("own-decoy", "Which", network("decoy-shop").has("decoy-till").answers_ping())
    student.shell(
        """
        docker network create decoy-shop
        docker run -d --name decoy-till alpine sleep 1000
        docker run -d --name decoy-other --net decoy-shop --net-alias decoy-till alpine sleep 1000
        """
    )
    (seen,) = judge(engine, "own-decoy").expectations
    assert (seen.passed, seen.found) == (False, "decoy-till is on bridge")


@pytest.mark.slow
def test_a_page_on_a_port_of_the_host(engine: Engine, student: Student) -> None:
    exercise("own-port", "Open", container("web").answers_on(8080, containing="nginx"))
    student.shell("docker run -d --name web -p 8080:80 nginx")
    result = judge(engine, "own-port")
    assert result.status == "passed", result.expectations
    exercise("own-port", "Open", container("web").answers_on(8081))
    (seen,) = judge(engine, "own-port").expectations
    assert (seen.passed, seen.found) == (
        False,
        "web is not published on host port 8081, but on 8080",
    )


# --- without an engine ---------------------------------------------------------------------


def _probe(client: Any = None) -> Probe:
    class Client:
        api = client

    return Probe(Client(), {"x": 1}, Path.cwd())


def test_points_are_the_sum_and_are_earned_in_part() -> None:
    exercise("own-parts", "Parts", answer("x").equals(1).worth(0.5), answer("y").equals(1).worth(2))
    made = own.find("own-parts")
    assert made is not None
    assert made.entry.answers == ("x", "y")
    result = run_check(own.LESSON, made.entry, _probe(), made.check)
    assert (result.status, result.earned, result.points) == ("partial", 0.5, 2.5)
    assert (result.assignment, result.notebook) == ("own", "own")


def test_defining_it_again_takes_the_place_of_the_first() -> None:
    exercise("own-again", "First", answer("x").equals(1))
    exercise("own-again", "Second", answer("x").equals(2))
    made = own.find("own-again")
    assert made is not None
    assert made.entry.title == "Second"


def test_an_engine_that_does_not_answer_earns_nothing_and_blames_nobody() -> None:
    class Api:
        def __getattr__(self, name: str) -> Any:
            raise ConnectionError("nobody there")

    exercise("own-blind", "Blind", answer("x").equals(1), network("shop").exists())
    made = own.find("own-blind")
    assert made is not None
    result = run_check(own.LESSON, made.entry, _probe(Api()), made.check)
    assert (result.status, result.earned) == ("error", 0.0)
    assert "the engine does not answer" in result.reason


@pytest.mark.parametrize("broken", [lambda probe: 1 / 0, lambda probe: True, lambda probe: None])
def test_words_that_break_earn_nothing(broken: Any) -> None:
    exercise("own-broken", "Broken", fact("It holds.", broken))
    made = own.find("own-broken")
    assert made is not None
    assert run_check(own.LESSON, made.entry, _probe(), made.check).status == "error"


def test_a_fact_in_own_words() -> None:
    exercise(
        "own-fact", "Fact",
        fact("It holds.", lambda probe: met("it does")).worth(2),
        fact("It holds not.", lambda probe: missed("it does not", "Try.")),
    )  # fmt: skip
    made = own.find("own-fact")
    assert made is not None
    assert run_check(own.LESSON, made.entry, _probe(), made.check).earned == 2.0


define: Any = exercise
"""As a notebook has it: without types."""
ODD: Any = ("2",)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (partial(define, "publish-any-port", "Mine", network("x").exists()), "take another id"),
        (partial(define, "Not An Id", "Mine", network("x").exists()), "is no grade_id"),
        (partial(define, 7, "Mine", network("x").exists()), "is no grade_id"),
        (partial(define, "own-empty", "Mine"), "expects nothing"),
        (partial(define, "own-word", "Mine", network("x")), "is nothing to expect"),
        (partial(define, "own-text", "Mine", "it runs"), "is nothing to expect"),
        (partial(network("x").exists().worth, 0), "number of points"),
        (lambda: network("x").exists().worth(*ODD), "number of points"),
        (partial(network("x").exists().worth, True), "number of points"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        call()


def test_check_of_what_was_not_defined_says_so() -> None:
    with pytest.raises(UnknownGradeId, match="own-nothing"):
        graders.check("own-nothing")
