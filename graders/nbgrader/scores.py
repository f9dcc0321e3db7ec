"""Writes the scores of check cells into the grade book, explicitly on every path.

nbgrader on its own reads a test cell so: an error or anything on standard error is 0 points, a
number as last value that many points, *anything else full points*, and none of it asks for the
instructor's eye. For a cell that calls ``check`` the number alone counts here: without one
(the check could not observe, the kernel died, the output is gone) there is no automatic score,
and the cell is marked for manual grading.
"""

from __future__ import annotations

import re
from typing import Any

from nbgrader import utils
from nbgrader.preprocessors import SaveAutoGrades

from course_lib.catalog import course

_CALL = re.compile(r"^\s*check\(\s*[\"']([a-z0-9-]+)[\"']\s*\)\s*\Z", re.MULTILINE)


class SaveScores(SaveAutoGrades):
    """nbgrader's ``SaveAutoGrades``, except for check cells without a score."""

    def _add_score(self, cell: Any, resources: Any) -> None:
        if not is_check(cell):
            super()._add_score(cell, resources)
            return
        grade_id = cell.metadata["nbgrader"]["grade_id"]
        grade: Any = self.gradebook.find_grade(
            grade_id, self.notebook_id, self.assignment_id, self.student_id
        )
        grade.auto_score = score(cell)
        grade.needs_manual_grade = grade.auto_score is None or grade.manual_score is not None
        if grade.auto_score is None:
            self.log.warning(
                "%s of %s could not be judged: marked for manual grading",
                grade_id,
                self.student_id,
            )
        self.gradebook.db.commit()


def is_check(cell: Any) -> bool:
    """Whether an autograder cell calls ``check``: one of the course's or of an own exercise."""
    if cell.cell_type != "code" or not utils.is_grade(cell) or utils.is_solution(cell):
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
