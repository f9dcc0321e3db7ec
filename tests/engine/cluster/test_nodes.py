"""A manager and its workers: joining, being told, reporting, being missed, coming back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence, Set
from pathlib import Path

import pytest

from course_lib.engine.cluster.address import HOST, Place
from course_lib.engine.cluster.admission import DOWN_AFTER, Admission
from course_lib.engine.cluster.joining import ask_to_join
from course_lib.engine.cluster.keys import ManagerKeys
from course_lib.engine.cluster.link import SILENCE
from course_lib.engine.cluster.worker import Membership, Worker
from course_lib.engine.container.logs import LogLine
from course_lib.engine.errdefs import (
    EngineError,
    Forbidden,
    InvalidParameter,
    NotFound,
    NotImplementedByEngine,
    SystemFailure,
    Unavailable,
)
from course_lib.engine.store import Store
from course_lib.engine.swarm.dispatcher import Dispatcher
from course_lib.engine.swarm.interfaces import (
    JoinRequest,
    LogOptions,
    NetworkAssignment,
    ServiceRecord,
    TaskAssignment,
)
from course_lib.engine.swarm.model import Cluster, Network, Node, Service, Task, TaskStatus
from course_lib.engine.swarm.state import ClusterState
from tests.engine.cluster.conftest import until
from tests.engine.conftest import ManualClock
from tests.engine.network.conftest import World

DIGEST, WORKER, MANAGER = "1" * 50, "w" * 25, "m" * 25
MYNET = NetworkAssignment(
    "id of mynet", 5, {"Name": "mynet", "Attachable": True}, [{"Subnet": "10.0.1.0/24"}], 4097,
    "10.0.1.5/24",
)  # fmt: skip


class Agent:
    """Writes down what a node is told."""

    def __init__(self) -> None:
        self.assigned: dict[str, TaskAssignment] = {}
        self.desired: dict[str, str] = {}
        self.services: Sequence[ServiceRecord] | None = None
        self.networks: list[str] = []

    async def assign(self, assignment: TaskAssignment) -> None:
        self.assigned.setdefault(assignment.id, assignment)

    async def update(self, task_id: str, desired: str) -> None:
        self.desired[task_id] = desired

    async def remove(self, task_id: str) -> None:
        del self.assigned[task_id]

    def bring_up(self, network: NetworkAssignment) -> None:
        self.networks.append(network.id)

    async def keep_only(self, task_ids: Set[str]) -> None:
        self.assigned = {i: task for i, task in self.assigned.items() if i in task_ids}

    def publish(self, records: Sequence[ServiceRecord]) -> None:
        self.services = records

    async def logs(self, task_id: str, options: LogOptions) -> AsyncIterator[LogLine]:
        for number in range(options.tail or 3):
            yield LogLine(b"%s \xff %d\n" % (task_id.encode(), number), "stderr", "2026")
        while options.follow:
            yield LogLine(b"more", "stdout", "2026")


class Desk:
    """The manager as nodes see it, which writes down what they say."""

    def __init__(self) -> None:
        self.reported: list[tuple[str, str, TaskStatus]] = []
        self.detached: list[tuple[str, str]] = []
        self.fresh: list[str] = []

    def join_mesh(self, node: Node) -> None:
        node.balancers["id of ingress"] = "10.0.0.3/24"

    def drop_attachments(self, node_id: str) -> None:
        self.fresh.append(node_id)

    def report(self, node_id: str, task_id: str, status: TaskStatus) -> None:
        self.reported.append((node_id, task_id, status))

    async def attach(
        self, node_id: str, network_ref: str, container_id: str, address: str
    ) -> tuple[NetworkAssignment, str, str]:
        if network_ref != "mynet":
            raise Forbidden(f"network {network_ref} not manually attachable")
        return MYNET, address or "10.0.1.9/24", f"attachment of {container_id}"

    async def detach(self, node_id: str, attachment_id: str) -> None:
        self.detached.append((node_id, attachment_id))


class Manager:
    """A manager without an engine around it."""

    def __init__(self, clock: ManualClock, folder: Path) -> None:
        (folder / "net").mkdir()
        self.clock = clock
        self.desk = Desk()
        self.world = World(clock, folder / "net")
        self.store = Store(folder / "state")
        self.keys = ManagerKeys.new()
        self.place = Place(HOST, 0, False)
        self.state = ClusterState(self.store, clock)
        self.state.clusters.put(
            Cluster("c", digest=DIGEST, worker_secret=WORKER, manager_secret=MANAGER)
        )
        self.state.nodes.put(Node("0manager", state="ready"))
        self.admission: Admission

    async def start(self) -> None:
        self.dispatcher = Dispatcher(self.state)
        self.admission = Admission(
            "0manager", self.keys, self.state, self.dispatcher, self.desk, self.world.net,
            random.Random(1), self.clock,
        )  # fmt: skip
        await self.admission.hub.listen(self.place)
        self.place = Place(*self.admission.hub.address, True)

    async def close(self) -> None:
        await self.admission.close()
        await self.dispatcher.close()

    async def restart(self) -> None:
        """End, and come back with what is on disk."""
        await self.close()
        self.state = ClusterState(self.store, self.clock)
        self.state.load()
        await self.start()

    @property
    def address(self) -> str:
        return f"{self.place.host}:{self.place.port}"

    def states(self) -> list[str]:
        """Of all nodes but the manager."""
        return sorted(node.state for node in self.state.nodes if node.id != "0manager")


class Cast:
    """A manager and workers by name."""

    def __init__(self, clock: ManualClock, folder: Path) -> None:
        self.clock = clock
        self.folder = folder
        self.manager = Manager(clock, folder)
        self.workers: dict[str, Worker] = {}
        self.agents: dict[str, Agent] = {}
        self.worlds: dict[str, World] = {}

    def request(self, **other: object) -> JoinRequest:
        words = {
            "remote_addresses": [self.manager.address], "token": f"SWMTKN-1-{DIGEST}-{WORKER}",
            "listen_address": "0.0.0.0:2377", "advertise_address": "", "data_path_address": "",
            "availability": "active", **other,
        }  # fmt: skip
        return JoinRequest(**words)  # type: ignore[arg-type]

    async def join(self, name: str, **words: object) -> Worker:
        """Join, and wait until the manager knows."""
        membership = await ask_to_join(self.request(**words), {"Hostname": name}, self.clock)
        return await self.run(name, Membership.from_record(membership.to_record()))

    async def run(self, name: str, membership: Membership) -> Worker:
        """Run a worker with a membership."""
        if name not in self.worlds:
            (self.folder / name).mkdir()
            self.worlds[name] = World(self.clock, self.folder / name)
        world, agent = self.worlds[name], self.agents.setdefault(name, Agent())
        worker = Worker(membership, world.net, lambda: {"Hostname": name}, self.clock)
        self.workers[name] = worker
        await worker.start(agent)
        await worker.ready()
        return worker

    async def stop(self, name: str) -> Membership:
        """End a worker's engine."""
        worker = self.workers.pop(name)
        await worker.close()
        return worker.membership

    async def close(self) -> None:
        for name in list(self.workers):
            await self.stop(name)
        await self.manager.close()
        for world in [self.manager.world, *self.worlds.values()]:
            world.net.close()


