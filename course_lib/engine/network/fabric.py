"""The emulated network: which packet reaches whom, and connections, datagrams and echoes.

Modelled: one Ethernet segment per bridge network with the host's bridge interface on it, the
host's routing between its own addresses and its bridges, Docker's isolation (a packet from one
bridge to an address behind another is dropped), the host's ports published by containers, and
an outside that never answers. Not modelled: single packets, loss, fragmentation.

Times are those of Linux: SYN retries at 1, 3, 7, 15, 31 and 63 s and ``ETIMEDOUT`` at 127 s;
three ARP requests, one second apart, then ``EHOSTUNREACH``.
"""

from __future__ import annotations

import asyncio
import errno
from dataclasses import dataclass
from enum import Enum, auto
from random import Random
from typing import Protocol

from course_lib.engine.clock import Clock
from course_lib.engine.interfaces import EchoReply, StreamSocket
from course_lib.engine.network.addresses import ALL_ONES, LINK_LOCAL6, V6, to_int, to_text
from course_lib.engine.network.balancer import Balancer
from course_lib.engine.network.datagram import MemoryDatagram
from course_lib.engine.network.remote import RemoteEndpoint, RemoteStream
from course_lib.engine.network.stack import (
    ANY,
    ANY6,
    LOOPBACK,
    LOOPBACK6,
    Link,
    Segment,
    Stack,
    count,
    os_error,
)
from course_lib.engine.network.stream import Address, MemoryStream

_SYN_WAITS = (1, 2, 4, 8, 16, 32, 64)
_ARP_TRIES = 3


class Fate(Enum):
    """What becomes of a packet."""

    DELIVERED = auto()
    REMOTE = auto()  # an endpoint of another engine has it
    NO_ROUTE = auto()
    NO_NEIGHBOUR = auto()  # a connected subnet on which nobody has the address
    DROPPED = auto()


@dataclass(slots=True)
class Path:
    """Where packets from one stack to an address go.

    :ivar out: the link they leave by, None within the stack; :ivar into: the one they arrive on.
    :ivar source: the address that the receiver sees.
    :ivar remote: the endpoint of another engine that gets them.
    """

    fate: Fate
    source: int = 0
    stack: Stack | None = None
    out: Link | None = None
    into: Link | None = None
    remote: RemoteEndpoint | None = None


class HostPorts(Protocol):
    """Ports of the host that lead elsewhere: published ones and those of real programs."""

    async def connect(self, path: Path, address: int, port: int) -> StreamSocket | None:
        """A connection to such a port, or None where there is none."""

    def send(self, path: Path, source: Address, address: int, port: int, data: bytes) -> bool:
        """Take a datagram for such a port; False where there is none."""


