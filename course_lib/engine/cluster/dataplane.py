"""The overlay between engines: who is on which network where, and the traffic between them.

Each engine tells every other one which endpoints it has on overlay networks; all of them when a
link is made, then what changes (Docker's engines gossip: libnetwork ``networkdb``). Traffic goes
over the link between the two engines concerned. While a link is down its endpoints look like
those of a dead host; after :data:`GRACE` they are forgotten, as a gossip cluster does with a
member that failed.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from course_lib.engine.clock import Clock
from course_lib.engine.cluster.channel import Channel
from course_lib.engine.cluster.deadline import end
from course_lib.engine.cluster.frames import Message
from course_lib.engine.cluster.link import Link, LinkLost
from course_lib.engine.cluster.mesh import Mesh
from course_lib.engine.cluster.methods import Methods
from course_lib.engine.network.addresses import to_int
from course_lib.engine.network.arrivals import Arrivals, address
from course_lib.engine.network.remote import RemoteEndpoint, RemoteEndpoints

GRACE = 5.0
"""Seconds for which the endpoints of an engine that does not answer are kept."""

GIVE_UP = 924.6
"""Seconds after which Linux gives a connection up whose other end does not answer
(``tcp_retries2``)."""

_SYN = 1.0
"""Seconds before a request to connect or an echo counts as lost."""

_Address = tuple[str, int]


class LocalEndpoint(Protocol):
    """An endpoint of this engine (``course_lib.engine.network.Endpoint``)."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def mac(self) -> str: ...
    @property
    def dns_names(self) -> tuple[str, ...] | None: ...
    @property
    def network_id(self) -> str: ...
    @property
    def ip_address(self) -> str: ...


class PeerWire:
    """The way to the endpoints of one other engine, whether it answers now or not."""

    def __init__(self, node: str, mesh: Mesh, clock: Clock) -> None:
        self._node = node
        self._mesh = mesh
        self._clock = clock
        self._stalled: set[Channel] = set()

    @property
    def node(self) -> str:
        return self._node

    def own(self, endpoint_id: object) -> str:
        """An ID that no other engine can have: of two that started with one seed, IDs are equal."""
        return f"{self.node}/{endpoint_id}"

    async def connect(self, network_id: str, source: _Address, target: _Address) -> Channel | None:
        link = self._mesh.link(self.node)
        if link is None:
            return None
        fields = {"network": network_id, "source": source, "target": target}
        try:
            channel, _ = await link.open("overlay.connect", fields, seconds=_SYN)
        except (LinkLost, TimeoutError):
            return None
        except OSError as error:
            if error.errno == errno.ECONNREFUSED:
                raise
            return None
        self.carry(channel)
        return channel

    def send(self, network_id: str, source: _Address, target: _Address, data: bytes) -> None:
        link = self._mesh.link(self.node)
        if link is not None and not link.congested:
            fields = {"network": network_id, "source": source, "target": target}
            link.note("overlay.datagram", fields, data)

    async def echo(self, network_id: str, source: str, target: str, size: int) -> bool:
        link = self._mesh.link(self.node)
        if link is None:
            return False
        fields = {"network": network_id, "source": source, "target": target, "size": size}
        try:
            answer = await link.call("overlay.echo", fields, seconds=_SYN)
        except OSError:
            return False
        return answer.fields.get("answered") is True

    # --- connections over a link that went --------------------------------------------------

    def carry(self, channel: Channel) -> None:
        """A connection with that engine: it outlives a link as it would a dead host."""
        channel.on_lost = lambda: self._stalled.add(channel)

    def revive(self) -> None:
        """The engine answers again: it knows nothing of older connections."""
        self._end(errno.ECONNRESET)

    def give_up(self) -> None:
        """It has not answered for too long."""
        self._end(errno.ETIMEDOUT)

    def _end(self, code: int) -> None:
        stalled, self._stalled = self._stalled, set()
        for channel in stalled:
            channel.fail(code)


