"""A check's cell in a notebook, and the points that it says.

nbgrader itself is not loaded for it: that takes a second.
"""

from __future__ import annotations

import re
from typing import Any

from course_lib.catalog import course
from graders.grading.cells import is_test

_CALL = re.compile(r"^\s*check\(\s*[\"']([a-z0-9-]+)[\"']\s*\)\s*\Z", re.MULTILINE)


def is_check(cell: Any) -> bool:
    """Whether an autograder cell calls ``check``: one of the course's or of an own exercise."""
    if not is_test(cell):
        return False
    known = {exercise.id for _, exercise in course().exercises()}
    return cell.metadata["nbgrader"]["grade_id"] in known or bool(_CALL.search(cell.source))


def score(cell: Any) -> float | None:
    """The points that an executed check cell says; None where it says none."""
    points = float(cell.metadata["nbgrader"]["points"])
    for output in cell.outputs:
        if output.output_type == "error":
            return None
    values = [output for output in cell.outputs if output.output_type == "execute_result"]
    if len(values) != 1:
        return None
    try:
        value = float(values[0]["data"]["text/plain"])
    except (KeyError, TypeError, ValueError):
        return None
    return value if 0 <= value <= points else None