class Fabric:
    """Moves bytes between stacks.

    :ivar host: the host's own stack, set once it is made.
    :ivar host_ports: what else answers on the host's addresses.
    """

    def __init__(self, clock: Clock, rng: Random) -> None:
        self.host: Stack | None = None
        self.host_ports: HostPorts | None = None
        self._clock = clock
        self._rng = rng

    # --- reachability --------------------------------------------------------------------

    def path(self, stack: Stack, address: int) -> Path:
        """Where a packet to that address goes now."""
        if address >> 24 == 127:
            return Path(Fate.DELIVERED, LOOPBACK, stack)
        if address == LOOPBACK6:
            return Path(Fate.DELIVERED, LOOPBACK6, stack)
        if stack.is_local(address):
            return Path(Fate.DELIVERED, address, stack)
        link = self._connected(stack, address)
        if link is not None and link.segment is not None:
            return self._on_link(link, link.segment, address)
        out = stack.default
        if out is None or not out.next_hop(address):
            return Path(Fate.NO_ROUTE)
        source = out.source(address)
        host = self.host
        if host is not None and not stack.is_host and host.is_local(address):
            into = out.segment.members.get(out.next_hop(address)) if out.segment else None
            if into is None:
                return Path(Fate.NO_NEIGHBOUR, source, out=out)
            return Path(Fate.DELIVERED, source, host, out, into)
        return Path(Fate.DROPPED, source, out=out)

    @staticmethod
    def _connected(stack: Stack, address: int) -> Link | None:
        best: Link | None = None
        longest = -1
        for own, link in stack.addresses.items():
            subnet = link.segment.subnet_of(own) if link.segment is not None else None
            if subnet is not None and address in subnet and subnet.prefix > longest:
                best, longest = link, subnet.prefix
        return best

    @staticmethod
    def _on_link(link: Link, segment: Segment, address: int) -> Path:
        source = link.source(address)
        into = segment.members.get(address)
        if into is not None:
            if not segment.icc and not link.stack.is_host and not into.stack.is_host:
                return Path(Fate.DROPPED, source, out=link)
            return Path(Fate.DELIVERED, source, into.stack, link, into)
        remote = segment.remotes.get(address)
        if remote is not None:
            return Path(Fate.REMOTE, source, out=link, remote=remote)
        subnet = segment.subnet
        if subnet.prefix < 31 and address in (subnet.base, subnet.broadcast):
            return Path(Fate.DROPPED, source, out=link)
        return Path(Fate.NO_NEIGHBOUR, source, out=link)

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        await self._clock.sleep(seconds)

    # --- TCP -----------------------------------------------------------------------------

    async def connect(
        self, stack: Stack, address: str, port: int, source: str | None = None
    ) -> StreamSocket:
        """Open a connection; see :meth:`course_lib.engine.interfaces.Sandbox.connect`."""
        target = _destination(address)
        if source is not None and source not in (ANY, ANY6) and not stack.is_local(to_int(source)):
            raise os_error(errno.EADDRNOTAVAIL)
        tries = 0
        for wait in _SYN_WAITS:
            path = self.path(stack, target)
            if path.fate is Fate.DELIVERED:
                opened = await self._open(stack, path, target, port, source)
                if opened is not None:
                    return opened
            if path.remote is not None:
                stream = await self._open_remote(stack, path, path.remote, port)
                if stream is not None:
                    return stream
            if path.fate is Fate.NO_ROUTE:
                raise os_error(errno.ENETUNREACH)
            if path.fate is Fate.NO_NEIGHBOUR:
                if tries == _ARP_TRIES:
                    raise os_error(errno.EHOSTUNREACH)
                tries += 1
                await self._clock.sleep(1)
            else:
                await self._clock.sleep(wait)
        raise os_error(errno.ETIMEDOUT)

    async def _open(
        self, stack: Stack, path: Path, target: int, port: int, source: str | None
    ) -> StreamSocket | None:
        assert path.stack is not None
        if isinstance(path.stack, Balancer):
            return await self._open_balanced(stack, path, path.stack, target, port)
        listener = path.stack.find_listener(target, port)
        if listener is None and path.stack.is_host and self.host_ports is not None:
            forwarded = await self.host_ports.connect(path, target, port)
            if forwarded is not None:
                return forwarded
        # Somebody may have begun to listen while a real connection was being tried.
        listener = listener or path.stack.find_listener(target, port)
        if listener is None or listener.full:
            raise os_error(errno.ECONNREFUSED)
        local = (source or to_text(path.source), stack.ephemeral_port())
        if path.source == LOOPBACK:
            local = ("127.0.0.1", local[1])
        client, server = MemoryStream.pair(
            (stack, local, path.out, None),
            (path.stack, (to_text(target), port), path.into, listener.holder),
        )
        listener.offer(server)
        self._shake_hands(path, target)
        return client

    async def _open_balanced(
        self, stack: Stack, path: Path, balancer: Balancer, target: int, port: int
    ) -> StreamSocket | None:
        """A connection to a virtual address: somebody behind it takes it."""
        backend = balancer.choose(target)
        if isinstance(backend, RemoteEndpoint):
            number = stack.ephemeral_port()
            seen = (balancer.ip_address, number)
            carried = await backend.wire.connect(
                backend.network_id, seen, (backend.ip_address, port)
            )
            if carried is None:
                return None
            local = (to_text(path.source), number)
            self._shake_hands(path, target)
            return RemoteStream(stack, carried, local, (to_text(target), port), path.out)
        listener = None
        if backend is not None:
            listener = backend.stack.find_listener(backend.address, port)
        if backend is None or listener is None or listener.full:
            raise os_error(errno.ECONNREFUSED)
        source = stack.ephemeral_port()
        client, server = MemoryStream.pair(
            (stack, (to_text(path.source), source), path.out, None),
            (backend.stack, (to_text(backend.address), port), backend, listener.holder),
        )
        client.peer = (to_text(target), port)
        server.peer = (to_text(balancer.link.address), source)
        listener.offer(server)
        self._shake_hands(path, target)
        return client

    @staticmethod
    async def _open_remote(
        stack: Stack, path: Path, remote: RemoteEndpoint, port: int
    ) -> StreamSocket | None:
        local = (to_text(path.source), stack.ephemeral_port())
        target = (remote.ip_address, port)
        carried = await remote.wire.connect(remote.network_id, local, target)
        if carried is None:
            return None
        link = path.out
        if link is None or stack.addresses.get(link.address) is not link:
            carried.abort()  # the interface went away meanwhile
            raise os_error(errno.ENETUNREACH)
        count(link, link, 0)
        stack.met(remote.address, link)
        return RemoteStream(stack, carried, local, target, link)

    @staticmethod
    def _shake_hands(path: Path, target: int) -> None:
        if path.out is None or path.into is None:
            return
        count(path.out, path.into, 0)
        count(path.into, path.out, 0)
        _learn(path, target)

    # --- UDP -----------------------------------------------------------------------------

    async def send(self, sender: MemoryDatagram, stack: Stack, data: bytes, to: Address) -> None:
        """Carry a datagram; one that nobody receives is lost without a word.

        :raises OSError: ``ENETUNREACH``, ``EACCES`` (broadcast), ``EINVAL``.
        """
        target = _destination(to[0])
        if target == ALL_ONES:
            raise os_error(errno.EACCES)
        path = self.path(stack, target)
        if path.fate is Fate.NO_ROUTE:
            raise os_error(errno.ENETUNREACH)
        if path.remote is not None:
            source = (to_text(path.source), sender.local[1])
            count(path.out, None, len(data))
            path.remote.wire.send(path.remote.network_id, source, to, data)
            return
        if path.fate is not Fate.DELIVERED or path.stack is None:
            return
        source = (to_text(path.source), sender.local[1])
        count(path.out, path.into, len(data))
        _learn(path, target)
        if isinstance(path.stack, Balancer):
            backend = path.stack.choose(target)
            if backend is None:
                return
            if isinstance(backend, RemoteEndpoint):
                goal = (backend.ip_address, to[1])
                backend.wire.send(backend.network_id, source, goal, data)
                return
            path.stack, target = backend.stack, backend.address
        receiver = path.stack.find_datagram(target, to[1])
        if receiver is not None:
            receiver.offer(data, source)
        elif path.stack.is_host and self.host_ports is not None:
            taken = self.host_ports.send(path, source, target, to[1], data)
            if not taken and sender.outside is not None and target >> 24 == 127:
                sender.outside(data, to)

    # --- ICMP ----------------------------------------------------------------------------

    async def echo(self, stack: Stack, address: str, ttl: int, size: int) -> EchoReply:
        """One echo request; see :meth:`course_lib.engine.interfaces.Sandbox.echo`."""
        target = _destination(address)
        for _ in range(_ARP_TRIES):
            path = self.path(stack, target)
            if path.fate is Fate.NO_ROUTE:
                raise os_error(errno.ENETUNREACH)
            if path.fate is Fate.DELIVERED and ttl > 0:
                known = path.out is None or stack.has_met(_hop(path, target))
                count(path.out, path.into, size + 8)
                count(path.into, path.out, size + 8)
                _learn(path, target)
                await asyncio.sleep(0)
                return EchoReply(to_text(target), 64, self._round_trip(path, known))
            if path.remote is not None and ttl > 0:
                started = self._clock.monotonic()
                if await self._echo_remote(stack, path, path.remote, size):
                    return EchoReply(address, 64, self._clock.monotonic() - started)
            if path.fate is Fate.DROPPED and ttl == 1 and _is_routed(path, target):
                # The host looks at the time to live before it looks at its firewall.
                await asyncio.sleep(0)
                return EchoReply(to_text(_hop(path, target)), 64, self._round_trip(path, True))
            if path.fate is not Fate.NO_NEIGHBOUR:
                break
            await self._clock.sleep(1)
        else:
            raise os_error(errno.EHOSTUNREACH)
        await asyncio.get_running_loop().create_future()  # no answer, ever
        raise AssertionError("unreachable")

    @staticmethod
    async def _echo_remote(stack: Stack, path: Path, remote: RemoteEndpoint, size: int) -> bool:
        count(path.out, None, size + 8)
        if not await remote.wire.echo(
            remote.network_id, to_text(path.source), remote.ip_address, size
        ):
            return False
        count(None, path.out, size + 8)
        if path.out is not None:
            stack.met(remote.address, path.out)
        return True

    def _round_trip(self, path: Path, known: bool) -> float:
        """Seconds that an echo takes: drawn, so that a seed repeats it; the first asks ARP too."""
        if path.out is None:
            return self._rng.uniform(30e-6, 60e-6)
        return self._rng.uniform(70e-6, 140e-6) + (0 if known else self._rng.uniform(60e-6, 130e-6))


def _learn(path: Path, target: int) -> None:
    """Both ends keep each other's hardware address; a routed packet keeps the gateway's."""
    if path.out is None or path.into is None or path.stack is None or path.out.segment is None:
        return
    path.out.stack.met(_hop(path, target), path.out)
    path.stack.met(path.source, path.into)


def _hop(path: Path, target: int) -> int:
    """Who gets the packet on the wire: the target itself or the gateway."""
    out = path.out
    if out is None or out.segment is None or out.segment.subnet_of(target) is not None:
        return target
    return out.next_hop(target)


def _is_routed(path: Path, target: int) -> bool:
    """Whether a container's packet leaves its own network by the host."""
    out = path.out
    return out is not None and not out.stack.is_host and _hop(path, target) != target


def _destination(address: str) -> int:
    try:
        target = to_int(address)
    except ValueError:
        raise os_error(errno.EINVAL) from None
    if target >> 118 == LINK_LOCAL6 >> 118:
        raise os_error(errno.EINVAL)  # without an interface (``%eth0``) it means nothing
    return {0: LOOPBACK, V6: LOOPBACK6}.get(target, target)
