"""The host's own network namespace, which containers in host mode use.

It is an emulated host: the loopback interface, ``eth0`` towards an outside that never answers,
and the bridges of the networks. What listens in it is reachable at 127.0.0.1 of the real host
as well, unless the port is below 1024 and the engine may not bind it; then, as with rootless
Docker, only the emulated host and its containers reach it.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from itertools import count as counter

from course_lib.engine.network.addresses import parse_subnet, to_int
from course_lib.engine.network.datagram import MemoryDatagram
from course_lib.engine.network.hostsocket import HostAcceptor, HostDatagram, HostStream
from course_lib.engine.network.listener import MemoryListener
from course_lib.engine.network.stack import ANY6, Link, Segment, Stack, os_error
from course_lib.engine.network.stream import Address

# The addresses that user-mode networks (QEMU, slirp) give their only guest.
SUBNET, ADDRESS, ROUTER = "10.0.2.0/24", "10.0.2.15", "10.0.2.2"
Maker = Callable[[], HostAcceptor | HostDatagram]

_MAC = "52:54:00:12:34:56"


class HostStack(Stack):
    """The stack of the emulated host."""

    is_host = True

    def __init__(self) -> None:
        super().__init__()
        self._indices = counter(2)
        segment = Segment("eth0", parse_subnet(SUBNET), to_int(ROUTER))
        eth0 = Link(
            self,
            self.next_index(),
            "eth0",
            "ether",
            _MAC,
            address=to_int(ADDRESS),
            segment=segment,
            gateway=to_int(ROUTER),
        )
        self.add_link(eth0)
        self.default = eth0

    def next_index(self) -> int:
        """The number of the next interface of the whole machine."""
        return next(self._indices)

    def open_listener(self, listener: MemoryListener) -> None:
        """Listen on the real host too.

        :raises OSError: ``EADDRINUSE`` where a program of the real host has the port.
        """
        address, port = listener.local
        if address in (ANY6, "::1"):
            return  # there is no IPv6 on the emulated host beyond its loopback interface

        def accepted(sock: socket.socket, peer: Address) -> None:
            if listener.full:
                sock.close()
            else:
                listener.offer(HostStream(self, sock, ("127.0.0.1", port), peer, None))

        listener.on_close = self._really(lambda: HostAcceptor(port, accepted))

    def open_datagram(self, datagram: MemoryDatagram) -> None:
        """Receive from the real host too; answers leave by the same real socket."""
        address, port = datagram.local
        if address in (ANY6, "::1"):
            return
        real = self._really(lambda: HostDatagram(port, datagram.offer))
        datagram.on_close = real
        if isinstance(real, HostDatagram):
            datagram.outside = real.send

    @staticmethod
    def _really(make: Maker) -> HostAcceptor | HostDatagram | None:
        try:
            return make()
        except OSError as error:
            if error.errno in {errno.EACCES, errno.EPERM}:
                return None
            raise os_error(error.errno or errno.EADDRINUSE) from None
