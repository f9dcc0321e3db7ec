"""A pytest plug-in beside nbval's, loaded with ``-p``: compare text, as it is stored.

nbval's own list of what is not compared cannot be changed by an option. HTML, pictures and the
results that a grader reads stand beside a text that says the same, and that is compared.
``outputs.toml`` names cells that are not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest

from graders.nbgrader.check_cells import is_check
from tests.notebooks.stored import (
    EXACTLY,
    KEPT,
    LISTS,
    NEVER,
    ONLY_EXACTLY,
    mend_nbval,
)

Outputs = Sequence[Any]


def pytest_configure() -> None:
    mend_nbval()


class _AllBut:
    """As a list of MIME types and keys that are not compared: all but text and streams."""

    def __init__(self, known: tuple[str, ...]) -> None:
        self._known = known

    def __contains__(self, key: str) -> bool:
        return key in self._known or ("/" in key and key not in KEPT)


def pytest_itemcollected(item: pytest.Item) -> None:
    cell: Any = item
    if isinstance(cell.parent.skip_compare, tuple):
        cell.parent.skip_compare = _AllBut(cell.parent.skip_compare)
    name = cell.cell.id
    doubtful = name in ONLY_EXACTLY or LISTS.search(cell.cell.source)
    unequal = doubtful and not os.environ.get(EXACTLY)
    if unequal and is_check(cell.cell):
        cell.compare_outputs = partial(_points_alone, cell.compare_outputs)
    elif name in NEVER or unequal:
        cell.options["check"] = False


def _points_alone(compare: Callable[..., bool], test: Outputs, stored: Outputs) -> bool:
    """What a check gives is compared in any case."""
    values = [[o for o in those if o.output_type == "execute_result"] for those in (test, stored)]
    return compare(*values)
