"""A published UDP port: remembers who asked, so that the container's answers find the way back.

As Docker's own proxy does, each client gets a port of its own on the bridge's address, and is
forgotten after 90 seconds without a word.
"""

from __future__ import annotations

from collections.abc import Callable

from course_lib.engine.clock import Clock
from course_lib.engine.network.addresses import to_int, to_text
from course_lib.engine.network.datagram import MemoryDatagram
from course_lib.engine.network.hostsocket import HostDatagram
from course_lib.engine.network.stack import LOOPBACK, Link, Stack, count
from course_lib.engine.network.stream import Address

FORGOTTEN_AFTER = 90.0
"""Seconds (docker-proxy: ``UDPConnTrackTimeout``)."""

Answer = Callable[[bytes], None]


class _Flow:
    """One client: a socket on the bridge's address, whose datagrams go back to the client."""

    __slots__ = ("answer", "last", "socket")

    def __init__(self, socket: MemoryDatagram, answer: Answer, now: float) -> None:
        self.socket = socket
        self.answer = answer
        self.last = now


class _Return(MemoryDatagram):
    """Hands what arrives on at once instead of queueing it."""

    __slots__ = ("deliver",)

    deliver: Answer

    def offer(self, data: bytes, source: Address) -> None:
        self.deliver(data)


class UdpProxy:
    """Datagrams to one container port.

    :ivar socket: the real socket, set by who opened it.
    """

    def __init__(self, link: Link, port: int, host: Stack, clock: Clock) -> None:
        self.socket: HostDatagram | None = None
        self._link = link
        self._port = port
        self._host = host
        self._clock = clock
        self._flows: dict[tuple[object, Address], _Flow] = {}

    def from_outside(self, data: bytes, client: Address) -> None:
        """A datagram came to the real socket."""
        sock = self.socket
        if sock is not None:
            self._forward(data, (None, client), lambda answer: sock.send(answer, client))

    def from_inside(self, data: bytes, client: Address, origin: Stack, asked: Address) -> None:
        """A datagram came from a container or from the host's namespace."""

        def answer(reply: bytes) -> None:
            receiver = origin.find_datagram(to_int(client[0]), client[1])
            if receiver is not None:
                receiver.offer(reply, asked)

        self._forward(data, (origin, client), answer)

    def _forward(self, data: bytes, key: tuple[object, Address], answer: Answer) -> None:
        now = self._clock.monotonic()
        flow = self._flows.get(key)
        if flow is None:
            self._expire(now)
            flow = self._flows[key] = _Flow(self._return_socket(answer), answer, now)
        flow.last = now
        receiver = self._link.stack.find_datagram(self._link.address, self._port)
        if receiver is not None:
            count(None, self._link, len(data))
            receiver.offer(data, flow.socket.local)

    def _return_socket(self, answer: Answer) -> MemoryDatagram:
        segment = self._link.segment
        gateway = to_text(segment.gateway if segment is not None else LOOPBACK)
        local = self._host.bind(gateway, 0, "udp")

        async def sender(*_: object) -> None:
            raise AssertionError("a return socket only receives")

        socket = _Return(self._host, local, self, 0, sender)
        socket.deliver = answer
        return socket

    def _expire(self, now: float) -> None:
        for key, flow in list(self._flows.items()):
            if now - flow.last > FORGOTTEN_AFTER:
                flow.socket.close()
                del self._flows[key]

    def close(self) -> None:
        """Close the real socket and forget all clients."""
        if self.socket is not None:
            self.socket.close()
        for flow in self._flows.values():
            flow.socket.close()
        self._flows.clear()
