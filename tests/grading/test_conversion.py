"""The grader's own versions of steps of nbgrader's and nbconvert's give what those give."""

from __future__ import annotations

import copy
from typing import Any

import nbformat
import pytest
from nbconvert.exporters import NotebookExporter
from nbgrader.nbgraderformat import ValidationError  # type: ignore[attr-defined]

from course_lib.catalog import course
from graders.grading import packed
from graders.grading.conversion import PACKED, CheckCells, OwningExporter


@pytest.fixture(scope="module")
def lesson() -> Any:
    notebook = course().notebook(course().lesson("networking/publish-a-service"))
    return nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]


def test_owning_exporter_writes_what_nbconvert_writes(lesson: Any) -> None:
    make: Any = NotebookExporter
    theirs, _ = make().from_notebook_node(lesson)
    own: Any = OwningExporter
    ours, _ = own().from_notebook_node(copy.deepcopy(lesson))
    assert ours == theirs
    assert nbformat.reads(ours, as_version=4).cells  # type: ignore[no-untyped-call]


def test_packed_notebook_is_the_one_that_was_written(lesson: Any) -> None:
    own: Any = OwningExporter
    text, _ = own().from_notebook_node(copy.deepcopy(lesson), {PACKED: True})
    assert "\n" not in text.strip()
    assert packed.notebook(text) == lesson
    as_written = nbformat.writes(lesson)  # type: ignore[no-untyped-call]
    assert packed.notebook(as_written) == lesson


def test_halves_of_characters_are_packed_as_question_marks(lesson: Any) -> None:
    odd = copy.deepcopy(lesson)
    odd.cells[0].source = "a\ud83db\U0001f433"
    assert packed.notebook(packed.text(odd)).cells[0].source == "a?b\U0001f433"


@pytest.mark.parametrize(
    ("key", "value"), [("points", -1), ("locked", "yes"), ("grade_id", ""), ("solution", None)]
)
def test_check_cells_refuses_what_another_notebook_had_right(
    lesson: Any, key: str, value: object
) -> None:
    make: Any = CheckCells
    step = make()
    step.preprocess(lesson, {})
    broken = copy.deepcopy(lesson)
    test = next(c for c in broken.cells if c.metadata.get("nbgrader", {}).get("grade"))
    test.metadata["nbgrader"][key] = value
    with pytest.raises(ValidationError, match="failed to validate"):
        step.preprocess(broken, {})


def test_check_cells_refuses_an_id_that_is_there_twice(lesson: Any) -> None:
    make: Any = CheckCells
    twice = copy.deepcopy(lesson)
    twice.cells += [c for c in lesson.cells if c.metadata.get("nbgrader", {}).get("grade")]
    with pytest.raises(ValidationError, match="failed to validate"):
        make().preprocess(twice, {})
