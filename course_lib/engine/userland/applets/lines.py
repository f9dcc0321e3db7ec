"""Programs that pass on, count or make lines."""

from __future__ import annotations

import re

from course_lib.engine.interfaces import OpenFile
from course_lib.engine.userland.applets.common import (
    Contents,
    Options,
    UsageError,
    byte_lines,
    decode,
    encode,
    is_gnu,
    open_input,
    program,
    reason,
    size,
)
from course_lib.engine.userland.process import ContainerProcess


def _old_style(words: list[str]) -> list[str]:
    """``head -5`` as ``head -n 5``."""
    if words and re.fullmatch(r"-\d+", words[0]):
        return ["-n", words[0][1:], *words[1:]]
    return words


@program(
    "n:c:qv",
    "[OPTIONS] [FILE]...",
    "Print first 10 lines of FILEs to stdout",
    long={"lines=": "n", "bytes=": "c", "quiet": "q", "silent": "q", "verbose": "v"},
)
async def _head(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    count_bytes = "c" in options
    text = options["c"] if count_bytes else options.get("n", "10")
    count = size(text.lstrip("-"))
    names = words or ["-"]
    headers = (len(names) > 1 and "q" not in options) or "v" in options
    status = 0
    first = True
    for name in names:
        try:
            file = open_input(proc, name)
        except OSError as error:
            await proc.err(f"head: {name}: {reason(error)}\n")
            status = 1
            continue
        if headers:
            title = "standard input" if name == "-" else name
            await proc.out(("" if first else "\n") + f"==> {title} <==\n")
        first = False
        try:
            await _first(proc, file, count, count_bytes, all_but=text.startswith("-"))
        except IsADirectoryError as error:
            await proc.err(f"head: {name}: {reason(error)}\n")
            status = 1
        finally:
            file.close()
    return status


async def head(proc: ContainerProcess) -> int:
    """Print the first lines."""
    proc.argv[1:] = _old_style(proc.argv[1:])
    return await _head(proc)


async def _first(
    proc: ContainerProcess, file: OpenFile, count: int, count_bytes: bool, *, all_but: bool
) -> None:
    if all_but:
        data = b"".join([line async for line in byte_lines(proc, file)])
        if count_bytes:
            await proc.out(data[: max(0, len(data) - count)])
        else:
            lines = data.splitlines(keepends=True)
            await proc.out(b"".join(lines[: max(0, len(lines) - count)]))
        return
    while count > 0:
        chunk = await file.read(min(count, 65536) if count_bytes else 4096)
        if not chunk:
            return
        if count_bytes:
            count -= len(chunk)
            await proc.out(chunk)
            continue
        position = 0
        while count > 0:
            end = chunk.find(b"\n", position)
            if end < 0:
                position = len(chunk)
                break
            position = end + 1
            count -= 1
        await proc.out(chunk[:position])


@program(
    "clwLm",
    "[-cmlwL] [FILE]...",
    "Count lines, words, and bytes for FILEs (or stdin)",
    long={"bytes": "c", "lines": "l", "words": "w", "chars": "m", "max-line-length": "L"},
)
async def wc(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Count lines, words and bytes."""
    chosen = [c for c in "lwmcL" if c in options] or ["l", "w", "c"]
    totals = dict.fromkeys(chosen, 0)
    rows: list[tuple[dict[str, int], str]] = []
    status = 0
    for name in words or ["-"]:
        try:
            counts = await _count(proc, name, chosen)
        except OSError as error:
            await proc.err(f"wc: {name}: {reason(error)}\n")
            status = 1
            if not isinstance(error, IsADirectoryError):
                continue
            counts = dict.fromkeys("lwcmL", 0)
        rows.append((counts, "" if not words else name))
        for key in chosen:
            both = (totals[key], counts[key])
            totals[key] = max(both) if key == "L" else sum(both)
    if len(words) > 1:
        rows.append((totals, "total"))
    single = len(chosen) == 1 and len(words) < 2
    for counts, name in rows:
        cells = [str(counts[key]) if single else f"{counts[key]:>9}" for key in chosen]
        await proc.out(" ".join([*cells, name]).rstrip(" ") + "\n")
    return status


async def _count(proc: ContainerProcess, name: str, chosen: list[str]) -> dict[str, int]:
    """Counts of a file; only those asked for, as some cost more than reading."""
    file = open_input(proc, name)
    counts = {"l": 0, "w": 0, "c": 0, "m": 0, "L": 0}
    inside = False
    rest = b""
    try:
        while chunk := await file.read(1 << 18):
            await proc.tick()
            counts["l"] += chunk.count(b"\n")
            counts["c"] += len(chunk)
            if "m" in chosen:
                counts["m"] += len(chunk) - len(chunk.translate(None, _NOT_FIRST_BYTES))
            if "w" in chosen:
                pieces = chunk.split()
                joined = inside and bool(pieces) and bool(chunk[:1].strip())
                counts["w"] += len(pieces) - int(joined)
                inside = bool(chunk[-1:].strip())
            if "L" in chosen:
                *lines, rest = (rest + chunk).split(b"\n")
                widths = [len(decode(line).expandtabs()) for line in lines]
                counts["L"] = max([counts["L"], *widths])
        counts["L"] = max(counts["L"], len(decode(rest).expandtabs()))
        counts["m"] = counts["c"] - counts["m"]
    finally:
        file.close()
    return counts


_NOT_FIRST_BYTES = bytes(range(0x80, 0xC0))
"""Bytes that continue a UTF-8 character."""


@program("s:b", "[FILE]...", "Concatenate FILEs and print them in reverse")
async def tac(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Print lines in reverse order."""
    contents = Contents(proc, "tac", words)
    async for _, data in contents:
        await proc.out(b"".join(reversed(re.findall(rb"[^\n]*\n|[^\n]+", data))))
    return contents.status


@program(
    "ws:",
    "[-w] [-s SEP] [FIRST [INC]] LAST",
    "Print numbers from FIRST to LAST",
    least=1,
    most=3,
    name="seq",
    permute=False,
)
async def _seq(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    values = []
    for word in words:
        try:
            values.append(float(word))
        except ValueError:
            raise UsageError from None
    first, step, last = 1.0, 1.0, values[-1]
    if len(values) > 1:
        first = values[0]
    if len(values) == 3:
        step = values[1]
    places = max(len(word.partition(".")[2]) for word in words)
    width = max(len(word.partition(".")[0]) for word in words) + (places + 1 if places else 0)
    width = width if "w" in options else 0
    separator = options.get("s", "\n")
    if step == 0:
        step = 0.0
    slack = 1e-9 if is_gnu(proc) else 0.0  # BusyBox: `seq 0 0.1 0.3` ends at 0.2
    number = 0
    text = ""
    while True:
        value = first + number * step
        if (step >= 0 and value > last + slack) or (step < 0 and value < last - slack):
            break
        text += (separator if number else "") + f"{value:0{width}.{places}f}"
        number += 1
        if len(text) > 8192:
            await proc.out(text)
            text = ""
    await proc.out(text + ("\n" if number else ""))
    return 0


async def seq(proc: ContainerProcess) -> int:
    """Print numbers."""
    words = proc.argv[1:]
    # A negative first number is no option.
    for position, word in enumerate(words):
        if re.fullmatch(r"-\.?\d.*", word):
            proc.argv[1:] = [*words[:position], "--", *words[position:]]
            break
        if not word.startswith("-"):
            break
    return await _seq(proc)


async def yes(proc: ContainerProcess) -> int:
    """Print a line for ever."""
    line = encode(" ".join(proc.argv[1:]) or "y") + b"\n"
    block = line * max(1, 4096 // len(line))
    while True:
        await proc.out(block)
