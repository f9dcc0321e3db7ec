"""Messages between the processes that grade: length-prefixed JSON on a socket.

What comes from a student's process is as trustworthy as the student: its frames are bounded, and
whoever reads decides what counts. Between the grader's own processes they may be as long as a
submission is, with the files beside nine notebooks full of output.
"""

from __future__ import annotations

import json
import re
import socket
import struct
from collections.abc import Callable
from typing import Any

_HEAD = struct.Struct("!I")
MAX_FRAME = 64 * 1024 * 1024
"""Bytes, from a student's process; enough for many pictures."""
_LONGEST = 2**32 - 1
_SURROGATE = re.compile(r"\\u[dD]")


class BrokenWireError(Exception):
    """The other side is gone, or does not speak this language."""


def send(sock: socket.socket, message: Any, limit: int = _LONGEST) -> None:
    """Write one message. Raises :class:`BrokenWireError` where nobody reads, or it is too long."""
    body = json.dumps(message).encode()
    if len(body) > limit:
        raise BrokenWireError(f"a message of {len(body)} bytes is too long")
    try:
        sock.sendall(_HEAD.pack(len(body)))
        sock.sendall(body)
    except OSError as error:
        raise BrokenWireError(str(error)) from None


def receive(sock: socket.socket) -> Any:
    """Read one message, waiting for it. Raises :class:`BrokenWireError` at the end."""
    reader = Reader(_LONGEST, json.loads)  # names of files may be any bytes
    while True:
        try:
            data = sock.recv(reader.missing())
        except OSError as error:
            raise BrokenWireError(str(error)) from None
        if not data:
            raise BrokenWireError("the other side is gone")
        for message in reader.feed(data):
            return message


def writable(body: bytes) -> Any:
    """A message of which all text can be written: without lone halves of surrogate pairs."""
    text = body.decode(errors="replace")
    message = json.loads(text)
    if _SURROGATE.search(text):
        message = json.loads(json.dumps(message, ensure_ascii=False).encode(errors="replace"))
    return message


class Reader:
    """Puts messages together from whatever pieces arrive.

    :param load: makes a message of its bytes.
    """

    def __init__(self, limit: int = MAX_FRAME, load: Callable[[bytes], Any] = writable) -> None:
        self._buffer = bytearray()
        self._limit = limit
        self._load = load

    def missing(self) -> int:
        """Bytes up to the end of the message under way; a whole head where none is."""
        if len(self._buffer) < _HEAD.size:
            return _HEAD.size - len(self._buffer)
        (length,) = _HEAD.unpack_from(self._buffer)
        left = _HEAD.size + int(length) - len(self._buffer)
        return max(1, min(left, 1024 * 1024))

    def feed(self, data: bytes) -> list[Any]:
        """The messages that are complete now. Raises :class:`BrokenWireError` for other bytes."""
        self._buffer += data
        found = []
        while len(self._buffer) >= _HEAD.size:
            (length,) = _HEAD.unpack_from(self._buffer)
            if length > self._limit:
                raise BrokenWireError(f"a message of {length} bytes is too long")
            if len(self._buffer) < _HEAD.size + length:
                break
            body = bytes(self._buffer[_HEAD.size : _HEAD.size + length])
            del self._buffer[: _HEAD.size + length]
            try:
                found.append(self._load(body))
            except (ValueError, RecursionError) as error:
                raise BrokenWireError(f"not JSON: {error}") from None
        return found