@pytest.fixture
async def cast(clock: ManualClock, tmp_path: Path) -> AsyncIterator[Cast]:
    cast = Cast(clock, tmp_path)
    await cast.manager.start()
    yield cast
    await cast.close()
    leaked = asyncio.all_tasks() - {asyncio.current_task()}
    assert not leaked, leaked


def add_task(cast: Cast, node: str, task_id: str = "t1", desired: str = "running") -> Task:
    """A task of that node, told to it."""
    task = Task(
        task_id, spec={"ContainerSpec": {"Image": "nginx"}}, service_id="s", service_name="web",
        slot=1, node_id=node, desired=desired, status=TaskStatus(1, "assigned"),
    )  # fmt: skip
    cast.manager.state.tasks.put(task)
    cast.manager.dispatcher.tell(task)
    return task


async def test_join(cast: Cast) -> None:
    worker = await cast.join("node2", availability="drain")
    node = cast.manager.state.nodes.get(worker.membership.keys.node)
    assert node is not None
    assert (node.state, node.hostname, node.address) == ("ready", "node2", "127.0.0.2")
    assert worker.listens[0] in {"127.0.0.2", HOST}  # where there is but one
    other = await cast.join("node3", advertise_address="127.0.0.1")
    assert other.listens[0] == HOST
    await cast.stop("node3")
    assert node.spec == {"Labels": {}, "Role": "worker", "Availability": "drain"}


