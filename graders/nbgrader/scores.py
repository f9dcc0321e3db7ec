"""Writes the scores of check cells into the grade book, explicitly on every path.

nbgrader on its own reads a test cell so: an error or anything on standard error is 0 points, a
number as last value that many points, *anything else full points*, and none of it asks for the
instructor's eye. For a cell that calls ``check`` the number alone counts here: without one
(the check could not observe, the kernel died, the output is gone) there is no automatic score,
and the cell is marked for manual grading.
"""

from __future__ import annotations

from typing import Any

from nbgrader.preprocessors import SaveAutoGrades

from graders.nbgrader.check_cells import is_check, score


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
