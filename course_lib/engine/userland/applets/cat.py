"""``cat`` and ``tee``."""

from __future__ import annotations

import errno
import os

from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    open_input,
    program,
    read_file,
    reason,
)
from course_lib.engine.userland.process import ContainerProcess


@program("nbvteAu", "[-nbvteA] [FILE]...", "Print FILEs to stdout")
async def cat(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print files."""
    status = 0
    marks = _CatMarks(options)
    for name in words or ["-"]:
        try:
            file = open_input(proc, name)
            try:
                if marks.any:
                    await _out(proc, marks.apply(await _all(proc, name)))
                else:
                    while chunk := await file.read(1 << 17):
                        await _out(proc, chunk)
            finally:
                file.close()
        except BrokenPipeError:
            raise
        except _WriteError as error:
            raise Fail(f"write error: {error}") from None
        except OSError as error:
            unread = name == "-" or error.errno == errno.EISDIR
            verb = "read error" if unread else f"can't open '{name}'"
            await proc.err(f"cat: {verb}: {reason(error)}\n")
            status = 1
    return status


class _WriteError(Exception):
    """Standard output takes no more."""


async def _out(proc: ContainerProcess, data: bytes) -> None:
    try:
        await proc.out(data)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _WriteError(reason(error)) from None


async def _all(proc: ContainerProcess, name: str) -> bytes:
    return await read_file(proc, name)


class _CatMarks:
    """Line numbers and visible control characters; numbering goes on over files."""

    def __init__(self, options: Options) -> None:
        everything = "A" in options
        self._ends = everything or "e" in options
        self._tabs = everything or "t" in options
        self._controls = everything or any(c in options for c in "vet")
        self._number = "n" in options or "b" in options
        self._skip_blank = "b" in options
        self._line = 0
        self.any = self._number or self._controls

    def apply(self, data: bytes) -> bytes:
        out = bytearray()
        for line in data.splitlines(keepends=True):
            body = line.removesuffix(b"\n")
            if self._number and not (self._skip_blank and not body):
                self._line += 1
                out += b"%6d\t" % self._line
            out += self._visible(body) if self._controls else body
            if line.endswith(b"\n"):
                out += b"$\n" if self._ends else b"\n"
            elif self._number:
                out += b"\n"
        return bytes(out)

    def _visible(self, body: bytes) -> bytes:
        out = bytearray()
        for byte in body:
            value = byte
            if value >= 128:
                out += b"M-"
                value -= 128
            if value == 9 and not self._tabs and byte < 128:
                out.append(9)
            elif value < 32:
                out += bytes((94, value + 64))
            elif value == 127:
                out += b"^?"
            else:
                out.append(value)
        return bytes(out)


@program(
    "ai",
    "[-ai] [FILE]...",
    "Copy stdin to each FILE, and also to stdout",
    long={"append": "a", "ignore-interrupts": "i"},
)
async def tee(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Copy standard input to files and to standard output."""
    status = 0
    mode = os.O_APPEND if "a" in options else os.O_TRUNC
    outputs = []
    if "i" in options:
        proc.on_signal(2, "ignore")
    for name in words:
        try:
            flags = os.O_WRONLY | os.O_CREAT | mode
            outputs.append(proc.fs.open(proc.path(name), flags, 0o666 & ~proc.umask))
        except OSError as error:
            await proc.err(f"tee: {name}: {reason(error)}\n")
            status = 1
    while chunk := await proc.stdin.read(65536):
        await proc.out(chunk)
        for file in outputs:
            await file.write(chunk)
    for file in outputs:
        file.close()
    return status
