"""Connects a client's raw connection with the streams of a container or exec instance."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from course_lib.engine.container.logs import StreamKind
from course_lib.engine.container.stdio import Attachment, Streams

DEFAULT_DETACH = b"\x10\x11"
"""Ctrl-P, Ctrl-Q."""

Framing = Callable[[StreamKind, bytes], bytes]


class Client(Protocol):
    """The raw connection."""

    async def read(self, size: int = 65536) -> bytes: ...
    async def write(self, data: bytes) -> None: ...


class Detached(Exception):
    """The user typed the detach keys."""


def detach_keys(text: str) -> bytes:
    """``ctrl-p,ctrl-q`` as bytes (Moby: ``moby/term.ToBytes``).

    :raises ValueError: a key that does not exist.
    """
    keys = bytearray()
    for part in text.split(","):
        name = part.removeprefix("ctrl-")
        if len(part) == 1 and part.isascii():
            keys += part.encode()
        elif part.startswith("ctrl-") and len(name) == 1 and name in "abcdefghijklmnopqrstuvwxyz":
            keys.append(ord(name) - 96)
        elif part.startswith("ctrl-") and len(name) == 1 and name in "@[\\]^_":
            keys.append(ord(name) - 64)
        else:
            raise ValueError(f"no such key: {part!r}")
    return bytes(keys)


class _Escape:
    """Finds the detach keys in what a client types, also across reads."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._matched = 0

    def filter(self, data: bytes) -> bytes:
        """What is to be passed on.

        :raises Detached: the keys are complete.
        """
        result = bytearray()
        for byte in data:
            if byte == self._keys[self._matched]:
                self._matched += 1
                if self._matched == len(self._keys):
                    raise Detached
                continue
            result += self._keys[: self._matched]
            result.append(byte)  # even where it is the first key again (``term.EscapeProxy``)
            self._matched = 0
        return bytes(result)


async def attach(
    streams: Streams,
    attachment: Attachment,
    client: Client,
    frame: Framing,
    *,
    stdin: bool,
    keys: bytes = DEFAULT_DETACH,
) -> None:
    """Carry bytes both ways until the program ends or the client leaves.

    :param attachment: made by :meth:`Streams.attach` beforehand, so that nothing is missed.
    :raises Detached: the user typed the detach keys.
    """
    outgoing = asyncio.create_task(_send(attachment, client, frame))
    tasks = {outgoing}
    incoming: asyncio.Task[bool] | None = None
    if stdin:
        incoming = asyncio.create_task(_receive(streams, client, keys))
    try:
        waiting: set[asyncio.Task[bool] | asyncio.Task[None]] = {*tasks}
        if incoming is not None:
            waiting.add(incoming)
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if incoming is not None and incoming.done() and incoming.result():
            await outgoing  # stdin is finished, the output is not
        elif outgoing.done():
            outgoing.result()
    finally:
        streams.detach(attachment)
        for task in (outgoing, incoming):
            if task is not None and not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                    await task


async def _send(attachment: Attachment, client: Client, frame: Framing) -> None:
    with contextlib.suppress(ConnectionError):
        while (item := await attachment.next()) is not None:
            await client.write(frame(*item))


async def _receive(streams: Streams, client: Client, keys: bytes) -> bool:
    """Pass input on; whether the client still wants output after its input has ended."""
    escape = _Escape(keys) if streams.tty and keys else None
    with contextlib.suppress(ConnectionError):
        while data := await client.read():
            if escape is not None:
                data = escape.filter(data)
            if data and not await streams.feed(data):
                return True  # nobody reads it; its output is still wanted
    if streams.stdin_once and not streams.tty:
        streams.end_input()
        return True
    return False
