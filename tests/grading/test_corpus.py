"""The corpus of submissions, handed in as notebooks: each earns exactly what it deserves."""

from __future__ import annotations

import json
from collections.abc import Iterator

import nbformat
import pytest

from course_lib.catalog import course
from graders.grading.model import Limits, Submission, SubmissionResult
from graders.grading.warm import Task, WarmParent
from tests.submissions import corpus

LESSONS = ("publish-a-service", "container-network-model", "named-volumes", "service-discovery")
LIMITS = Limits(cell_seconds=100.0, submission_seconds=400.0)
_HELPERS = """
import json, os, subprocess
def shell(script):
    words = ["bash", "-euc", {functions!r} + script]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout
def answer(value):
    if value == "...":
        return ...
    if isinstance(value, list):
        return [answer(item) for item in value]
    if not isinstance(value, str) or "$(" not in value:
        return value
    text = shell('printf %s "' + value.removeprefix("int ") + '"')
    return int(text) if value.startswith("int ") else text
"""


def chosen(lesson: str) -> Iterator[corpus.Submission]:
    """Of each exercise two right submissions and three others."""
    counts: dict[tuple[str, bool], int] = {}
    for one in corpus.submissions():
        if one.lesson != lesson or one.prepare:
            continue
        _, exercise = course().exercise(one.exercise)
        right = one.points == exercise.points
        counts[one.exercise, right] = counts.get((one.exercise, right), 0) + 1
        if counts[one.exercise, right] <= (2 if right else 3):
            yield one


def as_submission(number: int, one: corpus.Submission) -> Submission:
    """A notebook that does the same in its cells, and the check of its exercise."""
    lesson, exercise = course().exercise(one.exercise)
    sources = [
        f'from course_lib import lab\nfrom graders import check\nlab.start("{lesson.key}")',
        _HELPERS.format(functions=corpus.FUNCTIONS),
        f"shell({one.given + chr(10) + one.run!r})",
    ]
    if one.python:
        sources.append(f"import docker\nclient = docker.from_env()\n{one.python}")
    sources += [f"{name} = answer({value!r})" for name, value in one.answers.items()]
    if one.then:
        sources.append(f"shell({one.then!r})")
    cells = [nbformat.v4.new_code_cell(source) for source in sources]  # type: ignore[no-untyped-call]
    check = nbformat.v4.new_code_cell(f'check("{one.exercise}")')  # type: ignore[no-untyped-call]
    check.metadata["nbgrader"] = {
        "grade": True, "grade_id": one.exercise, "locked": True, "points": exercise.points,
        "schema_version": 3, "solution": False, "task": False,
    }  # fmt: skip
    found = nbformat.v4.new_notebook(cells=[*cells, check])  # type: ignore[no-untyped-call]
    text = str(nbformat.writes(found))  # type: ignore[no-untyped-call]
    return Submission(f"s{number}", lesson.assignment, {lesson.name: text}, limits=LIMITS)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("lesson", "workers"), [*((lesson, 2) for lesson in LESSONS), ("named-volumes", 1)]
)
def test_corpus_earns_exactly_what_it_deserves(warm: WarmParent, lesson: str, workers: int) -> None:
    wanted = list(chosen(lesson))
    assert wanted
    waiting = [as_submission(number, one) for number, one in enumerate(wanted)]
    running: list[Task] = []
    results: dict[str, SubmissionResult] = {}
    while waiting or running:
        while waiting and len(running) < workers:
            running.append(warm.submit(waiting.pop(0)))
        done = running.pop(0)
        results[done.submission.student] = done.result()
    for number, one in enumerate(wanted):
        result = results[f"s{number}"]
        assert not result.problem, (str(one), result.problem)
        ((_, done_notebook),) = result.notebooks.items()
        (check,) = done_notebook.checks
        told = json.dumps(check, indent=1)
        assert not done_notebook.unjudged, (str(one), told)
        assert check["earned"] == one.points, (str(one), told)
