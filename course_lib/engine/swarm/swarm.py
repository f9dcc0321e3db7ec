"""This engine and the swarm: in none, a manager of one, or a worker in one.

Moby: ``daemon/cluster/swarm.go``.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from course_lib.engine.clock import Clock
from course_lib.engine.errdefs import (
    EngineError,
    InvalidParameter,
    NotFound,
    NotImplementedByEngine,
    SystemFailure,
    Unavailable,
)
from course_lib.engine.events import Events
from course_lib.engine.filters import Filters
from course_lib.engine.ids import Identities
from course_lib.engine.network.addresses import parse_subnet
from course_lib.engine.release import ENGINE_VERSION
from course_lib.engine.store import Store
from course_lib.engine.swarm.addresses import advertise_address, listen_address, remote_address
from course_lib.engine.swarm.agent import LocalAgent
from course_lib.engine.swarm.interfaces import Joiner, JoinRequest, ManagerLink
from course_lib.engine.swarm.manager import Manager
from course_lib.engine.swarm.model import Json, Network, Node
from course_lib.engine.swarm.notices import Notices
from course_lib.engine.swarm.state import ClusterState
from course_lib.engine.swarm.tokens import new_id, parse_token

if TYPE_CHECKING:
    from course_lib.engine.container.service import ContainerService
    from course_lib.engine.image.store import ImageStore
    from course_lib.engine.network.controller import NetworkController

NOT_A_MANAGER = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect '
    "this node to swarm and try again."
)
_NOT_A_MANAGER_WORKER = (
    "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. "
    "Please run this command on a manager node or promote the current node to a manager."
)
_ALREADY = (
    'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join '
    "another one."
)
_NOT_PART = "This node is not part of a swarm"
_LAST_MANAGER = (
    "You are attempting to leave the swarm on a node that is participating as a manager. "
    "Removing the last manager erases all current state of the swarm. Use `--force` to ignore "
    "this message. "
)

KIND = "swarm"
"""Kind of the durable record that says what this engine is in the swarm."""


@dataclass(frozen=True, slots=True)
class InitRequest:
    """``POST /swarm/init``."""

    listen_address: str = ""
    advertise_address: str = ""
    spec: Json = field(default_factory=dict)
    availability: str = "active"
    pools: Sequence[str] = ()
    subnet_size: int = 0
    data_path_port: int = 0


Hook = Callable[["Swarm"], Awaitable[None]]


class Swarm:
    """The engine's part in a swarm.

    :ivar manager: the manager, where this engine is one. :ivar agent: the node, where it is one.
    :ivar node_id, address: its own, ``""`` outside of a swarm; :ivar manager_id, manager_address:
        the manager of its swarm, and where that is reached, with a port.
    :ivar listens: address and port that a manager was told to listen at.
    :ivar joiner: how it joins the swarm of another engine, once something knows how.
    :ivar on_manager: called when this engine has become a manager, or is one again; :ivar
        on_leave: when it is about to leave; :ivar on_end: when it is no node any more, or ends.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ids: Identities,
        events: Events,
        containers: ContainerService,
        networks: NetworkController,
        images: ImageStore,
        host_name: str,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._events = events
        self._containers = containers
        self._networks = networks
        self._images = images
        self._host_name = host_name
        self.manager: Manager | None = None
        self.agent: LocalAgent | None = None
        self.node_id = ""
        self.address = ""
        self.manager_id = ""
        self.manager_address = ""
        self.listens: tuple[str, int] = ("", 0)
        self.joiner: Joiner | None = None
        self.on_manager: list[Hook] = []
        self.on_leave: list[Hook] = []
        self.on_end: list[Hook] = []
        self.error = ""

    # --- what it is ----------------------------------------------------------------------

    @property
    def active(self) -> bool:
        """Whether this engine is in a swarm."""
        return bool(self.node_id)

    def control(self) -> Manager:
        """The manager.

        :raises Unavailable: this engine is none.
        """
        if self.manager is None:
            raise Unavailable(_NOT_A_MANAGER_WORKER if self.active else NOT_A_MANAGER)
        return self.manager

    def description(self) -> Json:
        """``NodeDescription`` of this engine."""
        return {
            "Hostname": self._host_name,
            "Platform": {"Architecture": platform.machine(), "OS": "linux"},
            "Resources": {
                "NanoCPUs": (os.cpu_count() or 1) * 1_000_000_000,
                "MemoryBytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            },
            "Engine": {
                "EngineVersion": ENGINE_VERSION,
                "Plugins": [
                    *({"Type": "Log", "Name": name} for name in ("json-file", "local")),
                    *(
                        {"Type": "Network", "Name": name}
                        for name in ("bridge", "host", "null", "overlay")
                    ),
                    {"Type": "Volume", "Name": "local"},
                ],
            },
        }

    # --- becoming a node -----------------------------------------------------------------

    async def init(self, request: InitRequest) -> str:
        """``docker swarm init``; gives the node's ID.

        :raises EngineError: with dockerd's text.
        """
        if self.active:
            raise Unavailable(_ALREADY)
        try:
            remote_address(request.listen_address)
        except InvalidParameter as error:
            raise InvalidParameter(
                f'invalid ListenAddr "{request.listen_address}": {error}'
            ) from None
        if (request.spec.get("EncryptionConfig") or {}).get("AutoLockManagers"):
            raise NotImplementedByEngine("locking managers (autolock)")
        if request.availability not in {"", "active", "pause", "drain"}:
            raise InvalidParameter(f'invalid Availability: "{request.availability}"')
        listen = listen_address(request.listen_address)
        advertise = advertise_address(request.advertise_address, listen)
        size = request.subnet_size
        _check_pools(request.pools, size or 24)
        _check_data_port(request.data_path_port)
        self.listens = (listen[0], int(listen[1]))
        manager = self._make_manager(ClusterState(self._store, self._clock))
        manager.bootstrap(request.spec, request.pools, size, request.data_path_port or 4789)
        node = Node(
            new_id(self._ids.random),
            spec={
                "Labels": {},
                "Role": "manager",
                "Availability": request.availability or "active",
            },
            description=self.description(),
            state="ready",
            address=advertise[0],
            manager_address=f"{advertise[0]}:{advertise[1]}",
            leader=True,
        )
        manager.state.nodes.put(node)
        manager.join_mesh(node)
        self._store.write(
            KIND, "local", {"node_id": node.id, "role": "manager", "listens": list(self.listens)}
        )
        try:
            await self._begin_manager(manager, node)
        except BaseException:
            await self._end()
            raise
        return node.id

    async def join(self, request: JoinRequest) -> None:
        """``docker swarm join``.

        :raises EngineError: with dockerd's text.
        """
        if self.active:
            raise Unavailable(_ALREADY)
        for text in request.remote_addresses:
            try:
                remote_address(text)
            except InvalidParameter as error:
                raise InvalidParameter(f'invalid remoteAddr "{text}": {error}') from None
        if not request.remote_addresses:
            raise InvalidParameter("at least 1 RemoteAddr is required to join")
        parse_token(request.token)
        if self.joiner is None:
            raise NotImplementedByEngine("joining the swarm of another engine")
        await self.joiner.join(request)

    def become_worker(
        self,
        node_id: str,
        address: str,
        manager_id: str,
        manager_address: str,
        link: ManagerLink,
    ) -> LocalAgent:
        """This engine is a worker now: gives its agent, which the manager is to be told of."""
        self.node_id = node_id
        self.address = address
        self.manager_id = manager_id
        self.manager_address = manager_address
        self._networks.swarm.ensure_gateway_bridge()
        self.agent = self._make_agent(node_id, link)
        return self.agent

    async def leave(self, *, force: bool = False) -> None:
        """``docker swarm leave``."""
        if not self.active:
            raise Unavailable(_NOT_PART)
        if self.manager is not None and not force:
            raise Unavailable(_LAST_MANAGER)
        await self._end()

    async def _end(self) -> None:
        for hook in (*self.on_leave, *self.on_end):
            await hook(self)
        manager, agent = self.manager, self.agent
        if manager is not None:
            await manager.orchestrator.stop()
            await manager.dispatcher.close()
        if agent is not None:
            await agent.leave()
        self._networks.swarm.leave()
        if manager is not None:
            manager.state.clear()
        self._store.delete(KIND, "local")
        self.manager = self.agent = None
        self._containers.networks.joining.attacher = None
        self.node_id = self.address = self.manager_id = self.manager_address = ""

    # --- the engine's own start and end --------------------------------------------------

    async def restore(self) -> None:
        """Be again what this engine was: a manager; a worker is brought back by who joined it."""
        try:
            record = self._store.read(KIND, "local")
        except KeyError:
            return
        if record.get("role") != "manager":
            return
        state = ClusterState(self._store, self._clock)
        state.load()
        node = state.nodes.get(record["node_id"])
        if node is None:
            return
        self.listens = (record["listens"][0], int(record["listens"][1]))
        manager = self._make_manager(state)
        manager.allocator.load()
        manager.drop_attachments(node.id)
        await self._begin_manager(manager, node)

    async def close(self) -> None:
        """The engine ends; the swarm stays on record."""
        for hook in self.on_end:
            await hook(self)
        if self.manager is not None:
            await self.manager.orchestrator.stop()
            await self.manager.dispatcher.close()
        if self.agent is not None:
            await self.agent.close()

    # --- parts ---------------------------------------------------------------------------

    def _make_manager(self, state: ClusterState) -> Manager:
        return Manager(state, self._clock, self._ids, self._local_network, self._check_ports)

    def _make_agent(self, node_id: str, link: ManagerLink) -> LocalAgent:
        agent = LocalAgent(
            node_id, link, self._containers, self._networks, self._images, self._clock
        )
        self._containers.networks.joining.attacher = agent
        return agent

    async def _begin_manager(self, manager: Manager, node: Node) -> None:
        self.node_id = self.manager_id = node.id
        self.address = node.address
        self.manager_address = node.manager_address
        self.manager = manager
        self._networks.swarm.ensure_gateway_bridge()
        self.agent = self._make_agent(node.id, manager)
        ingress = next((n for n in manager.state.networks if n.ingress), None)
        if ingress is not None and ingress.id in node.balancers:
            self.agent.bring_up(manager.dispatcher.network(ingress, node.id))
        Notices(manager.state, self._events)
        manager.dispatcher.connect(node.id, self.agent)
        for hook in self.on_manager:
            await hook(self)
        manager.orchestrator.start()

    def _check_ports(self, service_id: str, ports: Sequence[Json]) -> None:
        if self.agent is not None:
            self.agent.check_ports(service_id, ports)

    # --- networks ------------------------------------------------------------------------

    def _local_network(self, ref: str) -> str:
        """The name of a network of this engine alone, ``""`` where it has none such."""
        try:
            network = self._networks.get(ref)
        except EngineError:
            return ""
        return "" if network.driver_name == "overlay" else network.name

    def network(self, ref: str) -> Network | None:
        """A network of the swarm, where this engine is a manager and has one."""
        if self.manager is None:
            return None
        try:
            return self.manager.state.networks.find(ref)
        except NotFound:
            return None

    def create_network(self, spec: Json) -> Network:
        """A network of the whole swarm.

        :raises EngineError: this engine is no manager, or as :meth:`Manager.create_network`.
        """
        if self.manager is None:
            # dockerd answers 403 here, other than to all else that needs a manager.
            from course_lib.engine.errdefs import Forbidden

            raise Forbidden(_NOT_A_MANAGER_WORKER if self.active else NOT_A_MANAGER)
        network = self.manager.create_network(spec)
        if network.ingress and self.agent is not None:
            self.agent.bring_up(self.manager.dispatcher.network(network, self.node_id))
        return network

    def prune_networks(self, filters: Filters, until_ns: int | None) -> list[str]:
        """Remove those that nothing uses; their names."""
        removed = []
        for network in self.control().state.networks:
            labels = network.spec.get("Labels") or {}
            excluded = filters.get("label!") and filters.labels("label!", labels)
            if (
                network.ingress
                or (until_ns is not None and network.created_ns > until_ns)
                or not filters.labels("label", labels)
                or excluded
            ):
                continue
            try:
                self.remove_network(network.id)
            except EngineError:
                continue  # somebody uses it
            removed.append(network.name)
        return removed

    def remove_network(self, ref: str) -> None:
        """Remove one of them."""
        network = self.control().remove_network(ref)
        self._networks.swarm.take_down(network.id, force=True)


def _check_pools(pools: Sequence[str], size: int) -> None:
    for text in pools:
        try:
            block = parse_subnet(text)
        except ValueError:
            raise SystemFailure(f"invalid base pool {text}: invalid CIDR address: {text}") from None
        if size < block.prefix:
            raise SystemFailure(
                f'invalid CIDR: "{text}". Subnet size is too small for pool: {size}'
            )


def _check_data_port(port: int) -> None:
    if port and not 1024 <= port <= 49151:
        raise InvalidParameter(f"Datapath port number is not in valid range (1024-49151) : {port}")
