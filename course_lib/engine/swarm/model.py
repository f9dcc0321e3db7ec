"""What a manager keeps: the cluster, its nodes, services, tasks, networks, secrets, configs.

Names and meaning are swarmkit's (``api/objects.proto``). What a user asked for (``spec``) stays in
the form of the Engine API, as JSON; what the manager adds has fields of its own. Times are
nanoseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

Json = dict[str, Any]
T = TypeVar("T", bound="Thing")

STATES = (
    "new",
    "allocated",
    "pending",
    "assigned",
    "accepted",
    "preparing",
    "ready",
    "starting",
    "running",
    "complete",
    "shutdown",
    "failed",
    "rejected",
    "remove",
    "orphaned",
)
"""A task only ever moves on in this row."""

_RANK = {state: rank for rank, state in enumerate(STATES)}


def rank(state: str) -> int:
    """Where in its life a task with that state is; states compare by it."""
    return _RANK[state]


@dataclass(slots=True)
class Thing:
    """What everything in the cluster's state has.

    :ivar index: the state's version when this was last changed (``Version.Index``).
    """

    id: str
    index: int = 0
    created_ns: int = 0
    updated_ns: int = 0

    @property
    def name(self) -> str:
        """What it is called, ``""`` where it has no name."""
        return ""

    def to_record(self) -> Json:
        """As a JSON record."""
        return asdict(self)

    @classmethod
    def from_record(cls: type[T], record: Mapping[str, Any]) -> T:
        """Back from a record; what a newer release added is ignored."""
        known = {entry.name for entry in fields(cls)}
        return cls(**{key: value for key, value in record.items() if key in known})


@dataclass(slots=True)
class Cluster(Thing):
    """The swarm itself.

    :ivar spec: ``SwarmSpec``. :ivar digest: first secret part of its tokens; who joins checks
        that it talks to the right swarm by it. :ivar worker_secret, manager_secret: the last
        part, which proves the right to join in that role.
    :ivar pools: the default address pools (CIDR); :ivar subnet_size: prefix length of subnets.
    """

    spec: Json = field(default_factory=dict)
    digest: str = ""
    worker_secret: str = ""
    manager_secret: str = ""
    pools: list[str] = field(default_factory=list)
    subnet_size: int = 24
    data_path_port: int = 4789

    @property
    def name(self) -> str:
        return str(self.spec.get("Name", "default"))


@dataclass(slots=True)
class Node(Thing):
    """An engine that takes part.

    :ivar spec: ``NodeSpec``: labels, role, availability.
    :ivar description: ``NodeDescription``: host name, platform, resources, engine.
    :ivar state: ``ready``, ``down``, ``unknown``, ``disconnected``.
    :ivar address: where the other nodes reach it; :ivar manager_address: with a port, for
        managers alone.
    :ivar balancers: network ID → the node's own address there (with prefix length).
    """

    spec: Json = field(default_factory=dict)
    description: Json = field(default_factory=dict)
    state: str = "unknown"
    message: str = ""
    address: str = ""
    manager_address: str = ""
    leader: bool = False
    balancers: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.spec.get("Name") or "")

    @property
    def hostname(self) -> str:
        """The host's name, which a node may be called by where no other has it."""
        return str(self.description.get("Hostname", ""))


@dataclass(slots=True)
class Network(Thing):
    """A network of the whole swarm.

    :ivar spec: as asked for, in the form of ``POST /networks/create``.
    :ivar pools: subnets with their gateways (``Subnet``, ``Gateway``, ``IPRange``).
    :ivar vni: number of the VXLAN.
    """

    spec: Json = field(default_factory=dict)
    pools: list[dict[str, str]] = field(default_factory=list)
    vni: int = 0

    @property
    def name(self) -> str:
        return str(self.spec["Name"])

    @property
    def driver(self) -> str:
        """``overlay``."""
        return str(self.spec.get("Driver") or "overlay")

    @property
    def attachable(self) -> bool:
        """Whether containers of no service may join."""
        return bool(self.spec.get("Attachable"))

    @property
    def ingress(self) -> bool:
        """Whether it is the routing mesh."""
        return bool(self.spec.get("Ingress"))

    @property
    def internal(self) -> bool:
        """Whether it gives no way out."""
        return bool(self.spec.get("Internal"))


