"""How the outputs of a check cell become a score."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest

from graders.nbgrader.check_cells import is_check, score

OUTPUT = nbformat.v4.new_output


def cell(*outputs: Any, source: str = 'check("publish-any-port")', **metadata: Any) -> Any:
    words = {"grade": True, "grade_id": "publish-any-port", "points": 4, "solution": False}
    return nbformat.v4.new_code_cell(  # type: ignore[no-untyped-call]
        source, outputs=list(outputs), metadata={"nbgrader": {**words, "locked": True, **metadata}}
    )


def value(text: str) -> Any:
    return OUTPUT("execute_result", {"text/plain": text})  # type: ignore[no-untyped-call]


def panel() -> Any:
    return OUTPUT("display_data", {"text/plain": "✔ 3.0"})  # type: ignore[no-untyped-call]


def stderr() -> Any:
    return OUTPUT("stream", name="stderr", text="warning")  # type: ignore[no-untyped-call]


def error() -> Any:
    return OUTPUT(  # type: ignore[no-untyped-call]
        "error", ename="ObservationError", evalue="the engine does not answer", traceback=[]
    )


@pytest.mark.parametrize(("text", "points"), [("0.0", 0), ("1.5", 1.5), ("4.0", 4), ("4", 4)])
def test_score_is_the_last_value(text: str, points: float) -> None:
    assert score(cell(panel(), value(text))) == points


def test_score_is_not_lost_by_a_warning() -> None:
    assert score(cell(stderr(), panel(), value("2.5"))) == 2.5


@pytest.mark.parametrize(
    "outputs",
    [
        [],
        [panel()],
        [panel(), error()],
        [value("4.0"), error()],
        [value("4.0"), value("4.0")],
        [value("5.0")],
        [value("-1.0")],
        [value("nan")],
        [value("'4.0'")],
        [value("None")],
        [stderr()],
    ],
)
def test_score_is_none_where_no_number_is_said(outputs: list[Any]) -> None:
    assert score(cell(*outputs)) is None


def test_is_check_knows_the_courses_and_own_checks() -> None:
    assert is_check(cell())
    assert is_check(cell(grade_id="own", source='print(1)\ncheck("own")\n'))


def test_is_check_leaves_other_cells_to_nbgrader() -> None:
    assert not is_check(cell(grade_id="own", source="assert True"))
    assert not is_check(cell(grade=False))
    assert not is_check(cell(solution=True))
    markdown = nbformat.v4.new_markdown_cell("x")  # type: ignore[no-untyped-call]
    assert not is_check(markdown)
