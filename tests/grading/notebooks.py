"""Notebooks as students hand them in: a lesson's start, its exercises, and the work for some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import nbformat

from course_lib.catalog import Lesson, course

RIGHT: Mapping[str, str] = {
    "publish-any-port": "!docker run -d -P --name web nginx",
    "publish-find-port": ("lines = !docker port web 80\nweb_port = lines[0].split(':')[-1]"),
    "publish-two-ports": "!docker run -d --name site -p 8080:80 -p 8888:80 nginx",
    "publish-address": "lines = !docker exec web hostname -i\nweb_address = lines[0].split()[0]",
}
POINTS: Mapping[str, float] = {
    "publish-any-port": 4.0,
    "publish-find-port": 2.0,
    "publish-two-ports": 4.0,
    "publish-address": 2.0,
}
NOTHING: Mapping[str, float] = dict.fromkeys(POINTS, 0.0)


def lesson(name: str) -> Lesson:
    """The lesson of that name."""
    return next(one for one in course().lessons() if one.name == name)


def notebook(
    work: Mapping[str, str],
    *,
    name: str = "publish-a-service",
    before: Sequence[str] = (),
    after: Sequence[str] = (),
) -> Any:
    """The lesson's notebook without its prose.

    :param work: what stands in the solution cells, by grade_id.
    :param before: cells before the first exercise, ``after`` behind the last.
    """
    found: Any = nbformat.read(course().notebook(lesson(name)), as_version=4)  # type: ignore[no-untyped-call]
    kept = []
    for cell in found.cells:
        words = cell.metadata.get("nbgrader")
        if words is None:
            if cell.cell_type == "code" and "lab.start(" in cell.source:
                kept += [cell, *map(_code, before)]
            continue
        if words["solution"]:
            cell.source = work.get(words["grade_id"].removesuffix("-work"), "# nothing here")
        kept.append(cell)
    found.cells = [*kept, *map(_code, after)]
    return found


def text(found: Any) -> str:
    """The notebook as the content of its file."""
    return str(nbformat.writes(found))  # type: ignore[no-untyped-call]


def _code(source: str) -> Any:
    return nbformat.v4.new_code_cell(source)  # type: ignore[no-untyped-call]
