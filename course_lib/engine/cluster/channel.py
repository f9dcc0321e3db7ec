"""Streams of bytes over a link, many at a time, each at the pace of its reader.

Ends as TCP connections do: what arrived is read before an error shows; closing with unread bytes
resets; who writes to an end that is closed gets ``EPIPE``.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from course_lib.engine.cluster.frames import Frame, Kind, ProtocolError, number_frame

if TYPE_CHECKING:
    from course_lib.engine.cluster.link import Link

WINDOW = 256 << 10
"""Bytes that one end takes before its reader has read."""

_PIECE = 64 << 10


class Channel:
    """One end of a stream.

    :ivar on_lost: called instead of ending with ``ECONNRESET`` when the link goes.
    :ivar on_end: called when it ends with an error.
    """

    __slots__ = (
        "_change",
        "_chunks",
        "_closed",
        "_credit",
        "_error",
        "_finished",
        "_gone",
        "_link",
        "_owed",
        "_size",
        "_written",
        "number",
        "on_end",
        "on_lost",
    )

    def __init__(self, link: Link, number: int) -> None:
        self.number = number
        self.on_lost: Callable[[], None] | None = None
        self.on_end: Callable[[], None] | None = None
        self._link = link
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._credit = WINDOW
        self._owed = 0  # read here, and not yet given back as credit
        self._finished = False  # the other end will send no more
        self._gone = False  # the other end is closed altogether
        self._written = False  # this end said that it will send no more
        self._closed = False
        self._error = 0
        self._change: asyncio.Future[None] | None = None

    @property
    def finished(self) -> bool:
        """Whether the other end will send no more."""
        return self._finished

    @property
    def written(self) -> bool:
        """Whether this end said that it will send no more."""
        return self._written

    async def read(self, size: int = 65536, /) -> bytes:
        """Bytes as they come, ``b""`` at the end.

        :raises OSError: ``EBADF`` once closed here, or what ended the stream.
        """
        while True:
            if self._closed:
                raise _os_error(errno.EBADF)
            if self._chunks:
                return self._take(size)
            if self._error:
                raise _os_error(self._error)
            if self._finished or size == 0:
                return b""
            await self._wait()

    def _take(self, size: int) -> bytes:
        data = self._chunks.popleft()
        if len(data) > size:
            self._chunks.appendleft(data[size:])
            data = data[:size]
        self._size -= len(data)
        self._owed += len(data)
        if self._owed >= WINDOW // 2 and not self._gone:
            self._link.send(number_frame(Kind.CREDIT, self.number, self._owed))
            self._owed = 0
        return data

    async def write(self, data: bytes, /) -> None:
        """Send all, waiting for room.

        :raises OSError: ``EPIPE`` where nobody reads any more, or what ended the stream.
        """
        view = memoryview(data)
        while True:
            if self._closed:
                raise _os_error(errno.EBADF)
            if self._error:
                # Told once; afterwards the stream is merely gone.
                code, self._error = self._error, errno.EPIPE
                raise _os_error(code)
            if self._written or self._gone:
                raise _os_error(errno.EPIPE)
            if not view:
                return
            if self._credit > 0:
                piece = bytes(view[: min(self._credit, _PIECE)])
                self._credit -= len(piece)
                view = view[len(piece) :]
                self._link.send(Frame(Kind.DATA, self.number, piece))
                await self._link.drain()
            else:
                await self._wait()

    def shutdown_write(self) -> None:
        """Say that no more will be sent; reading goes on."""
        if not (self._written or self._closed):
            self._written = True
            self._link.send(Frame(Kind.FINISH, self.number))
            self._wake()

    def close(self) -> None:
        """Close this end; with bytes unread that resets the other one."""
        self._close(errno.ECONNRESET if self._chunks else 0)

    def abort(self) -> None:
        """Close this end and reset the other one."""
        self._close(errno.ECONNRESET)

    def die(self, code: int) -> None:
        """End both with that error."""
        if not self._closed and not self._gone:
            self._link.send(number_frame(Kind.RESET, self.number, code))
        self.fail(code)

    def _close(self, code: int) -> None:
        if self._closed:
            return
        self._closed = True
        if not self._gone:
            self._link.send(number_frame(Kind.RESET, self.number, code))
        self._chunks.clear()
        self._size = 0
        self._leave()

    # --- what the link brings ------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Bytes have come.

        :raises ProtocolError: more than there was room for.
        """
        self._size += len(data)
        if self._size > WINDOW:
            raise ProtocolError("more bytes in a stream than there was room for")
        if self._finished:
            raise ProtocolError("bytes in a stream after its end")
        if data and not self._closed:
            self._chunks.append(data)
            self._wake()

    def allow(self, credit: int) -> None:
        """The other end has room for so many further bytes.

        :raises ProtocolError: more room than an end has.
        """
        self._credit += credit
        if self._credit > WINDOW:
            raise ProtocolError("more room in a stream than an end has")
        self._wake()

    def finish(self) -> None:
        """The other end will send no more."""
        self._finished = True
        self._wake()

    def gone(self, code: int) -> None:
        """The other end is closed, with that error or (0) in order."""
        if code:
            self.fail(code)
        else:
            self._finished = True
            self._leave()

    def fail(self, code: int) -> None:
        """It has ended with an error."""
        self._error = self._error or code
        self._leave()
        if self.on_end is not None:
            self.on_end()

    def lost(self) -> None:
        """The link is gone."""
        if self.on_lost is not None:
            self.on_lost()
        else:
            self.fail(errno.ECONNRESET)

    def _leave(self) -> None:
        self._gone = True
        self._link.forget(self.number)
        self._wake()

    async def _wait(self) -> None:
        if self._change is None or self._change.done():
            self._change = asyncio.get_running_loop().create_future()
        # Several may wait, and one that is cancelled takes nothing from the others.
        await asyncio.shield(self._change)

    def _wake(self) -> None:
        if self._change is not None and not self._change.done():
            self._change.set_result(None)


def _os_error(code: int) -> OSError:
    return OSError(code, os.strerror(code))
