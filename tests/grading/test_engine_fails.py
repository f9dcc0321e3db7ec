"""What the engine could not do costs no student a point: it runs once more, then waits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from graders.grading.model import NotebookResult, Submission
from graders.grading.warm import WarmParent
from tests.grading.faulty import FAULTS
from tests.grading.grades import PATIENT, graded, notebook_of, scores
from tests.grading.notebooks import RIGHT, text

pytestmark = pytest.mark.timeout(600)
START = "from course_lib import lab\nfrom graders import check\nlab.start('publish-a-service')"
ANY_PORT = ("publish-any-port", 'check("publish-any-port")', 4.0)
PRUNE = ("lifecycle-prune", 'check("lifecycle-prune")', 5.0)
PLAIN = ("plain", "import docker\nassert docker.from_env().containers.list()", 1.0)
REASONS = {
    "start": "the engine failed: GET /volumes failed: RuntimeError: list is broken",
    "pull": "pull is broken",
    "create": "the engine failed: POST /containers/create failed: RuntimeError: create is broken",
    "death": "the engine died",
}


@pytest.fixture(scope="module")
def results(docker_command: str) -> Iterator[dict[str, NotebookResult]]:
    """Right work on an engine with each fault, once and always; all side by side."""
    parent = WarmParent("tests.grading.faulty")
    run = [START, RIGHT["publish-any-port"], ANY_PORT, PLAIN]
    start = START.replace("publish-a-service", "volumes/volume-lifecycle")
    prune = [start, "!docker volume prune -f", PRUNE]
    try:
        tasks = {
            name: parent.submit(
                Submission(name, "it", {"it": text(notebook_of(cells))}, limits=PATIENT)
            )
            for fault, cells in zip(FAULTS, (prune, prune, run, run), strict=True)
            for name in (f"{fault}-once", f"{fault}-always")
        }
        yield {name: task.result().notebooks["it"] for name, task in tasks.items()}
    finally:
        parent.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_once_is_mended_by_the_second_attempt(
    results: dict[str, NotebookResult], fault: str
) -> None:
    result = results[f"{fault}-once"]
    assert sum(filter(None, scores(result).values())) in (4.0, 5.0)
    assert (result.unjudged, result.attempts) == ({}, 2)


@pytest.mark.parametrize("fault", FAULTS)
def test_always_waits_with_its_reason(results: dict[str, NotebookResult], fault: str) -> None:
    result = results[f"{fault}-always"]
    assert set(scores(result).values()) == {None}
    assert result.attempts == 2
    assert len(result.unjudged) == len(result.in_kernel) + 1
    for reason in result.unjudged.values():
        assert REASONS[fault] in reason


def test_a_lesson_that_students_keep_from_beginning_is_their_own_doing(warm: WarmParent) -> None:
    for cell in (START.replace("publish-a-service", "publish-a-servise"), f"{START}\n1/0"):
        result = graded(warm, notebook_of([cell, ANY_PORT]))
        assert (scores(result), result.attempts) == ({"publish-any-port": 0.0}, 1)


def test_a_lesson_that_does_not_begin_as_handed_out_is_not(warm: WarmParent) -> None:
    # A limit of ours, as a full machine would have it.
    broken = "import docker\ndocker.DockerClient.__init__ = None"
    result = graded(warm, notebook_of([broken, START, ANY_PORT]))
    assert scores(result) == {"publish-any-port": None}
    assert "cell 2 began no lesson: TypeError" in result.unjudged["publish-any-port"]
