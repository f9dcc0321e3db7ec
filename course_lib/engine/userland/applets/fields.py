"""``cut`` and ``paste``."""

from __future__ import annotations

import re

from course_lib.engine.userland import regex
from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    UsageError,
    byte_lines,
    decode,
    is_gnu,
    open_input,
    program,
    read_file,
    reason,
    text_lines,
)
from course_lib.engine.userland.process import ContainerProcess


def _ranges(text: str, *, gnu: bool) -> list[tuple[int, int]]:
    """``1,3-5,7-`` as pairs of indices, the second behind the last that is meant.

    As BusyBox has it, nothing and 0 are the first at the start of a range and the last at its end.

    :raises Fail: a list that makes no sense.
    """
    found = []
    for item in text.split(","):
        match = re.fullmatch(r"(\d*)(-?)(\d*)", item)
        if not item or match is None or item == "-":
            raise Fail(f"invalid number '{item}'" if item else "invalid range")
        if gnu and 0 in (int(match[1] or 1), int(match[3] or 1)):
            raise Fail("fields are numbered from 1")
        low = max(0, int(match[1] or 0) - 1)
        high = (int(match[3] or 0) or 1 << 30) if match[2] else low + 1
        if high <= low:
            raise Fail(f"{high}<{low}")
        found.append((low, high))
    return found


@program(
    "b:c:f:F:d:O:snD",
    "{-b|c LIST | -f|F LIST [-d SEP] [-O SEP] [-sD]} [FILE]...",
    "Print selected fields from FILEs to stdout",
    gnu_long={
        "bytes=": "b",
        "characters=": "c",
        "fields=": "f",
        "delimiter=": "d",
        "only-delimited": "s",
        "output-delimiter=": "O",
        "complement": "C",
    },
)
async def cut(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print parts of lines."""
    kinds = [c for c in "bcfF" if c in options]
    if len(kinds) > 1:
        raise UsageError
    if not kinds:
        raise Fail("expected a list of bytes, characters, or fields")
    kind = kinds[0]
    ranges = _ranges(options[kind], gnu=is_gnu(proc))
    if kind != "F" and "D" not in options:
        ranges.sort()
    status = 0
    for name in words or ["-"]:
        try:
            file = open_input(proc, name)
        except OSError as error:
            await proc.err(f"cut: {name}: {reason(error)}\n")
            status = 1
            continue
        async for raw in byte_lines(proc, file):
            line = raw.removesuffix(b"\n")
            if kind in "bc":
                chosen = _indices(ranges, len(line), options)
                await proc.out(bytes(line[index] for index in chosen) + b"\n")
            elif (text := _fields(decode(line), ranges, options, kind)) is not None:
                await proc.out(text + "\n")
        file.close()
    return status


def _fields(text: str, ranges: list[tuple[int, int]], options: Options, kind: str) -> str | None:
    """What is left of a line; None where it is not to be printed."""
    if kind == "F":
        delimiter = options.get("d", "")
        parts = re.split(regex.extended(delimiter) if delimiter else r"[ \t]+", text)
        joiner = options.get("O", " ")
    else:
        delimiter = options.get("d", "\t")[:1]
        parts = text.split(delimiter) if delimiter else [text]
        joiner = options.get("O", delimiter)
    if len(parts) == 1:
        return text if "s" not in options else None
    return joiner.join(parts[index] for index in _indices(ranges, len(parts), options))


def _indices(ranges: list[tuple[int, int]], length: int, options: Options) -> list[int]:
    """Which of so many are meant: each once, in the order of the ranges."""
    chosen = dict.fromkeys(index for low, high in ranges for index in range(low, min(high, length)))
    if "C" in options:
        return [index for index in range(length) if index not in chosen]
    return list(chosen)


@program("d:s", "[-s] [-d LIST] [FILE]...", "Paste lines from each input file together")
async def paste(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Join lines of files."""
    text = options.get("d", "\t")
    delimiters = [
        {"\\n": "\n", "\\t": "\t", "\\0": "", "\\\\": "\\"}.get(item, item)
        for item in re.findall(r"\\.|.", text, re.DOTALL)
    ] or [""]
    columns = []
    for name in words or ["-"]:
        try:
            columns.append(text_lines(await read_file(proc, name)))
        except OSError as error:
            raise Fail(f"{name}: {reason(error)}") from None
    if "s" in options:
        for lines in columns:
            await proc.out(_joined(lines, delimiters) + "\n")
        return 0
    if words.count("-") > 1:
        columns = _dealt(columns, words)
    for row in range(max((len(lines) for lines in columns), default=0)):
        # (POSIX wants an empty cell for a file that has ended; BusyBox has none.)
        cells = [lines[row] for lines in columns if row < len(lines)]
        await proc.out(_joined(cells, delimiters) + "\n")
    return 0


def _dealt(columns: list[list[str]], words: list[str]) -> list[list[str]]:
    """``paste - -``: lines of standard input go to the columns in turn."""
    places = [number for number, word in enumerate(words) if word == "-"]
    lines = columns[places[0]]
    for number, place in enumerate(places):
        columns[place] = lines[number :: len(places)]
    return columns


def _joined(cells: list[str], delimiters: list[str]) -> str:
    text = ""
    for number, cell in enumerate(cells):
        text += (delimiters[(number - 1) % len(delimiters)] if number else "") + cell
    return text
