"""Variables of a shell, with the scopes that ``local`` makes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from course_lib.engine.userland.shell.errors import ShellError

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
MAX_VALUE = 64 << 20
"""Characters of a value, and bytes that a substitution may read: a shell that doubles a variable
without end would take the engine's memory, which it shares with all others."""
ENTRY = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")


Key = int | str
"""Index of an array: a number, in an associative one a text."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A value and its attributes; ``value`` is None where only attributes are set.

    :ivar elements: of an array, which bash has; in order.
    :ivar associative: its keys are texts.
    :ivar integer: what is assigned is arithmetic.
    :ivar case: ``upper`` or ``lower``: what becomes of what is assigned.
    """

    value: str | None = None
    exported: bool = False
    readonly: bool = False
    elements: Mapping[Key, str] | None = None
    associative: bool = False
    integer: bool = False
    case: str = ""


class Variables:
    """All variables. Names with a function in ``dynamic`` are computed when read."""

    def __init__(self) -> None:
        self._values: dict[str, Variable] = {}
        self._scopes: list[dict[str, Variable | None]] = []
        self.dynamic: dict[str, Callable[[], str]] = {}
        self.dynamic_elements: dict[str, Callable[[], Sequence[object]]] = {}
        self.export_all = False

    def copy(self) -> Variables:
        """An independent set, as a subshell has it."""
        twin = Variables()
        twin._values = dict(self._values)
        twin._scopes = [dict(scope) for scope in self._scopes]
        twin.export_all = self.export_all
        return twin

    def get(self, name: str) -> str | None:
        """The value, or None where it is not set."""
        found = self._values.get(name)
        if name in self.dynamic and (found is None or found.value is None):
            return self.dynamic[name]()
        if found is not None and found.elements is not None:
            return found.elements.get("0" if found.associative else 0)
        return found.value if found else None

    def elements(self, name: str) -> Mapping[Key, str] | None:
        """The elements of an array; a plain variable is an array of one."""
        found = self._values.get(name)
        if found is not None and found.elements is not None:
            return found.elements
        if name in self.dynamic_elements:
            return {n: str(value) for n, value in enumerate(self.dynamic_elements[name]())}
        value = self.get(name)
        return None if value is None else {0: value}

    def set_elements(self, name: str, elements: Mapping[Key, str]) -> None:
        """Make an array of a name; an associative one has its keys in the order they came.

        :raises ShellError: it is read-only, or its values too long.
        """
        found = self._values.get(name, Variable())
        if found.readonly:
            raise ShellError(f"{name}: is read only")
        if sum(map(len, elements.values())) > MAX_VALUE:
            raise ShellError("out of memory")
        keys = elements if found.associative else sorted(elements)
        ordered = {key: elements[key] for key in keys}
        self._values[name] = replace(found, value=None, elements=ordered)

    def find(self, name: str) -> Variable | None:
        """Value and attributes."""
        return self._values.get(name)

    def set(self, name: str, value: str, *, export: bool = False) -> None:
        """Assign.

        :raises ShellError: the variable is read-only, or the value too long.
        """
        if len(value) > MAX_VALUE:
            raise ShellError("out of memory")
        found = self._values.get(name)
        if found is None:
            self._values[name] = Variable(value, export or self.export_all)
            return
        if found.readonly:
            raise ShellError(f"{name}: is read only")
        self.dynamic.pop(name, None)
        exported = found.exported or export or self.export_all
        if found.case:
            value = value.upper() if found.case == "upper" else value.lower()
        if found.elements is not None:
            first: Key = "0" if found.associative else 0
            self.set_elements(name, {**found.elements, first: value})
        else:
            self._values[name] = replace(found, value=value, exported=exported)

    def unset(self, name: str) -> None:
        """Forget; raises :class:`ShellError` for a read-only one."""
        found = self._values.get(name)
        if found is not None and found.readonly:
            raise ShellError(f"{name}: is read only")
        self._values.pop(name, None)
        self.dynamic.pop(name, None)

    def mark(self, name: str, *, exported: bool | None = None, readonly: bool = False) -> None:
        """Give an attribute, also to a variable without a value."""
        found = self._values.get(name, Variable())
        if exported is not None:
            found = replace(found, exported=exported)
        self._values[name] = replace(found, readonly=found.readonly or readonly)

    def declare(self, name: str, **attributes: Any) -> None:
        """Give bash's attributes, as :class:`Variable` names them."""
        self._values[name] = replace(self._values.get(name, Variable()), **attributes)

    def items(self) -> Iterator[tuple[str, Variable]]:
        """All of them by name."""
        return iter(sorted(self._values.items()))

    def environment(self) -> dict[str, str]:
        """What a program that is started gets."""
        return {
            name: variable.value
            for name, variable in self._values.items()
            if variable.exported and variable.value is not None
        }

    # --- scopes ------------------------------------------------------------------------------

    def enter(self) -> None:
        """A function begins."""
        self._scopes.append({})

    def leave(self) -> None:
        """It ends: what it made local becomes what it was."""
        for name, before in self._scopes.pop().items():
            if before is None:
                self._values.pop(name, None)
            else:
                self._values[name] = before

    @contextmanager
    def scope(self) -> Iterator[None]:
        """A scope of its own for one command."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    @property
    def in_function(self) -> bool:
        """Whether there is a scope to make something local in."""
        return bool(self._scopes)

    def make_local(self, name: str) -> None:
        """``local name``: keeps its value until it is assigned, as in ash."""
        scope = self._scopes[-1]
        if name not in scope:
            scope[name] = self._values.get(name)
