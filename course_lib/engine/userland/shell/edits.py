"""What keys do to a line: where each moves the cursor, and which part each cuts away."""

from __future__ import annotations

from collections.abc import Callable

Move = Callable[[str, int], int]
"""From the text and the cursor in it to the new cursor."""
Cut = Callable[[str, int], tuple[int, int]]
"""From the text and the cursor to where what goes begins and ends."""


def _word_start(text: str, cursor: int) -> int:
    while cursor and not text[cursor - 1].isalnum():
        cursor -= 1
    while cursor and text[cursor - 1].isalnum():
        cursor -= 1
    return cursor


def _word_end(text: str, cursor: int) -> int:
    while cursor < len(text) and not text[cursor].isalnum():
        cursor += 1
    while cursor < len(text) and text[cursor].isalnum():
        cursor += 1
    return cursor


def _blank_start(text: str, cursor: int) -> int:
    while cursor and text[cursor - 1].isspace():
        cursor -= 1
    while cursor and not text[cursor - 1].isspace():
        cursor -= 1
    return cursor


MOVES: dict[str, Move] = {
    "left": lambda _text, cursor: max(0, cursor - 1),
    "right": lambda text, cursor: min(len(text), cursor + 1),
    "home": lambda _text, _cursor: 0,
    "end": lambda text, _cursor: len(text),
    "word-left": _word_start,
    "word-right": _word_end,
}

CUTS: dict[str, Cut] = {
    "backspace": lambda _text, cursor: (max(0, cursor - 1), cursor),
    "delete": lambda text, cursor: (cursor, min(len(text), cursor + 1)),
    "kill-end": lambda text, cursor: (cursor, len(text)),
    "kill-start": lambda _text, cursor: (0, cursor),
    "kill-word": lambda text, cursor: (_blank_start(text, cursor), cursor),
    "kill-word-left": lambda text, cursor: (_word_start(text, cursor), cursor),
    "kill-next-word": lambda text, cursor: (cursor, _word_end(text, cursor)),
}
