from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker.errors
import pytest
import requests.exceptions

from course_lib.catalog import Exercise, Lesson, course
from course_lib.errors import UnknownGradeId
from graders import runner
from graders.expectation import Expectation, expect, met, missed
from graders.probe import Probe
from graders.registry import checks_of
from graders.result import CheckResult
from graders.runner import run_check, run_checks

LESSON = Lesson("networking", "publish-a-service", "Publish a service")
EXERCISE = Exercise("one", "One", 3.0)
ANSWER_ALONE = {"discovery-broken", "mount-missing"}
"""Exercises that are judged by the student's answer; no engine has a part in them."""


class Client:
    """A client whose engine answers every call with ``problem``."""

    def __init__(self, problem: Exception) -> None:
        self.problem = problem

    @property
    def api(self) -> Client:
        return self

    def __getattr__(self, name: str) -> Any:
        def call(*args: object, **words: object) -> None:
            raise self.problem

        return call


def judged(monkeypatch: pytest.MonkeyPatch, check: Any, points: float = 3.0) -> CheckResult:
    monkeypatch.setattr(runner, "checks_of", lambda assignment, lesson: {"one": check})
    probe = Probe(Client(AssertionError()), {}, Path())
    return run_check(LESSON, Exercise("one", "One", points), probe)


def test_every_exercise_has_a_check_in_its_lesson() -> None:
    for lesson in course().lessons():
        ids = {exercise.id for exercise in lesson.exercises}
        assert set(checks_of(lesson.assignment, lesson.name)) == ids


def test_run_checks_knows_no_other_grade_id() -> None:
    with pytest.raises(UnknownGradeId, match="publish-any-prot"):
        run_checks(["publish-any-prot"], {}, Path(), Client(AssertionError()))


@pytest.mark.parametrize(
    "problem",
    [
        requests.exceptions.ConnectionError("gone"),
        requests.exceptions.ReadTimeout("slow"),
        docker.errors.DockerException("no version"),
        docker.errors.APIError("500", explanation="broken"),
        KeyError("Id"),
    ],
)
def test_engine_that_fails_is_an_error_for_everything(problem: Exception) -> None:
    # Whoever has not answered is told so without a look at the engine.
    answers = {name: "1" for _, exercise in course().exercises() for name in exercise.answers}
    results = run_checks([], answers, Path(), Client(problem))
    assert [result.grade_id for result in results] == [e.id for _, e in course().exercises()]
    for result in results:
        if result.grade_id in ANSWER_ALONE:
            continue
        assert (result.status, result.earned) == ("error", 0)
        assert result.reason
        assert sum(e.points for e in result.expectations) == result.points


def test_missing_work_is_failed_and_no_error() -> None:
    class Nothing(Client):
        def networks(self, names: list[str]) -> list[object]:
            return []

        def info(self) -> dict[str, object]:
            return {"ID": "an engine without anything"}

    results = run_checks([], {}, Path(), Nothing(docker.errors.NotFound("no such container")))
    assert {result.status for result in results} == {"failed"}
    assert {result.earned for result in results} == {0}


def test_error_after_some_expectations_earns_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(probe: Probe) -> Iterator[Expectation]:
        yield expect("First.", 1, met("yes"))
        raise RuntimeError("bug")

    result = judged(monkeypatch, check)
    assert (result.status, result.earned, result.points) == ("error", 0, 3)
    assert [e.points for e in result.expectations] == [1, 2]
    assert "RuntimeError" in result.reason


def test_points_that_do_not_add_up_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(probe: Probe) -> Iterator[Expectation]:
        yield expect("First.", 2, met("yes"))

    assert judged(monkeypatch, check).status == "error"


def test_check_without_expectations_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judged(monkeypatch, lambda probe: iter(())).status == "error"


def test_half_right_earns_half(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(probe: Probe) -> Iterator[Expectation]:
        yield expect("First.", 1.5, met("yes"))
        yield expect("Second.", 1.5, missed("no", "Try."))

    result = judged(monkeypatch, check)
    assert (result.status, result.earned) == ("partial", 1.5)
