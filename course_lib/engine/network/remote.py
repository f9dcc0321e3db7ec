"""Endpoints of a network on other engines, and the connections with them.

Docker's overlay driver learns from its peers which endpoints there are, and carries frames to
their hosts by VXLAN (libnetwork: ``drivers/overlay``, ``networkdb``). Here a :class:`Wire` to
another engine carries connections, datagrams and echoes; which engine, and over what, is not
known in this package.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from course_lib.engine.network.addresses import to_text
from course_lib.engine.network.names import NameTable
from course_lib.engine.network.stack import Link, Stack, count
from course_lib.engine.network.stream import Address


class Bytes(Protocol):
    """A stream of bytes to another engine (``course_lib.engine.cluster.channel.Channel``).

    :ivar on_end: called when it ends with an error.
    """

    on_end: Callable[[], None] | None

    @property
    def finished(self) -> bool: ...
    @property
    def written(self) -> bool: ...
    async def read(self, size: int = 65536, /) -> bytes: ...
    async def write(self, data: bytes, /) -> None: ...
    def shutdown_write(self) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...
    def die(self, code: int) -> None: ...


class Wire(Protocol):
    """The way to another engine."""

    @property
    def node(self) -> str:
        """Which node of the swarm that is."""

    async def connect(self, network_id: str, source: Address, target: Address) -> Bytes | None:
        """A connection to an endpoint there; None where no answer came.

        :raises OSError: what the other side answered: ``ECONNREFUSED``.
        """

    def send(self, network_id: str, source: Address, target: Address, data: bytes) -> None:
        """A datagram to an endpoint there; it may get lost."""

    async def echo(self, network_id: str, source: str, target: str, size: int) -> bool:
        """Whether an echo request to an endpoint there was answered."""


@dataclass(frozen=True, slots=True)
class RemoteEndpoint:
    """An endpoint on another engine.

    :ivar address: IPv4 as an integer.
    :ivar names: what it answers to on the network, the first is its reverse name.
    """

    id: str
    network_id: str
    name: str
    address: int
    mac: str
    names: tuple[str, ...]
    wire: Wire

    @property
    def ip_address(self) -> str:
        """``10.0.1.2``."""
        return to_text(self.address)


class RemoteEndpoints:
    """All endpoints of other engines by network, whether this engine has that network or not."""

    def __init__(self) -> None:
        self._by_network: dict[str, dict[int, RemoteEndpoint]] = {}
        self._by_id: dict[str, RemoteEndpoint] = {}
        self._names: dict[str, NameTable] = {}

    def members(self, network_id: str) -> dict[int, RemoteEndpoint]:
        """Those of one network by address, kept up to date."""
        return self._by_network.setdefault(network_id, {})

    def attach(self, network_id: str, names: NameTable) -> None:
        """This engine has that network now: their names are to resolve on it."""
        self._names[network_id] = names
        for endpoint in self.members(network_id).values():
            names.add(endpoint.id, endpoint.names, endpoint.ip_address)

    def detach(self, network_id: str) -> None:
        """This engine has that network no longer."""
        self._names.pop(network_id, None)

    def add(self, endpoint: RemoteEndpoint) -> None:
        """An endpoint is there; it takes the place of what was known of it."""
        self.remove(endpoint.id)
        self._by_id[endpoint.id] = endpoint
        self.members(endpoint.network_id)[endpoint.address] = endpoint
        names = self._names.get(endpoint.network_id)
        if names is not None:
            names.add(endpoint.id, endpoint.names, endpoint.ip_address)

    def remove(self, endpoint_id: str) -> None:
        """An endpoint is gone."""
        endpoint = self._by_id.pop(endpoint_id, None)
        if endpoint is None:
            return
        members = self._by_network[endpoint.network_id]
        if members.get(endpoint.address) is endpoint:
            del members[endpoint.address]
        names = self._names.get(endpoint.network_id)
        if names is not None:
            names.remove(endpoint.id, endpoint.names, endpoint.ip_address)

    def of_wire(self, wire: Wire) -> list[RemoteEndpoint]:
        """All endpoints of one engine."""
        return [endpoint for endpoint in self._by_id.values() if endpoint.wire is wire]


class RemoteStream:
    """This engine's end of a TCP connection with an endpoint of another engine."""

    __slots__ = ("_bytes", "_stack", "holder", "link", "local", "owner", "peer")

    def __init__(
        self,
        stack: Stack,
        carried: Bytes,
        local: Address,
        peer: Address,
        link: Link | None,
        holder: object = None,
    ) -> None:
        self.local = local
        self.peer = peer
        self.link = link
        self.holder = holder
        self.owner = 0
        self._stack = stack
        self._bytes = carried
        stack.connections.add(self)
        carried.on_end = self._forget

    @property
    def state(self) -> str:
        if self._bytes.finished:
            return "LAST_ACK" if self._bytes.written else "CLOSE_WAIT"
        return "FIN_WAIT2" if self._bytes.written else "ESTABLISHED"

    async def read(self, size: int = 65536, /) -> bytes:
        data = await self._bytes.read(size)
        count(None, self.link, len(data))
        return data

    async def write(self, data: bytes, /) -> None:
        await self._bytes.write(data)
        count(self.link, None, len(data))

    def shutdown_write(self) -> None:
        self._bytes.shutdown_write()

    def close(self) -> None:
        self._bytes.close()
        self._forget()

    def abort(self) -> None:
        self._bytes.abort()
        self._forget()

    def unplug(self) -> None:
        # Who carries it to another engine does not hold it for later.
        self._bytes.die(errno.ECONNRESET)
        self._forget()

    def plug(self, link: Link) -> None:
        """It has died with its interface."""

    def _forget(self) -> None:
        self._stack.connections.discard(self)
