"""Real sockets on the loopback interface: how the outside world reaches containers.

Sockets are used directly, not through asyncio's transports: the bytes that the kernel delivers
go to the container's program as they are, and a connection that is idle costs one small object.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct
from collections.abc import Callable

from course_lib.engine.network.stack import Link, Stack, count, os_error
from course_lib.engine.network.stream import Address
from course_lib.engine.network.waiters import Waiters

HOST, HOST6 = "127.0.0.1", "::1"
_EAGER = 2
"""Calls that may succeed in a row before other tasks get their turn: one request and its answer.

A client on another processor asks again before we look, and with more the others would wait.
"""

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER with time 0: closing sends a reset


class HostStream:
    """An established connection over a real socket, as a container's process sees it.

    :param local, peer: the addresses that the process is shown: its own, and the gateway from
        which Docker's proxy would have connected.
    """

    __slots__ = (
        "_closed",
        "_eager",
        "_error",
        "_finished",
        "_loop",
        "_readers",
        "_socket",
        "_stack",
        "_writers",
        "_written",
        "holder",
        "link",
        "local",
        "owner",
        "peer",
    )

    def __init__(
        self,
        stack: Stack,
        sock: socket.socket,
        local: Address,
        peer: Address,
        link: Link | None,
        holder: object = None,
    ) -> None:
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.local = local
        self.peer = peer
        self.link = link
        self.holder = holder
        self.owner = 0
        self._stack = stack
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._readers = Waiters()
        self._writers = Waiters()
        self._closed = False
        self._finished = False
        self._written = False
        self._error = 0
        self._eager = 0
        stack.connections.add(self)

    @property
    def state(self) -> str:
        if self._finished:
            return "LAST_ACK" if self._written else "CLOSE_WAIT"
        return "FIN_WAIT2" if self._written else "ESTABLISHED"

    async def read(self, size: int = 65536, /) -> bytes:
        while True:
            if self._closed:
                raise os_error(self._error or errno.EBADF)
            try:
                data = self._socket.recv(size)
            except (BlockingIOError, InterruptedError):
                self._eager = 0
                if not self._readers:
                    self._loop.add_reader(self._socket, self._readable)
                await self._readers.wait()
                continue
            if not data and size:
                self._finished = True
            count(None, self.link, len(data))
            await self._take_turns()
            return data

    async def write(self, data: bytes, /) -> None:
        view = memoryview(data)
        while view:
            if self._closed:
                raise os_error(self._error or errno.EBADF)
            try:
                sent = self._socket.send(view)
            except (BlockingIOError, InterruptedError):
                self._eager = 0
                if not self._writers:
                    self._loop.add_writer(self._socket, self._writable)
                await self._writers.wait()
                continue
            count(self.link, None, sent)
            view = view[sent:]
            await self._take_turns()

    async def _take_turns(self) -> None:
        self._eager += 1
        if self._eager >= _EAGER:
            self._eager = 0
            await asyncio.sleep(0)

    def _readable(self) -> None:
        self._loop.remove_reader(self._socket)
        self._readers.wake()

    def _writable(self) -> None:
        self._loop.remove_writer(self._socket)
        self._writers.wake()

    def shutdown_write(self) -> None:
        if self._written or self._closed:
            return
        self._written = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._stack.connections.discard(self)
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        self._readers.wake()
        self._writers.wake()

    def abort(self) -> None:
        if not self._closed:
            reset_on_close(self._socket)
            self.close()

    def unplug(self) -> None:
        # The kernel keeps no real connection still for us.
        self._error = errno.ECONNRESET
        self.abort()

    def plug(self, link: Link) -> None:
        """It has died with its interface."""


class HostAcceptor:
    """A real listening socket; each connection goes to ``on_connection`` with its peer.

    :raises OSError: the port cannot be bound.
    """

    def __init__(
        self,
        port: int,
        on_connection: Callable[[socket.socket, Address], None],
        address: str = HOST,
    ) -> None:
        sock = _bound(socket.SOCK_STREAM, address, port)
        sock.listen(1024)
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._on_connection = on_connection
        self._retry: asyncio.TimerHandle | None = None
        self._loop.add_reader(sock, self._accept)

    def _accept(self) -> None:
        for _ in range(64):
            try:
                connection, peer = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}:
                    raise
                # Out of descriptors: leave the rest to the kernel's queue for a moment.
                self._loop.remove_reader(self._socket)
                self._retry = self._loop.call_later(1.0, self._resume)
                return
            self._on_connection(connection, peer)

    def _resume(self) -> None:
        self._retry = None
        self._loop.add_reader(self._socket, self._accept)

    def close(self) -> None:
        """Stop listening; accepted connections go on."""
        if self._retry is not None:
            self._retry.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()


class HostDatagram:
    """A real UDP socket; each datagram goes to ``on_datagram`` with its source.

    :raises OSError: the port cannot be bound.
    """

    def __init__(
        self, port: int, on_datagram: Callable[[bytes, Address], None], address: str = HOST
    ) -> None:
        sock = _bound(socket.SOCK_DGRAM, address, port)
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._on_datagram = on_datagram
        self._loop.add_reader(sock, self._receive)

    def _receive(self) -> None:
        for _ in range(64):
            try:
                data, source = self._socket.recvfrom(65536)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue  # an ICMP error about an earlier answer of ours
            self._on_datagram(data, source)

    def send(self, data: bytes, address: Address) -> None:
        """Send at once; a full socket buffer loses the datagram, as UDP may."""
        with contextlib.suppress(OSError):
            self._socket.sendto(data, address)

    def close(self) -> None:
        """Stop receiving."""
        self._loop.remove_reader(self._socket)
        self._socket.close()


def _bound(kind: socket.SocketKind, address: str, port: int) -> socket.socket:
    is_ipv6 = ":" in address
    sock = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, kind)
    try:
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def reset_on_close(sock: socket.socket) -> None:
    """Let the next close of the socket reset its connection."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
