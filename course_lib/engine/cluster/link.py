"""A link between two engines: questions and answers, notes, and streams, both ways at once.

It lives as long as its TCP connection. What comes from the other side is bounded: the length of
frames, the questions that are being answered, the streams, the bytes in each. Who breaks the
rules, or does not take what is sent to it, is hung up on; nothing else happens to this engine.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from course_lib.engine.clock import Clock
from course_lib.engine.cluster.channel import Channel
from course_lib.engine.cluster.deadline import end, within
from course_lib.engine.cluster.frames import (
    Frame,
    Kind,
    Message,
    ProtocolError,
    read_frame,
)
from course_lib.engine.cluster.handshake import Caller
from course_lib.engine.cluster.methods import Methods, pack_error, raise_error

HEARTBEAT = 5.0
"""Seconds between signs of life (swarmkit: ``DefaultHeartBeatPeriod``)."""

SILENCE = 3 * HEARTBEAT
"""Seconds without one after which the other side counts as dead (``gracePeriodMultiplier``)."""

ANSWER = 30.0
"""Seconds that a question may take unless told."""

MAX_ASKED = 512
MAX_CHANNELS = 8192
MAX_BACKLOG = 32 << 20
"""Bytes that wait to be sent; beyond that the other side does not read."""

_log = logging.getLogger(__name__)


class LinkLost(ConnectionError):
    """The link went away before the answer came."""


class Link:
    """One end of a link whose ends have proved themselves.

    :param peer: who is at the other end, and what for.
    :param dialed: whether this end made the connection (its channels have odd numbers).
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        peer: Caller,
        methods: Methods,
        clock: Clock,
        *,
        dialed: bool,
    ) -> None:
        self.peer = peer
        self.reason = ""
        self._reader = reader
        self._writer = writer
        self._methods = methods
        self._clock = clock
        self._dialed = dialed
        self._next = 1 if dialed else 2
        self._asked: dict[int, asyncio.Future[Message]] = {}
        self._channels: dict[int, Channel] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._heard = clock.monotonic()
        self._closed = asyncio.Event()
        self._on_close: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"<Link {self.peer.purpose} {self.peer.node or '-'}>"

    @property
    def closed(self) -> bool:
        """Whether it is gone."""
        return self._closed.is_set()

    def on_close(self, call: Callable[[], None]) -> None:
        """Call that once the link is gone; at once if it is already."""
        if self.closed:
            call()
        else:
            self._on_close.append(call)

    def start(self) -> None:
        """Begin to listen to the other side."""
        self._spawn(self._listen())
        self._spawn(self._beat())

    # --- asking --------------------------------------------------------------------------

    async def call(
        self,
        method: str,
        fields: Mapping[str, Any] | None = None,
        body: bytes = b"",
        *,
        seconds: float = ANSWER,
    ) -> Message:
        """Ask the other side.

        :raises EngineError, OSError: what it raised; :class:`LinkLost`, ``TimeoutError``.
        """
        channel = self._number()
        return await self._ask(Kind.CALL, channel, method, fields, body, seconds)

    async def open(
        self, method: str, fields: Mapping[str, Any] | None = None, *, seconds: float = ANSWER
    ) -> tuple[Channel, Message]:
        """Ask the other side for a stream.

        :raises EngineError, OSError: as :meth:`call`.
        """
        number = self._number()
        channel = Channel(self, number)
        self._channels[number] = channel
        try:
            answer = await self._ask(Kind.OPEN, number, method, fields, b"", seconds)
        except BaseException:
            channel.abort()
            raise
        return channel, answer

    def note(self, method: str, fields: Mapping[str, Any] | None = None, body: bytes = b"") -> None:
        """Tell the other side something, without an answer."""
        message = Message({**(fields or {}), "method": method}, body)
        self.send(Frame(Kind.NOTE, 0, message.pack()))

    async def _ask(
        self,
        kind: Kind,
        channel: int,
        method: str,
        fields: Mapping[str, Any] | None,
        body: bytes,
        seconds: float,
    ) -> Message:
        message = Message({**(fields or {}), "method": method}, body)
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        if self.closed:
            raise LinkLost(errno.ECONNRESET, f"the link is gone: {self.reason}")
        self._asked[channel] = future
        try:
            self.send(Frame(kind, channel, message.pack()))
            answer = await within(self._clock, seconds, future)
        finally:
            self._asked.pop(channel, None)
        raise_error(answer)
        return answer

    def _number(self) -> int:
        number = self._next
        while number in self._asked or number in self._channels:
            number = (number + 2) & 0xFFFFFFFF
        self._next = (number + 2) & 0xFFFFFFFF
        return number

    # --- sending -------------------------------------------------------------------------

    @property
    def congested(self) -> bool:
        """Whether the other side is slow to take what is sent."""
        return self._writer.transport.get_write_buffer_size() > MAX_BACKLOG // 32

    def send(self, frame: Frame) -> None:
        """Put a frame on its way; one for a link that is gone is lost."""
        if self.closed:
            return
        self._writer.write(frame.pack())
        if self._writer.transport.get_write_buffer_size() > MAX_BACKLOG:
            self.close("it does not take what is sent to it")

    async def drain(self) -> None:
        """Wait until the other side has taken most of it."""
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    def forget(self, number: int) -> None:
        """A channel has ended."""
        self._channels.pop(number, None)

    # --- listening -----------------------------------------------------------------------

    async def _listen(self) -> None:
        reason = "it hung up"
        try:
            while (frame := await read_frame(self._reader)) is not None:
                self._heard = self._clock.monotonic()
                self._take(frame)
                if self.closed:
                    return
        except ProtocolError as error:
            reason = f"it does not speak as an engine does: {error}"
            _log.warning("%r: %s", self, reason)
        except OSError as error:
            reason = error.strerror or str(error)
        self.close(reason)

    def _take(self, frame: Frame) -> None:
        if frame.kind is Kind.DATA:
            channel = self._channels.get(frame.channel)
            if channel is not None:
                channel.feed(frame.payload)
        elif frame.kind in (Kind.CREDIT, Kind.FINISH, Kind.RESET):
            self._steer(frame)
        elif frame.kind is Kind.REPLY:
            future = self._asked.get(frame.channel)
            if future is not None and not future.done():
                future.set_result(Message.unpack(frame.payload))
        elif frame.kind in (Kind.CALL, Kind.OPEN):
            self._asked_here(frame)
        elif frame.kind is Kind.NOTE:
            self._noted(Message.unpack(frame.payload))
        elif frame.kind is Kind.PING:
            self.send(Frame(Kind.PONG))

    def _steer(self, frame: Frame) -> None:
        number = 0 if frame.kind is Kind.FINISH else frame.number()
        channel = self._channels.get(frame.channel)
        if channel is None:
            return  # it has ended here while the frame was on its way
        if frame.kind is Kind.CREDIT:
            channel.allow(number)
        elif frame.kind is Kind.FINISH:
            channel.finish()
        else:
            channel.gone(number)

    def _noted(self, message: Message) -> None:
        name = str(message.fields.get("method"))
        take = self._methods.note(name, self.peer.purpose)
        if take is None:
            raise ProtocolError(f"a note {name!r}, which is not taken from it")
        try:
            take(self, message)
        except (KeyError, TypeError, ValueError) as error:
            raise ProtocolError(f"a note {name!r} that makes no sense: {error!r}") from None

    def _asked_here(self, frame: Frame) -> None:
        if (frame.channel % 2 == 1) == self._dialed or frame.channel in self._channels:
            raise ProtocolError("a question on a channel that is not its own")
        message = Message.unpack(frame.payload)
        channel = None
        if frame.kind is Kind.OPEN:
            channel = Channel(self, frame.channel)
            self._channels[frame.channel] = channel
        if len(self._tasks) > MAX_ASKED or len(self._channels) > MAX_CHANNELS:
            if channel is not None:
                channel.fail(errno.ENOBUFS)
            self._reply(frame.channel, Message({"errno": errno.ENOBUFS}))
            return
        self._spawn(self._answer(frame.channel, message, channel))

    async def _answer(self, number: int, message: Message, channel: Channel | None) -> None:
        name = str(message.fields.get("method"))
        try:
            answer = await self._find_answer(name, message, channel)
        except (KeyError, TypeError, ValueError) as error:
            _log.warning("%r: a question %r that makes no sense: %r", self, name, error)
            answer = pack_error(error)
        except Exception as error:
            answer = pack_error(error)
        if channel is not None and ("error" in answer.fields or "errno" in answer.fields):
            channel.fail(errno.ECONNRESET)
        self._reply(number, answer)

    async def _find_answer(self, name: str, message: Message, channel: Channel | None) -> Message:
        purpose = self.peer.purpose
        if channel is not None:
            grant = self._methods.open(name, purpose)
            if grant is not None:
                return await grant(self, message, channel)
        else:
            answer = self._methods.call(name, purpose)
            if answer is not None:
                return await answer(self, message)
        return Message({"error": "NotFound", "message": f"no engine answers {name!r} here"})

    def _reply(self, number: int, answer: Message) -> None:
        try:
            self.send(Frame(Kind.REPLY, number, answer.pack()))
        except ValueError as error:  # too long
            self.send(Frame(Kind.REPLY, number, pack_error(error).pack()))

    # --- life ----------------------------------------------------------------------------

    async def _beat(self) -> None:
        while not self.closed:
            self.send(Frame(Kind.PING))
            await self._clock.sleep(HEARTBEAT)
            if self._clock.monotonic() - self._heard > SILENCE:
                self.close("it gives no sign of life")

    def close(self, reason: str = "closed here") -> None:
        """Hang up. Questions end with :class:`LinkLost`, streams are told."""
        if self.closed:
            return
        self.reason = reason
        self._closed.set()
        self._writer.transport.abort() if reason != "closed here" else self._writer.close()
        for future in list(self._asked.values()):
            if not future.done():
                future.set_exception(LinkLost(errno.ECONNRESET, f"the link is gone: {reason}"))
        for channel in list(self._channels.values()):
            channel.lost()
        current = asyncio.current_task()
        for task in self._tasks:
            if task is not current:
                task.cancel()
        for call in self._on_close:
            call()
        self._on_close.clear()

    async def wait_closed(self) -> None:
        """Wait until it is gone and its tasks with it."""
        await self._closed.wait()
        for task in list(self._tasks):
            if task is not asyncio.current_task():
                await end(task)
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
