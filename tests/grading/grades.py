"""Grading single notebooks, without a course directory; and what came of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import nbformat

from graders.grading.model import Limits, NotebookResult, Submission
from graders.grading.warm import WarmParent
from tests.grading.notebooks import text

PATIENT = Limits(cell_seconds=60.0, submission_seconds=240.0)
Scores = dict[str, float | None]


def graded(warm: WarmParent, found: Any, limits: Limits = PATIENT, **words: Any) -> NotebookResult:
    """The result of a submission with that one notebook."""
    submission = Submission("mallory", "networking", {"it": text(found)}, limits=limits, **words)
    result = warm.grade(submission)
    assert not result.problem, result.problem
    return result.notebooks["it"]


def scores(result: NotebookResult) -> Scores:
    """Points by exercise; None for what waits for the instructor."""
    return {
        check["grade_id"]: None if check["grade_id"] in result.unjudged else check["earned"]
        for check in result.checks
    }


def outputs_of(result: NotebookResult, index: int) -> list[Any]:
    """The outputs of the code cell at that place."""
    cells = [cell for cell in json.loads(result.notebook)["cells"] if cell["cell_type"] == "code"]
    found: list[Any] = cells[index]["outputs"]
    return found


def printed(result: NotebookResult) -> str:
    """Whatever the notebook's cells wrote."""
    cells = json.loads(result.notebook)["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    return "".join("".join(o["text"]) for o in outputs if o["output_type"] == "stream")


def notebook_of(cells: Sequence[Any]) -> Any:
    """A notebook with these cells: a source; or id, source and points of a locked test."""
    made: Any = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
    for entry in cells:
        source = entry if isinstance(entry, str) else entry[1]
        cell: Any = nbformat.v4.new_code_cell(source)  # type: ignore[no-untyped-call]
        if not isinstance(entry, str):
            cell.metadata["nbgrader"] = {
                "grade": True, "grade_id": entry[0], "locked": True, "points": entry[2],
                "schema_version": 3, "solution": False, "task": False,
            }  # fmt: skip
        made.cells.append(cell)
    return made
