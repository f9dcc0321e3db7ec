"""A raw, two-way stream with an engine, as ``attach`` and ``exec start`` give it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.contract.rawhttp import API, open_socket

UPGRADE = "Upgrade: tcp\r\nConnection: Upgrade\r\n"


class Stream:
    """The connection after its answer's head. ``status`` and ``headers`` are that head's."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._data = b""
        head = self._take(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {k.lower(): v for k, v in (s.split(": ", 1) for s in lines if s)}

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def half_close(self) -> None:
        """Says that no more will be sent; reading goes on."""
        self._connection.shutdown(socket.SHUT_WR)

    def read_until(self, mark: bytes) -> bytes:
        """What came up to and with ``mark``."""
        return self._take(mark)

    def read_all(self) -> bytes:
        """What comes until the engine ends the stream."""
        while self._fill():
            pass
        data, self._data = self._data, b""
        return data

    def frames(self) -> list[tuple[int, bytes]]:
        """The rest of the stream as multiplexed frames: stream number and content."""
        return list(unframe(self.read_all()))

    def _take(self, mark: bytes) -> bytes:
        while mark not in self._data:
            assert self._fill(), f"the stream ended before {mark!r}: {self._data!r}"
        found, _, self._data = self._data.partition(mark)
        return found + mark

    def _fill(self) -> bool:
        piece = self._connection.recv(65536)
        self._data += piece
        return bool(piece)


@contextmanager
def hijacked(path: str, target: str, body: Any = None, *, upgrade: bool = True) -> Iterator[Stream]:
    """``POST target`` at the socket ``path``, asking for the raw stream."""
    data = b"" if body is None else json.dumps(body).encode()
    head = (
        f"POST /{API}{target} HTTP/1.1\r\nHost: docker\r\n{UPGRADE if upgrade else ''}"
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    connection = open_socket(path)
    try:
        connection.sendall(head.encode() + data)
        yield Stream(connection)
    finally:
        connection.close()


def unframe(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Splits a multiplexed stream: 1 is standard output, 2 standard error."""
    while data:
        size = int.from_bytes(data[4:8], "big")
        assert data[0] in (1, 2), data[:8]
        assert data[1:4] == b"\0\0\0", data[:8]
        assert len(data) >= 8 + size, data
        yield data[0], data[8 : 8 + size]
        data = data[8 + size :]


def joined(frames: list[tuple[int, bytes]], number: int) -> bytes:
    """All content of one stream."""
    return b"".join(content for stream, content in frames if stream == number)
