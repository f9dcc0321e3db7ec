"""Runs checks against an engine: for ``course check``, for notebooks and for grading."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from course_lib.catalog import Catalog, Exercise, Lesson, course
from graders.expectation import Expectation, ObservationError
from graders.probe import Probe
from graders.registry import CheckFunction, checks_of
from graders.result import CheckResult, ExpectationResult, judge

UNOBSERVED = "Everything that this exercise asks for could be looked at."
NOT_YOUR_FAULT = (
    "This says nothing about your work. Run the check again; if it stays, tell your instructor."
)


def run_checks(
    grade_ids: Iterable[str],
    answers: Mapping[str, object],
    folder: Path,
    client: Any,
    *,
    catalog: Catalog | None = None,
    make_probe: Callable[..., Probe] = Probe,
) -> list[CheckResult]:
    """The results of the exercises ``grade_ids`` (none: all), in the order given.

    ``answers`` are the values that the student set, ``folder`` is the student's, ``client`` a
    :class:`docker.DockerClient` of the engine in use. Raises
    :class:`~course_lib.errors.UnknownGradeId` before anything is looked at; whatever goes wrong
    while looking is a result with status ``error``.
    """
    catalog = catalog or course()
    wanted = [catalog.exercise(grade_id) for grade_id in grade_ids] or list(catalog.exercises())
    return [
        run_check(lesson, exercise, make_probe(client, answers, folder))
        for lesson, exercise in wanted
    ]


def run_check(
    lesson: Lesson, exercise: Exercise, probe: Probe, function: CheckFunction | None = None
) -> CheckResult:
    """The result of one exercise. Fails closed: a check that breaks is an ``error``.

    :param function: the check; by default that of the course.
    """
    found: list[ExpectationResult] = []
    try:
        function = function or checks_of(lesson.assignment, lesson.name)[exercise.id]
        _collect(function, probe, found)
        total = sum(expectation.points for expectation in found)
        if abs(total - exercise.points) > 1e-6:
            raise ObservationError(
                f"the check of {exercise.id} gives {total:g} points, not {exercise.points:g}"
            )
    except ObservationError as error:
        return unobserved(lesson, exercise, found, str(error))
    except Exception as error:  # a mistake of ours must neither earn nor blame
        reason = f"the check itself broke ({type(error).__name__}: {error})"
        return unobserved(lesson, exercise, found, reason)
    status, earned = judge(tuple(found), exercise.points)
    return CheckResult(
        exercise.id, lesson.assignment, lesson.name, exercise.title, status, exercise.points,
        earned, tuple(found),
    )  # fmt: skip


def _collect(function: CheckFunction, probe: Probe, into: list[ExpectationResult]) -> None:
    into.extend(_result(expectation) for expectation in function(probe))


def _result(expectation: Expectation) -> ExpectationResult:
    finding = expectation.finding
    return ExpectationResult(
        expectation.text, finding.passed, expectation.points, _written(finding.found),
        _written(finding.hint), finding.shows,
    )  # fmt: skip


def _written(text: str) -> str:
    """As a notebook can hold it: a file's name may have bytes that are no UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def unobserved(
    lesson: Lesson, exercise: Exercise, found: Sequence[ExpectationResult], reason: str
) -> CheckResult:
    """The result where not all could be looked at: no points, and no blame.

    :param found: what was looked at before.
    """
    left = max(0.0, exercise.points - sum(expectation.points for expectation in found))
    problem = ExpectationResult(UNOBSERVED, False, left, reason, NOT_YOUR_FAULT)
    return CheckResult(
        exercise.id, lesson.assignment, lesson.name, exercise.title, "error", exercise.points,
        0.0, (*found, problem),
    )  # fmt: skip
