"""A word below Python's own error where a beginner's slip is known by its look.

``docker run …`` without its ``!``, ``%%sh`` below a comment, and a text without its quotes are what
beginners write first; ``invalid syntax``, ``Line magic function `%%sh` not found`` and ``name
'publish' is not defined`` do not say what is missing.
"""

from __future__ import annotations

import re
from typing import Any

from course_lib import showing

_COMMAND = re.compile(r"\s*([A-Za-z_]\w*\s*=\s*)?(?:\$\s*)?((?:docker|curl)\s+[^\s=].*\S)\s*")
_BELOW = re.compile(r"\S[^\n]*\n\s*(%%(?:sh|bash))\b")
_ADDRESS = re.compile(r"\s*(\w+\s*=\s*)(\d+(?:\.\d+){2,3}(?:/\d+)?)\s*")
_EXERCISE = re.compile(r"\bcheck\(\s*([a-z]+(?:-[a-z]+)+)\s*\)")
_WORD = re.compile(r"^(\w+\s*=\s*)([A-Za-z]\w*)\s*$", re.MULTILINE)


def advice(cell: str, error: BaseException | None) -> str:
    """What to change in a cell that ended in this error; empty where that is not known."""
    if isinstance(error, SyntaxError) or type(error).__name__ == "UsageError":
        below = _BELOW.search(cell)
        if below:
            return f"`{below[1]}` has to be the first line of its cell: remove what stands above."
    if isinstance(error, SyntaxError):
        command = _COMMAND.fullmatch(error.text or "")
        if command:
            return f"A line for the shell begins with `!`: `{command[1] or ''}!{command[2]}`"
        address = _ADDRESS.fullmatch(error.text or "")
        if address:
            return f'A text stands in quotes: `{address[1]}"{address[2]}"`'
    if isinstance(error, NameError):
        exercise = _EXERCISE.search(cell)
        if exercise:
            return f'A text stands in quotes: `check("{exercise[1]}")`'
        for before, word in _WORD.findall(cell):
            if word == error.name:
                return f'If `{word}` is meant as a text, it stands in quotes: `{before}"{word}"`'
    return ""


def attach(shell: Any) -> None:
    """Have an IPython shell give it from its next cell on; a second call changes nothing."""
    shell.events.register("post_run_cell", _tell)


def _tell(result: Any) -> None:
    sentence = advice(result.info.raw_cell, result.error_before_exec or result.error_in_exec)
    if sentence:
        showing.show(showing.note(sentence, "\N{WARNING SIGN}"))
