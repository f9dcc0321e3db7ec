"""Named pipes between processes of containers.

The host's fifo is only the name in the directory. What goes through it stays in memory: a real
one could make the engine itself wait.
"""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING

from course_lib.engine.fs.handles import Description, Kind, can_read, can_write
from course_lib.engine.fs.inode import os_error

if TYPE_CHECKING:
    from course_lib.engine.interfaces import FileStat, OpenFile

CAPACITY = 65536
"""Bytes that a pipe holds (Linux's default)."""

FifoKey = tuple[int, int]


class _Channel:
    """What readers and writers of one fifo share."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.readers = 0
        self.writers = 0
        self.had_reader = False
        self.had_writer = False
        self.changed = asyncio.Event()

    def notify(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class _FifoEnd(Description):
    kind: Kind = "pipe"

    def __init__(self, fifos: Fifos, key: FifoKey, flags: int, stat: FileStat) -> None:
        super().__init__(flags)
        self._fifos = fifos
        self._key = key
        self._stat = stat
        self._channel = fifos.channel(key)
        if can_read(flags):
            self._channel.readers += 1
            self._channel.had_reader = True
        if can_write(flags):
            self._channel.writers += 1
            self._channel.had_writer = True
        self._channel.notify()

    async def do_read(self, size: int) -> bytes:
        channel = self._channel
        # End of file needs a writer that came and went; before that, opening would have waited.
        while not channel.data and (channel.writers or not channel.had_writer):
            await channel.changed.wait()
        data = bytes(channel.data[:size])
        del channel.data[:size]
        channel.notify()
        await self.give_way(len(data))
        return data

    async def do_write(self, data: bytes) -> None:
        channel = self._channel
        view = memoryview(data)
        while view:
            if not channel.readers and channel.had_reader:
                raise os_error(errno.EPIPE)
            room = CAPACITY - len(channel.data)
            if not channel.readers or room <= 0:
                await channel.changed.wait()
                continue
            channel.data += view[:room]
            view = view[room:]
            channel.notify()
        await self.give_way(len(data))

    def stat(self) -> FileStat:
        return self._stat

    def release(self) -> None:
        self._channel.readers -= can_read(self.flags)
        self._channel.writers -= can_write(self.flags)
        self._channel.notify()
        if not self._channel.readers and not self._channel.writers:
            self._fifos.forget(self._key)


class Fifos:
    """The named pipes of one tree that are open."""

    def __init__(self) -> None:
        self._channels: dict[FifoKey, _Channel] = {}

    def channel(self, key: FifoKey) -> _Channel:
        return self._channels.setdefault(key, _Channel())

    def forget(self, key: FifoKey) -> None:
        self._channels.pop(key, None)

    def open(self, key: FifoKey, flags: int, stat: FileStat) -> OpenFile:
        """One end of the pipe.

        Opening does not wait for the other end as on Linux; the first read or write does.
        """
        return _FifoEnd(self, key, flags, stat).handle()
