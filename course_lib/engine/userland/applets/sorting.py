"""Programs about the order of lines: ``sort``, ``uniq``, ``comm``, ``shuf``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cmp_to_key
from itertools import pairwise

from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    byte_lines,
    decode,
    encode,
    integer,
    is_gnu,
    open_input,
    program,
    read_file,
    reason,
    text_lines,
)
from course_lib.engine.userland.applets.printing import unescape
from course_lib.engine.userland.process import ContainerProcess


@dataclass(slots=True)
class _Key:
    """``-k START[,END]`` with its own options."""

    start: int = 1
    start_char: int = 1
    end: int = 0
    end_char: int = 0
    flags: str = ""


_KEY_RE = re.compile(r"(\d+)(?:\.(\d+))?([a-zA-Z]*)(?:,(\d+)(?:\.(\d+))?([a-zA-Z]*))?\Z")


_MONTHS = {m: n for n, m in enumerate(
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], 1
)}  # fmt: skip


@program(
    "nrugMcszbdfihVk:o:t:S:T:m",
    "[-nrughMcszbdfiokt] [-o FILE] [-k START[.OFS][OPTS][,END[.OFS][OPTS]]] [-t CHAR] [FILE]...",
    "Sort lines of text",
    code=2,
    gnu_long={
        "reverse": "r",
        "unique": "u",
        "numeric-sort": "n",
        "key=": "k",
        "field-separator=": "t",
        "output=": "o",
        "ignore-case": "f",
        "check": "c",
        "human-numeric-sort": "h",
        "version-sort": "V",
        "stable": "s",
    },
)
async def sort(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Sort lines."""
    separator = unescape(options["t"], zero_prefix=False)[0].decode() if "t" in options else None
    if separator is not None and len(separator) != 1:
        raise Fail("bad -t parameter", 2)
    keys = [_parse_key(text) for text in options.all("k")]
    flags = "".join(letter for letter, _ in options.in_order() if letter in "nrgMhVbdfi")
    end = b"\0" if "z" in options else b"\n"
    lines: list[str] = []
    for name in words or ["-"]:
        try:
            data = await read_file(proc, name)
        except OSError as error:
            raise Fail(f"{name}: {reason(error)}", 2) from None
        pieces = data.split(end)
        if pieces and not pieces[-1]:
            pieces.pop()
        lines += [decode(piece) for piece in pieces]
    await proc.tick()
    compare = _comparison(keys, flags, separator)

    stable = "s" in options or ("u" in options and is_gnu(proc))

    def whole(a: str, b: str) -> int:
        result = compare(a, b)
        if result == 0 and not stable and (keys or flags):
            result = _plain(a, b)
            return -result if "r" in flags else result
        return result

    if "c" in options:
        for number, (first, second) in enumerate(pairwise(lines), 1):
            order = (compare if "u" in options else whole)(first, second)
            if order > 0 or (order == 0 and "u" in options):
                await proc.err(f"Check line {number}\n")
                return 1
        return 0
    if not keys and not flags:
        ordered = sorted(lines, key=encode)
    else:
        ordered = sorted(lines, key=cmp_to_key(whole))
    if "u" in options:
        ordered = _unique(ordered, compare)
    text = b"".join(encode(line) + end for line in ordered)
    if "o" in options:
        flag_bits = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        try:
            file = proc.fs.open(proc.path(options["o"]), flag_bits, 0o666 & ~proc.umask)
        except OSError as error:
            raise Fail(f"can't open '{options['o']}': {reason(error)}") from None
        await file.write(text)
        file.close()
    else:
        await proc.out(text)
    return 0


def _unique(lines: list[str], compare: Callable[[str, str], int]) -> list[str]:
    kept: list[str] = []
    for line in lines:
        if not kept or compare(kept[-1], line) != 0:
            kept.append(line)
    return kept


def _parse_key(text: str) -> _Key:
    match = _KEY_RE.match(text)
    if match is None or not int(match[1]):
        raise Fail("bad field specification", 2)
    flags = (match[3] or "") + (match[6] or "")
    return _Key(int(match[1]), int(match[2] or 1), int(match[4] or 0), int(match[5] or 0), flags)


def _extract(line: str, key: _Key, separator: str | None, flags: str) -> str:
    if separator is None:
        spans = [m.span() for m in re.finditer(r"[ \t]*[^ \t]+", line)]
    else:
        spans = []
        position = 0
        for part in line.split(separator):
            spans.append((position, position + len(part)))
            position += len(part) + 1
    if key.start > len(spans):
        return ""
    start = spans[key.start - 1][0]
    if "b" in flags or key.start_char > 1:
        while "b" in flags and start < len(line) and line[start] in " \t":
            start += 1
    start += key.start_char - 1
    end = len(line)
    if key.end and key.end <= len(spans):
        end = spans[key.end - 1][0] + key.end_char if key.end_char else spans[key.end - 1][1]
    return line[start:end]


def _comparison(keys: list[_Key], flags: str, separator: str | None) -> Callable[[str, str], int]:
    def compare(a: str, b: str) -> int:
        for key in keys:
            used = key.flags or flags
            order = _by_flags(
                _extract(a, key, separator, used), _extract(b, key, separator, used), used
            )
            if order:
                return order
        return 0 if keys else _by_flags(a, b, flags)

    return compare


