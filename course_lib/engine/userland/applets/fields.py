"""``cut`` and ``paste``."""

from __future__ import annotations

import re

from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    byte_lines,
    decode,
    open_input,
    program,
    read_file,
    reason,
)
from course_lib.engine.userland.process import ContainerProcess


def _ranges(text: str) -> list[tuple[int, int]]:
    """``1,3-5,7-`` as pairs counted from 1.

    :raises Fail: a list that makes no sense.
    """
    found = []
    for item in text.split(","):
        match = re.fullmatch(r"(\d*)(-?)(\d*)", item)
        if not item or match is None or item == "-":
            raise Fail(f"invalid number '{item}'" if item else "invalid range")
        low = int(match[1] or 1)
        high = int(match[3]) if match[3] else (1 << 30) if match[2] else low
        if low < 1 or high < low:
            raise Fail(f"invalid range {low}-{high}" if match[2] else f"invalid range {item}")
        found.append((low, high))
    return sorted(found)


@program(
    "b:c:f:d:O:sn",
    "[OPTIONS] [FILE]...",
    "Print selected fields from FILEs to stdout",
    long={
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
    kinds = [c for c in "bcf" if c in options]
    if len(kinds) != 1:
        raise Fail("expected a list of bytes, characters, or fields")
    kind = kinds[0]
    ranges = _ranges(options[kind])
    delimiter = options.get("d", "\t")
    delimiter = delimiter[:1]
    joiner = options.get("O", delimiter)
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
            if kind == "b":
                picked = b"".join(line[i : i + 1] for i in _indices(ranges, len(line), options))
                await proc.out(picked + b"\n")
                continue
            text = decode(line)
            if kind == "c":
                chars = [text[i] for i in _indices(ranges, len(text), options)]
                await proc.out("".join(chars) + "\n")
                continue
            if not delimiter or delimiter not in text:
                if "s" not in options:
                    await proc.out(text + "\n")
                continue
            parts = text.split(delimiter)
            chosen = [parts[i] for i in _indices(ranges, len(parts), options)]
            await proc.out(joiner.join(chosen) + "\n")
        file.close()
    return status


def _indices(ranges: list[tuple[int, int]], length: int, options: Options) -> list[int]:
    chosen = {index for low, high in ranges for index in range(low - 1, min(high, length))}
    if "C" in options:
        chosen = set(range(length)) - chosen
    return sorted(chosen)


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
            columns.append(decode(await read_file(proc, name)).splitlines())
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
