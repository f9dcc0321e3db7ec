"""Programs that cut files, turn their line ends and show trees of files."""

from __future__ import annotations

import os
import stat

from course_lib.engine.interfaces import OpenFile
from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    byte_lines,
    integer,
    join,
    open_input,
    program,
    read_file,
    reason,
    size,
)
from course_lib.engine.userland.process import ContainerProcess


@program("l:b:a:", "[OPTIONS] [INPUT [PREFIX]]", "Split INPUT into pieces", most=2)
async def split(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Cut a file into several."""
    name = words[0] if words else "-"
    prefix = words[1] if len(words) > 1 else "x"
    width = integer(options.get("a", "2"), low=1)
    try:
        file = open_input(proc, name)
    except OSError as error:
        raise Fail(f"{name}: {reason(error)}") from None
    pieces = _Pieces(proc, prefix, width)
    if "b" in options:
        limit = size(options["b"])
        while chunk := await file.read(65536):
            while chunk:
                part = chunk[: limit - pieces.filled]
                await pieces.write(part, len(part), limit)
                chunk = chunk[len(part) :]
    else:
        limit = integer(options.get("l", "1000"), low=1)
        async for line in byte_lines(proc, file):
            await pieces.write(line, 1, limit)
    pieces.close()
    file.close()
    return 0


class _Pieces:
    """Writes files xaa, xab … one after the other."""

    def __init__(self, proc: ContainerProcess, prefix: str, width: int) -> None:
        self._proc = proc
        self._prefix = prefix
        self._width = width
        self._number = 0
        self._file: OpenFile | None = None
        self.filled = 0

    async def write(self, data: bytes, amount: int, limit: int) -> None:
        if self._file is None:
            self._file = self._next()
        await self._file.write(data)
        self.filled += amount
        if self.filled >= limit:
            self.close()

    def _next(self) -> OpenFile:
        number, letters = self._number, ""
        for _ in range(self._width):
            number, digit = divmod(number, 26)
            letters = chr(97 + digit) + letters
        if number:
            raise Fail("suffixes exhausted")
        self._number += 1
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        return self._proc.fs.open(self._proc.path(self._prefix + letters), flags, 0o644)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None
        self.filled = 0


async def _line_ends(
    proc: ContainerProcess, words: list[str], old: bytes, new: bytes, strip: bytes
) -> int:
    for name in words or ["-"]:
        try:
            data = (await read_file(proc, name)).replace(strip, b"\n").replace(old, new)
            if name == "-":
                await proc.out(data)
            else:
                mode = stat.S_IMODE(proc.fs.stat(proc.path(name)).mode)
                proc.fs.write_bytes(proc.path(name), data, mode)
        except OSError as error:
            raise Fail(f"can't open '{name}': {reason(error)}") from None
    return 0


@program("ud", "[FILE]", "Convert FILE from DOS to Unix format")
async def dos2unix(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Turn CR LF into LF."""
    return await _line_ends(proc, words, b"\r\n", b"\n", b"\r\n")


@program("ud", "[FILE]", "Convert FILE from Unix to DOS format")
async def unix2dos(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Turn LF into CR LF."""
    return await _line_ends(proc, words, b"\n", b"\r\n", b"\r\n")


@program("adL:", "[-a] [-d] [-L N] [DIR]...", "List files as a tree")
async def tree(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Show directories as trees."""
    run = _Tree(proc, options)
    for name in words or ["."]:
        await proc.out(f"{name}\n")
        await run.show(name, "", 1)
    await proc.out(f"\n{run.folders} directories, {run.files} files\n")
    return run.status


class _Tree:
    def __init__(self, proc: ContainerProcess, options: Options) -> None:
        self._proc = proc
        self._all = "a" in options
        self._folders_only = "d" in options
        self._depth = integer(options.get("L", "1000"), low=1)
        self.folders = self.files = self.status = 0

    async def show(self, name: str, prefix: str, depth: int) -> None:
        proc = self._proc
        try:
            names = sorted(proc.fs.listdir(proc.path(name)))
        except OSError as error:
            await proc.err(f"tree: {name}: {reason(error)}\n")
            self.status = 1
            return
        names = [child for child in names if self._all or not child.startswith(".")]
        entries = [(child, proc.fs.stat(proc.path(join(name, child)), follow=False).mode)
                   for child in names]  # fmt: skip
        if self._folders_only:
            entries = [entry for entry in entries if stat.S_ISDIR(entry[1])]
        for number, (child, mode) in enumerate(entries):
            await proc.tick()
            last = number == len(entries) - 1
            arrow = ""
            if stat.S_ISLNK(mode):
                arrow = f" -> {proc.fs.readlink(proc.path(join(name, child)))}"
            await proc.out(f"{prefix}{'└── ' if last else '├── '}{child}{arrow}\n")
            if stat.S_ISDIR(mode):
                self.folders += 1
                if depth < self._depth:
                    await self.show(join(name, child), prefix + ("    " if last else "│   "),
                                    depth + 1)  # fmt: skip
            else:
                self.files += 1
