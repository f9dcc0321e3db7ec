"""What comes from endpoints of other engines to those of this one.

Only from an endpoint that is known on that network, and only to one that is on it here: a
network that an engine does not share cannot be reached from there.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

from course_lib.engine.network.addresses import to_int, to_text
from course_lib.engine.network.remote import Bytes, RemoteStream, Wire
from course_lib.engine.network.stack import Link, Segment, count, os_error
from course_lib.engine.network.stream import Address

FindSegment = Callable[[str], Segment | None]
"""Network ID → its segment on this engine, if it has that network."""


class Arrivals:
    """Delivers to local endpoints."""

    def __init__(self, find_segment: FindSegment) -> None:
        self._find_segment = find_segment

    def connect(
        self, wire: Wire, network_id: str, source: Address, target: Address, carried: Bytes
    ) -> None:
        """A connection arrives.

        :raises OSError: ``ECONNREFUSED``; ``EHOSTUNREACH`` where nobody here has the address.
        """
        into = self._find(wire, network_id, source[0], target[0])
        if into is None:
            raise os_error(errno.EHOSTUNREACH)
        listener = into.stack.find_listener(to_int(target[0]), target[1])
        if listener is None or listener.full:
            raise os_error(errno.ECONNREFUSED)
        stream = RemoteStream(into.stack, carried, target, source, into, listener.holder)
        count(None, into, 0)
        listener.offer(stream)

    def send(
        self, wire: Wire, network_id: str, source: Address, target: Address, data: bytes
    ) -> None:
        """A datagram arrives; one that nobody receives is lost."""
        into = self._find(wire, network_id, source[0], target[0])
        if into is None:
            return
        count(None, into, len(data))
        receiver = into.stack.find_datagram(to_int(target[0]), target[1])
        if receiver is not None:
            receiver.offer(data, source)

    def echo(self, wire: Wire, network_id: str, source: str, target: str, size: int) -> bool:
        """An echo request arrives; whether it is answered."""
        into = self._find(wire, network_id, source, target)
        if into is None:
            return False
        count(None, into, size + 8)
        count(into, None, size + 8)
        return True

    def _find(self, wire: Wire, network_id: str, source: str, target: str) -> Link | None:
        segment = self._find_segment(network_id)
        if segment is None:
            return None
        sender = segment.remotes.get(to_int(source))
        into = segment.members.get(to_int(target))
        if sender is None or sender.wire is not wire or into is None:
            return None
        into.stack.met(sender.address, into)
        return into


def address(value: object) -> Address:
    """An address that another engine names: ``["10.0.1.2", 80]``.

    :raises ValueError: it is none.
    """
    if isinstance(value, list) and len(value) == 2:
        host, port = value
        if isinstance(host, str) and isinstance(port, int) and 0 <= port < 65536:
            return to_text(to_int(host)), port
    raise ValueError(f"{value!r} is no address")
