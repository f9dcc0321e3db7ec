"""A manager: what the users of a swarm ask of it, and what its nodes tell it.

swarmkit: ``manager``; Moby: ``daemon/cluster``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from course_lib.engine.clock import Clock
from course_lib.engine.errdefs import (
    Conflict,
    EngineError,
    InvalidParameter,
    NotImplementedByEngine,
    SystemFailure,
)
from course_lib.engine.ids import Identities
from course_lib.engine.network.model import IpamConfig
from course_lib.engine.network.validation import check_ipam
from course_lib.engine.swarm import rpc
from course_lib.engine.swarm.allocator import Allocator
from course_lib.engine.swarm.blobs import Blobs
from course_lib.engine.swarm.dispatcher import Dispatcher
from course_lib.engine.swarm.interfaces import NetworkAssignment
from course_lib.engine.swarm.model import (
    Attachment,
    Cluster,
    Json,
    Network,
    Node,
    TaskStatus,
    rank,
)
from course_lib.engine.swarm.orchestrator import Orchestrator
from course_lib.engine.swarm.services import CheckPorts, Services
from course_lib.engine.swarm.state import ClusterState
from course_lib.engine.swarm.tokens import JoinToken, new_digest, new_id, new_secret

_NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?")
_SECOND = 1_000_000_000

DEFAULT_SPEC: Json = {
    "Name": "default",
    "Labels": {},
    "Orchestration": {"TaskHistoryRetentionLimit": 5},
    "Raft": {
        "SnapshotInterval": 10000,
        "KeepOldSnapshots": 0,
        "LogEntriesForSlowFollowers": 500,
        "ElectionTick": 10,
        "HeartbeatTick": 1,
    },
    "Dispatcher": {"HeartbeatPeriod": 5 * _SECOND},
    "CAConfig": {"NodeCertExpiry": 90 * 24 * 3600 * _SECOND},
    "TaskDefaults": {},
    "EncryptionConfig": {"AutoLockManagers": False},
}


class Manager:
    """Decides for a swarm; a :class:`course_lib.engine.swarm.interfaces.ManagerLink` for nodes.

    :ivar state: all that is known. :ivar dispatcher: how nodes are reached. :ivar services,
        secrets, configs: what users do with those.
    :param is_local: name of a network of this engine alone that a reference means, or ``""``.
    """

    def __init__(
        self,
        state: ClusterState,
        clock: Clock,
        ids: Identities,
        is_local: Callable[[str], str],
        check_ports: CheckPorts,
    ) -> None:
        self.state = state
        self._clock = clock
        self._ids = ids
        self._is_local = is_local
        self.allocator = Allocator(state)
        self.dispatcher = Dispatcher(state)
        self.orchestrator = Orchestrator(state, clock, ids, self.allocator, self.dispatcher)
        self.services = Services(state, clock, ids, self.allocator, is_local, check_ports)
        self.secrets = Blobs("secret", state.secrets, state, ids)
        self.configs = Blobs("config", state.configs, state, ids)

    # --- the cluster ---------------------------------------------------------------------

    @property
    def cluster(self) -> Cluster:
        """The swarm."""
        cluster = self.state.cluster
        assert cluster is not None
        return cluster

    def bootstrap(self, spec: Json, pools: Sequence[str], subnet_size: int, data_port: int) -> None:
        """A new swarm, without nodes, with the routing mesh."""
        random = self._ids.random
        cluster = Cluster(
            id=new_id(random),
            spec=_merged(DEFAULT_SPEC, spec),
            digest=new_digest(random),
            worker_secret=new_secret(random),
            manager_secret=new_secret(random),
            pools=list(pools),
            subnet_size=subnet_size,
            data_path_port=data_port,
        )
        self.state.clusters.put(cluster)
        self.create_network({"Name": "ingress", "Driver": "overlay", "Ingress": True})

    def tokens(self) -> dict[str, str]:
        """What engines join with: ``Worker`` and ``Manager``."""
        cluster = self.cluster
        return {
            "Worker": str(JoinToken(cluster.digest, cluster.worker_secret)),
            "Manager": str(JoinToken(cluster.digest, cluster.manager_secret)),
        }

    def update_cluster(
        self, version: int, spec: Json, *, rotate_worker: bool, rotate_manager: bool
    ) -> None:
        """``POST /swarm/update``."""
        cluster = self.cluster
        rpc.check_version(cluster.index, version)
        if (spec.get("EncryptionConfig") or {}).get("AutoLockManagers"):
            raise NotImplementedByEngine("locking managers (autolock)")
        cluster.spec = _merged(cluster.spec, spec)
        if rotate_worker:
            cluster.worker_secret = new_secret(self._ids.random)
        if rotate_manager:
            cluster.manager_secret = new_secret(self._ids.random)
        self.state.clusters.put(cluster)

    # --- nodes ---------------------------------------------------------------------------

    def node(self, ref: str) -> Node:
        """A node by ID, name or host name, or beginning of its ID.

        :raises NotFound: there is none. :raises InvalidParameter: there are several.
        """
        named = [node for node in self.state.nodes if ref and node.hostname == ref]
        if ref not in self.state.nodes and named:
            if len(named) > 1:
                raise InvalidParameter(f"node {ref} is ambiguous ({len(named)} matches found)")
            return named[0]
        return self.state.nodes.find(ref)

    def update_node(self, ref: str, version: int, spec: Json) -> None:
        """``POST /nodes/{id}/update``."""
        role, availability = spec.get("Role", ""), spec.get("Availability", "")
        if role not in {"worker", "manager"}:
            raise InvalidParameter(f'invalid Role: "{role}"')
        if availability not in {"active", "pause", "drain"}:
            raise InvalidParameter(f'invalid Availability: "{availability}"')
        node = self.node(ref)
        managers = sum(n.spec.get("Role") == "manager" for n in self.state.nodes)
        if node.spec.get("Role") == "manager" and role == "worker":
            if managers == 1:
                raise rpc.precondition("attempting to demote the last manager of the swarm")
        elif role == "manager" and node.spec.get("Role") != "manager":
            raise NotImplementedByEngine("a swarm with several managers")
        rpc.check_version(node.index, version)
        node.spec = {"Labels": {}, **spec}
        self.state.nodes.put(node)

    def remove_node(self, ref: str, *, force: bool) -> None:
        """``DELETE /nodes/{id}``."""
        node = self.node(ref)
        if node.spec.get("Role") == "manager":
            raise rpc.precondition(
                f"node {node.id} is a cluster manager and is a member of the raft cluster. "
                "It must be demoted to worker before removal"
            )
        if not force and node.state == "ready":
            raise rpc.precondition(f"node {node.id} is not down and can't be removed")
        for network_id, address in node.balancers.items():
            self.allocator.release(network_id, address)
        for task in self.state.tasks:
            if task.node_id == node.id:
                self.orchestrator.lose(task)
        self.state.nodes.remove(node.id)

    # --- networks ------------------------------------------------------------------------

    def create_network(self, spec: Json) -> Network:
        """A network of the swarm.

        :raises EngineError: with dockerd's text.
        """
        name = str(spec.get("Name", ""))
        ipam = spec.get("IPAM") or {}
        check_ipam(
            [
                IpamConfig(
                    pool.get("Subnet", ""),
                    pool.get("IPRange", ""),
                    pool.get("Gateway", ""),
                    pool.get("AuxiliaryAddresses"),
                )
                for pool in ipam.get("Config") or ()
            ],
            enable_ipv6=bool(spec.get("EnableIPv6")),
        )
        if not name.strip():
            raise InvalidParameter(f"invalid name: {name}")
        if self.state.networks.named(name) is not None or self._is_local(name) == name:
            raise Conflict(f"network with name {name} already exists")
        if not _NAME.fullmatch(name):
            raise rpc.invalid("name must be valid as a DNS name component")
        if spec.get("EnableIPv6"):
            raise NotImplementedByEngine("IPv6 on networks")
        driver = ipam.get("Driver") or "default"
        if driver != "default":
            raise rpc.invalid(f"error during lookup of plugin {driver}")
        present = next((n for n in self.state.networks if n.ingress), None)
        if spec.get("Ingress") and present is not None:
            raise rpc.exists(f"ingress network ({present.id}) is already present")
        network = Network(id=new_id(self._ids.random), spec=deepcopy(spec))
        self.state.networks.put(network)
        self.allocator.network(network)
        for node in self.state.nodes if network.ingress else ():
            self.join_mesh(node)
        self.state.networks.put(network)
        return network

    def join_mesh(self, node: Node) -> None:
        """A node gets its place in the routing mesh."""
        ingress = next((n for n in self.state.networks if n.ingress), None)
        if ingress is not None and ingress.id not in node.balancers and ingress.pools:
            node.balancers[ingress.id] = self.allocator.address(ingress)
            self.state.nodes.put(node)

    def remove_network(self, ref: str) -> Network:
        """Remove a network that no service, task or container uses."""
        network = self.state.networks.find(ref)
        for service in self.state.services:
            if network.id in service.networks:
                raise rpc.precondition(f"network {network.id} is in use by service {service.id}")
        for task in self.state.tasks:
            wanted = rank(task.desired) <= rank("running")
            if network.id in task.addresses and wanted and not task.ended:
                raise rpc.precondition(f"network {network.id} is in use by task {task.id}")
        for attachment in self.state.attachments:
            if attachment.network_id == network.id:
                raise rpc.precondition(f"network {network.id} is in use by task {attachment.id}")
        self.state.networks.remove(network.id)
        self.allocator.forget(network)
        for node in self.state.nodes:
            if node.balancers.pop(network.id, None) is not None:
                self.state.nodes.put(node)
        return network

    # --- what nodes say ------------------------------------------------------------------

    def report(self, node_id: str, task_id: str, status: TaskStatus) -> None:
        task = self.state.tasks.get(task_id)
        if task is None or task.node_id != node_id:
            return
        if rank(status.state) < rank(task.status.state):
            return
        before = task.ended
        if not status.message:
            status.message = task.status.message
        task.status = status
        if task.ended and not before:
            self.allocator.release_task(task)
        self.state.tasks.put(task)

    async def attach(
        self, node_id: str, network_ref: str, container_id: str, address: str
    ) -> tuple[NetworkAssignment, str, str]:
        try:
            network = self.state.networks.find(network_ref)
        except EngineError:
            raise rpc.unknown(f"network {network_ref} not found") from None
        if not network.attachable:
            raise rpc.denied(f"network {network.name} not manually attachable")
        node = self.state.nodes.get(node_id)
        if node is None:
            raise SystemFailure(f"node {node_id} not found")
        given = self.allocator.address(network, address)
        if network.id not in node.balancers:
            node.balancers[network.id] = self.allocator.address(network)
            self.state.nodes.put(node)
        attachment = Attachment(
            id=new_id(self._ids.random),
            network_id=network.id,
            node_id=node_id,
            container_id=container_id,
            address=given,
        )
        self.state.attachments.put(attachment)
        return self.dispatcher.network(network, node_id), given, attachment.id

    async def detach(self, node_id: str, attachment_id: str) -> None:
        attachment = self.state.attachments.get(attachment_id)
        if attachment is not None:
            self.allocator.release(attachment.network_id, attachment.address)
            self.state.attachments.remove(attachment_id)

    def drop_attachments(self, node_id: str) -> None:
        """A node has come up anew: nobody there is attached any more."""
        for attachment in self.state.attachments:
            if attachment.node_id == node_id:
                self.allocator.release(attachment.network_id, attachment.address)
                self.state.attachments.remove(attachment.id)


def _merged(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> Json:
    """A specification over another: what is not given stays (swarmkit: ``SwarmSpecToGRPC``)."""
    result: Json = deepcopy(dict(defaults))
    for key, value in given.items():
        if isinstance(value, Mapping) and isinstance(result.get(key), dict) and key != "Labels":
            result[key] |= {
                name: entry
                for name, entry in value.items()
                if entry or name in {"TaskHistoryRetentionLimit", "KeepOldSnapshots"}
            }
        elif value not in (None, ""):
            result[key] = value
    return result
