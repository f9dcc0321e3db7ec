"""The answers that a student's kernel tells, as plain values.

They are what the student set or whatever else that process chose to say, which comes to the
same: a value to be compared. Nothing of it is executed, and no class of theirs comes along.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

_KINDS: dict[str, Any] = {"list": list, "tuple": tuple, "set": frozenset, "frozenset": frozenset}
MAX_TEXT = 64 * 1024
MAX_ITEMS = 1000
"""Of one answer; nobody has reason to give more, and what is beyond is cut off."""
MAX_DEPTH = 4
"""Of lists in lists; what is deeper is told by its type alone."""


class SList(list[Any]):
    """Lines captured by IPython; checks know them by this name (:mod:`graders.answers`)."""


class Other:
    """A value of a kind that no exercise asks for: its type has the name, and it a short text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def read_answers(document: Any, names: Iterable[str]) -> dict[str, object]:
    """The values by name; what is no answer in form is left out, as if it were not set."""
    if not isinstance(document, dict):
        return {}
    found: dict[str, object] = {}
    for name in names:
        if name in document:
            try:
                found[name] = _value(document[name])
            except (KeyError, TypeError, ValueError, RecursionError):
                continue
    return found


def _value(entry: Any) -> object:
    if "json" in entry:
        value = entry["json"]
        if isinstance(value, str):
            return value[:MAX_TEXT]
        if isinstance(value, float) and not math.isfinite(value):
            return _other("float", str(value))  # Python's JSON has it, JSON has not
        if value is None or isinstance(value, (bool, int, float)):
            return value
        raise ValueError("no plain value")
    if "items" in entry:
        items = [_value(item) for item in entry["items"][:MAX_ITEMS]]
        return SList(items) if entry["type"] == "SList" else _KINDS[entry["type"]](items)
    if "pairs" in entry:
        return {_value(key): _value(value) for key, value in entry["pairs"][:MAX_ITEMS]}
    if entry.get("ellipsis") is True:
        return ...
    return _other(str(entry["type"]), str(entry["other"]))


def _other(kind: str, text: str) -> Other:
    made: type[Other] = type(kind, (Other,), {})
    return made(text[:200])
