"""Saying what takes a while: on a terminal, and not in a pipe."""

from __future__ import annotations

import sys


def announce(text: str) -> None:
    """One line of progress."""
    if sys.stderr.isatty():
        print(f"{text} \N{HORIZONTAL ELLIPSIS}", file=sys.stderr, flush=True)
