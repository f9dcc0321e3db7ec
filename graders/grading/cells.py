"""What a cell of a submission is to the grader."""

from __future__ import annotations

import ast
from typing import Any

from nbgrader import utils

from course_lib.catalog import Catalog
from course_lib.errors import CourseError


def check_in(cell: Any, catalog: Catalog) -> str | None:
    """The exercise whose check a locked cell calls, and nothing else; None for any other cell.

    Such a cell is not run in the student's kernel: the grader makes the check itself.
    """
    if cell.cell_type != "code" or not utils.is_grade(cell) or utils.is_solution(cell):
        return None
    try:
        body = ast.parse(cell.source).body
    except (SyntaxError, ValueError):
        return None
    if len(body) != 1 or not isinstance(body[0], ast.Expr):
        return None
    call = body[0].value
    if not isinstance(call, ast.Call) or call.keywords or len(call.args) != 1:
        return None
    argument = call.args[0]
    if not isinstance(call.func, ast.Name) or call.func.id != "check":
        return None
    if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
        return None
    grade_id = argument.value
    if cell.metadata["nbgrader"]["grade_id"] != grade_id:
        return None
    try:
        catalog.exercise(grade_id)
    except CourseError:
        return None
    return grade_id


def is_test(cell: Any) -> bool:
    """Whether nbgrader scores the cell by what running it gives: an autograder test."""
    return bool(cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell))
