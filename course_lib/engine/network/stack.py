"""A network namespace's own state: interfaces, addresses, and the sockets that are open in it.

Who reaches whom is decided in :mod:`course_lib.engine.network.fabric`; this is what it looks at.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from course_lib.engine.interfaces import Interface, InterfaceAddress, Neighbour, Route
from course_lib.engine.network.addresses import (
    LINK_LOCAL4,
    LINK_LOCAL6,
    V6,
    Subnet,
    link_local_of_mac,
    to_int,
    to_text,
)

if TYPE_CHECKING:
    from course_lib.engine.network.datagram import MemoryDatagram
    from course_lib.engine.network.listener import MemoryListener
    from course_lib.engine.network.remote import RemoteEndpoint
    from course_lib.engine.network.stream import Connection

EPHEMERAL = range(32768, 61000)
"""Linux's default ``ip_local_port_range``."""

ANY = "0.0.0.0"
ANY6 = "::"
LOOPBACK = 0x7F000001
LOOPBACK6 = V6 | 1


def os_error(code: int) -> OSError:
    """The error that Linux would set."""
    return OSError(code, os.strerror(code))


class Segment:
    """What a bridge connects: one subnet and the links with an address on it.

    :ivar subnet6: the subnet of IPv6, where the network has one; ``gateway6`` likewise.
    :ivar icc: whether containers on it may talk to each other
        (``com.docker.network.bridge.enable_icc``).
    :ivar remotes: endpoints with an address on it that are on other engines.
    """

    __slots__ = (
        "gateway",
        "gateway6",
        "icc",
        "members",
        "name",
        "remotes",
        "subnet",
        "subnet6",
    )

    def __init__(self, name: str, subnet: Subnet, gateway: int, *, icc: bool = True) -> None:
        self.name = name
        self.subnet = subnet
        self.gateway = gateway
        self.subnet6: Subnet | None = None
        self.gateway6 = 0
        self.icc = icc
        self.members: dict[int, Link] = {}
        self.remotes: Mapping[int, RemoteEndpoint] = {}

    def subnet_of(self, address: int) -> Subnet | None:
        """The subnet that an address on it belongs to."""
        subnet = self.subnet6 if address >= V6 else self.subnet
        if subnet is not None and address in subnet:
            return subnet
        return LINK_LOCAL4 if address in LINK_LOCAL4 else None


class Link:
    """An interface of a stack, connected to a segment.

    :ivar address: of IPv4; ``address6``: of IPv6; 0 for none.
    :ivar link_local: further addresses, of 169.254.0.0/16 (``--link-local-ip``).
    :ivar gateway: where this link's default route would lead; 0 for none. ``gateway6`` likewise.
    :ivar master: on the host side of a veth pair the bridge's name.
    """

    __slots__ = (
        "address",
        "address6",
        "gateway",
        "gateway6",
        "index",
        "kind",
        "link_local",
        "mac",
        "master",
        "mtu",
        "name",
        "peer",
        "rx_bytes",
        "rx_packets",
        "segment",
        "stack",
        "tx_bytes",
        "tx_packets",
        "up",
    )

    def __init__(
        self,
        stack: Stack,
        index: int,
        name: str,
        kind: str,
        mac: str,
        *,
        mtu: int = 1500,
        address: int = 0,
        segment: Segment | None = None,
        gateway: int = 0,
        address6: int = 0,
        gateway6: int = 0,
        link_local: tuple[int, ...] = (),
    ) -> None:
        self.stack = stack
        self.index = index
        self.name = name
        self.kind = kind
        self.mac = mac
        self.mtu = mtu
        self.address = address
        self.segment = segment
        self.gateway = gateway
        self.address6 = address6
        self.gateway6 = gateway6
        self.link_local = link_local
        self.peer: Link | None = None
        self.master = ""
        self.up = True
        self.rx_bytes = self.rx_packets = self.tx_bytes = self.tx_packets = 0

    def source(self, target: int) -> int:
        """The address from which packets to ``target`` go out."""
        if self.link_local and target in LINK_LOCAL4:
            return self.link_local[0]
        return self.address6 if target >= V6 else self.address

    def addresses(self) -> Iterator[int]:
        """All its addresses."""
        return filter(None, (self.address, self.address6, *self.link_local))

    def next_hop(self, target: int) -> int:
        """Where this link's default route sends packets to ``target``."""
        return self.gateway6 if target >= V6 else self.gateway

    def interface(self) -> Interface:
        """As ``ip address`` shows it."""
        addresses: tuple[InterfaceAddress, ...] = ()
        if self.address and self.segment is not None:
            subnet = self.segment.subnet
            broadcast = to_text(subnet.broadcast) if subnet.prefix < 31 else None
            addresses = (InterfaceAddress(to_text(self.address), subnet.prefix, broadcast),)
        local = LINK_LOCAL4
        addresses += tuple(
            InterfaceAddress(
                to_text(address),
                local.prefix,
                to_text(local.broadcast),
                "global secondary" if number else "global",
            )
            for number, address in enumerate(self.link_local)
        )
        if self.address6 and self.segment is not None and self.segment.subnet6 is not None:
            own = to_text(link_local_of_mac(self.mac))
            addresses += (
                # libnetwork switches duplicate address detection off for what it assigns.
                InterfaceAddress(to_text(self.address6), self.segment.subnet6.prefix, nodad=True),
                InterfaceAddress(own, 64, scope="link"),
            )
        peer = self.peer
        return Interface(
            index=self.index,
            name=self.name,
            kind=self.kind,  # type: ignore[arg-type]
            mac=self.mac,
            mtu=self.mtu,
            addresses=addresses,
            peer_index=None if peer is None else peer.index,
            master=self.master or None,
            up=self.up,
            # What the one end of a veth pair sends, the other receives.
            rx_bytes=peer.tx_bytes if peer and self.master else self.rx_bytes,
            rx_packets=peer.tx_packets if peer and self.master else self.rx_packets,
            tx_bytes=peer.rx_bytes if peer and self.master else self.tx_bytes,
            tx_packets=peer.rx_packets if peer and self.master else self.tx_packets,
        )


