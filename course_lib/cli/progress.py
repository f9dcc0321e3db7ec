"""Words on a terminal: what takes a while, and what somebody else wrote."""

from __future__ import annotations

import sys


def announce(text: str) -> None:
    """One line of progress."""
    if sys.stderr.isatty():
        print(f"{text} \N{HORIZONTAL ELLIPSIS}", file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Without what would move the cursor or change colours: the words may be a student's."""
    return "".join(char if char.isprintable() else " " for char in text)
