"""A pytest plug-in beside nbval's, loaded with ``-p``: compare text, as it is stored.

nbval's own list of what is not compared cannot be changed by an option. HTML, pictures and the
results that a grader reads stand beside a text that says the same, and that is compared. ``outputs.toml``
names cells that are not.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.notebooks.stored import EXACTLY, KEPT, LISTS, NEVER, ONLY_EXACTLY, mend_nbval



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
    if name in NEVER or (doubtful and not os.environ.get(EXACTLY)):
        cell.options["check"] = False
