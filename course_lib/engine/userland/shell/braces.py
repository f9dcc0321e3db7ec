"""bash's brace expansion: ``a{b,c}``, ``{1..3}``, ``{01..10..3}``."""

from __future__ import annotations

import re

from course_lib.engine.userland.shell.nodes import Text, Word

_BRACES = re.compile(
    r"\{([^{}]*,[^{}]*|-?\d+\.\.-?\d+(?:\.\.-?\d+)?|[A-Za-z]\.\.[A-Za-z](?:\.\.-?\d+)?)\}"
)


def expand(word: Word) -> list[Word]:
    """bash's ``a{b,c}`` and ``{1..3}``, in the first literal part that has one."""
    for number, part in enumerate(word):
        if not isinstance(part, Text) or part.quoted:
            continue
        match = _BRACES.search(part.text)
        if match is None:
            continue
        before, after = part.text[: match.start()], part.text[match.end() :]
        expanded: list[Word] = []
        for choice in _choices(match[1]):
            text = Text(before + choice + after)
            expanded += expand((*word[:number], text, *word[number + 1 :]))
        return expanded
    return [word]


def _choices(body: str) -> list[str]:
    if "," in body:
        return body.split(",")
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