@pytest.mark.parametrize(
    ("words", "kind", "text"),
    [
        ({"token": "foo"}, EngineError, "invalid join token"),
        (
            {"token": f"SWMTKN-1-{DIGEST}-{'x' * 25}"},
            InvalidParameter,
            "rpc error: code = InvalidArgument desc = A valid join token is necessary to join this "
            "cluster",
        ),
        (
            {"token": f"SWMTKN-1-{'2' * 50}-{WORKER}"},
            SystemFailure,
            f"remote CA does not match fingerprint. Expected: {int('2' * 50, 36):064x}",
        ),
        ({"remote_addresses": []}, InvalidParameter, "at least 1 RemoteAddr is required to join"),
        (
            {"remote_addresses": ["127.0.0.1:1"]},
            Unavailable,
            'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while '
            'dialing: dial tcp 127.0.0.1:1: connect: connection refused"',
        ),
        ({"remote_addresses": ["192.0.2.1:2377"]}, NotImplementedByEngine, "192.0.2.1: a swarm"),
        (
            {"token": f"SWMTKN-1-{DIGEST}-{MANAGER}"},
            NotImplementedByEngine,
            "a swarm with several managers is not supported by the embedded engine",
        ),
    ],
)
async def test_refusals(
    cast: Cast, words: dict[str, object], kind: type[EngineError], text: str
) -> None:
    with pytest.raises(kind) as caught:
        await cast.join("node2", **words)
    assert str(caught.value).startswith(text)
    assert cast.manager.states() == []


async def test_the_first_manager_that_answers(cast: Cast) -> None:
    await cast.join("node2", remote_addresses=["127.0.0.1:1", cast.manager.address])
    assert cast.manager.states() == ["ready"]


async def test_a_node_is_told_and_reports(cast: Cast) -> None:
    worker = await cast.join("node2")
    agent, manager = cast.agents["node2"], cast.manager
    node = worker.membership.keys.node
    task = add_task(cast, node)
    await until(lambda: agent.desired.get("t1") == "running")
    assert agent.assigned["t1"] == manager.dispatcher.assignment(task)
    task.desired = "shutdown"
    manager.dispatcher.tell(task)
    await until(lambda: agent.desired["t1"] == "shutdown")
    status = TaskStatus(7, "failed", "started", "task: non-zero exit (1)", "c1", 12, 1, [{"a": 1}])
    worker.manager.report(node, "t1", status)
    worker.manager.report(node, "of another node", status)
    await until(lambda: manager.desk.reported)
    assert manager.desk.reported == [(node, "t1", status)]
    manager.dispatcher.forget(task)
    await until(lambda: not agent.assigned)
    manager.state.services.put(Service("s", spec={"Name": "web"}))
    manager.dispatcher.publish()
    await until(lambda: agent.services is not None)
    assert len(manager.desk.reported) == 1


async def test_attachments(cast: Cast) -> None:
    worker = await cast.join("node2")
    node = worker.membership.keys.node
    for name in ("mynet", "closed"):
        cast.manager.state.networks.put(Network(f"id of {name}", spec={"Name": name}))
    found = await worker.manager.attach(node, "mynet", "c1", "10.0.1.7/24")
    assert found == (MYNET, "10.0.1.7/24", "attachment of c1")
    with pytest.raises(NotFound, match="code = NotFound desc = network ghost not found"):
        await worker.manager.attach(node, "ghost", "c1", "")
    with pytest.raises(Forbidden, match="network closed not manually attachable"):
        await worker.manager.attach(node, "closed", "c1", "")
    await worker.manager.detach(node, "attachment of c1")
    assert cast.manager.desk.detached == [(node, "attachment of c1")]
    cast.manager.desk.detached.clear()
    await asyncio.gather(*(worker.manager.detach(node, str(number)) for number in range(20)))
    assert sorted(cast.manager.desk.detached) == sorted((node, str(n)) for n in range(20))
    worker.hub.mesh.links["0manager"].close()
    await worker.manager.detach(node, "while away")  # told once it is back
    while len(cast.manager.desk.detached) == 20:
        await cast.clock.advance(0.01)
    assert cast.manager.desk.detached[-1] == (node, "while away")


