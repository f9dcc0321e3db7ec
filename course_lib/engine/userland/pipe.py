"""Pipes between the processes of a container, as ``pipe(7)`` describes them."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from collections import deque
from typing import Literal

from course_lib.engine.interfaces import FileStat, OpenFile

CAPACITY = 65536
"""Bytes that fit before a writer waits (Linux's default)."""


class _Channel:
    """The buffer both ends share, with the number of open handles on each side."""

    __slots__ = ("buffer", "readable", "readers", "size", "writable", "writers")

    def __init__(self) -> None:
        self.buffer: deque[bytes] = deque()
        self.size = 0
        self.readers = 0
        self.writers = 0
        self.readable: deque[asyncio.Future[None]] = deque()
        self.writable: deque[asyncio.Future[None]] = deque()

    @staticmethod
    def wake(waiters: deque[asyncio.Future[None]]) -> None:
        while waiters:
            waiter = waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)


class _End:
    """What the two ends have in common."""

    __slots__ = ("_channel", "_closed")

    kind: Literal["pipe"] = "pipe"

    def __init__(self, channel: _Channel) -> None:
        self._channel = channel
        self._closed = False

    def seek(self, offset: int, whence: int = 0, /) -> int:
        raise OSError(errno.ESPIPE, "Illegal seek")

    def truncate(self, size: int, /) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    def stat(self) -> FileStat:
        return FileStat(stat.S_IFIFO | 0o600, 0, 0, 0, 0, id(self._channel) & 0xFFFFFF, 1, 12)

    def isatty(self) -> bool:
        return False

    def _alive(self) -> _Channel:
        if self._closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._channel


class PipeReader(_End):
    """The end that bytes come out of."""

    __slots__ = ()

    def __init__(self, channel: _Channel) -> None:
        super().__init__(channel)
        channel.readers += 1

    @property
    def readable(self) -> bool:
        """Whether a read would not wait."""
        channel = self._alive()
        return bool(channel.buffer) or channel.writers == 0

    async def read(self, size: int = CAPACITY, /) -> bytes:
        channel = self._alive()
        if size <= 0:
            return b""
        while not channel.buffer:
            if channel.writers == 0:
                return b""
            waiter = asyncio.get_running_loop().create_future()
            channel.readable.append(waiter)
            await waiter
        chunk = channel.buffer.popleft()
        if len(chunk) > size:
            channel.buffer.appendleft(chunk[size:])
            chunk = chunk[:size]
        else:
            parts = [chunk]
            total = len(chunk)
            while channel.buffer and total + len(channel.buffer[0]) <= size:
                parts.append(channel.buffer.popleft())
                total += len(parts[-1])
            chunk = b"".join(parts) if len(parts) > 1 else chunk
        channel.size -= len(chunk)
        channel.wake(channel.writable)
        if channel.buffer:
            channel.wake(channel.readable)
        return chunk

    async def write(self, data: bytes, /) -> None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def dup(self) -> OpenFile:
        return PipeReader(self._alive())

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._channel.readers -= 1
        if self._channel.readers == 0:
            self._channel.buffer.clear()
            self._channel.size = 0
            self._channel.wake(self._channel.writable)


class PipeWriter(_End):
    """The end that bytes go into."""

    __slots__ = ()

    def __init__(self, channel: _Channel) -> None:
        super().__init__(channel)
        channel.writers += 1

    async def read(self, size: int = CAPACITY, /) -> bytes:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    async def write(self, data: bytes, /) -> None:
        channel = self._alive()
        view = memoryview(data)
        while view:
            if channel.readers == 0:
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
            room = CAPACITY - channel.size
            if room <= 0:
                waiter = asyncio.get_running_loop().create_future()
                channel.writable.append(waiter)
                await waiter
                continue
            chunk = bytes(view[:room])
            view = view[room:]
            channel.buffer.append(chunk)
            channel.size += len(chunk)
            channel.wake(channel.readable)

    def dup(self) -> OpenFile:
        return PipeWriter(self._alive())

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._channel.writers -= 1
        if self._channel.writers == 0:
            self._channel.wake(self._channel.readable)


def pipe() -> tuple[OpenFile, OpenFile]:
    """A new pipe: (end to read from, end to write to)."""
    channel = _Channel()
    return PipeReader(channel), PipeWriter(channel)