class DataPlane:
    """What this engine knows of the others' endpoints, and tells them of its own.

    :param local: the endpoints of this engine on overlay networks.
    """

    def __init__(
        self,
        mesh: Mesh,
        methods: Methods,
        remotes: RemoteEndpoints,
        arrivals: Arrivals,
        local: Callable[[], Iterable[LocalEndpoint]],
        clock: Clock,
    ) -> None:
        self._mesh = mesh
        self._remotes = remotes
        self._arrivals = arrivals
        self._local = local
        self._clock = clock
        self._wires: dict[str, PeerWire] = {}
        self._waiting: dict[str, asyncio.Task[None]] = {}
        methods.on_note("overlay.endpoints", self._learn)
        methods.on_note("overlay.datagram", self._datagram)
        methods.on_call("overlay.echo", self._echo)
        methods.on_open("overlay.connect", self._connect)
        mesh.on_up.append(self._up)
        mesh.on_down.append(self._down)

    # --- telling ---------------------------------------------------------------------------

    def changed(self, endpoint: LocalEndpoint) -> None:
        """An endpoint of this engine came, or has other names now."""
        self._tell({"add": [_record(endpoint)]})

    def gone(self, endpoint: LocalEndpoint) -> None:
        """An endpoint of this engine left."""
        self._tell({"remove": [endpoint.id]})

    def _tell(self, fields: Mapping[str, Any]) -> None:
        for link in list(self._mesh.links.values()):
            link.note("overlay.endpoints", fields)

    def _up(self, link: Link) -> None:
        node = link.peer.node
        waiting = self._waiting.pop(node, None)
        if waiting is not None:
            waiting.cancel()
        self.wire(node).revive()
        # Every endpoint before any traffic: who is not known yet is not let in.
        records = [_record(endpoint) for endpoint in self._local()]
        link.note("overlay.endpoints", {"all": True, "add": records})

    def _down(self, node: str) -> None:
        task = asyncio.create_task(self._mourn(node))
        self._waiting[node] = task

    async def _mourn(self, node: str) -> None:
        await self._clock.sleep(GRACE)
        self._forget(node)
        await self._clock.sleep(GIVE_UP - GRACE)
        self.wire(node).give_up()
        self._waiting.pop(node, None)

    # --- learning --------------------------------------------------------------------------

    def wire(self, node: str) -> PeerWire:
        """The way to a member."""
        wire = self._wires.get(node)
        if wire is None:
            wire = self._wires[node] = PeerWire(node, self._mesh, self._clock)
        return wire

    def _learn(self, link: Link, message: Message) -> None:
        wire = self.wire(link.peer.node)
        added = [_endpoint(record, wire) for record in message.fields.get("add", ())]
        removed = [wire.own(found) for found in message.fields.get("remove", ())]
        if message.fields.get("all") is True:
            removed += [endpoint.id for endpoint in self._remotes.of_wire(wire)]
        for endpoint_id in removed:
            self._remotes.remove(endpoint_id)
        for endpoint in added:
            self._remotes.add(endpoint)

    def _forget(self, node: str) -> None:
        for endpoint in self._remotes.of_wire(self.wire(node)):
            self._remotes.remove(endpoint.id)

    # --- traffic that arrives ----------------------------------------------------------------

    async def _connect(self, link: Link, message: Message, channel: Channel) -> Message:
        fields = message.fields
        wire = self.wire(link.peer.node)
        source, target = address(fields["source"]), address(fields["target"])
        self._arrivals.connect(wire, str(fields["network"]), source, target, channel)
        wire.carry(channel)
        return Message({})

    def _datagram(self, link: Link, message: Message) -> None:
        fields = message.fields
        wire = self.wire(link.peer.node)
        source, target = address(fields["source"]), address(fields["target"])
        self._arrivals.send(wire, str(fields["network"]), source, target, message.body)

    async def _echo(self, link: Link, message: Message) -> Message:
        fields = message.fields
        wire = self.wire(link.peer.node)
        answered = self._arrivals.echo(
            wire,
            str(fields["network"]),
            str(fields["source"]),
            str(fields["target"]),
            int(fields["size"]),
        )
        return Message({"answered": answered})

    async def close(self) -> None:
        """Forget the others: this engine leaves, or ends. The mesh is closed before."""
        for task in list(self._waiting.values()):
            await end(task)
        self._waiting.clear()
        for node in list(self._wires):
            self._forget(node)
            self._wires[node].give_up()


def _record(endpoint: LocalEndpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "network": endpoint.network_id,
        "name": endpoint.name,
        "address": endpoint.ip_address,
        "mac": endpoint.mac,
        "names": list(endpoint.dns_names or ()),
    }


def _endpoint(record: Mapping[str, Any], wire: PeerWire) -> RemoteEndpoint:
    return RemoteEndpoint(
        id=wire.own(record["id"]),
        network_id=str(record["network"]),
        name=str(record["name"]),
        address=to_int(record["address"]),
        mac=str(record["mac"]),
        names=tuple(str(name) for name in record["names"]),
        wire=wire,
    )
