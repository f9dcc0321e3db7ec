"""A bound UDP socket of a stack."""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Awaitable, Callable

from course_lib.engine.network.listener import Closer
from course_lib.engine.network.stack import Stack, os_error
from course_lib.engine.network.stream import Address
from course_lib.engine.network.waiters import Waiters

QUEUED = 512
"""Datagrams kept for a reader that is busy; further ones are lost, as on Linux."""

MAX_SIZE = 65507

Sender = Callable[["MemoryDatagram", bytes, Address], Awaitable[None]]

Outside = Callable[[bytes, Address], None]


class MemoryDatagram:
    """Sends and receives datagrams; ``sender`` finds the way to the address.

    :ivar outside: in the host's namespace, the way to programs of the real host.
    """

    __slots__ = (
        "_closed",
        "_queue",
        "_sender",
        "_stack",
        "_waiters",
        "holder",
        "local",
        "on_close",
        "outside",
        "owner",
    )

    def __init__(
        self, stack: Stack, local: Address, holder: object, owner: int, sender: Sender
    ) -> None:
        self.local = local
        self.holder = holder
        self.owner = owner
        self.on_close: Closer | None = None
        self.outside: Outside | None = None
        self._stack = stack
        self._sender = sender
        self._queue: deque[tuple[bytes, Address]] = deque()
        self._waiters = Waiters()
        self._closed = False
        stack.datagrams.setdefault(local[1], []).append(self)

    def offer(self, data: bytes, source: Address) -> None:
        """Queue a datagram that arrived."""
        if len(self._queue) < QUEUED:
            self._queue.append((data, source))
            self._waiters.wake()

    async def receive(self) -> tuple[bytes, Address]:
        while True:
            if self._closed:
                raise os_error(errno.EBADF)
            if self._queue:
                return self._queue.popleft()
            await self._waiters.wait()

    async def send(self, data: bytes, address: Address) -> None:
        if self._closed:
            raise os_error(errno.EBADF)
        if len(data) > MAX_SIZE:
            raise os_error(errno.EMSGSIZE)
        await self._sender(self, data, address)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        others = self._stack.datagrams[self.local[1]]
        others.remove(self)
        if not others:
            del self._stack.datagrams[self.local[1]]
        self._waiters.wake()
        if self.on_close is not None:
            self.on_close.close()
