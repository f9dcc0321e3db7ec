"""A listening TCP socket of a stack."""

from __future__ import annotations

import errno
from collections import deque
from typing import Protocol

from course_lib.engine.interfaces import StreamSocket
from course_lib.engine.network.stack import Stack, os_error
from course_lib.engine.network.stream import Address
from course_lib.engine.network.waiters import Waiters

BACKLOG = 4096
"""Connections that wait to be accepted at most (Linux: ``net.core.somaxconn``)."""


class Acceptable(StreamSocket, Protocol):
    """What can be queued: a connection, in memory or from outside."""

    holder: object
    owner: int


class MemoryListener:
    """Queues connections until they are accepted."""

    __slots__ = ("_closed", "_queue", "_stack", "_waiters", "holder", "local", "on_close", "owner")

    def __init__(self, stack: Stack, local: Address, holder: object, owner: int) -> None:
        self.local = local
        self.holder = holder
        self.owner = owner
        self.on_close: Closer | None = None
        self._stack = stack
        self._queue: deque[Acceptable] = deque()
        self._waiters = Waiters()
        self._closed = False
        stack.listeners.setdefault(local[1], []).append(self)

    @property
    def full(self) -> bool:
        """Whether no further connection may be queued."""
        return len(self._queue) >= BACKLOG

    def offer(self, connection: Acceptable) -> None:
        """Queue an established connection; it belongs to the listening process now."""
        connection.holder = self.holder
        connection.owner = self.owner
        self._queue.append(connection)
        self._waiters.wake()

    async def accept(self) -> StreamSocket:
        while True:
            if self._closed:
                raise os_error(errno.EBADF)
            if self._queue:
                return self._queue.popleft()
            await self._waiters.wait()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        others = self._stack.listeners[self.local[1]]
        others.remove(self)
        if not others:
            del self._stack.listeners[self.local[1]]
        while self._queue:
            self._queue.popleft().abort()
        self._waiters.wake()
        if self.on_close is not None:
            self.on_close.close()


class Closer(Protocol):
    """What is to be closed along with a listener."""

    def close(self) -> None: ...