@dataclass(slots=True)
class Service(Thing):
    """A service.

    :ivar spec: ``ServiceSpec``; :ivar previous: the one before, for a rollback.
    :ivar spec_index: version of ``spec``; tasks carry that of the one they were made from.
    :ivar ports: ``PortConfig`` with the ports that were chosen.
    :ivar networks: IDs of the networks of the swarm that its tasks are on, the routing mesh first.
    :ivar vips: network ID → address with prefix length.
    :ivar update: ``UpdateStatus``: ``State``, ``Message``, ``started_ns``, ``completed_ns``.
    """

    spec: Json = field(default_factory=dict)
    previous: Json | None = None
    spec_index: int = 0
    ports: list[Json] = field(default_factory=list)
    networks: list[str] = field(default_factory=list)
    vips: dict[str, str] = field(default_factory=dict)
    update: Json | None = None

    @property
    def name(self) -> str:
        return str(self.spec["Name"])

    @property
    def template(self) -> Json:
        """``TaskSpec``: what its tasks are made from."""
        template: Json = self.spec.get("TaskTemplate") or {}
        return template

    @property
    def mode(self) -> str:
        """``Replicated``, ``Global``, ``ReplicatedJob`` or ``GlobalJob``."""
        return next(iter(self.spec.get("Mode") or ()), "Replicated")

    @property
    def replicas(self) -> int:
        """How many tasks a replicated service is to have."""
        mode = (self.spec.get("Mode") or {}).get("Replicated") or {}
        return int(mode.get("Replicas", 1))

    @property
    def endpoint_mode(self) -> str:
        """``vip`` or ``dnsrr``."""
        return str((self.spec.get("EndpointSpec") or {}).get("Mode") or "vip")


@dataclass(slots=True)
class TaskStatus:
    """What a node says about a task.

    :ivar ports: host ports that are published (``PortConfig``).
    """

    timestamp_ns: int = 0
    state: str = "new"
    message: str = ""
    err: str = ""
    container_id: str = ""
    pid: int = 0
    exit_code: int = 0
    ports: list[Json] = field(default_factory=list)


@dataclass(slots=True)
class Task(Thing):
    """One container to be, on one node.

    :ivar spec: ``TaskSpec``, taken from its service when the task was made.
    :ivar slot: from 1 up in a replicated service, 0 in a global one.
    :ivar addresses: network ID → its address there, with prefix length.
    :ivar desired: the state that it is to reach.
    :ivar host_ports: ``PortConfig`` of ports published on its own node.
    :ivar started_late: whether it took the place of one that had ended by itself.
    """

    spec: Json = field(default_factory=dict)
    spec_index: int = 0
    service_id: str = ""
    service_name: str = ""
    slot: int = 0
    node_id: str = ""
    status: TaskStatus = field(default_factory=TaskStatus)
    desired: str = "running"
    addresses: dict[str, str] = field(default_factory=dict)
    host_ports: list[Json] = field(default_factory=list)
    started_late: bool = False

    @property
    def name(self) -> str:
        """``hello.1.<id>``; of a global service ``hello.<node id>.<id>``."""
        return f"{self.service_name}.{self.slot or self.node_id}.{self.id}"

    @property
    def active(self) -> bool:
        """Whether it is to run, and has not ended."""
        return rank(self.desired) <= rank("running") and not self.ended

    @property
    def ended(self) -> bool:
        """Whether it will never run again."""
        return rank(self.status.state) > rank("running")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Task:
        known = {entry.name for entry in fields(cls)}
        values = {key: value for key, value in record.items() if key in known}
        return cls(**{**values, "status": TaskStatus(**record["status"])})


@dataclass(slots=True)
class Attachment(Thing):
    """A container of no service on an attachable network: its address, given by the manager.

    :ivar address: with prefix length.
    """

    network_id: str = ""
    node_id: str = ""
    container_id: str = ""
    address: str = ""


@dataclass(slots=True)
class Blob(Thing):
    """A secret or a config; ``spec`` is ``SecretSpec`` or ``ConfigSpec``, data in base 64."""

    spec: Json = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.spec["Name"])


def slots_of(tasks: list[Task]) -> dict[int, list[Task]]:
    """Slots that are taken: by tasks that are to run, or that have ended and are not replaced."""
    slots: dict[int, list[Task]] = {}
    newest: dict[int, Task] = {}
    for task in tasks:
        if task.desired == "remove":
            continue
        if task.slot not in newest or newest[task.slot].created_ns <= task.created_ns:
            newest[task.slot] = task
        if rank(task.desired) <= rank("running"):
            slots.setdefault(task.slot, []).append(task)
    for slot, task in newest.items():
        if slot not in slots:
            slots[slot] = [task]
    return slots
