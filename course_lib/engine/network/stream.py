"""TCP connections: the two ends of one in memory, and what all ends have in common."""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable
from typing import Protocol

from course_lib.engine.network.stack import Link, Stack, count, os_error
from course_lib.engine.network.waiters import Waiters

WINDOW = 65536
"""Bytes that the receiving end of a connection holds before the sender has to wait."""

Address = tuple[str, int]


class Connection(Protocol):
    """An end of an established connection, as the stack it belongs to sees it.

    :ivar link: the interface that its packets use; None within one stack.
    :ivar holder: the container whose process opened it, with ``owner`` its PID there.
    """

    link: Link | None
    holder: object
    owner: int

    @property
    def local(self) -> Address: ...
    @property
    def peer(self) -> Address: ...
    @property
    def state(self) -> str: ...
    def close(self) -> None: ...
    def unplug(self) -> None:
        """Its interface has gone away."""

    def plug(self, link: Link) -> None:
        """An interface with its local address has come."""


class MemoryStream:
    """One end of a connection between two sandboxes, or within one.

    Follows Linux: what arrived can be read before a reset is reported; closing with unread
    data resets the connection; writing to an end that has closed gives ``EPIPE``. While the
    interface of either end is gone, nothing passes and neither end is told; it goes on when one
    with the same address has come. (Linux gives up after some 15 minutes, we do not.)
    """

    __slots__ = (
        "_chunks",
        "_closed",
        "_down",
        "_error",
        "_finished",
        "_other",
        "_readers",
        "_size",
        "_stack",
        "_stalled",
        "_then",
        "_waiting",
        "_writers",
        "_written",
        "holder",
        "link",
        "local",
        "owner",
        "peer",
    )

    def __init__(
        self, stack: Stack, local: Address, peer: Address, link: Link | None, holder: object
    ) -> None:
        self.local = local
        self.peer = peer
        self.link = link
        self.holder = holder
        self.owner = 0
        self._stack = stack
        self._other: MemoryStream | None = None
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._readers = Waiters()
        self._writers = Waiters()
        self._finished = False  # the other end said that no more will come
        self._written = False  # this end said so
        self._closed = False
        self._error = 0
        self._down = False  # the interface of this end is gone
        self._stalled = False  # that of this end or of the other
        self._waiting = bytearray()  # written, and to be sent once that is over
        self._then: Callable[[], None] | None = None  # how this end was closed meanwhile
        stack.connections.add(self)

    @classmethod
    def pair(
        cls,
        client: tuple[Stack, Address, Link | None, object],
        server: tuple[Stack, Address, Link | None, object],
    ) -> tuple[MemoryStream, MemoryStream]:
        """Two connected ends, each given as (stack, local address, link, holder)."""
        one = cls(client[0], client[1], server[1], client[2], client[3])
        two = cls(server[0], server[1], client[1], server[2], server[3])
        one._other, two._other = two, one
        return one, two

    @property
    def state(self) -> str:
        if self._then is not None:
            return "FIN_WAIT1"
        if self._finished:
            return "LAST_ACK" if self._written else "CLOSE_WAIT"
        return "FIN_WAIT2" if self._written else "ESTABLISHED"

    async def read(self, size: int = 65536, /) -> bytes:
        while True:
            if self._closed:
                raise os_error(errno.EBADF)
            if self._chunks:
                return self._take(size)
            if self._error:
                raise os_error(self._error)
            if self._finished or size == 0:
                return b""
            await self._readers.wait()

    def _take(self, size: int) -> bytes:
        chunks = self._chunks
        if len(chunks) > 1 and len(chunks[0]) < size:
            data = b"".join(chunks)
            chunks.clear()
        else:
            data = chunks.popleft()
        if len(data) > size:
            chunks.appendleft(data[size:])
            data = data[:size]
        self._size -= len(data)
        if self._other is not None:
            self._other._writers.wake()
        return data

    async def write(self, data: bytes, /) -> None:
        view = memoryview(data)
        while True:
            if self._closed:
                raise os_error(errno.EBADF)
            if self._error:
                # Reported once; afterwards the connection is merely gone.
                code, self._error = self._error, errno.EPIPE
                raise os_error(code)
            other = self._other
            if self._written or other is None:
                raise os_error(errno.EPIPE)
            if not view:
                return
            room = WINDOW - (len(self._waiting) if self._stalled else other._size)
            if room > 0 and self._stalled:
                self._waiting += view[:room]
                view = view[room:]
            elif room > 0:
                other._feed(bytes(view[:room]))
                count(self.link, other.link, min(room, len(view)))
                view = view[room:]
            else:
                await self._writers.wait()

    def _feed(self, data: bytes) -> None:
        self._chunks.append(data)
        self._size += len(data)
        self._readers.wake()

    def shutdown_write(self) -> None:
        if self._written or self._closed:
            return
        self._written = True
        if self._other is not None and not self._stalled:
            self._other._finished = True
            self._other._readers.wake()
        self._writers.wake()

    def close(self) -> None:
        if self._closed:
            return
        if self._stalled:
            self._close_later(self.close)
            return
        if self._chunks:
            self.abort()
            return
        self.shutdown_write()
        self._leave()

    def abort(self) -> None:
        if self._closed:
            return
        if self._stalled:
            self._close_later(self.abort)
            return
        other = self._other
        self._leave()
        if other is not None:
            other._fail(errno.ECONNRESET)

    def unplug(self) -> None:
        self.link = None
        self._down = self._stalled = True
        if self._other is not None:
            self._other._stalled = True

    def plug(self, link: Link) -> None:
        if not self._down:
            return
        self.link = link
        self._down = False
        other = self._other
        if other is not None and not other._down:
            self._stalled = other._stalled = False
            for end, receiver in ((self, other), (other, self)):
                end._go_on(receiver)

    def _go_on(self, receiver: MemoryStream) -> None:
        """Send what has waited."""
        if self._waiting:
            receiver._feed(bytes(self._waiting))
            self._waiting.clear()
        if self._written:
            receiver._finished = True
            receiver._readers.wake()
        self._writers.wake()
        if self._then is not None:
            how, self._then = self._then, None
            self._closed = False
            how()

    def _close_later(self, how: Callable[[], None]) -> None:
        """The program is through with it; the other end can learn that only later."""
        self._closed = True
        self._then = how
        self._readers.wake()
        self._writers.wake()

    def _leave(self) -> None:
        """Close this end; the other keeps what it has received."""
        self._closed = True
        self._stack.connections.discard(self)
        other, self._other = self._other, None
        self._chunks.clear()
        self._size = 0
        if other is not None:
            other._other = None
            other._writers.wake()
        self._readers.wake()
        self._writers.wake()

    def _fail(self, code: int) -> None:
        self._stack.connections.discard(self)
        self._error = code
        other, self._other = self._other, None
        if other is not None:
            other._other = None
        self._readers.wake()
        self._writers.wake()
