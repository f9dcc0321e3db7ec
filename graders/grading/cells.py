"""What a cell of a submission is to the grader."""

from __future__ import annotations

import ast
import builtins
import symtable
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_TRUSTED = {*sys.stdlib_module_names, "graders", "course_lib", "docker"}
"""What a definition may import where it is run by the grader: nothing from the student's folder."""


@dataclass(frozen=True, slots=True)
class CheckCell:
    """A locked cell that ends with ``check("id")``, its own id.

    :param definition: the source before that call: of an own exercise, or imports.
    :param needs: names that the definition uses and does not define itself.
    :param only_imports: it defines nothing.
    """

    grade_id: str
    definition: str
    needs: frozenset[str]
    only_imports: bool


def check_cell(cell: Any) -> CheckCell | None:
    """How a cell asks for a check; None for any other cell, which the kernel has to run.

    nbgrader has put its source back by then, so it is the instructor's.
    """
    if not is_test(cell):
        return None
    try:
        tree = ast.parse(cell.source)
        grade_id = _checked(tree.body[-1]) if tree.body else None
        if grade_id is None or grade_id != cell.metadata["nbgrader"]["grade_id"]:
            return None
        *before, _ = tree.body
        if not set(_imported(tree)) <= _TRUSTED:
            return None
        lines = cell.source.splitlines()
        definition = "\n".join(lines[: before[-1].end_lineno]) if before else ""
        needs = _needs(definition)
    except (SyntaxError, ValueError, RecursionError):
        return None
    imports = all(isinstance(node, ast.Import | ast.ImportFrom) for node in before)
    return CheckCell(grade_id, definition, frozenset(needs), imports)


def is_test(cell: Any) -> bool:
    """Whether nbgrader scores the cell by what running it gives: an autograder test.

    In its words ``is_grade(cell) and not is_solution(cell)``; importing ``nbgrader.utils`` for them
    would bring a web server and a database into every process that grades.
    """
    words = cell.metadata.get("nbgrader", {})
    return bool(cell.cell_type == "code" and words.get("grade") and not words.get("solution"))


def begins_lesson(cell: Any) -> bool:
    """Whether a cell calls ``lab.start`` with plain words and does nothing else, as it was handed
    out: where that fails the student has done nothing yet."""
    try:
        *before, last = ast.parse(cell.source).body
        match last:
            case ast.Expr(ast.Call(ast.Attribute(ast.Name("lab"), "start"), words, keywords)):
                for word in (*words, *(keyword.value for keyword in keywords)):
                    ast.literal_eval(word)
            case _:
                return False
    except (SyntaxError, ValueError, RecursionError):
        return False
    return set(_imported(ast.Module(before, []))) <= _TRUSTED and all(
        isinstance(node, ast.Import | ast.ImportFrom) for node in before
    )


def _checked(node: ast.stmt) -> str | None:
    """The id in ``check("id")``."""
    match node:
        case ast.Expr(
            ast.Call(ast.Name("check"), args=[ast.Constant(str() as grade_id)], keywords=[])
        ):
            return grade_id
    return None


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." if node.level else str(node.module).partition(".")[0]


def _needs(source: str) -> Iterator[str]:
    """Names that have to be there before: neither built in nor defined in the source."""
    table = symtable.symtable(source, "<cell>", "exec")
    known = {
        name.get_name()
        for name in table.get_symbols()
        if name.is_assigned() or name.is_imported() or name.is_namespace()
    }
    for part in _tables(table):
        for name in part.get_symbols():
            word = name.get_name()
            used = name.is_referenced() and (name.is_global() or part is table)
            if used and word not in known and not hasattr(builtins, word):
                yield word


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _tables(child)
