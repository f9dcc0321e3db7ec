"""Published ports: real sockets on the host that lead to a container (libnetwork: ``portmapper``).

dockerd binds what it is asked for, 0.0.0.0 and :: by default. This engine listens on the loopback
interface alone, at 127.0.0.1 for 0.0.0.0 and (where that is asked for) at ::1 for ::, because it
serves one user on one machine. An address of another interface is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from course_lib.engine.clock import Clock
from course_lib.engine.errdefs import EngineError, NotImplementedByEngine, SystemFailure
from course_lib.engine.interfaces import StreamSocket
from course_lib.engine.network.addresses import is_address, is_loopback, to_text
from course_lib.engine.network.balancer import Backend
from course_lib.engine.network.fabric import Path as Way
from course_lib.engine.network.hostsocket import (
    HOST,
    HOST6,
    HostAcceptor,
    HostDatagram,
    HostStream,
    reset_on_close,
)
from course_lib.engine.network.listener import MemoryListener
from course_lib.engine.network.model import PortRequest, PublishedPort
from course_lib.engine.network.portallocator import PortAllocator
from course_lib.engine.network.relay import relay
from course_lib.engine.network.remote import Bytes, RemoteEndpoint, RemoteStream
from course_lib.engine.network.stack import LOOPBACK, Link, Stack, os_error
from course_lib.engine.network.stream import Address, MemoryStream
from course_lib.engine.network.udpproxy import UdpProxy

Pick = Callable[[], Backend | None]

_EVERY = {"0.0.0.0": HOST, "::": HOST6}
"""What is listened on where every address is asked for."""


class _Mapping:
    """One published port: the real socket and where it leads.

    :ivar pick: who gets the next connection; of a container always the same interface.
    :ivar gateway: who seems to connect: the bridge's address, as with Docker's own proxy.
    :ivar reserved: whether the port is taken in the allocator of ports.
    """

    __slots__ = ("gateway", "pick", "published", "reserved", "socket")

    def __init__(
        self, published: PublishedPort, pick: Pick, gateway: int, *, reserved: bool = True
    ) -> None:
        self.published = published
        self.pick = pick
        self.gateway = gateway
        self.reserved = reserved
        self.socket: HostAcceptor | UdpProxy | None = None

    def listener(self) -> tuple[Link, MemoryListener] | RemoteEndpoint | None:
        """Who takes a connection now; None where nobody does."""
        link = self.pick()
        if link is None or isinstance(link, RemoteEndpoint):
            return link
        listener = link.stack.find_listener(link.address, self.published.port)
        return None if listener is None or listener.full else (link, listener)


class Publisher:
    """All ports that containers have published."""

    def __init__(self, host: Stack, ports: PortAllocator, clock: Clock) -> None:
        self._host = host
        self._ports = ports
        self._clock = clock
        self._mappings: dict[tuple[str, int], list[_Mapping]] = {}
        self._relays: set[asyncio.Task[None]] = set()

    def publish(
        self, requests: Sequence[PortRequest], link: Link, default_ip: str = "0.0.0.0"
    ) -> tuple[PublishedPort, ...]:
        """Publish ports of the container that has this link; all of them or none.

        :raises EngineError: one cannot be had; the message is dockerd's.
        """
        done: list[PublishedPort] = []
        try:
            for request in requests:
                done.append(self._publish(request, link, default_ip))
        except EngineError:
            self.unpublish(done)
            raise
        return tuple(done)

    def unpublish(self, published: Sequence[PublishedPort]) -> None:
        """Close the sockets; connections that are established go on."""
        for port in published:
            key = (port.protocol, port.host_port)
            for mapping in list(self._mappings.get(key, ())):
                if mapping.published is port:
                    self._forget(key, mapping)

    def _forget(self, key: tuple[str, int], mapping: _Mapping) -> None:
        self._mappings[key].remove(mapping)
        if not self._mappings[key]:
            del self._mappings[key]
        if mapping.socket is not None:
            mapping.socket.close()
        port = mapping.published
        if mapping.reserved:
            self._ports.release(port.host_ip, port.protocol, port.host_port)

    def _publish(self, request: PortRequest, link: Link, default_ip: str) -> PublishedPort:
        if request.protocol == "sctp":
            raise NotImplementedByEngine("publishing a port of protocol sctp")
        if request.protocol not in {"tcp", "udp"}:
            raise SystemFailure("invalid transport protocol: 0")  # as libnetwork words it
        # What is no address counts as none, as in dockerd.
        host_ip = request.host_ip if is_address(request.host_ip) else default_ip
        first, last = request.host_port, request.host_port_end or request.host_port
        # dockerd gives up after ten ephemeral ports; several engines of one machine may each
        # hold a long row of them, so we look at all.
        for attempt in range(self._ports.ephemeral_ports):
            port = self._ports.request(host_ip, request.protocol, first, last)
            published = PublishedPort(request.port, request.protocol, host_ip, port)
            gateway = link.segment.gateway if link.segment is not None else LOOPBACK
            mapping = _Mapping(published, lambda: link, gateway)
            try:
                mapping.socket = self._open(mapping, link)
            except OSError as error:
                self._ports.release(host_ip, request.protocol, port)
                more = not first and attempt + 1 < self._ports.ephemeral_ports
                if error.errno == errno.EADDRINUSE and more:
                    continue
                raise _refusal(published, error) from None
            self._mappings.setdefault((request.protocol, port), []).append(mapping)
            return published
        raise AssertionError("unreachable")

    def publish_shared(
        self, requests: Sequence[PortRequest], pick: Pick, source: int, host: str = HOST
    ) -> tuple[PublishedPort, ...]:
        """Publish TCP ports that lead to whoever ``pick`` gives (the routing mesh).

        :param host: loopback address to listen at.
        :param source: the address that seems to connect.
        :raises SystemFailure: a port cannot be bound; none is published then.
        """
        done: list[PublishedPort] = []
        for request in requests:
            published = PublishedPort(request.port, "tcp", "0.0.0.0", request.host_port)
            mapping = _Mapping(published, pick, source, reserved=False)
            try:
                mapping.socket = self._listen(mapping, host)
            except OSError as error:
                self.unpublish(done)
                raise _refusal(published, error) from None
            self._mappings.setdefault(("tcp", request.host_port), []).append(mapping)
            done.append(published)
        return tuple(done)

    def _listen(self, mapping: _Mapping, host: str = "") -> HostAcceptor:
        published = mapping.published
        return HostAcceptor(
            published.host_port,
            lambda sock, peer: self._accepted(mapping, sock, peer),
            host or _EVERY.get(published.host_ip, published.host_ip),
        )

    def _open(self, mapping: _Mapping, link: Link) -> HostAcceptor | UdpProxy:
        published = mapping.published
        address = _EVERY.get(published.host_ip, published.host_ip)
        if not is_loopback(address):
            raise os_error(errno.EADDRNOTAVAIL)
        for other in self._mappings.get((published.protocol, published.host_port), ()):
            # All addresses and one of them exclude each other, although our sockets do not.
            if _overlap(other.published.host_ip, published.host_ip):
                raise os_error(errno.EADDRINUSE)
        if published.protocol == "tcp":
            return self._listen(mapping)
        proxy = UdpProxy(link, published.port, self._host, self._clock)
        proxy.socket = HostDatagram(published.host_port, proxy.from_outside, address)
        return proxy

    def _accepted(self, mapping: _Mapping, sock: socket.socket, peer: Address) -> None:
        found = mapping.listener()
        if isinstance(found, RemoteEndpoint):
            task = asyncio.create_task(self._pass_on(mapping, found, sock, peer))
            self._relays.add(task)
            task.add_done_callback(self._relays.discard)
            return
        if found is None:
            reset_on_close(sock)
            sock.close()
            return
        link, listener = found
        local = (to_text(link.address), mapping.published.port)
        seen = (to_text(mapping.gateway), peer[1])
        listener.offer(HostStream(link.stack, sock, local, seen, link))

    async def _pass_on(
        self, mapping: _Mapping, backend: RemoteEndpoint, sock: socket.socket, peer: Address
    ) -> None:
        """A connection from outside goes on to a task on another engine."""
        client = HostStream(self._host, sock, sock.getsockname(), peer, None)
        try:
            carried = await self._connect_beyond(mapping, backend, peer[1])
        except BaseException as error:
            client.abort()
            if isinstance(error, OSError):
                return
            raise
        if carried is None:
            client.abort()
        else:
            await relay(client, carried)

    @staticmethod
    async def _connect_beyond(
        mapping: _Mapping, backend: RemoteEndpoint, source: int
    ) -> Bytes | None:
        seen, target = to_text(mapping.gateway), (backend.ip_address, mapping.published.port)
        return await backend.wire.connect(backend.network_id, (seen, source), target)

    # --- the same ports seen from inside (fabric.HostPorts) --------------------------------

    async def connect(self, path: Way, address: int, port: int) -> StreamSocket | None:
        """A container, or a program in the host's namespace, connects to a port of the host."""
        mapping = self._find("tcp", address, port)
        local = (to_text(path.source), 0)
        if mapping is not None:
            found = mapping.listener()
            if found is None:
                raise os_error(errno.ECONNREFUSED)
            origin = path.out.stack if path.out is not None else self._host
            source = origin.ephemeral_port()
            if isinstance(found, RemoteEndpoint):
                carried = await self._connect_beyond(mapping, found, source)
                if carried is None:
                    raise os_error(errno.ETIMEDOUT)
                ends = (local[0], source), (to_text(address), port)
                return RemoteStream(origin, carried, *ends, path.out)
            link, listener = found
            client, server = MemoryStream.pair(
                (origin, (local[0], source), path.out, None),
                (
                    link.stack,
                    (to_text(link.address), mapping.published.port),
                    link,
                    listener.holder,
                ),
            )
            client.peer = (to_text(address), port)
            server.peer = (to_text(mapping.gateway), source)
            listener.offer(server)
            return client
        if path.out is None and address >> 24 == 127:
            return await self._connect_outside(port)
        return None

    async def _connect_outside(self, port: int) -> StreamSocket | None:
        """From the host's namespace to a program of the real host."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (HOST, port))
        except ConnectionRefusedError:
            sock.close()
            return None
        except BaseException:
            sock.close()
            raise
        return HostStream(self._host, sock, sock.getsockname(), (HOST, port), None)

    def send(self, path: Way, source: Address, address: int, port: int, data: bytes) -> bool:
        """A datagram from inside to a published port of the host."""
        mapping = self._find("udp", address, port)
        if mapping is None or not isinstance(mapping.socket, UdpProxy):
            return False
        origin = path.out.stack if path.out is not None else self._host
        mapping.socket.from_inside(data, source, origin, (to_text(address), port))
        return True

    def _find(self, protocol: str, address: int, port: int) -> _Mapping | None:
        for mapping in self._mappings.get((protocol, port), ()):
            bound = mapping.published.host_ip
            if _overlap(bound, to_text(address)):
                return mapping
        return None

    def close(self) -> None:
        """Close all sockets (the engine ends)."""
        for task in self._relays:
            task.cancel()
        for key in list(self._mappings):
            for mapping in list(self._mappings.get(key, ())):
                with contextlib.suppress(OSError):
                    self._forget(key, mapping)


def _overlap(one: str, other: str) -> bool:
    """Whether two host addresses have one in common."""
    if (":" in one) != (":" in other):
        return False
    return one == other or one in _EVERY or other in _EVERY


def _refusal(published: PublishedPort, error: OSError) -> SystemFailure:
    """dockerd's text (its userland proxy is what listens), with a word on why where it is ours."""
    family = "6" if ":" in published.host_ip else "4"
    host = f"[{published.host_ip}]" if family == "6" else published.host_ip
    reason = os.strerror(error.errno or 0).lower()
    text = (
        f"Error starting userland proxy: listen {published.protocol}{family} "
        f"{host}:{published.host_port}: bind: {reason}"
    )
    if error.errno == errno.EADDRNOTAVAIL:
        text += " (the embedded engine publishes ports on loopback addresses only)"
    elif error.errno in {errno.EACCES, errno.EPERM}:
        # As rootless Docker words it (rootlesskit: ``pkg/port/builtin``).
        first = _first_unprivileged_port()
        text = (
            "Error starting userland proxy: error while calling PortManager.AddPort(): cannot "
            f"expose privileged port {published.host_port}, you can add "
            f"'net.ipv4.ip_unprivileged_port_start={published.host_port}' to /etc/sysctl.conf "
            f"(currently {first}), or choose a larger port number (>= {first}): listen "
            f"{published.protocol}{family} {host}:{published.host_port}: bind: {reason} "
            "(the embedded engine runs without privilege)"
        )
    return SystemFailure(text)


def _first_unprivileged_port() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except (OSError, ValueError):
        return 1024
