"""What a greedy submission costs: itself its limits, and the honest ones beside it nothing."""

from __future__ import annotations

import select
from dataclasses import replace
from typing import Any

import pytest

from course_lib.engine.api import version
from graders.grading.engine import API_VERSION
from graders.grading.model import Limits, Submission
from graders.grading.warm import Task, WarmParent
from tests.grading.grades import PATIENT, notebook_of, scores
from tests.grading.notebooks import POINTS, RIGHT, notebook, text

ANY_PORT = ("publish-any-port", 'check("publish-any-port")', 4.0)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("confined")
def test_greed_costs_nobody_else_anything(warm: WarmParent) -> None:
    """The honest are done, all points at the first attempt, while an endless loop goes on."""

    def begin(student: str, found: Any, limits: Limits = PATIENT) -> Task:
        return warm.submit(Submission(student, "it", {"it": text(found)}, limits=limits))

    patient = replace(PATIENT, cell_seconds=10_000.0, submission_seconds=10_000.0)
    endless = begin("endless", notebook_of(["while True: pass"]), patient)
    try:
        assert endless.receive() is None
        loud = begin("loud", notebook_of(["!yes | head -c 10000000000", ANY_PORT]), patient)
        honest = [begin(student, notebook(RIGHT)) for student in ("ann", "ben")]
        for task in honest:
            result = task.result().notebooks["it"]
            assert scores(result) == POINTS
            assert result.attempts == 1
        # By its output's limit: that of its time is hours away.
        result = loud.result().notebooks["it"]
        assert "publish-any-port" in result.unjudged
        assert len(result.notebook) < 20_000_000
        assert not select.select([endless], [], [], 0)[0]
    finally:
        endless.kill()
    assert "ended" in endless.result().problem


def test_checks_see_what_a_notebook_sees() -> None:
    """Below 1.45 the API tells more aliases than were given."""
    assert version.show(version.NEWEST) == API_VERSION
