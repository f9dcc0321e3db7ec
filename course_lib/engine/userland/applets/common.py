"""What the applets share: options and usage, reading files, reporting errors."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import wraps
from typing import cast

from course_lib.engine.interfaces import Applet, OpenFile, Process
from course_lib.engine.userland import users
from course_lib.engine.userland.applets import net_options as opt
from course_lib.engine.userland.applets.net_options import Options, UsageError
from course_lib.engine.userland.process import ContainerProcess

__all__ = ["Fail", "Options", "UsageError", "program"]

Body = Callable[[ContainerProcess, Options, list[str]], Awaitable[int]]

CHUNK = 65536
_SUFFIXES = {
    "": 1, "b": 512, "c": 1, "w": 2, "k": 1024, "K": 1024, "m": 1 << 20, "M": 1 << 20,
    "g": 1 << 30, "G": 1 << 30, "kB": 1000, "KB": 1000, "MB": 10**6, "GB": 10**9, "T": 1 << 40,
}  # fmt: skip


class Fail(Exception):
    """Ends a program with a message; the program's name is put in front."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def program(
    short: str,
    usage: str,
    summary: str = "",
    *,
    long: Mapping[str, str] | None = None,
    gnu: str = "",
    gnu_long: Mapping[str, str] | None = None,
    permute: bool = True,
    name: str = "",
    least: int = 0,
    most: int | None = None,
    code: int = 1,
) -> Callable[[Body], Applet]:
    """Make an applet of a function that gets its options parsed.

    :param short: letters as for ``getopt(3)``; ``long`` maps long names to them. ``gnu`` and
        ``gnu_long`` are those that only the tools of Debian and CentOS take (:func:`is_gnu`).
    :param usage: what follows the name in the usage line; ``summary`` one sentence after it.
    :param name: where the function's name cannot be the program's.
    :param least: words that must be there, ``most`` that may be, else usage is shown.
    :param code: exit code after usage.
    """

    def decorate(body: Body) -> Applet:
        title = name or body.__name__.rstrip("_")
        text = f"{usage}\n\n{summary}" if summary else usage

        @wraps(body)
        async def run(proc: Process) -> int:
            called = _name(proc, title)
            if proc.argv[1:] == ["--help"]:
                await opt.refuse(proc, called, UsageError(), text)
                return 0
            try:
                options = _parse(proc, short, long or {}, gnu, gnu_long, permute)
                words = options.words
                if len(words) < least or (most is not None and len(words) > most):
                    raise UsageError
                return await body(cast(ContainerProcess, proc), options, words)
            except UsageError as error:
                await opt.refuse(proc, called, error, text)
                return code
            except Fail as error:
                await proc.err(f"{called}: {error}\n")
                return error.code

        return run

    return decorate


def _parse(
    proc: Process,
    short: str,
    long: Mapping[str, str],
    gnu: str,
    gnu_long: Mapping[str, str] | None,
    permute: bool,
) -> Options:
    try:
        return opt.parse(proc.argv[1:], short, long, permute=permute)
    except UsageError:
        if not (gnu or gnu_long) or not is_gnu(proc):
            raise
    return opt.parse(proc.argv[1:], short + gnu, {**long, **(gnu_long or {})}, permute=permute)


def is_gnu(proc: Process) -> bool:
    """Whether the tools of this image are those of GNU, as in Debian's and CentOS'."""
    try:
        proc.fs.stat("/usr/bin/coreutils")
    except OSError:
        return False
    return True


def _name(proc: Process, default: str) -> str:
    """What the program calls itself: the name it was called by."""
    name = proc.argv[0].rsplit("/", 1)[-1] if proc.argv else default
    return name or default


def decode(data: bytes) -> str:
    """Bytes of a file as text; what is not UTF-8 survives as surrogates."""
    return data.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """The bytes that :func:`decode` came from."""
    return text.encode("utf-8", "surrogateescape")


def text_lines(data: bytes) -> list[str]:
    """The lines of a file, without their ends."""
    lines = decode(data).split("\n")
    return lines if lines[-1] else lines[:-1]


def reason(error: OSError) -> str:
    """What ``strerror`` says."""
    return error.strerror or str(error)


def open_input(proc: Process, name: str) -> OpenFile:
    """A file to read; ``-`` is standard input."""
    if name == "-":
        return proc.stdin.dup()
    return proc.fs.open(proc.path(name), os.O_RDONLY)


async def read_all(proc: Process, file: OpenFile) -> bytes:
    """Everything up to the end of file."""
    process = cast(ContainerProcess, proc)
    parts = []
    while chunk := await file.read(CHUNK):
        parts.append(chunk)
        await process.tick()
    return b"".join(parts)