def count(sender: Link | None, receiver: Link | None, size: int) -> None:
    """Count payload that went from one link to another, headers of its packets included."""
    packets = max(1, -(-size // 1448))
    octets = size + 66 * packets
    if sender is not None:
        sender.tx_bytes += octets
        sender.tx_packets += packets
    if receiver is not None:
        receiver.rx_bytes += octets
        receiver.rx_packets += packets


class Stack:
    """Interfaces and sockets of one network namespace.

    :ivar links: all but the loopback one, in order of arrival; :ivar addresses: those that have
        an address, by it.
    :ivar default: the link of the default route, of IPv4 and where it has one of IPv6.
    """

    def __init__(self) -> None:
        self.links: dict[Link, None] = {}
        self.addresses: dict[int, Link] = {}
        self.default: Link | None = None
        self.listeners: dict[int, list[MemoryListener]] = {}
        self.datagrams: dict[int, list[MemoryDatagram]] = {}
        self.connections: set[Connection] = set()
        self._neighbours: dict[int, Link] = {}
        self._ephemeral = EPHEMERAL.start

    is_host = False

    # --- interfaces ----------------------------------------------------------------------

    def add_link(self, link: Link) -> None:
        """Plug an interface in."""
        self.links[link] = None
        if link.segment is not None:
            for address in link.addresses():
                self.addresses[address] = link
                link.segment.members[address] = link
        if self.connections:
            local = {to_text(address) for address in link.addresses()}
            for connection in [c for c in self.connections if c.local[0] in local]:
                connection.plug(link)

    def remove_link(self, link: Link) -> None:
        """Unplug an interface: its connections stand still, its neighbours are forgotten."""
        del self.links[link]
        for address in link.addresses():
            if self.addresses.get(address) is link:
                del self.addresses[address]
            if link.segment is not None and link.segment.members.get(address) is link:
                del link.segment.members[address]
        if self.default is link:
            self.default = None
        self._neighbours = {a: via for a, via in self._neighbours.items() if via is not link}
        for connection in [c for c in self.connections if c.link is link]:
            connection.unplug()

    def is_local(self, address: int) -> bool:
        """Whether a packet to this address stays in the namespace."""
        return address >> 24 == 127 or address == LOOPBACK6 or address in self.addresses

    def interfaces(self) -> list[Interface]:
        """All interfaces by index, the loopback one first."""
        loopback = Interface(
            index=1,
            name="lo",
            kind="loopback",
            mac="00:00:00:00:00:00",
            mtu=65536,
            addresses=(
                InterfaceAddress("127.0.0.1", 8, None, "host"),
                InterfaceAddress("::1", 128, None, "host"),
            ),
        )
        return [loopback, *(link.interface() for link in sorted(self.links, key=_index))]

    def routes(self) -> list[Route]:
        """The main table in the order of ``ip route``: the default route, then by subnet."""
        routes = []
        for address, link in sorted(self.addresses.items()):
            subnet = link.segment.subnet_of(address) if link.segment is not None else None
            if subnet is not None and address < V6:
                routes.append(Route(str(subnet), None, link.name, to_text(address)))
        if self.default is not None:
            gateway = to_text(self.default.gateway)
            routes.insert(0, Route("0.0.0.0/0", gateway, self.default.name))
        return routes + self._routes6()

    def _routes6(self) -> list[Route]:
        links = sorted((a, link) for a, link in self.addresses.items() if a >= V6)
        routes = [
            Route(str(link.segment.subnet6), None, link.name, metric=256)
            for _, link in links
            if link.segment is not None
        ]
        local = str(Subnet(LINK_LOCAL6, 64))
        routes += [Route(local, None, link.name, metric=256) for _, link in links]
        if self.default is not None and self.default.gateway6:
            gateway = to_text(self.default.gateway6)
            routes.append(Route("::/0", gateway, self.default.name, metric=1024))
        return routes

    def met(self, address: int, link: Link) -> None:
        """Remember that an address answered on a link (the ARP table)."""
        self._neighbours[address] = link

    def has_met(self, address: int) -> bool:
        """Whether that address is in the ARP table."""
        return address in self._neighbours

    def neighbours(self) -> list[Neighbour]:
        """The ARP table: those met that are still there."""
        found = []
        for address, link in self._neighbours.items():
            if link.segment is None:
                continue
            other = link.segment.members.get(address) or link.segment.remotes.get(address)
            if other is not None:
                found.append(Neighbour(to_text(address), other.mac, link.name))
        return found

    # --- sockets -------------------------------------------------------------------------

    def find_listener(self, address: int, port: int) -> MemoryListener | None:
        """Who accepts connections to this local address: the exact one before the wildcards."""
        wanted = to_text(address)
        wildcard = None
        for listener in self.listeners.get(port, ()):
            bound = listener.local[0]
            if bound == wanted:
                return listener
            if (bound == ANY and address < V6) or (bound == ANY6 and wildcard is None):
                wildcard = listener
        return wildcard

    def find_datagram(self, address: int, port: int) -> MemoryDatagram | None:
        """Who receives datagrams to this local address."""
        wanted = to_text(address)
        wildcard = None
        for socket in self.datagrams.get(port, ()):
            bound = socket.local[0]
            if bound == wanted:
                return socket
            if bound == ANY6 or (bound == ANY and address < V6):
                wildcard = socket
        return wildcard

    def bind(self, address: str, port: int, protocol: str) -> tuple[str, int]:
        """Check that a socket may be bound there, and pick a port for 0.

        :raises OSError: ``EADDRNOTAVAIL`` or ``EADDRINUSE``.
        """
        bound = address or ANY
        if bound not in (ANY, ANY6):
            try:
                local = self.is_local(to_int(bound))
            except ValueError:
                local = False
            if not local:
                raise os_error(errno.EADDRNOTAVAIL)
        table: dict[int, list[MemoryListener]] | dict[int, list[MemoryDatagram]]
        table = self.listeners if protocol == "tcp" else self.datagrams
        if port:
            if any(_clash(bound, other.local[0]) for other in table.get(port, ())):
                raise os_error(errno.EADDRINUSE)
            return bound, port
        for candidate in self._free_ports():
            if not table.get(candidate):
                return bound, candidate
        raise os_error(errno.EADDRINUSE)

    def ephemeral_port(self) -> int:
        """A local port for an outgoing connection."""
        return next(self._free_ports())

    def _free_ports(self) -> Iterator[int]:
        for _ in EPHEMERAL:
            port = self._ephemeral
            self._ephemeral = port + 1 if port + 1 in EPHEMERAL else EPHEMERAL.start
            yield port


def _clash(one: str, other: str) -> bool:
    """Whether two sockets exclude each other; one of IPv4 and one of IPv6 do not."""
    if (":" in one) != (":" in other):
        return False
    wildcards = (ANY, ANY6)
    return one == other or one in wildcards or other in wildcards


def _index(link: Link) -> int:
    return link.index
