"""What a client sends: requests and bodies, parsed by h11."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import h11

from course_lib.engine.api.errors import BodyTooLarge
from course_lib.engine.api.wire import CONTINUE

_HEAD_LIMIT = 128 * 1024
_DRAIN_LIMIT = 512 * 1024 * 1024
_CHUNK = 256 * 1024


class ClientGone(Exception):
    """The client closed the connection; nobody is left to answer."""


class Incoming:
    """The requests of one connection, one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_LIMIT)
        self._told_to_go_on = False

    async def next_request(self) -> h11.Request | None:
        """The next request's head; ``None`` when the client sends no more.

        :raises h11.RemoteProtocolError: it is not HTTP.
        """
        event = await self.next_event()
        return event if isinstance(event, h11.Request) else None

    async def next_event(self) -> h11.Event:
        """What h11 sees next; reads from the socket as needed."""
        while True:
            event = self._parser.next_event()
            if event is not h11.NEED_DATA:
                assert not isinstance(event, type)
                return event
            if self._parser.they_are_waiting_for_100_continue and not self._told_to_go_on:
                self._told_to_go_on = True
                self._writer.write(CONTINUE)
                await self._writer.drain()
            self._parser.receive_data(await self._reader.read(_CHUNK))

    def start_next(self) -> None:
        """The current request was read to its end and answered."""
        rest = self.left_over
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_LIMIT)
        self._told_to_go_on = False
        if rest:
            self._parser.receive_data(rest)

    @property
    def left_over(self) -> bytes:
        """What came after the current request."""
        return self._parser.trailing_data[0]


class Body:
    """The body of the current request, read on demand."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._done = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self._done:
            chunk = await self._next()
            if chunk:
                yield chunk

    async def read_all(self, limit: int) -> bytes:
        """See :class:`course_lib.engine.api.messages.Body`."""
        parts: list[bytes] = []
        size = 0
        async for chunk in self:
            size += len(chunk)
            if size > limit:
                raise BodyTooLarge(
                    f"request body too large: the embedded engine reads at most {limit} bytes here"
                )
            parts.append(chunk)
        return b"".join(parts)

    async def discard(self) -> None:
        """Read and forget what was not read, so that the client gets round to the answer."""
        size = 0
        while not self._done:
            size += len(await self._next())
            if size > _DRAIN_LIMIT:
                raise ClientGone

    async def _next(self) -> bytes:
        try:
            event = await self._incoming.next_event()
        except h11.RemoteProtocolError:
            self._done = True
            raise ClientGone from None
        if isinstance(event, h11.Data):
            return bytes(event.data)
        self._done = True
        if isinstance(event, h11.ConnectionClosed):
            raise ClientGone
        return b""