async def read_file(proc: Process, name: str) -> bytes:
    """Content of a file by name."""
    file = open_input(proc, name)
    try:
        return await read_all(proc, file)
    finally:
        file.close()


class Contents:
    """Contents of the named files, one after the other; standard input where none is named.

    What cannot be read is said on standard error, and then ``status`` is 1.
    """

    def __init__(self, proc: Process, program: str, names: Sequence[str]) -> None:
        self._proc = proc
        self._program = program
        self._names = names or ["-"]
        self.status = 0

    async def __aiter__(self) -> AsyncIterator[tuple[str, bytes]]:
        for name in self._names:
            try:
                data = await read_file(self._proc, name)
            except OSError as error:
                await self._proc.err(f"{self._program}: {name}: {reason(error)}\n")
                self.status = 1
                continue
            yield name, data


async def byte_lines(proc: Process, file: OpenFile, end: bytes = b"\n") -> AsyncIterator[bytes]:
    """Lines with their ends, as they come; the last one may have none."""
    process = cast(ContainerProcess, proc)
    rest = b""
    while chunk := await file.read(CHUNK):
        pieces = (rest + chunk).split(end)
        rest = pieces.pop()
        for piece in pieces:
            await process.tick()
            yield piece + end
    if rest:
        yield rest


async def copy_stream(proc: Process, source: OpenFile, target: OpenFile) -> int:
    """Copy to the end of file; tells how many bytes."""
    process = cast(ContainerProcess, proc)
    total = 0
    while chunk := await source.read(1 << 18):
        total += len(chunk)
        await process.tick()
        await target.write(chunk)
    return total


def user_id(proc: ContainerProcess, name: str) -> int:
    """Of a user's name, or of a number, which nobody need have.

    :raises Fail: an unknown name.
    """
    user = users.user_by_name(proc.machine.fs, name)
    return user.uid if user else _number_of("user", name)


def group_id(proc: ContainerProcess, name: str) -> int:
    """Of a group's name, or of a number, which no group need have.

    :raises Fail: an unknown name.
    """
    group = users.group_by_name(proc.machine.fs, name)
    return group.gid if group else _number_of("group", name)


def _number_of(kind: str, name: str) -> int:
    if not name.isdigit():
        raise Fail(f"unknown {kind} {name}")
    return int(name)


def integer(text: str, *, low: int | None = None, high: int = 2147483647) -> int:
    """A decimal number.

    :raises Fail: ``invalid number 'x'``.
    """
    if not re.fullmatch(r"[-+]?\d+", text):
        raise Fail(f"invalid number '{text}'")
    value = int(text)
    if low is not None and not low <= value <= high:
        raise Fail(f"number {text} is not in {low}..{high} range")
    return value


def size(text: str) -> int:
    """A number with a suffix: ``10``, ``4k``, ``1M``.

    :raises Fail: ``invalid number 'x'``.
    """
    match = re.fullmatch(r"(\d+)([A-Za-z]{0,2})", text)
    if match is None or match[2] not in _SUFFIXES:
        raise Fail(f"invalid number '{text}'")
    return int(match[1]) * _SUFFIXES[match[2]]


_DURATIONS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(text: str) -> float:
    """Seconds of ``1``, ``0.5``, ``2m``, ``1h``.

    :raises Fail: ``invalid number 'x'``.
    """
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+)([smhd]?)", text)
    if match is None:
        raise Fail(f"invalid number '{text}'")
    return float(match[1]) * _DURATIONS[match[2]]


def human(value: float, *, units: str = "BKMGTPE") -> str:
    """``1.5K`` as BusyBox's ``make_human_readable_str`` writes it."""
    if value < 1024:
        return str(int(value))
    unit = 0
    while value >= 1024 and unit < len(units) - 1:
        value /= 1024
        unit += 1
    return f"{value:.1f}{units[unit]}"


def join(folder: str, name: str) -> str:
    """A path within a directory."""
    return f"{folder}{name}" if folder.endswith("/") else f"{folder}/{name}"


def base_name(path: str) -> str:
    """The last part of a path, without slashes after it."""
    return path.rstrip("/").rsplit("/", 1)[-1] or "/"


def terminal_width(proc: Process) -> int:
    """Columns of the terminal, 80 where there is none."""
    from course_lib.engine.userland.tty import terminal_of

    terminal = terminal_of(proc.stdout)
    return terminal.size[1] if terminal and terminal.size[1] else 80
