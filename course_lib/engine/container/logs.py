"""The log of a container: dockerd's ``json-file`` driver.

Each line of the file is ``{"log":"text\\n","stream":"stdout","time":"2026-01-02T…Z"}``. A line
that a program has not finished is kept back until it is, until 16 KiB have come, or until the
program ends, as dockerd's copier does.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from course_lib.engine.clock import Clock, rfc3339_nano

StreamKind = Literal["stdout", "stderr"]

MAX_LINE = 16 * 1024
_BLOCK = 64 * 1024


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line, with its line end if it had one. ``time`` as in the file (RFC 3339)."""

    data: bytes
    stream: str
    time: str


class JsonLog:
    """Appends lines to a file and reads them back, following if wanted.

    The file is opened for each write: an engine may hold a thousand containers, and a process
    not so many descriptors.
    """

    __slots__ = ("_changed", "_clock", "_ended", "_partial", "path")

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._partial: dict[StreamKind, bytes] = {}
        self._changed: asyncio.Event | None = None
        self._ended = True

    # --- writing -------------------------------------------------------------------------

    def begin(self) -> None:
        """The container starts: followers wait for more from now on."""
        self._ended = False

    def append(self, stream: StreamKind, data: bytes) -> None:
        """Take what a program wrote; whole lines reach the file at once."""
        data = self._partial.pop(stream, b"") + data
        lines = _split(data)
        if lines and not lines[-1].endswith(b"\n") and len(lines[-1]) < MAX_LINE:
            self._partial[stream] = lines.pop()
        self._write(stream, lines)

    def end(self) -> None:
        """The container has ended: write what was kept back; followers come to an end."""
        for stream, rest in self._partial.items():
            self._write(stream, [rest])
        self._partial.clear()
        self._ended = True
        self._wake()

    def _write(self, stream: StreamKind, lines: list[bytes]) -> None:
        if not lines:
            return
        time = rfc3339_nano(self._clock.time_ns())
        text = "".join(
            f'{{"log":{json.dumps(line.decode("utf-8", "replace"), ensure_ascii=False)},'
            f'"stream":"{stream}","time":"{time}"}}\n'
            for line in lines
        )
        descriptor = self._open()
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)
        self._wake()

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            return os.open(self.path, flags, 0o640)
        except FileNotFoundError:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self.path, flags, 0o640)

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    # --- reading -------------------------------------------------------------------------

    async def read(
        self,
        *,
        tail: int | None = None,
        since_ns: int = 0,
        until_ns: int | None = None,
        follow: bool = False,
    ) -> AsyncIterator[LogLine]:
        """Lines from the oldest wanted on.

        :param tail: only the last so many; ``None`` for all.
        :param follow: go on until the container ends.
        """
        since = rfc3339_nano(since_ns) if since_ns else ""
        until = rfc3339_nano(until_ns) if until_ns is not None else None
        position = self._tail_start(tail) if tail is not None else 0
        while True:
            # Taken before reading: what is written meanwhile wakes us again.
            ended, changed = self._ended, self._event() if follow else None
            async for entry, end in self._entries(position):
                position = end
                if until is not None and _later(entry.time, until):
                    return
                if not since or not _later(since, entry.time):
                    yield entry
            if changed is None or ended:
                return
            if until_ns is None:
                await changed.wait()
            elif not await self._wait_until(changed, until_ns):
                return

    async def _wait_until(self, changed: asyncio.Event, until_ns: int) -> bool:
        remaining = (until_ns - self._clock.time_ns()) / 1e9
        if remaining <= 0:
            return False
        waits = {
            asyncio.ensure_future(changed.wait()),
            asyncio.ensure_future(self._clock.sleep(remaining)),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
        return changed.is_set()

    def _event(self) -> asyncio.Event:
        if self._changed is None:
            self._changed = asyncio.Event()
        return self._changed

    async def _entries(self, position: int) -> AsyncIterator[tuple[LogLine, int]]:
        rest = b""
        while True:
            block = self._block(position + len(rest))
            if not block:
                return
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                position += len(line) + 1
                data = json.loads(line)
                yield (
                    LogLine(data["log"].encode("utf-8", "replace"), data["stream"], data["time"]),
                    position,
                )
            await asyncio.sleep(0)  # a long log must not hold the engine up

    def _block(self, position: int) -> bytes:
        try:
            with open(self.path, "rb") as file:
                file.seek(position)
                return file.read(_BLOCK)
        except FileNotFoundError:
            return b""

    def _tail_start(self, count: int) -> int:
        """Where the last ``count`` lines begin, reading backwards block by block."""
        try:
            with open(self.path, "rb") as file:
                end = file.seek(0, os.SEEK_END)
                position, found = end, 0
                while position > 0:
                    size = min(_BLOCK, position)
                    position -= size
                    file.seek(position)
                    block = file.read(size)
                    index = len(block)
                    while (index := block.rfind(b"\n", 0, index)) >= 0:
                        if position + index + 1 == end:
                            continue  # the end of the last line
                        found += 1
                        if found == count:
                            return position + index + 1
                return 0 if count else end
        except FileNotFoundError:
            return 0


def _split(data: bytes) -> list[bytes]:
    """Lines with their ends, long ones in pieces."""
    lines: list[bytes] = []
    for line in data.split(b"\n"):
        whole = line + b"\n"
        lines += [whole[start : start + MAX_LINE] for start in range(0, len(whole), MAX_LINE)]
    last = lines[-1]  # what follows the last line end carries one that was not written
    lines[-1:] = [last[:-1]] if last[:-1] else []
    return lines


def _later(first: str, second: str) -> bool:
    """Whether one RFC 3339 time is after another; Go leaves trailing zeros out."""
    return _padded(first) > _padded(second)


def _padded(time: str) -> str:
    whole, _, fraction = time.removesuffix("Z").partition(".")
    return f"{whole}.{fraction:0<9}"
