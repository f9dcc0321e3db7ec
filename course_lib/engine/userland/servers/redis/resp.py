"""Redis's protocol: commands in and replies out (RESP2 and 3), and lines typed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MAX_INLINE = 64 * 1024
MAX_BULK = 512 * 1024 * 1024
MAX_ARGUMENTS = 1024 * 1024


class ProtocolError(Exception):
    """The client does not speak the protocol; it is told so and cut off."""


@dataclass(frozen=True, slots=True)
class Status:
    """A simple string: ``+OK``."""

    text: str


@dataclass(frozen=True, slots=True)
class Failure:
    """An error reply: ``-ERR …``."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """Text for people (``INFO``): RESP3 tells it from data."""

    data: bytes


OK = Status("OK")


def encode(value: Any, protocol: int = 2, push: bool = False) -> bytes:
    """One reply.

    :param protocol: 2, or 3 for a client that asked for it with ``HELLO``.
    :param push: nobody asked for it: RESP3 tells such lists from answers.
    """
    if isinstance(value, Status):
        return f"+{value.text}\r\n".encode()
    if isinstance(value, Failure):
        return f"-{_one_line(value.text)}\r\n".encode()
    if protocol == 3 and (value is None or isinstance(value, bool | float)):
        return _encode_simple(value)
    if value is None:
        return b"$-1\r\n"
    if isinstance(value, bool):
        return b":1\r\n" if value else b":0\r\n"
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, float):
        value = _decimal(value)
    if isinstance(value, Text):
        if protocol == 3:
            return b"=%d\r\ntxt:" % (len(value.data) + 4) + value.data + b"\r\n"
        value = value.data
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes | bytearray):
        return b"$%d\r\n" % len(value) + value + b"\r\n"
    kind, length = (b">" if push and protocol == 3 else b"*"), 0
    if isinstance(value, dict):
        items = [item for pair in value.items() for item in pair]
        kind, length = (b"%", len(value)) if protocol == 3 else (b"*", len(items))
    elif isinstance(value, list | tuple | set | frozenset):
        items, length = list(value), len(value)
        if protocol == 3 and isinstance(value, set | frozenset):
            kind = b"~"
    else:
        raise TypeError(f"cannot send {type(value).__name__}")
    return kind + b"%d\r\n" % length + b"".join(encode(item, protocol) for item in items)


def _encode_simple(value: bool | float | None) -> bytes:
    """What only RESP3 has a form for."""
    if value is None:
        return b"_\r\n"
    if isinstance(value, bool):
        return b"#t\r\n" if value else b"#f\r\n"
    return b"," + _decimal(value) + b"\r\n"


def _decimal(value: float) -> bytes:
    return repr(value).removesuffix(".0").encode()


def _one_line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")


def encode_command(words: Sequence[bytes]) -> bytes:
    """A command as clients send it."""
    return encode(list(words))


def split_line(line: bytes) -> list[bytes]:
    """Words of a line typed by hand, quoted as in ``sdssplitargs``.

    :raises ProtocolError: a quote is not closed.
    """
    words: list[bytes] = []
    position, end = 0, len(line)
    while True:
        while position < end and line[position : position + 1].isspace():
            position += 1
        if position >= end:
            return words
        word = bytearray()
        quote = b""
        while True:
            char = line[position : position + 1]
            if not char:
                if quote:
                    raise ProtocolError("unbalanced quotes in request")
                break
            if quote:
                if char == b"\\" and quote == b'"':
                    piece, step = _escape(line[position:])
                    word += piece
                    position += step
                    continue
                if char == b"\\" and line[position : position + 2] == b"\\'":
                    word += b"'"
                    position += 2
                    continue
                if char == quote:
                    following = line[position + 1 : position + 2]
                    if following and not following.isspace():
                        raise ProtocolError("unbalanced quotes in request")
                    position += 1
                    break
            elif char.isspace():
                break
            elif char in b"\"'":
                quote = char
                position += 1
                continue
            word += char
            position += 1
        words.append(bytes(word))


def _escape(text: bytes) -> tuple[bytes, int]:
    """A backslash sequence within double quotes: its value and its length."""
    if text[1:2] == b"x":
        try:
            return bytes([int(text[2:4], 16)]), 4
        except ValueError:
            return b"x", 2
    table = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"a": b"\a"}
    return table.get(text[1:2], text[1:2]), 2


class CommandReader:
    """Takes commands out of a stream of bytes, in either form."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._words: list[bytes] = []
        self._missing = 0

    def feed(self, data: bytes) -> None:
        """More bytes from the client."""
        self._buffer += data

    def next(self) -> list[bytes] | None:
        """The next whole command (possibly without words), or None until more comes.

        :raises ProtocolError: what came cannot be one.
        """
        while True:
            if self._missing:
                if not self._bulk():
                    return None
                if not self._missing:
                    words, self._words = self._words, []
                    return words
                continue
            line = self._line(MAX_INLINE)
            if line is None:
                return None
            if not line.startswith(b"*"):
                return split_line(line)
            count = _number(line[1:], "invalid multibulk length")
            if count > MAX_ARGUMENTS:
                raise ProtocolError("invalid multibulk length")
            if count <= 0:
                return []
            self._missing = count

    def _line(self, limit: int) -> bytes | None:
        end = self._buffer.find(b"\n", 0, limit)
        if end < 0:
            if len(self._buffer) >= limit:
                raise ProtocolError("too big inline request")
            return None
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        return line

    def _bulk(self) -> bool:
        """Take one argument; false until it is there."""
        end = self._buffer.find(b"\n", 0, MAX_INLINE)
        if end < 0:
            if len(self._buffer) >= MAX_INLINE:
                raise ProtocolError("too big bulk count string")
            return False
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        if not line.startswith(b"$"):
            shown = chr(line[0]) if line else ""
            raise ProtocolError(f"expected '$', got '{shown}'")
        size = _number(line[1:], "invalid bulk length")
        if not 0 <= size <= MAX_BULK:
            raise ProtocolError("invalid bulk length")
        if len(self._buffer) < end + 1 + size + 2:
            return False
        self._words.append(bytes(self._buffer[end + 1 : end + 1 + size]))
        del self._buffer[: end + 1 + size + 2]
        self._missing -= 1
        return True


def _number(text: bytes, complaint: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ProtocolError(complaint) from None


class ReplyReader:
    """Takes replies out of a stream of bytes: the client's side."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> None:
        """More bytes from the server."""
        self._buffer += data

    def next(self) -> tuple[Any] | None:
        """The next reply in a tuple, or None until all of it has come."""
        try:
            value, end = self._parse(0)
        except IndexError:
            return None
        self._buffer = self._buffer[end:]
        return (value,)

    def _parse(self, start: int) -> tuple[Any, int]:
        end = self._buffer.find(b"\r\n", start)
        if end < 0:
            raise IndexError
        kind, text = self._buffer[start : start + 1], self._buffer[start + 1 : end]
        position = end + 2
        if kind == b"+":
            return Status(text.decode(errors="replace")), position
        if kind == b"-":
            return Failure(text.decode(errors="replace")), position
        if kind == b":":
            return int(text), position
        if kind == b"$":
            size = int(text)
            if size < 0:
                return None, position
            if len(self._buffer) < position + size + 2:
                raise IndexError
            return self._buffer[position : position + size], position + size + 2
        if kind == b"*":
            if int(text) < 0:
                return None, position
            items = []
            for _ in range(int(text)):
                item, position = self._parse(position)
                items.append(item)
            return items, position
        raise ProtocolError(f"unexpected reply {kind!r}")
