"""A cell's outputs are those that nbformat makes of a kernel's messages."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest

from graders.grading.outputs import Outputs

TEXT = {"data": {"text/plain": "4"}, "metadata": {}}
GOOD: list[tuple[str, dict[str, Any]]] = [
    ("display_data", TEXT),
    (
        "display_data",
        {"data": {"application/json": {"a": [1]}, "image/png": "eA=="}, "metadata": {}},
    ),
    ("execute_result", {**TEXT, "execution_count": 3}),
    ("execute_result", {**TEXT, "metadata": {"a": {"b": 1}}, "execution_count": None}),
    ("error", {"ename": "E", "evalue": "", "traceback": ["a", "b"]}),
]
BAD: list[tuple[str, dict[str, Any]]] = [
    ("display_data", {"data": {"text/plain": 4}, "metadata": {}}),
    ("display_data", {"data": ["text/plain"], "metadata": {}}),
    ("display_data", {"data": {}}),
    ("display_data", {"data": {}, "metadata": None}),
    ("execute_result", {**TEXT, "execution_count": "three"}),
    ("error", {"ename": "E", "evalue": "", "traceback": "a"}),
    ("error", {"ename": 5, "evalue": "", "traceback": []}),
]


@pytest.mark.parametrize(("kind", "content"), GOOD)
def test_a_message_becomes_an_output(kind: str, content: dict[str, Any]) -> None:
    outputs = Outputs(10_000)
    cell = outputs.begin()
    outputs.add(kind, content)
    message = {"header": {"msg_type": kind}, "content": content}
    assert cell == [nbformat.v4.output_from_msg(message)]  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(("kind", "content"), BAD)
def test_what_is_none_in_form_is_dropped(kind: str, content: dict[str, Any]) -> None:
    outputs = Outputs(10_000)
    cell = outputs.begin()
    outputs.add(kind, content)
    assert cell == []
