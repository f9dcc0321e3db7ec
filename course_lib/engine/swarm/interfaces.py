"""The seams between a manager and the nodes of its swarm.

The manager (:mod:`course_lib.engine.swarm.manager`) decides; a node does. On one engine both are
objects of one process: :class:`course_lib.engine.swarm.agent.LocalAgent` is the node, the manager
its :class:`ManagerLink`. Where a node is another engine, something that speaks over a wire stands
in for either; neither side sees the difference. Everything that crosses is plain data.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from course_lib.engine.container.logs import LogLine
from course_lib.engine.swarm.model import Json, TaskStatus


@dataclass(frozen=True, slots=True)
class NetworkAssignment:
    """A network of the swarm as a node has to bring it up.

    :param spec: as in ``POST /networks/create``. :param pools: subnets with gateways, chosen by
        the manager. :param balancer: the node's own address there (with prefix length), from
        which connections to virtual addresses are passed on.
    """

    id: str
    created_ns: int
    spec: Json
    pools: Sequence[dict[str, str]]
    vni: int
    balancer: str


@dataclass(frozen=True, slots=True)
class TaskAssignment:
    """A task as a node has to run it.

    :param labels: of the container, those of Swarm included.
    :param networks: each with the task's address there (with prefix length).
    :param local_networks: networks of the node itself: ``host``, ``bridge``.
    :param files: path → (content, mode, uid, gid) of secrets and configs.
    """

    id: str
    service_id: str
    service_name: str
    service_labels: dict[str, str]
    name: str
    slot: int
    node_id: str
    node_hostname: str
    desired: str
    spec: Json
    labels: dict[str, str]
    networks: Sequence[tuple[NetworkAssignment, str]]
    local_networks: Sequence[str] = ()
    host_ports: Sequence[Json] = ()
    files: dict[str, tuple[bytes, int, int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Which lines of a log; times in nanoseconds since the epoch."""

    tail: int | None = None
    since_ns: int = 0
    until_ns: int | None = None
    follow: bool = False


@dataclass(frozen=True, slots=True)
class Backend:
    """A running task behind a service's name.

    :param address: its address on the network in question.
    """

    task_id: str
    node_id: str
    address: str


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """What a service is called on one network, and who stands behind it.

    :param vip: virtual address, ``""`` with DNS round robin.
    :param ports: published through the routing mesh (``PortConfig``); on ``ingress`` alone.
    """

    service_id: str
    network_id: str
    name: str
    aliases: Sequence[str]
    vip: str
    ports: Sequence[Json]
    backends: Sequence[Backend]


class NodeAgent(Protocol):
    """A node, as the manager sees it."""

    async def assign(self, assignment: TaskAssignment) -> None:
        """A task is this node's: prepare it, and run it once ``desired`` says so."""

    async def update(self, task_id: str, desired: str) -> None:
        """Another state is wanted of a task: ``running`` or ``shutdown``."""

    async def remove(self, task_id: str) -> None:
        """The task is forgotten: its container and what it used goes."""

    def publish(self, records: Sequence[ServiceRecord]) -> None:
        """All services of all networks as they are now; replaces what was said before."""

    def logs(self, task_id: str, options: LogOptions) -> AsyncIterator[LogLine]:
        """What a task's container has written, and writes from now on where that is wanted."""


class ManagerLink(Protocol):
    """The manager, as a node sees it."""

    def report(self, node_id: str, task_id: str, status: TaskStatus) -> None:
        """How a task does now."""

    async def attach(
        self, node_id: str, network_ref: str, container_id: str, address: str
    ) -> tuple[NetworkAssignment, str, str]:
        """A container of no service wants to join a network: gives the network, the container's
        address there (with prefix length), and the attachment's ID.

        :param address: wanted, ``""`` for any.
        :raises EngineError: no such network, not attachable, the address is taken.
        """

    async def detach(self, node_id: str, attachment_id: str) -> None:
        """It has left."""


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """``POST /swarm/join``."""

    remote_addresses: Sequence[str]
    token: str
    listen_address: str
    advertise_address: str
    data_path_address: str
    availability: str


class Joiner(Protocol):
    """How an engine becomes a node of another engine's swarm."""

    async def join(self, request: JoinRequest) -> None:
        """Join; returns once this engine is a node.

        :raises EngineError: with dockerd's text: a bad token, nobody there.
        """
