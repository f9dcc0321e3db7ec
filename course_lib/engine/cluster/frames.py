"""What two engines say to each other, as bytes.

A frame is a kind (1 byte), a channel (4) and a length (4, big-endian), then that many bytes. A
message is a frame whose payload is the length of a JSON object (4 bytes), the object, and bytes
that belong to it. HTTP/2 was weighed and left: there only one side may begin a conversation,
and here both do.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

MAX_PAYLOAD = 4 << 20
"""Bytes in a frame at most. Longer things go over a stream."""

_HEADER = struct.Struct(">BII")
_LENGTH = struct.Struct(">I")


class Kind(IntEnum):
    """What a frame is."""

    CALL = 1  # message: a question; REPLY on the same channel ends it
    OPEN = 2  # message: a stream is wanted; REPLY says whether it is granted
    REPLY = 3  # message
    NOTE = 4  # message without an answer
    DATA = 5  # bytes of a stream
    CREDIT = 6  # 4 bytes: so many further bytes of the stream may come
    FINISH = 7  # the sender will send no more on that stream
    RESET = 8  # 4 bytes: the stream ends with that errno (0: it was merely closed)
    PING = 9
    PONG = 10


class ProtocolError(Exception):
    """The other side does not speak as an engine does."""


@dataclass(frozen=True, slots=True)
class Message:
    """A JSON object and bytes that go with it."""

    fields: Mapping[str, Any]
    body: bytes = b""

    def pack(self) -> bytes:
        """As the payload of a frame."""
        text = json.dumps(self.fields, separators=(",", ":")).encode()
        return _LENGTH.pack(len(text)) + text + self.body

    @classmethod
    def unpack(cls, payload: bytes) -> Message:
        """Back from the payload of a frame.

        :raises ProtocolError: it is none.
        """
        if len(payload) < _LENGTH.size:
            raise ProtocolError("a message without its length")
        size = _LENGTH.unpack_from(payload)[0]
        end = _LENGTH.size + size
        if end > len(payload):
            raise ProtocolError("a message shorter than it says")
        try:
            fields = json.loads(payload[_LENGTH.size : end])
        except (ValueError, RecursionError):
            raise ProtocolError("a message that is no JSON") from None
        if not isinstance(fields, dict):
            raise ProtocolError("a message that is no JSON object")
        return cls(fields, payload[end:])


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame."""

    kind: Kind
    channel: int = 0
    payload: bytes = field(default=b"", repr=False)

    def pack(self) -> bytes:
        """As bytes.

        :raises ValueError: the payload is longer than a frame may be.
        """
        if len(self.payload) > MAX_PAYLOAD:
            raise ValueError(f"a message of {len(self.payload)} bytes is too long")
        return _HEADER.pack(self.kind, self.channel, len(self.payload)) + self.payload

    def number(self) -> int:
        """The payload as a number.

        :raises ProtocolError: it is none.
        """
        if len(self.payload) != _LENGTH.size:
            raise ProtocolError("a number that is not four bytes long")
        return int(_LENGTH.unpack(self.payload)[0])


def number_frame(kind: Kind, channel: int, number: int) -> Frame:
    """A frame whose payload is a number."""
    return Frame(kind, channel, _LENGTH.pack(number))


async def read_frame(reader: asyncio.StreamReader, limit: int = MAX_PAYLOAD) -> Frame | None:
    """The next frame; None at the end of the connection.

    :param limit: longest payload that is taken, in bytes.
    :raises ProtocolError: what came is no frame.
    :raises OSError: the connection broke.
    """
    try:
        header = await reader.readexactly(_HEADER.size)
        kind, channel, length = _HEADER.unpack(header)
        if length > limit:
            raise ProtocolError(f"a frame of {length} bytes")
        payload = await reader.readexactly(length) if length else b""
    except asyncio.IncompleteReadError:
        return None
    try:
        return Frame(Kind(kind), channel, payload)
    except ValueError:
        raise ProtocolError(f"a frame of kind {kind}") from None
