"""``set -x``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from course_lib.engine.interfaces import OpenFile
from course_lib.engine.userland.shell.builtins.variables import single_quoted

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell

_PLAIN = re.compile(r"(?![!{}~#])[A-Za-z0-9_@%+:,./^~!{}\]#-]*\Z")
_PLAIN_BASH = re.compile(r"[A-Za-z0-9_@%+:,./=^~!{}\[\]#-]*\Z")


def quoted(word: str, *, bash: bool = False) -> str:
    """The word as it could be typed; what needs no quotes stays as it is."""
    if (_PLAIN_BASH if bash else _PLAIN).match(word):
        return word
    return "'" + word.replace("'", "'\\''") + "'" if bash else single_quoted(word)


async def show(
    shell: Shell, assignments: list[str], argv: list[str], where: OpenFile | None
) -> None:
    """Print a command before it runs.

    :param where: standard error as it is without the command's own redirections.
    """
    from course_lib.engine.userland.shell import prompts

    ps4 = shell.variables.get("PS4")
    prefix = "+ " if ps4 is None else await prompts.expand(shell, ps4)
    words = []
    for entry in assignments:
        name, _, value = entry.partition("=")
        words.append(f"{name}={quoted(value, bash=shell.bash)}")
    words += [quoted(word, bash=shell.bash) for word in argv]
    if where is not None:
        await shell.proc.write(where, f"{prefix}{' '.join(words)}\n")