async def test_logs_of_a_node(cast: Cast) -> None:
    worker = await cast.join("node2")
    agent = cast.manager.dispatcher.agent(worker.membership.keys.node)
    assert agent is not None
    lines = [line async for line in agent.logs("t1", LogOptions(tail=500))]
    assert len(lines) == 500
    assert lines[-1] == LogLine(b"t1 \xff 499\n", "stderr", "2026")
    count = 0
    async for _ in agent.logs("t1", LogOptions(follow=True)):
        count += 1
        if count == 100:
            break


async def test_a_node_that_dies_and_comes_back(cast: Cast) -> None:
    worker = await cast.join("node2")
    add_task(cast, worker.membership.keys.node)
    membership = await cast.stop("node2")
    await cast.clock.advance(DOWN_AFTER / 2)
    assert cast.manager.states() == ["ready"]
    await cast.clock.advance(DOWN_AFTER)
    await until(lambda: cast.manager.states() == ["down"])
    (task,) = cast.manager.state.tasks
    task.desired = "shutdown"
    await cast.run("node2", membership)
    assert cast.manager.states() == ["ready"]
    cast.manager.dispatcher.tell(task)
    await until(lambda: cast.agents["node2"].desired.get("t1") == "shutdown")


async def test_a_node_that_leaves(cast: Cast) -> None:
    worker = await cast.join("node2")
    await worker.leave()
    assert cast.manager.states() == ["down"]
    await cast.stop("node2")
    (node,) = [n for n in cast.manager.state.nodes if n.id != "0manager"]
    assert node.message == "node is leaving"
    await cast.clock.advance(2 * DOWN_AFTER)
    assert node.message == "node is leaving"
    cast.manager.state.nodes.remove(node.id)
    await cast.join("node2")  # anew
    assert cast.manager.states() == ["ready"]


async def test_a_node_that_is_removed_is_let_in_no_more(cast: Cast) -> None:
    worker = await cast.join("node2")
    cast.manager.state.nodes.remove(worker.membership.keys.node)
    await until(lambda: not worker.hub.mesh.links)
    await cast.clock.advance(10)
    assert not worker.hub.mesh.links
    with pytest.raises(Unavailable, match="The swarm does not have a leader"):
        await worker.manager.attach("", "mynet", "c1", "")


async def test_a_manager_that_restarts(cast: Cast) -> None:
    worker = await cast.join("node2")
    node = worker.membership.keys.node
    add_task(cast, node)
    await cast.join("gone")
    await cast.manager.restart()
    await cast.stop("gone")
    status = TaskStatus(9, "failed")
    worker.manager.report(node, "t1", TaskStatus(8, "running"))
    worker.manager.report(node, "t1", status)
    ready = asyncio.ensure_future(worker.ready())
    while not ready.done():  # the worker calls again by itself, within seconds
        await cast.clock.advance(0.01)
    await until(lambda: cast.manager.desk.reported)
    assert cast.manager.desk.reported == [(node, "t1", status)]
    await cast.clock.advance(SILENCE)
    await until(lambda: cast.manager.states() == ["down", "ready"])


async def test_workers_are_linked_with_each_other(cast: Cast) -> None:
    one, two = await cast.join("node2"), await cast.join("node3")
    nodes = [worker.membership.keys.node for worker in (one, two)]
    await until(lambda: nodes[1] in one.hub.mesh.links and nodes[0] in two.hub.mesh.links)
    # And stay so while there is no manager.
    await cast.manager.admission.close()
    await until(lambda: "0manager" not in one.hub.mesh.links)
    assert nodes[1] in one.hub.mesh.links
