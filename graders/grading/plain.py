"""The student's side of answers: the values of variables, in the form that travels.

None of a student's own code runs for it, so that no ``__index__`` or ``__repr__`` can go on for
ever, or end the kernel. What kind a value is the C structure of its type says (``issubclass`` of
``type``; ``isinstance`` would ask ``__class__``), a subclass of a builtin is read by the builtin's
own methods, and anything else is told by the name of its type.
"""

from __future__ import annotations

import contextlib

# As they are before a student puts others in their place.
from builtins import (  # noqa: UP029
    bool,
    bytes,
    complex,
    dict,
    float,
    frozenset,
    int,
    issubclass,
    len,
    list,
    repr,
    set,
    slice,
    str,
    tuple,
    type,
)
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from graders.grading.answers import MAX_DEPTH, MAX_ITEMS, MAX_TEXT

_MAX_BITS = 1024
_MAX_NAME = 100
_name_of: Callable[[type], str] = vars(type)["__name__"].__get__
_module_of: Callable[[type], str] = vars(type)["__module__"].__get__
_bases_of: Callable[[type], tuple[type, ...]] = vars(type)["__mro__"].__get__
_flags_of: Callable[[type], int] = vars(type)["__flags__"].__get__
_dict_of: Callable[[type], Mapping[str, Any]] = vars(type)["__dict__"].__get__
_MADE_IN_PYTHON = 1 << 9
"""``Py_TPFLAGS_HEAPTYPE``: what a ``class`` statement makes has it, numpy's types in C do not."""
_SEVERAL: dict[type, Callable[[Any], Iterable[Any]]] = {
    list: list.__iter__, tuple: tuple.__iter__, set: set.__iter__, frozenset: frozenset.__iter__,
}  # fmt: skip
Entry = dict[str, Any]


def answers(variables: dict[str, Any], names: Iterable[str]) -> dict[str, Entry]:
    """The values that were set, as :func:`graders.grading.answers.read_answers` takes them."""
    wanted = frozenset(names)
    found: dict[str, Entry] = {}
    # Not looked up: a key of their own may have the same hash, and an ``__eq__``.
    for name, value in list(dict.items(variables)):
        if type(name) is str and name in wanted:
            with contextlib.suppress(RuntimeError):  # a thread of theirs changes it meanwhile
                found[name] = _Telling().tell(value)
    return found


def _numpys(kind: type) -> dict[str, type]:
    """numpy's own among the bases of a type, by name.

    Most notebooks do without numpy, so it is not loaded to compare with, and a student may have put
    something else in its place. A type of its name that no Python code can have made is its own.
    """
    return {
        _name_of(base): base
        for base in _bases_of(kind)
        if not _flags_of(base) & _MADE_IN_PYTHON and _module_of(base) == "numpy"
    }


class _Telling:
    """Tells one answer, as far as it is not too much."""

    def __init__(self) -> None:
        self._items = MAX_ITEMS
        self._text = MAX_TEXT

    def tell(self, value: Any, depth: int = MAX_DEPTH) -> Entry:
        if value is ...:
            return {"ellipsis": True}
        kind = type(value)
        if value is None or kind is bool:
            return {"json": value}
        if issubclass(kind, str):
            return {"json": self._cut(str.__getitem__(value, slice(MAX_TEXT)))}
        if issubclass(kind, float):
            return {"json": float.__float__(value)}
        numpys = _numpys(kind)
        if numpys.keys() & {"integer", "bool", "bool_"}:
            return {"json": _dict_of(numpys["generic"])["item"](value)}
        if issubclass(kind, int):
            bits = int.bit_length(value)
            if bits > _MAX_BITS:
                return self._other(kind, f"a number of {bits} bits")
            return {"json": int.__int__(value)}
        if kind is bytes or kind is complex:
            return self._other(kind, repr(value[:MAX_TEXT] if kind is bytes else value))
        return (self._container(value, kind, depth) if depth else None) or self._other(kind)

    def _container(self, value: Any, kind: type, depth: int) -> Entry | None:
        if issubclass(kind, dict):
            pairs = [
                (self.tell(key, 0), self.tell(entry, depth - 1))
                for key, entry in self._some(dict.items(value))
            ]
            return {"pairs": pairs}
        for base, iterate in _SEVERAL.items():
            if issubclass(kind, base):
                items = [self.tell(item, depth - 1) for item in self._some(iterate(value))]
                # Lines captured by IPython: checks know them by that name.
                captured = base is list and _name_of(kind) == "SList"
                return {"items": items, "type": "SList" if captured else base.__name__}
        return None

    def _some(self, items: Iterable[Any]) -> list[Any]:
        found = list(islice(items, self._items))
        self._items -= len(found)
        return found

    def _other(self, kind: type, text: str = "") -> Entry:
        name = self._cut(str.__getitem__(_name_of(kind), slice(_MAX_NAME)))
        return {"other": self._cut(text or f"<{name}>"), "type": name}

    def _cut(self, text: str) -> str:
        found = text[: self._text]
        self._text -= len(found)
        return found
