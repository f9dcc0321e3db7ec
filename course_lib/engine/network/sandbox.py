"""A sandbox: one network stack with its endpoints, files about names, and published ports.

libnetwork: ``sandbox.go``. A container that uses another one's stack (``container:ID``) and the
containers in host mode share a sandbox; each has its own :class:`SandboxHandle` on it, because
process numbers mean something within one container only.
"""

from __future__ import annotations

import errno
from bisect import insort
from collections.abc import Sequence
from typing import Protocol

from course_lib.engine.interfaces import (
    DatagramSocket,
    DnsAnswer,
    EchoReply,
    Interface,
    Listener,
    Neighbour,
    Route,
    SocketEntry,
    StreamSocket,
)
from course_lib.engine.network import resolvconf
from course_lib.engine.network.addresses import to_int
from course_lib.engine.network.datagram import MemoryDatagram
from course_lib.engine.network.endpoint import Endpoint
from course_lib.engine.network.fabric import Fabric, Fate
from course_lib.engine.network.files import NameFiles
from course_lib.engine.network.host import HostStack
from course_lib.engine.network.hostsocket import HostStream
from course_lib.engine.network.listener import MemoryListener
from course_lib.engine.network.model import PortRequest, PublishedPort
from course_lib.engine.network.remote import RemoteStream
from course_lib.engine.network.resolvconf import ResolvConf
from course_lib.engine.network.resolver import Resolver
from course_lib.engine.network.stack import Stack, os_error
from course_lib.engine.network.stream import MemoryStream

_QUERY_TIMEOUT = 5.0
"""Seconds that a resolver library waits for a server."""


class Sandbox:
    """The network side of a container, as the controller keeps it.

    :ivar endpoints: in libnetwork's order; the first with a gateway has the default route.
    :ivar conf: the host's DNS settings with what the user asked for; ``servers``: those that
        ``resolv.conf`` names while the engine's own server is not used.
    :ivar resolving: whether the engine's DNS server answers in it.
    """

    __slots__ = (
        "conf",
        "container_id",
        "endpoints",
        "fabric",
        "files",
        "id",
        "key",
        "names",
        "next_interface",
        "published",
        "publishing",
        "requests",
        "resolver",
        "resolving",
        "servers",
        "stack",
    )

    def __init__(
        self,
        sandbox_id: str,
        key: str,
        container_id: str,
        stack: Stack,
        fabric: Fabric,
        resolver: Resolver,
        files: NameFiles,
        conf: ResolvConf,
        servers: Sequence[str],
        names: str,
    ) -> None:
        self.id = sandbox_id
        self.key = key
        self.container_id = container_id
        self.stack = stack
        self.fabric = fabric
        self.resolver = resolver
        self.files = files
        self.conf = conf
        self.servers = servers
        self.names = names
        self.endpoints: list[Endpoint] = []
        self.next_interface: dict[str, int] = {}
        self.requests: tuple[PortRequest, ...] = ()
        self.published: tuple[PublishedPort, ...] = ()
        self.publishing: Endpoint | None = None
        self.resolving = False

    def interface_name(self, prefix: str) -> str:
        """The next name with that prefix; numbers are not used again."""
        number = self.next_interface.get(prefix, 0)
        self.next_interface[prefix] = number + 1
        return f"{prefix}{number}"

    def add(self, endpoint: Endpoint) -> None:
        """An endpoint has joined; the default route may move to it."""
        insort(self.endpoints, endpoint, key=_order)
        self._route()

    def remove(self, endpoint: Endpoint) -> None:
        """An endpoint has left; the default route may move to another."""
        self.endpoints.remove(endpoint)
        self._route()

    @property
    def gateway_endpoint(self) -> Endpoint | None:
        """The endpoint that gives the way out."""
        return next((e for e in self.endpoints if e.gateway_address), None)

    def _route(self) -> None:
        endpoint = self.gateway_endpoint
        if not self.stack.is_host:
            self.stack.default = endpoint.link if endpoint is not None else None

    async def query(self, name: str, rtype: str, server: str | None) -> DnsAnswer:
        """Ask a DNS server; see :meth:`course_lib.engine.interfaces.Sandbox.query`."""
        servers = (resolvconf.INTERNAL_SERVER,) if self.resolving else self.servers
        address = server or next(iter(servers), "127.0.0.1")
        if address == resolvconf.INTERNAL_SERVER and self.resolving:
            reachable = self.gateway_endpoint is not None and not self._overridden
            return self.resolver.answer(self.endpoints, name, rtype, upstream=reachable)
        try:
            path = self.fabric.path(self.stack, to_int(address))
        except ValueError:
            raise os_error(errno.ENETUNREACH) from None
        if path.fate is Fate.NO_ROUTE:
            raise os_error(errno.ENETUNREACH)
        if path.fate is Fate.DELIVERED and not (self.stack.is_host and address.startswith("127.")):
            raise os_error(errno.ECONNREFUSED)  # no program of ours serves DNS
        if address in self.servers and not self._overridden:
            return DnsAnswer("NXDOMAIN", server=address)
        await self.fabric.wait(_QUERY_TIMEOUT)
        raise TimeoutError(errno.ETIMEDOUT, f"{address} does not answer")

    @property
    def _overridden(self) -> bool:
        return "nameservers" in self.conf.overrides


