"""The first page: the course at a glance."""

from __future__ import annotations

import re
from typing import Any

import nbformat
import pytest

from course_lib.catalog import course


@pytest.fixture
def index() -> Any:
    return nbformat.read(course().index, as_version=4)  # type: ignore[no-untyped-call]


def test_index_is_valid_and_clean(index: Any) -> None:
    nbformat.validate(index)
    for cell in index.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
        assert "nbgrader" not in cell.metadata


def test_index_shows_the_progress(index: Any) -> None:
    (code,) = [cell.source for cell in index.cells if cell.cell_type == "code"]
    assert code == "from course_lib import lab\n\nlab.progress()"


def test_index_links_lessons_by_their_titles_in_the_order_of_the_course(index: Any) -> None:
    text = "\n".join(cell.source for cell in index.cells if cell.cell_type == "markdown")
    rows = re.findall(r"^\| \[(.+?)\]\((.+?)\.ipynb\) \| \S", text, re.MULTILINE)
    assert rows == [(lesson.title, lesson.key) for lesson in course().lessons()]
