"""bash's assignments: arrays, their elements, ``+=`` and integer variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from course_lib.engine.userland.shell import bashtext
from course_lib.engine.userland.shell.errors import ShellError
from course_lib.engine.userland.shell.nodes import Command, CommandSubstitution, Text, Word
from course_lib.engine.userland.shell.variables import Key

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell

_PLAIN = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?)=")
_ELEMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\[")
_BEHIND = re.compile(r"\](\+?)=")


@dataclass(frozen=True, slots=True)
class Assignment:
    """``name=value``, ``name[index]=value``, either with ``+=``."""

    name: str
    index: Word | None
    append: bool
    value: Word


def assignment(word: Word) -> Assignment | None:
    """What a word assigns that dash's parser does not take for an assignment."""
    first = word[0] if word else None
    if not isinstance(first, Text) or first.quoted:
        return None
    if plain := _PLAIN.match(first.text):
        return Assignment(plain[1], None, bool(plain[2]), _after(word, 0, plain.end()))
    element = _ELEMENT.match(first.text)
    return element and _element(element[1], _after(word, 0, element.end()))


def _element(name: str, rest: Word) -> Assignment | None:
    """``index]=value``."""
    for number, part in enumerate(rest):
        if isinstance(part, Text) and not part.quoted and (found := _BEHIND.search(part.text)):
            before = part.text[: found.start()]
            index = (*rest[:number], Text(before)) if before else rest[:number]
            return Assignment(name, index, bool(found[1]), _after(rest, number, found.end()))
    return None


def _after(word: Word, number: int, position: int) -> Word:
    part = word[number]
    assert isinstance(part, Text)
    text = part.text[position:]
    return (Text(text), *word[number + 1 :]) if text else word[number + 1 :]


def literal(value: Word) -> tuple[Word, ...] | None:
    """The words of ``(x "y z")``; None for any other value."""
    if len(value) == 1 and isinstance(value[0], CommandSubstitution):
        body = value[0].body
        if isinstance(body, Command) and body.words[:1] == ((Text(bashtext.ARRAY),),):
            return body.words[1:]
    return None


async def assign(shell: Shell, given: Assignment) -> str:
    """Do it; how ``set -x`` shows it."""
    words = literal(given.value)
    if words is not None and given.index is None:
        await _assign_all(shell, given.name, words, append=given.append)
        return f"{given.name}=(...)"
    value = await shell.expander.string(given.value, assignment=True)
    index = None if given.index is None else await shell.expander.string(given.index)
    put(shell, given.name, index, value, append=given.append)
    return f"{given.name}={value}"


async def _assign_all(shell: Shell, name: str, words: tuple[Word, ...], *, append: bool) -> None:
    variables = shell.variables
    found = variables.find(name)
    associative = bool(found and found.associative)
    elements: dict[Key, str] = dict(variables.elements(name) or {}) if append else {}
    pairs: list[str] = []
    for word in words:
        first = word[0] if word else None
        one = None
        if isinstance(first, Text) and not first.quoted and first.text.startswith("["):
            one = _element(name, _after(word, 0, 1))
        if one is not None and one.index is not None:
            key = _key(shell, name, await shell.expander.string(one.index), elements)
            value = await shell.expander.string(one.value, assignment=True)
            elements[key] = elements.get(key, "") + value if one.append else value
        elif associative:
            pairs += await shell.expander.fields([word])
        else:
            for value in await shell.expander.fields([word]):
                elements[_next(elements)] = value
    for key, value in zip(pairs[::2], [*pairs[1::2], ""], strict=False):
        elements[key] = value
    variables.set_elements(name, elements)


def put(shell: Shell, name: str, index: str | None, value: str, *, append: bool = False) -> None:
    """Assign to a variable, or with an index to an element of an array.

    :raises ShellError: it is read-only, or the index is none.
    """
    variables = shell.variables
    found = variables.find(name)
    elements = dict(variables.elements(name) or {})
    key = None if index is None else _key(shell, name, index, elements)
    before = variables.get(name) if key is None else elements.get(key)
    if found is not None and found.integer:
        number = shell.expander.number(value)
        value = str(number + shell.expander.number(before or "0") if append else number)
    elif append:
        value = (before or "") + value
    if key is None:
        variables.set(name, value)
    else:
        elements[key] = value
        variables.set_elements(name, elements)


def element(shell: Shell, name: str, index: str) -> str | None:
    """The value of ``${name[index]}``."""
    elements = shell.variables.elements(name) or {}
    return elements.get(_key(shell, name, index, elements))


def reference(text: str) -> tuple[str, str | None]:
    """``name`` or ``name[index]``, in its parts."""
    name, bracket, index = text.removesuffix("]").partition("[")
    return name, index if bracket else None


def read(shell: Shell, text: str) -> str | None:
    """The value of ``name`` or ``name[index]``."""
    name, index = reference(text)
    return shell.variables.get(name) if index is None else element(shell, name, index)


def write(shell: Shell, text: str, value: str) -> None:
    """Assign to ``name`` or ``name[index]``."""
    name, index = reference(text)
    put(shell, name, index, value)


def remove(shell: Shell, name: str, index: str) -> None:
    """``unset 'name[index]'``."""
    elements = dict(shell.variables.elements(name) or {})
    elements.pop(_key(shell, name, index, elements), None)
    shell.variables.set_elements(name, elements)


def _next(elements: Mapping[Key, str]) -> int:
    return 1 + max((key for key in elements if isinstance(key, int)), default=-1)


def _key(shell: Shell, name: str, index: str, elements: Mapping[Key, str]) -> Key:
    found = shell.variables.find(name)
    if found is not None and found.associative:
        return index
    number = shell.expander.number(index) if index.strip() else 0
    if number < 0:
        number += _next(elements)
    if number < 0:
        raise ShellError(f"{name}[{index}]: bad array subscript")
    return number