class SandboxHandle:
    """A sandbox as one container uses it (the ``Sandbox`` of :mod:`course_lib.engine.interfaces`).

    :ivar sandbox: what it is a handle on.
    """

    __slots__ = ("sandbox",)

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    @property
    def id(self) -> str:
        return self.sandbox.id

    @property
    def key(self) -> str:
        return self.sandbox.key

    @property
    def published(self) -> tuple[PublishedPort, ...]:
        """The ports that are published now."""
        return self.sandbox.published

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """Its endpoints in libnetwork's order."""
        return tuple(self.sandbox.endpoints)

    @property
    def files(self) -> NameFiles:
        """Its ``hosts`` and ``resolv.conf``."""
        return self.sandbox.files

    def interfaces(self) -> Sequence[Interface]:
        return self.sandbox.stack.interfaces()

    def routes(self) -> Sequence[Route]:
        return self.sandbox.stack.routes()

    def neighbours(self) -> Sequence[Neighbour]:
        return self.sandbox.stack.neighbours()

    def sockets(self) -> Sequence[SocketEntry]:
        stack = self.sandbox.stack
        entries = [
            SocketEntry("tcp", listener.local, None, "LISTEN", self._owner(listener))
            for listeners in stack.listeners.values()
            for listener in listeners
        ]
        entries += [
            SocketEntry("tcp", c.local, c.peer, c.state, self._owner(c)) for c in stack.connections
        ]
        entries += [
            SocketEntry("udp", datagram.local, None, "", self._owner(datagram))
            for datagrams in stack.datagrams.values()
            for datagram in datagrams
        ]
        return entries

    def _owner(self, socket: _Owned) -> int:
        return socket.owner if socket.holder is self else 0

    async def connect(
        self, address: str, port: int, *, source: str | None = None, owner: int = 0
    ) -> StreamSocket:
        sandbox = self.sandbox
        stream = await sandbox.fabric.connect(sandbox.stack, address, port, source)
        if isinstance(stream, MemoryStream | HostStream | RemoteStream):
            stream.holder = self
            stream.owner = owner
        return stream

    def listen(self, address: str, port: int, *, owner: int = 0) -> Listener:
        stack = self.sandbox.stack
        while True:
            local = stack.bind(address, port, "tcp")
            listener = MemoryListener(stack, local, self, owner)
            if not isinstance(stack, HostStack):
                return listener
            try:
                stack.open_listener(listener)
            except OSError as error:
                listener.close()
                # A port that was picked may be one of another program of the real host.
                if port or error.errno != errno.EADDRINUSE:
                    raise
            else:
                return listener

    def bind_udp(self, address: str, port: int, *, owner: int = 0) -> DatagramSocket:
        stack = self.sandbox.stack
        fabric = self.sandbox.fabric
        local = stack.bind(address, port, "udp")

        async def send(sender: MemoryDatagram, data: bytes, to: tuple[str, int]) -> None:
            await fabric.send(sender, stack, data, to)

        datagram = MemoryDatagram(stack, local, self, owner, send)
        if isinstance(stack, HostStack) and port:
            try:
                stack.open_datagram(datagram)
            except OSError:
                datagram.close()
                raise
        return datagram

    async def echo(self, address: str, *, ttl: int = 64, size: int = 56) -> EchoReply:
        return await self.sandbox.fabric.echo(self.sandbox.stack, address, ttl, size)

    async def query(self, name: str, rtype: str, server: str | None = None) -> DnsAnswer:
        return await self.sandbox.query(name, rtype, server)

    def close_owned(self, owner: int) -> None:
        for socket in self._sockets():
            if socket.owner == owner:
                socket.close()

    def close_all(self) -> None:
        """Close everything that this container has open (it has ended)."""
        for socket in self._sockets():
            socket.close()

    def _sockets(self) -> list[_Owned]:
        stack = self.sandbox.stack
        sockets: list[_Owned] = [s for group in stack.listeners.values() for s in group]
        sockets += [s for group in stack.datagrams.values() for s in group]
        sockets += stack.connections
        return [socket for socket in sockets if socket.holder is self]


class _Owned(Protocol):
    holder: object
    owner: int

    def close(self) -> None: ...


def _order(endpoint: Endpoint) -> tuple[int, bool, bool, str]:
    return endpoint.order
