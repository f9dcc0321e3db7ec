"""``set -x``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell

_PLAIN = re.compile(r"[A-Za-z0-9_@%+:,./=^~!{}\[\]#-]*\Z")


def quoted(word: str) -> str:
    """The word as it could be typed; what needs no quotes stays as it is."""
    if _PLAIN.match(word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"


async def show(shell: Shell, assignments: list[str], argv: list[str]) -> None:
    """Print a command before it runs."""
    prefix = shell.variables.get("PS4")
    words = []
    for entry in assignments:
        name, _, value = entry.partition("=")
        words.append(f"{name}={quoted(value)}")
    words += [quoted(word) for word in argv]
    await shell.proc.err(f"{'+ ' if prefix is None else prefix}{' '.join(words)}\n")
