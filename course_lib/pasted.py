"""A word about characters that came along when a command was copied from a text.

Text programs turn ``--rm`` into ``—rm`` and ``'…'`` into ``‘…’``; to a shell these are letters like
any other, and what ``docker`` then says (``invalid reference format``) is no help. The command runs
as it was typed; a note above its output says what is odd about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from course_lib import showing

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_QUOTES = re.compile("[\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb]")
_SPACES = re.compile("[\u00a0\u2007\u200b\u202f\u2060\ufeff]")
_WORD = re.compile(rf"(?<!\S)(?:[{_DASHES}]\S*|-\S*[{_DASHES}]\S*)")
_MAGIC = re.compile(r"\s*%%(?:sh|bash|script|system|sx|!)\b")
_SHELL_LINE = re.compile(r"\s*(?:[\w.,\[\]*() ]+=\s*)?!")


def oddities(cell: str) -> list[str]:
    """What is odd about the ``docker`` commands of a cell, one sentence each."""
    found: dict[str, None] = {}
    for line in _shell_lines(cell):
        if "docker" not in line:
            continue
        words = dict.fromkeys(_WORD.findall(line))
        if words:
            found[
                f"The dash in {' and in '.join(words)} is none to a program. Text programs make it"
                " of - or --: type it anew."
            ] = None
        quotes = dict.fromkeys(_QUOTES.findall(line))
        if quotes:
            found[
                f"To a shell, {' and '.join(quotes)} quote nothing: they are letters like any"
                " other. Type ' or \" instead."
            ] = None
        if _SPACES.search(line):
            found[
                "There is a character that looks like a space, or like nothing, and is another"
                " one. It came along when copying: type the line anew."
            ] = None
    return list(found)


def attach(shell: Any) -> None:
    """Have an IPython shell say so from its next cell on; a second call changes nothing."""
    shell.events.register("pre_run_cell", _tell)


def _tell(info: Any) -> None:
    for sentence in oddities(info.raw_cell or ""):
        showing.show(showing.note(sentence, "\N{WARNING SIGN}"))


def _shell_lines(cell: str) -> Iterator[str]:
    """The commands of a cell, each with the lines that it goes on in."""
    whole = bool(_MAGIC.match(cell))
    command = ""
    for line in cell.splitlines():
        if not (whole or command or _SHELL_LINE.match(line)):
            continue
        command += line.rstrip().removesuffix("\\") + " "
        if not line.rstrip().endswith("\\"):
            yield command
            command = ""
    yield command
