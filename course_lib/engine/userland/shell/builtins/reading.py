"""``read``."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from course_lib.engine.interfaces import OpenFile
from course_lib.engine.userland import tty
from course_lib.engine.userland.files import os_error
from course_lib.engine.userland.pipe import PipeReader
from course_lib.engine.userland.shell.errors import ShellError
from course_lib.engine.userland.shell.splitting import DEFAULT_IFS
from course_lib.engine.userland.shell.variables import NAME

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell


_NUMBERS = {"n": "count", "t": "timeout", "u": "file descriptor"}


async def read(shell: Shell, argv: list[str]) -> int:
    """Read a line and split it into variables."""
    options, names = _options(argv[1:], bash=shell.bash)
    for name in names:
        if not NAME.match(name):
            await shell.proc.err(f"{shell.arg0}: read: '{name}': bad variable name\n")
            return 1
    number = int(options.get("u", "0"))
    file = shell.proc.fds.get(number)
    if file is None:
        raise os_error(errno.EBADF)
    if "p" in options and file.isatty():
        await shell.proc.err(options["p"])
    limit = float(options["t"]) if "t" in options else None
    if limit == 0 and not file.isatty():
        return int(not _ready(file))
    shell.waiting = True
    try:
        async with asyncio.timeout(limit):
            data, complete = await _line(file, options)
    except TimeoutError:
        return 1
    finally:
        shell.waiting = False
    if "a" in options:
        shell.variables.set_elements((names or ["REPLY"])[0], dict(enumerate(_fields(shell, data))))
    else:
        _assign(shell, names or ["REPLY"], data, whole=not names)
    return 0 if complete else 1


def _ready(file: OpenFile) -> bool:
    """Whether there is something to read, or the end (``read -t 0``)."""
    return file.readable if isinstance(file, PipeReader) else file.kind in ("file", "device")


def _options(words: list[str], *, bash: bool) -> tuple[dict[str, str], list[str]]:
    options: dict[str, str] = {}
    words = list(words)
    while words and words[0].startswith("-") and len(words[0]) > 1:
        word = words.pop(0)
        if word == "--":
            break
        position = 1
        while position < len(word):
            letter = word[position]
            position += 1
            if letter in "rs" or (letter == "a" and bash):
                options[letter] = ""
            elif letter in "pntud":
                value = word[position:] or (words.pop(0) if words else None)
                if value is None:
                    raise ShellError(f"no arg for -{letter} option", command="read")
                if letter in "ntu" and not value.replace(".", "", letter == "t").isdigit():
                    what = _NUMBERS[letter]
                    raise ShellError(f"invalid {what}", 2, command="read")
                options[letter] = value
                break
            else:
                raise ShellError(f"illegal option -{letter}", command="read")
    return options, words


async def _line(file: OpenFile, options: dict[str, str]) -> tuple[list[tuple[str, bool]], bool]:
    """Characters with whether a backslash quoted them, and whether the line was ended."""
    raw = "r" in options
    count = int(options["n"]) if "n" in options else None
    end = (options["d"][:1] or "\0") if "d" in options else "\n"
    terminal = tty.terminal_of(file)
    before = terminal.attributes if terminal else None
    if terminal is not None and (count is not None or "s" in options):
        from dataclasses import replace

        terminal.set_attributes(
            replace(terminal.attributes, icanon=count is None, echo="s" not in options)
        )
    found: list[tuple[str, bool]] = []
    escaped = False
    characters = _Characters(file)
    try:
        while count is None or len(found) < count:
            char = await characters.next()
            if not char:
                return found, False
            if char == "\0" and end != "\0":
                continue
            if escaped:
                escaped = False
                if char != "\n":
                    found.append((char, True))
            elif char == "\\" and not raw:
                escaped = True
            elif char == end:
                return found, True
            else:
                found.append((char, False))
        return found, True
    finally:
        characters.give_back()
        if terminal is not None and before is not None:
            terminal.set_attributes(before)


class _Characters:
    """Characters of a file, none read more than used: others share the position.

    A regular file is read in blocks, and what was too much is given back by seeking.
    """

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self._block = 256 if file.kind == "file" else 1
        self._data = b""
        self._position = 0

    async def _byte(self) -> bytes:
        if self._position >= len(self._data):
            self._data = await self._file.read(self._block)
            self._position = 0
        self._position += 1
        return self._data[self._position - 1 : self._position]

    async def next(self) -> str:
        """The next character, empty at the end of file."""
        pending = await self._byte()
        while pending:
            try:
                return pending.decode()
            except UnicodeDecodeError:
                more = await self._byte() if len(pending) < 4 else b""
                if not more:
                    return pending.decode("utf-8", "surrogateescape")
                pending += more
        return ""

    def give_back(self) -> None:
        """Leave the position after the last character that was used."""
        rest = len(self._data) - self._position
        if self._block > 1 and rest > 0:
            self._file.seek(-rest, os.SEEK_CUR)


def _fields(shell: Shell, data: list[tuple[str, bool]]) -> Iterator[str]:
    """All fields, as bash's ``read -a`` splits them."""
    ifs = shell.variables.get("IFS")
    ifs = DEFAULT_IFS if ifs is None else ifs
    white = {(char, False) for char in ifs if char in DEFAULT_IFS}
    hard = {(char, False) for char in ifs} - white
    position = 0
    while position < len(data):
        while position < len(data) and data[position] in white:
            position += 1
        start = position
        while position < len(data) and data[position] not in white | hard:
            position += 1
        if start < len(data):
            yield "".join(char for char, _ in data[start:position])
        while position < len(data) and data[position] in white:
            position += 1
        position += position < len(data) and data[position] in hard


def _assign(shell: Shell, names: list[str], data: list[tuple[str, bool]], *, whole: bool) -> None:
    """Split into fields at IFS; the last variable gets the rest."""
    ifs = shell.variables.get("IFS")
    ifs = DEFAULT_IFS if ifs is None else ifs
    white = {c for c in ifs if c in DEFAULT_IFS}
    hard = set(ifs) - white

    def is_white(index: int) -> bool:
        return data[index][0] in white and not data[index][1]

    def is_hard(index: int) -> bool:
        return data[index][0] in hard and not data[index][1]

    position = 0
    end = len(data)
    if whole:
        shell.variables.set(names[0], "".join(char for char, _ in data))
        return
    while position < end and is_white(position):
        position += 1
    for name in names[:-1]:
        start = position
        while position < end and not is_white(position) and not is_hard(position):
            position += 1
        shell.variables.set(name, "".join(char for char, _ in data[start:position]))
        while position < end and is_white(position):
            position += 1
        if position < end and is_hard(position):
            position += 1
            while position < end and is_white(position):
                position += 1
    while end > position and is_white(end - 1):
        end -= 1
    rest = data[position:end]
    if rest and is_hard(end - 1) and not any(is_hard(i) for i in range(position, end - 1)):
        rest = rest[:-1]
        while rest and rest[-1][0] in white and not rest[-1][1]:
            rest.pop()
    shell.variables.set(names[-1], "".join(char for char, _ in rest))