def _by_flags(a: str, b: str, flags: str) -> int:
    order = 0
    if "n" in flags or "g" in flags:
        order = _sign(_number(a), _number(b))
    elif "h" in flags:
        order = _sign(_human(a), _human(b))
    elif "M" in flags:
        order = _sign(_month(a), _month(b))
    elif "V" in flags:
        first, second = _version(a), _version(b)
        order = (first > second) - (first < second)
    else:
        order = _plain(_folded(a, flags), _folded(b, flags))
    return -order if "r" in flags else order


def _folded(text: str, flags: str) -> str:
    if "b" in flags:
        text = text.lstrip(" \t")
    if "f" in flags:
        text = text.upper()
    if "d" in flags:
        text = "".join(c for c in text if c.isalnum() or c in " \t")
    if "i" in flags:
        text = "".join(c for c in text if c.isprintable())
    return text


def _plain(a: str, b: str) -> int:
    first, second = encode(a), encode(b)
    return (first > second) - (first < second)


def _sign(a: float, b: float) -> int:
    return (a > b) - (a < b)


def _number(text: str) -> float:
    match = re.match(r"\s*([-+]?\d*\.?\d+(?:[eE][-+]?\d+)?)", text)
    return float(match[1]) if match else 0.0


def _human(text: str) -> float:
    match = re.match(r"\s*(-?\d*\.?\d+)\s*([kKMGTPE]?)", text)
    if match is None:
        return 0.0
    power = "KMGTPE".find(match[2].upper()) + 1 if match[2] else 0
    return float(match[1]) * float(1024**power)


def _month(text: str) -> int:
    return _MONTHS.get(text.strip()[:3].upper(), 0)


def _version(text: str) -> list[tuple[int, int, str]]:
    parts = re.findall(r"\d+|\D+", text)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]


@program(
    "cduif:s:w:z",
    "[-cduiz] [-f,s,w N] [FILE [OUTFILE]]",
    "Discard duplicate lines",
    gnu_long={
        "count": "c",
        "repeated": "d",
        "unique": "u",
        "ignore-case": "i",
        "skip-fields=": "f",
        "skip-chars=": "s",
        "check-chars=": "w",
    },
)
async def uniq(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Leave out lines equal to the one before."""
    skip_fields = integer(options.get("f", "0"))
    skip_chars = integer(options.get("s", "0"))
    width = integer(options["w"]) if "w" in options else None

    def key(line: str) -> str:
        text = line
        for _ in range(skip_fields):
            text = re.sub(r"^[ \t]*[^ \t]*", "", text)
        text = text[skip_chars:][:width]
        return text.lower() if "i" in options else text

    try:
        file = open_input(proc, words[0] if words else "-")
    except OSError as error:
        raise Fail(f"can't open '{words[0]}': {reason(error)}") from None
    output = proc.stdout
    if len(words) > 1:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        output = proc.fs.open(proc.path(words[1]), flags, 0o666 & ~proc.umask)
    end = b"\0" if "z" in options else b"\n"
    previous: str | None = None
    count = 0

    async def flush() -> None:
        if previous is None:
            return
        if ("d" in options and count < 2) or ("u" in options and count > 1):
            return
        prefix = f"{count:>7} " if "c" in options else ""
        await proc.write(output, encode(f"{prefix}{previous}") + end)

    gnu = is_gnu(proc)  # whose -z also means what is read
    async for raw in byte_lines(proc, file, end if gnu else b"\n"):
        line = decode(raw.removesuffix(end if gnu else b"\n"))
        if previous is not None and key(line) == key(previous):
            count += 1
            continue
        await flush()
        previous, count = line, 1
    await flush()
    file.close()
    return 0


@program("123", "[-123] FILE1 FILE2", "Compare FILE1 with FILE2", least=2, most=2)
async def comm(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Compare sorted files line by line."""
    try:
        left = text_lines(await read_file(proc, words[0]))
        right = text_lines(await read_file(proc, words[1]))
    except OSError as error:
        raise Fail(f"{error.filename or words[0]}: {reason(error)}") from None
    indent = {"1": "", "2": "" if "1" in options else "\t", "3": ""}
    indent["3"] = ("" if "1" in options else "\t") + ("" if "2" in options else "\t")
    i = j = 0
    while i < len(left) or j < len(right):
        if j >= len(right) or (i < len(left) and encode(left[i]) < encode(right[j])):
            column, line = "1", left[i]
            i += 1
        elif i >= len(left) or encode(left[i]) > encode(right[j]):
            column, line = "2", right[j]
            j += 1
        else:
            column, line = "3", left[i]
            i, j = i + 1, j + 1
        if column not in options:
            await proc.out(f"{indent[column]}{line}\n")
    return 0


@program(
    "ei:n:o:rz", "[-ez] [-n NUM] [-o FILE] [-i LO-HI | FILE | -e ARG...]", "Randomly permute lines"
)
async def shuf(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print lines in random order."""
    if "i" in options:
        low, dash, high = options["i"].partition("-")
        if not dash:
            raise Fail(f"bad range '{options['i']}'")
        if integer(low) > integer(high):
            raise Fail(f"bad range '{options['i']}'")
        lines = [str(n) for n in range(integer(low), integer(high) + 1)]
    elif "e" in options:
        lines = list(words)
    else:
        try:
            lines = text_lines(await read_file(proc, words[0] if words else "-"))
        except OSError as error:
            raise Fail(f"{words[0]}: {reason(error)}") from None
    proc.machine.ids.random.shuffle(lines)
    if "n" in options:
        lines = lines[: integer(options["n"])]
    await proc.out("".join(f"{line}\n" for line in lines))
    return 0
