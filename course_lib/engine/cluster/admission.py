"""The manager's side: lets engines join, and knows which nodes are there.

swarmkit: ``ca.Server.IssueNodeCertificate`` (joining) and ``manager/dispatcher`` (sessions).
"""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address
from random import Random
from typing import Any, Protocol

from course_lib.engine.clock import Clock
from course_lib.engine.cluster import codec
from course_lib.engine.cluster.address import HOST
from course_lib.engine.cluster.deadline import end
from course_lib.engine.cluster.frames import Message
from course_lib.engine.cluster.handshake import Credentials
from course_lib.engine.cluster.hub import Hub
from course_lib.engine.cluster.keys import ManagerKeys
from course_lib.engine.cluster.link import SILENCE, Link
from course_lib.engine.cluster.mesh import Member
from course_lib.engine.cluster.node import RemoteNode
from course_lib.engine.errdefs import NotFound, NotImplementedByEngine
from course_lib.engine.network import NetworkController
from course_lib.engine.swarm.dispatcher import Dispatcher
from course_lib.engine.swarm.interfaces import ManagerLink
from course_lib.engine.swarm.model import Node, Thing
from course_lib.engine.swarm.state import ClusterState
from course_lib.engine.swarm.tokens import new_id

DOWN_AFTER = 3.0
"""Seconds without a link after which a node is down. A link on the loopback only goes with its
engine; the grace is for a link that is made anew. (Docker's manager misses three heartbeats of
five seconds; so does ours where an engine is there and silent.)"""

_STRANGERS = frozenset({"join"})
_NODES = frozenset({"node"})

_MANAGER = 1
"""Place of the manager's token among the secrets that a joining engine may know."""


class Desk(ManagerLink, Protocol):
    """What of the manager serves nodes (:class:`course_lib.engine.swarm.manager.Manager`)."""

    def join_mesh(self, node: Node) -> None:
        """Give a node its place in the routing mesh."""

    def drop_attachments(self, node_id: str) -> None:
        """Of a node that has come up anew: nobody there is attached any more."""


