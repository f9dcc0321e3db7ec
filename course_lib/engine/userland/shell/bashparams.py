"""bash's parameters: ``${a[i]}``, ``${a[@]}``, ``${#a[@]}``, ``${!v}``, ``${v^^}``, ``${v@Q}``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from course_lib.engine.userland.shell import arrays, bashtext, patterns, slices
from course_lib.engine.userland.shell.errors import ShellError
from course_lib.engine.userland.shell.nodes import Parameter, Text, Word

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell

_OPERATOR = re.compile(r"\^\^?|,,?|@[A-Za-z]|//?|##?|%%?|:[-+=?]|[-+=?:]")
_REFERENCE = re.compile(r"([A-Za-z_]\w*)\[(.*)\]\Z", re.DOTALL)
_ALL = ("@", "*")


async def values(shell: Shell, part: Parameter) -> tuple[Sequence[str], bool]:
    """What a parameter expands to, and whether quotes make one field of each value."""
    word = part.word
    prefix, word = _leading(word, "[#!]")
    index: Word | None = None
    if word and isinstance(word[0], Parameter) and word[0].name == bashtext.INDEX:
        index, word = word[0].word, word[1:]
    subscript = None if index is None else await shell.expander.string(index)
    name = part.name
    if prefix == "!":
        rest = "".join(p.text for p in word if isinstance(p, Text))
        if subscript in _ALL:
            return [str(key) for key in shell.variables.elements(name) or ()], subscript == "@"
        if rest in _ALL and subscript is None:
            names = [known for known, _ in shell.variables.items() if known.startswith(name)]
            return names, rest == "@"
        name, subscript = _reference(shell.parameter(name) or "", name)
    everything = subscript in _ALL or (subscript is None and name in _ALL)
    if everything and name in _ALL:
        found: list[str] = list(shell.positional)
    elif everything:
        found = list((shell.variables.elements(name) or {}).values())
    else:
        if subscript is None:
            value = shell.parameter(name)
        else:
            value = arrays.element(shell, name, subscript)
        found = [] if value is None else [value]
    if prefix == "#":
        return [str(len(found) if everything else len("".join(found)))], True
    if not found and not everything and shell.options["nounset"] and not word:
        shown = name if subscript is None else f"{name}[{subscript}]"
        raise ShellError(f"{shown}: unbound variable", 127)
    changed = await _applied(shell, name, found, word)
    return changed, (name if subscript is None else subscript) != "*"


def _leading(word: Word, pattern: str) -> tuple[str, Word]:
    """Cut what matches off the front of a word, quoted or not."""
    text = ""
    rest = list(word)
    while rest and isinstance(rest[0], Text) and len(text) < 2:
        text += rest.pop(0).text  # type: ignore[union-attr]
    match = re.match(pattern, text)
    end = match.end() if match else 0
    left = text[end:]
    return text[:end], (*([Text(left)] if left else []), *rest)


def _reference(target: str, name: str) -> tuple[str, str | None]:
    """What ``${!name}`` stands for."""
    if match := _REFERENCE.match(target):
        return match[1], match[2]
    if not re.fullmatch(r"[A-Za-z_]\w*|[0-9]+|[@*#?$!-]", target):
        raise ShellError(f"{name}: invalid indirect expansion" if not target else
                         f"{target}: invalid variable name")  # fmt: skip
    return target, None


async def _applied(shell: Shell, name: str, found: list[str], word: Word) -> list[str]:
    """The values with what the operator of an expansion does to each."""
    if not word:
        return found
    operator, rest = _leading(word, _OPERATOR.pattern)
    expander = shell.expander
    if operator.lstrip(":") in ("-", "+", "=", "?") and operator:
        missing = not found or (operator[0] == ":" and found == [""])
        if operator[-1] == "+":
            return [] if missing else [await expander.string(rest)]
        if not missing:
            return found
        text = await expander.string(rest)
        if operator[-1] == "?":
            raise ShellError(f"{name}: {text or 'parameter null or not set'}")
        if operator[-1] == "=":
            shell.variables.set(name, text)
        return [text]
    if operator == ":":
        offset, length = await slices.bounds(shell, rest)
        if len(found) == 1:
            return [slices.cut(found[0], offset, length)]
        start = offset + len(found) if offset < 0 else offset
        return found[start : None if length is None else start + length]
    if operator in ("#", "##", "%", "%%"):
        pattern = await expander.pattern(rest)
        return [patterns.trim(text, pattern, operator) for text in found]
    if operator in ("/", "//"):
        word = (Text("/"), *rest) if operator == "//" else rest
        return [await slices.replaced(shell, text, word) for text in found]
    if operator[:1] in ("^", ","):
        pattern = await expander.pattern(rest) or "?"
        return [_cased(text, operator, pattern) for text in found]
    if operator[:1] == "@" and operator[1] in _TRANSFORMED and not rest:
        return [_TRANSFORMED[operator[1]](text) for text in found]
    raise ShellError("bad substitution")


def _cased(text: str, operator: str, pattern: str) -> str:
    change = str.upper if operator[0] == "^" else str.lower
    end = len(text) if len(operator) == 2 else 1
    return "".join(
        change(char) if number < end and patterns.matches(pattern, char) else char
        for number, char in enumerate(text)
    )


def quoted(text: str) -> str:
    """A value as ``${v@Q}`` shows it."""
    return "'" + text.replace("'", "'\\''") + "'"


_TRANSFORMED: dict[str, Callable[[str], str]] = {
    "Q": quoted,
    "U": str.upper,
    "L": str.lower,
    "u": lambda text: text[:1].upper() + text[1:],
}
