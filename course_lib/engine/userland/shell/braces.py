"""bash's brace expansion: ``a{b,c}``, ``{1..3}``, ``{01..10..3}``."""

from __future__ import annotations

import re

from course_lib.engine.userland.shell.nodes import Text, Word

_SEQUENCE = re.compile(r"-?\d+\.\.-?\d+(?:\.\.-?\d+)?|[A-Za-z]\.\.[A-Za-z](?:\.\.-?\d+)?")


def expand(word: Word) -> list[Word]:
    """bash's ``a{b,c}`` and ``{1..3}``, in the first literal part that has one."""
    for number, part in enumerate(word):
        if not isinstance(part, Text) or part.quoted:
            continue
        found = _first(part.text)
        if found is None:
            continue
        before, choices, after = found
        expanded: list[Word] = []
        for choice in choices:
            text = Text(before + choice + after)
            expanded += expand((*word[:number], text, *word[number + 1 :]))
        return expanded
    return [word]


def _first(text: str) -> tuple[str, list[str], str] | None:
    """The first braces that stand for something: what is before, the choices, what is behind."""
    start = text.find("{")
    while start >= 0:
        depth, begin = 0, start + 1
        choices: list[str] = []
        for at in range(start + 1, len(text)):
            char = text[at]
            if char == "," and not depth:
                choices.append(text[begin:at])
                begin = at + 1
            elif char == "}" and not depth:
                if choices:
                    return text[:start], [*choices, text[begin:at]], text[at + 1 :]
                if _SEQUENCE.fullmatch(text, begin, at):
                    return text[:start], _numbers(text[begin:at]), text[at + 1 :]
                break
            else:
                depth += (char == "{") - (char == "}")
        start = text.find("{", start + 1)
    return None


def _numbers(body: str) -> list[str]:
    """What ``1..5`` or ``a..e..2`` stands for."""
    low, high, *given = body.split("..")
    step = abs(int(given[0])) if given else 1
    if low.lstrip("-").isdigit():
        first, last = int(low), int(high)
        padded = any(re.match("-?0[0-9]", text) for text in (low, high))
        width = max(len(low), len(high)) if padded else 0
        return [f"{n:0{width}}" for n in _range(first, last, step)]
    return [chr(n) for n in _range(ord(low), ord(high), step)]


def _range(first: int, last: int, step: int) -> list[int]:
    step = step or 1
    numbers = range(first, last + 1, step) if first <= last else range(first, last - 1, -step)
    return list(numbers[:100000])
