"""Programs that change how lines look: width, tabs, order of characters."""

from __future__ import annotations

import re

from course_lib.engine.userland.applets.common import (
    Contents,
    Options,
    UsageError,
    byte_lines,
    decode,
    encode,
    integer,
    open_input,
    program,
    reason,
    text_lines,
)
from course_lib.engine.userland.process import ContainerProcess


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


def _with_ends(data: bytes) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", decode(data))


@program("b:i:l:s:v:w:p", "[OPTIONS] [FILE]...", "Write FILEs to stdout with line numbers added")
async def nl(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Number lines."""
    style = options.get("b", "t")
    number = integer(options.get("v", "1"))
    step = integer(options.get("i", "1"))
    width = integer(options.get("w", "6"))
    separator = options.get("s", "\t")
    contents = Contents(proc, "nl", words)
    async for _, data in contents:
        out = []
        for line in text_lines(data):
            if style == "a" or (style == "t" and line):
                out.append(f"{number:>{width}}{separator}{line}\n")
                number += step
            else:
                out.append(" " * (width + len(separator)) + f"{line}\n")
        await proc.out("".join(out))
    return contents.status


@program("bsw:", "[-bs] [-w WIDTH] [FILE]...", "Wrap input lines in FILEs", name="fold")
async def _fold(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Wrap long lines."""
    width = integer(options.get("w", "80"), low=1, high=10000)
    contents = Contents(proc, "fold", words)
    async for _, data in contents:
        out = []
        for line in _with_ends(data):
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
    return contents.status


async def fold(proc: ContainerProcess) -> int:
    """Wrap long lines; ``-20`` is ``-w 20``."""
    proc.argv[1:] = [re.sub(r"^-(\d+)$", r"-w\1", word) for word in proc.argv[1:]]
    return await _fold(proc)


@program(
    "it:", "[-i] [-t N] [FILE]...", "Convert tabs to spaces", long={"initial": "i", "tabs=": "t"}
)
async def expand(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Replace tabs by spaces."""
    width = integer(options.get("t", "8"), low=1)
    contents = Contents(proc, "expand", words)
    async for _, data in contents:
        for line in _with_ends(data):
            if "i" in options:
                body = line.lstrip("\t ")
                await proc.out(line[: len(line) - len(body)].expandtabs(width) + body)
            else:
                await proc.out(line.expandtabs(width))
    return contents.status


@program("fat:", "[-fa] [-t N] [FILE]...", "Convert spaces to tabs")
async def unexpand(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Replace leading spaces by tabs."""
    width = integer(options.get("t", "8"), low=1)
    everywhere = ("a" in options or "t" in options) and "f" not in options
    contents = Contents(proc, "unexpand", words)
    async for _, data in contents:
        for line in _with_ends(data):
            body = line.lstrip(" \t")
            lead = len(line[: len(line) - len(body)].expandtabs(width))
            if everywhere and body.strip():
                await proc.out(_tabbed(line, width))
            else:
                await proc.out("\t" * (lead // width) + " " * (lead % width) + body)
    return contents.status


def _tabbed(line: str, width: int) -> str:
    """Blanks that reach a tab stop as tabs, also within the line."""
    text = line.expandtabs(width)
    pieces = [text[start : start + width] for start in range(0, len(text), width)]
    return "".join(
        piece.rstrip(" ") + "\t" if len(piece) == width and piece.endswith(" ") else piece
        for piece in pieces
    )


@program(
    "n:oft:a",
    "[-fo] [-t o|d|x] [-n LEN] [FILE]...",
    "Display printable strings in a binary file",
)
async def strings(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print readable text within binary files."""
    least = integer(options.get("n", "4"), low=1)
    radix = options.get("t", "o" if "o" in options else "")
    if radix not in ("", "o", "d", "x"):
        raise UsageError
    pattern = re.compile(rb"[\t\x20-\x7e]{%d,}" % least)
    contents = Contents(proc, "strings", words)
    async for name, data in contents:
        for match in pattern.finditer(data):
            prefix = f"{name}: " if "f" in options else ""
            if radix:
                prefix += f"{match.start():7{radix}} "
            await proc.out(encode(prefix) + match[0] + b"\n")
    return contents.status
