"""A connection after HTTP: raw bytes both ways (``attach``, ``exec``)."""

from __future__ import annotations

import asyncio


class Hijacked:
    """See :class:`course_lib.engine.api.messages.RawStream`.

    :param left_over: what the client sent right behind its request.
    :param lost: set once the connection is gone.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        left_over: bytes,
        lost: asyncio.Event,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._left_over = left_over
        self._lost = lost

    async def read(self, size: int = 65536) -> bytes:
        """What the client sent next; ``b""`` when it sends no more."""
        if self._left_over:
            data, self._left_over = self._left_over[:size], self._left_over[size:]
            return data
        return await self._reader.read(size)

    async def write(self, data: bytes) -> None:
        """Send, waiting while the client does not read."""
        if self._writer.is_closing():
            raise ConnectionResetError
        self._writer.write(data)
        await self._writer.drain()

    async def wait_closed(self) -> None:
        """Wait until the client has closed its side altogether."""
        await self._lost.wait()
