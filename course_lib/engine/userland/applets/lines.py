"""Programs that pass on some lines of files, or count and number them."""

from __future__ import annotations

import os
import re

from course_lib.engine.interfaces import OpenFile
from course_lib.engine.userland.applets.common import (
    Options,
    UsageError,
    byte_lines,
    decode,
    encode,
    integer,
    open_input,
    program,
    read_file,
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
    "n:c:fFs:qv",
    "[OPTIONS] [FILE]...",
    "Print last 10 lines of FILEs to stdout",
    long={
        "lines=": "n",
        "bytes=": "c",
        "follow": "f",
        "retry": "R",
        "quiet": "q",
        "silent": "q",
        "verbose": "v",
        "sleep-interval=": "s",
    },
)
async def _tail(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    count_bytes = "c" in options
    text = options["c"] if count_bytes else options.get("n", "10")
    from_start = text.startswith("+")
    count = size(text.lstrip("+-"))
    names = words or ["-"]
    by_name = "F" in options
    follower = _Follower(proc, float(options.get("s", "1")), by_name)
    headers = (len(names) > 1 and "q" not in options) or "v" in options
    status = 0
    for name in names:
        try:
            file = open_input(proc, name)
        except OSError as error:
            await proc.err(f"tail: can't open '{name}': {reason(error)}\n")
            status = 1
            if by_name:
                follower.add(name, None, headers)
            continue
        await follower.header(name, headers)
        await _last(proc, file, count, count_bytes, from_start)
        follower.add(name, file, headers)
    if status and not follower.files:
        await proc.err("tail: no files\n")
        return status
    if "f" in options or by_name:
        await follower.run()
    for watched in follower.files:
        if watched.file is not None:
            watched.file.close()
    return status


async def tail(proc: ContainerProcess) -> int:
    """Print the last lines, and what comes after them."""
    words = proc.argv[1:]
    if words and re.fullmatch(r"[-+]\d+f?", words[0]):
        follow = ["-f"] if words[0].endswith("f") else []
        proc.argv[1:] = ["-n", words[0].rstrip("f").replace("-", ""), *follow, *words[1:]]
    return await _tail(proc)


async def _last(
    proc: ContainerProcess, file: OpenFile, count: int, count_bytes: bool, from_start: bool
) -> None:
    if from_start:
        skip = max(0, count - 1)
        if count_bytes:
            while skip and (chunk := await file.read(min(skip, 65536))):
                skip -= len(chunk)
        rest = b""
        while chunk := await file.read(65536):
            await proc.tick()
            while skip and not count_bytes:
                end = chunk.find(b"\n")
                if end < 0:
                    chunk = b""
                    break
                chunk = chunk[end + 1 :]
                skip -= 1
            if chunk:
                await proc.out(rest + chunk)
        return
    kept = await _end_of(proc, file, count, count_bytes)
    if kept:
        await proc.out(kept)


async def _end_of(proc: ContainerProcess, file: OpenFile, count: int, count_bytes: bool) -> bytes:
    """The last lines or bytes; a large regular file is read from its end."""
    if file.kind == "file":
        end = file.seek(0, os.SEEK_END)
        window = count if count_bytes else max(65536, count * 512)
        start = max(0, end - window)
        while True:
            file.seek(start)
            data = b""
            while chunk := await file.read(1 << 18):
                data += chunk
            if start == 0 or count_bytes or data.count(b"\n") > count:
                break
            start = max(0, start - 4 * window)
    else:
        data = b""
        while chunk := await file.read(65536):
            await proc.tick()
            data += chunk
            if len(data) > 1 << 20:
                data = _cut(data, count, count_bytes)
    return _cut(data, count, count_bytes)


def _cut(data: bytes, count: int, count_bytes: bool) -> bytes:
    if count == 0:
        return b""
    if count_bytes:
        return data[-count:]
    position = len(data) - data.endswith(b"\n")
    for _ in range(count):
        position = data.rfind(b"\n", 0, position)
        if position < 0:
            return data
    return data[position + 1 :]


class _Watched:
    def __init__(self, name: str, file: OpenFile | None) -> None:
        self.name = name
        self.file = file


class _Follower:
    """``tail -f``: looks again and again whether files have grown."""

    def __init__(self, proc: ContainerProcess, interval: float, by_name: bool) -> None:
        self._proc = proc
        self._interval = interval
        self._by_name = by_name
        self._current = ""
        self._headers = False
        self.files: list[_Watched] = []

    def add(self, name: str, file: OpenFile | None, headers: bool) -> None:
        self.files.append(_Watched(name, file))
        self._headers = headers

    async def header(self, name: str, wanted: bool) -> None:
        if wanted and self._current != name:
            title = "standard input" if name == "-" else name
            gap = "\n" if self._current else ""
            await self._proc.out(f"{gap}==> {title} <==\n")
            self._current = name

    async def run(self) -> None:
        while True:
            await self._proc.sleep(self._interval)
            for watched in self.files:
                await self._look(watched)
            if all(w.file is not None and w.file.kind in ("pipe", "socket") for w in self.files):
                return

    async def _look(self, watched: _Watched) -> None:
        if self._by_name:
            await self._reopen(watched)
        file = watched.file
        if file is None:
            return
        if file.kind == "file":
            position = file.seek(0, os.SEEK_CUR)
            if file.stat().size < position:
                await self._proc.err(f"tail: {watched.name}: file truncated\n")
                file.seek(0)
        while chunk := await file.read(65536):
            await self.header(watched.name, self._headers)
            await self._proc.out(chunk)

    async def _reopen(self, watched: _Watched) -> None:
        """``-F``: another file may have taken the name."""
        proc = self._proc
        path = proc.path(watched.name)
        try:
            there = proc.fs.stat(path)
        except OSError:
            if watched.file is not None:
                await proc.err(f"tail: {watched.name} has become inaccessible\n")
                watched.file.close()
                watched.file = None
            return
        if watched.file is not None:
            here = watched.file.stat()
            if (here.dev, here.ino) == (there.dev, there.ino):
                return
            await proc.err(f"tail: {watched.name} has been replaced; following end of new file\n")
            watched.file.close()
        else:
            await proc.err(f"tail: {watched.name} has appeared; following end of new file\n")
        watched.file = proc.fs.open(path, os.O_RDONLY)


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
            continue
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
    status = 0
    for name in words or ["-"]:
        try:
            data = await read_file(proc, name)
        except OSError as error:
            await proc.err(f"tac: {name}: {reason(error)}\n")
            status = 1
            continue
        await proc.out(b"".join(reversed(data.splitlines(keepends=True))))
    return status


@program("", "[FILE]...", "Reverse lines of FILE")
async def rev(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Print the characters of each line in reverse order."""
    status = 0
    for name in words or ["-"]:
        try:
            file = open_input(proc, name)
        except OSError as error:
            await proc.err(f"rev: {name}: {reason(error)}\n")
            status = 1
            continue
        async for line in byte_lines(proc, file):
            end = b"\n" if line.endswith(b"\n") else b""
            await proc.out(encode(decode(line.removesuffix(b"\n"))[::-1]) + end)
        file.close()
    return status


@program("b:i:l:n:s:v:w:p", "[OPTIONS] [FILE]...", "Write FILEs to stdout with line numbers added")
async def nl(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Number lines."""
    style = options.get("b", "t")
    number = integer(options.get("v", "1"))
    step = integer(options.get("i", "1"))
    width = integer(options.get("w", "6"))
    separator = options.get("s", "\t")
    status = 0
    for name in words or ["-"]:
        try:
            data = await read_file(proc, name)
        except OSError as error:
            await proc.err(f"nl: {name}: {reason(error)}\n")
            status = 1
            continue
        out = []
        for line in decode(data).splitlines():
            if style == "a" or (style == "t" and line):
                out.append(f"{number:>{width}}{separator}{line}\n")
                number += step
            else:
                out.append(" " * (width + len(separator)) + f"{line}\n")
        await proc.out("".join(out))
    return status


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
    number = 0
    text = ""
    while True:
        value = first + number * step
        if (step >= 0 and value > last + 1e-9) or (step < 0 and value < last - 1e-9):
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


@program("bsw:", "[-bs] [-w WIDTH] [FILE]...", "Wrap input lines in FILEs")
async def fold(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Wrap long lines."""
    width = integer(options.get("w", "80"), low=1)
    status = 0
    for name in words or ["-"]:
        try:
            data = decode(await read_file(proc, name))
        except OSError as error:
            await proc.err(f"fold: {name}: {reason(error)}\n")
            status = 1
            continue
        out = []
        for line in data.splitlines(keepends=True):
            end = "\n" if line.endswith("\n") else ""
            rest = line.removesuffix("\n")
            while len(rest) > width:
                cut = width
                if "s" in options and " " in rest[:width]:
                    cut = rest[:width].rindex(" ") + 1
                out.append(rest[:cut] + "\n")
                rest = rest[cut:]
            out.append(rest + end)
        await proc.out("".join(out))
    return status


@program(
    "it:", "[-i] [-t N] [FILE]...", "Convert tabs to spaces", long={"initial": "i", "tabs=": "t"}
)
async def expand(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Replace tabs by spaces."""
    width = integer(options.get("t", "8"), low=1)
    status = 0
    for name in words or ["-"]:
        try:
            data = decode(await read_file(proc, name))
        except OSError as error:
            await proc.err(f"expand: {name}: {reason(error)}\n")
            status = 1
            continue
        for line in data.splitlines(keepends=True):
            if "i" in options:
                body = line.lstrip("\t ")
                await proc.out(line[: len(line) - len(body)].expandtabs(width) + body)
            else:
                await proc.out(line.expandtabs(width))
    return status


@program("fat:", "[-fa] [-t N] [FILE]...", "Convert spaces to tabs")
async def unexpand(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Replace leading spaces by tabs."""
    width = integer(options.get("t", "8"), low=1)
    status = 0
    for name in words or ["-"]:
        try:
            data = decode(await read_file(proc, name))
        except OSError as error:
            await proc.err(f"unexpand: {name}: {reason(error)}\n")
            status = 1
            continue
        for line in data.splitlines(keepends=True):
            body = line.lstrip(" \t")
            lead = len(line[: len(line) - len(body)].expandtabs(width))
            await proc.out("\t" * (lead // width) + " " * (lead % width) + body)
    return status


@program("n:o:ft:", "[-fo] [-n LEN] [FILE]...", "Display printable strings in a binary file")
async def strings(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print readable text within binary files."""
    least = integer(options.get("n", "4"), low=1)
    status = 0
    pattern = re.compile(rb"[\t\x20-\x7e]{%d,}" % least)
    for name in words or ["-"]:
        try:
            data = await read_file(proc, name)
        except OSError as error:
            await proc.err(f"strings: {name}: {reason(error)}\n")
            status = 1
            continue
        for match in pattern.finditer(data):
            prefix = f"{name}: " if "f" in options else ""
            await proc.out(encode(prefix) + match[0] + b"\n")
    return status


@program("", "[FILE]...", "View FILE (or stdin) one screenful at a time")
async def more(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Print files; at a terminal wait after each screenful."""
    from course_lib.engine.userland.tty import terminal_of

    terminal = terminal_of(proc.stdout)
    keys = next((f for f in (proc.stderr, proc.stdin) if terminal_of(f)), None)
    height = (terminal.size[0] or 24) - 1 if terminal else 0
    status = 0
    shown = 0
    for name in words or ["-"]:
        if name == "-" and proc.stdin.isatty():
            raise UsageError
        try:
            file = open_input(proc, name)
        except OSError as error:
            await proc.err(f"more: {name}: {reason(error)}\n")
            status = 1
            continue
        async for line in byte_lines(proc, file):
            if terminal is not None and keys is not None and shown >= height:
                key = await _more_key(proc, keys)
                if key in (b"q", b"\x03", b""):
                    return status
                shown = height - 1 if key in (b"\r", b"\n") else 0
            await proc.out(line)
            shown += 1
        file.close()
    return status


async def _more_key(proc: ContainerProcess, keys: OpenFile) -> bytes:
    from course_lib.engine.userland.tty import terminal_of

    terminal = terminal_of(keys)
    assert terminal is not None
    before = terminal.attributes
    await proc.out("--More-- ")
    terminal.set_attributes(before.raw())
    try:
        return await keys.read(1)
    finally:
        terminal.set_attributes(before)
        await proc.out("\r        \r")