class Admission:
    """Nodes that come, go, and come back.

    :param manager: the manager's own node ID.
    """

    def __init__(
        self,
        manager: str,
        keys: ManagerKeys,
        state: ClusterState,
        dispatcher: Dispatcher,
        desk: Desk,
        networks: NetworkController,
        random: Random,
        clock: Clock,
    ) -> None:
        cluster = state.cluster
        assert cluster is not None
        self._manager = manager
        self._keys = keys
        self._state = state
        self._dispatcher = dispatcher
        self._desk = desk
        self._random = random
        self._clock = clock
        self._missed: dict[str, asyncio.Task[None]] = {}
        self._addresses: dict[str, tuple[str, int]] = {}
        self.hub = Hub(manager, cluster.digest, self._allowed, _nobody, networks, clock)
        methods, mesh = self.hub.methods, self.hub.mesh
        methods.on_call("join", self._join, _STRANGERS)
        methods.on_call("node.hello", self._hello, _NODES)
        methods.on_call("node.ready", self._ready, _NODES)
        methods.on_call("node.leave", self._leave, _NODES)
        methods.on_note("task.status", self._status, _NODES)
        methods.on_call("network.attach", self._attach, _NODES)
        methods.on_call("network.detach", self._detach, _NODES)
        mesh.on_down.append(self._lost)
        state.watch(self._changed)
        for node in state.nodes:
            if node.id != manager:
                self._lost(node.id, SILENCE)  # it calls by itself, or is down

    def _allowed(self, purpose: str, node: str) -> list[bytes]:
        cluster = self._state.cluster
        if cluster is None:
            return []
        if purpose == "join":
            return [cluster.worker_secret.encode(), cluster.manager_secret.encode()]
        if purpose == "node" and node != self._manager and self._state.nodes.get(node):
            return [bytes.fromhex(self._keys.of_node(node))]
        return []

    # --- joining ---------------------------------------------------------------------------

    async def _join(self, link: Link, message: Message) -> Message:
        if link.peer.key == _MANAGER:
            raise NotImplementedByEngine("a swarm with several managers")
        fields = message.fields
        node = Node(
            new_id(self._random),
            spec={
                "Labels": {},
                "Role": "worker",
                "Availability": _availability(fields.get("availability")),
            },
            description=dict(fields["description"]),
            state="unknown",
            address=str(fields["address"]) or self._free_address(),
        )
        self._state.nodes.put(node)
        self._desk.join_mesh(node)
        return Message(
            {
                "node": node.id,
                "own": self._keys.of_node(node.id),
                "peers": self._keys.peers,
                "manager": self._manager,
                "address": node.address,
            }
        )

    def _free_address(self) -> str:
        """An address of this machine for one more node: 127.0.0.2, 127.0.0.3 …"""
        taken = {node.address for node in self._state.nodes}
        numbers = (str(IPv4Address(HOST) + number) for number in range(1, 1 << 16))
        return next((address for address in numbers if address not in taken), HOST)

    # --- sessions --------------------------------------------------------------------------

    async def _hello(self, link: Link, message: Message) -> Message:
        """A node is there: it learns what it has to have before it is told its tasks."""
        node = self._node(link)
        host, port = message.fields["listens"]
        self._addresses[node.id] = (str(host), int(port))
        waiting = self._missed.pop(node.id, None)
        if waiting is not None:
            waiting.cancel()
        node.description = dict(message.fields["description"])
        node.address = str(host)
        self._state.nodes.put(node)
        if message.fields["fresh"] is True:
            self._desk.drop_attachments(node.id)
        ingress = next((n for n in self._state.networks if n.ingress), None)
        mesh = None
        if ingress is not None and ingress.id in node.balancers:
            mesh = codec.pack_network(self._dispatcher.network(ingress, node.id))
        tasks = [task.id for task in self._state.tasks if task.node_id == node.id]
        return Message({"ingress": mesh, "tasks": tasks})

    async def _ready(self, link: Link, _: Message) -> Message:
        node = self._node(link)
        node.state, node.message = "ready", ""
        self._state.nodes.put(node)
        self._dispatcher.connect(node.id, RemoteNode(link))
        self._state.nodes.put(node)  # now that it can be told: have its tasks looked after
        self._tell_members()
        return Message({})

    async def _leave(self, link: Link, _: Message) -> Message:
        await self._down(self._node(link).id, "node is leaving")
        return Message({})

    def _lost(self, node_id: str, grace: float = DOWN_AFTER) -> None:
        if node_id not in self._missed:
            self._missed[node_id] = asyncio.create_task(self._miss(node_id, grace))

    async def _miss(self, node_id: str, grace: float) -> None:
        await self._clock.sleep(grace)
        self._missed.pop(node_id, None)
        node = self._state.nodes.get(node_id)
        if node is not None and node.state != "down":
            await self._down(node_id, "heartbeat failure")

    async def _down(self, node_id: str, message: str) -> None:
        self._addresses.pop(node_id, None)
        await self._dispatcher.disconnect(node_id)
        node = self._state.nodes.get(node_id)
        if node is not None:
            node.state, node.message = "down", message
            self._state.nodes.put(node)
        self._tell_members()

    def _node(self, link: Link) -> Node:
        node = self._state.nodes.get(link.peer.node)
        if node is None:
            raise NotFound(f"node {link.peer.node} not found")
        return node

    def _changed(self, kind: str, action: str, thing: Thing) -> None:
        if kind == "nodes" and action == "remove":
            link = self.hub.mesh.link(thing.id)
            self._addresses.pop(thing.id, None)
            if link is not None:
                link.close("the node was removed")
            waiting = self._missed.pop(thing.id, None)
            if waiting is not None:
                waiting.cancel()

    def _tell_members(self) -> None:
        members = [[node, *address] for node, address in sorted(self._addresses.items())]
        for link in list(self.hub.mesh.links.values()):
            link.note("members", {"members": members})

    # --- what nodes ask and report -----------------------------------------------------------

    def _status(self, link: Link, message: Message) -> None:
        fields = message.fields
        status = codec.unpack_status(fields["status"])
        task_id = str(fields["task"])
        task = self._state.tasks.get(task_id)
        if task is not None and task.node_id == link.peer.node:
            self._desk.report(link.peer.node, task_id, status)

    async def _attach(self, link: Link, message: Message) -> Message:
        fields = message.fields
        wanted = str(fields["network"])
        try:
            self._state.networks.find(wanted)
        except NotFound:
            raise NotFound(
                f"rpc error: code = NotFound desc = network {wanted} not found"
            ) from None
        network, address, attachment = await self._desk.attach(
            link.peer.node, wanted, str(fields["container"]), str(fields["address"])
        )
        return Message(
            {
                "network": codec.pack_network(network),
                "address": address,
                "attachment": attachment,
            }
        )

    async def _detach(self, link: Link, message: Message) -> Message:
        await self._desk.detach(link.peer.node, str(message.fields["attachment"]))
        return Message({})

    async def close(self) -> None:
        """Listen no more; nodes try to find the manager again, and go on meanwhile."""
        await self.hub.close()
        for task in list(self._missed.values()):
            await end(task)
        self._missed.clear()


def _nobody(member: Member) -> Credentials:
    raise AssertionError(f"a manager calls nobody, not {member.node}")


def _availability(value: Any) -> str:
    return value if value in {"active", "pause", "drain"} else "active"
