"""A network that two engines share: names, echoes, connections and datagrams from one to the
other; what a lost link looks like; and who is kept out."""

from __future__ import annotations

import asyncio
import errno
import random
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest

from course_lib.engine.cluster.dataplane import GIVE_UP, GRACE, DataPlane
from course_lib.engine.cluster.handshake import Credentials
from course_lib.engine.cluster.listener import Listener
from course_lib.engine.cluster.mesh import Member, Mesh
from course_lib.engine.cluster.methods import Methods
from course_lib.engine.network import IpamConfig, SandboxHandle
from course_lib.engine.network.network import NetworkSettings
from course_lib.engine.network.services import ServiceBinding
from tests.contract.harness import free_port
from tests.engine.cluster.conftest import CLUSTER, SECRET, until
from tests.engine.conftest import ManualClock
from tests.engine.network.conftest import World, container_id


class Node:
    """An engine's networking and its part in the mesh."""

    def __init__(self, name: str, clock: ManualClock, folder: Path) -> None:
        folder.mkdir()
        self.name = name
        self.world = World(clock, folder)
        self.methods = Methods()
        shown = Credentials("peer", name, SECRET, CLUSTER)
        self.mesh = Mesh(name, lambda _: shown, self.methods, clock)
        net = self.world.net
        self.plane = DataPlane(
            self.mesh, self.methods, net.remotes, net.arrivals, net.shared_endpoints, clock
        )
        net.watch(self.plane)
        self.listener = Listener(
            CLUSTER, lambda _, __: [SECRET], self.methods, clock, self.mesh.add
        )

    def share(self, name: str, subnet: str, *, network_id: str = "") -> None:
        """Make a network that others may have too."""
        network = self.world.network(name, subnet)
        registry = self.world.net._networks
        del registry._by_id[network.id]
        network.settings.id = network_id or f"id of {name}"
        registry._by_id[network.id] = network
        self.world.net.share(network)

    def run(self, name: str, network: str, address: str, *aliases: str) -> SandboxHandle:
        """Start a container there."""
        handle = self.world.net.new_sandbox(container_id(name), network)
        self.world.join(name, network, ipv4_address=address, aliases=aliases)
        return handle

    async def close(self) -> None:
        await self.mesh.close()
        await self.listener.close()
        await self.plane.close()
        self.world.net.close()


class Swarm:
    """Nodes that know each other."""

    def __init__(self, clock: ManualClock, folder: Path, names: str) -> None:
        self.clock = clock
        self.nodes = {name: Node(name, clock, folder / name) for name in names}

    async def start(self) -> None:
        for node in self.nodes.values():
            await node.listener.start("127.0.0.1", 0)
        for node in self.nodes.values():
            node.mesh.set_members(Member(n.name, n.listener.address) for n in self.nodes.values())
        await self.linked()

    async def linked(self) -> None:
        """Wait until everybody is linked with everybody, and has told what it has."""
        others = len(self.nodes) - 1
        await until(lambda: all(len(n.mesh.links) == others for n in self.nodes.values()))
        for node in self.nodes.values():
            for link in node.mesh.links.values():
                await link.call("overlay.echo", NOBODY)  # notes before it have been taken

    async def told(self) -> None:
        await self.linked()

    def __getitem__(self, name: str) -> Node:
        return self.nodes[name]


NOBODY = {"network": "", "source": "0.0.0.0", "target": "0.0.0.0", "size": 0}


@pytest.fixture
async def swarm(clock: ManualClock, tmp_path: Path) -> AsyncIterator[Swarm]:
    swarm = Swarm(clock, tmp_path, "abc")
    await swarm.start()
    for node in swarm.nodes.values():
        node.share("mynet", "10.0.1.0/24")
    yield swarm
    for node in swarm.nodes.values():
        await node.close()
    leaked = asyncio.all_tasks() - {asyncio.current_task()}
    assert not leaked, leaked


async def names(handle: SandboxHandle, name: str, rtype: str = "A") -> list[str]:
    answer = await handle.query(name, rtype)
    return sorted(record.value for record in answer.records)


async def fails(coming: Awaitable[object]) -> int:
    with pytest.raises(OSError) as caught:  # noqa: PT011  (its errno is what is looked at)
        await coming
    return caught.value.errno or 0


async def test_names_of_the_other_engine(swarm: Swarm) -> None:
    one = swarm["a"].run("one", "mynet", "10.0.1.2", "web")
    two = swarm["b"].run("two", "mynet", "10.0.1.3", "web")
    await swarm.told()
    assert await names(one, "two") == await names(one, "TWO.mynet") == ["10.0.1.3"]
    assert await names(two, container_id("one")[:12]) == ["10.0.1.2"]
    assert await names(one, "web") == await names(two, "web") == ["10.0.1.2", "10.0.1.3"]
    assert await names(two, "2.1.0.10.in-addr.arpa", "PTR") == ["one.mynet"]
    swarm["a"].world.net.rename(container_id("one"), "uno")
    await swarm.told()
    assert (await two.query("one", "A")).rcode == "NXDOMAIN"
    assert await names(two, "uno") == ["10.0.1.2"]
    swarm["a"].world.stop("one")
    await swarm.told()
    assert (await two.query("uno", "A")).rcode == "NXDOMAIN"
    assert await names(two, "web") == ["10.0.1.3"]


async def test_who_comes_later_learns_of_who_is_there(swarm: Swarm) -> None:
    swarm["a"].share("late", "10.0.2.0/24")
    swarm["a"].run("one", "late", "10.0.2.2")
    await swarm.told()
    swarm["b"].share("late", "10.0.2.0/24")
    two = swarm["b"].run("two", "late", "10.0.2.3")
    assert await names(two, "one") == ["10.0.2.2"]
    assert (await two.echo("10.0.2.2")).ttl == 64


async def test_echo_and_neighbours(swarm: Swarm) -> None:
    one = swarm["a"].run("one", "mynet", "10.0.1.2")
    two = swarm["b"].run("two", "mynet", "10.0.1.3")
    await swarm.told()
    reply = await one.echo("10.0.1.3")
    assert (reply.source, reply.ttl) == ("10.0.1.3", 64)
    assert reply.rtt >= 0
    assert [(n.address, n.mac) for n in one.neighbours()] == [("10.0.1.3", "02:42:0a:00:01:03")]
    assert [(n.address, n.mac) for n in two.neighbours()] == [("10.0.1.2", "02:42:0a:00:01:02")]
    eth0 = one.interfaces()[1]
    assert eth0.tx_packets == eth0.rx_packets == 1
    waiting = asyncio.ensure_future(one.echo("10.0.1.9"))
    await swarm.clock.advance(3)
    assert await fails(waiting) == errno.EHOSTUNREACH


async def test_a_connection(swarm: Swarm) -> None:
    one = swarm["a"].run("one", "mynet", "10.0.1.2")
    two = swarm["b"].run("two", "mynet", "10.0.1.3")
    await swarm.told()
    assert await fails(one.connect("10.0.1.3", 80)) == errno.ECONNREFUSED
    listener = two.listen("0.0.0.0", 80)
    near = await one.connect("10.0.1.3", 80)
    far = await listener.accept()
    assert near.peer == far.local == ("10.0.1.3", 80)
    assert near.local == far.peer
    assert near.local[0] == "10.0.1.2"
    assert [s.state for s in one.sockets()] == ["ESTABLISHED"]
    data = random.Random(3).randbytes(2_000_000)

    async def send() -> None:
        await near.write(data)
        near.shutdown_write()

    async def receive() -> bytes:
        parts = []
        while part := await far.read():
            parts.append(part)
        return b"".join(parts)

    _, received = await asyncio.gather(send(), receive())
    assert received == data
    assert [s.state for s in one.sockets()] == ["FIN_WAIT2"]
    await far.write(b"thanks")
    assert await near.read() == b"thanks"
    far.close()
    assert await near.read() == b""
    near.close()
    assert not one.sockets()
    assert [s.state for s in two.sockets()] == ["LISTEN"]


async def test_ends_of_a_connection(swarm: Swarm) -> None:
    one = swarm["a"].run("one", "mynet", "10.0.1.2")
    two = swarm["b"].run("two", "mynet", "10.0.1.3")
    await swarm.told()
    listener = two.listen("10.0.1.3", 80)
    near = await one.connect("10.0.1.3", 80)
    far = await listener.accept()
    far.abort()
    assert await fails(near.read()) == errno.ECONNRESET
    assert not one.sockets()
    near.close()

    near = await one.connect("10.0.1.3", 80)
    await listener.accept()
    swarm["b"].world.stop("two")  # closes what it has open
    assert await near.read() == b""
    assert await fails(near.write(b"x")) == errno.EPIPE
    near.close()


async def test_datagrams(swarm: Swarm) -> None:
    one = swarm["a"].run("one", "mynet", "10.0.1.2")
    two = swarm["b"].run("two", "mynet", "10.0.1.3")
    await swarm.told()
    near, far = one.bind_udp("0.0.0.0", 1000), two.bind_udp("0.0.0.0", 53)
    await near.send(b"nobody", ("10.0.1.3", 54))
    await near.send(b"question", ("10.0.1.3", 53))
    data, source = await far.receive()
    assert (data, source) == (b"question", ("10.0.1.2", 1000))
    await far.send(b"", source)
    assert await near.receive() == (b"", ("10.0.1.3", 53))
    near.close()
    far.close()


async def test_isolation(swarm: Swarm) -> None:
    """Neither an engine without the network nor a container off it gets there."""
    swarm["a"].share("other", "10.0.2.0/24")
    one = swarm["a"].run("one", "mynet", "10.0.1.2")
    swarm["a"].run("hidden", "other", "10.0.2.2")
    two = swarm["b"].run("two", "mynet", "10.0.1.3")
    swarm["b"].world.network("dev", "172.30.0.0/16")
    off = swarm["b"].run("off", "dev", "172.30.0.5")
    await swarm.told()
    assert (await two.query("hidden", "A")).rcode == "NXDOMAIN"
    assert (await off.query("one", "A")).rcode == "NXDOMAIN"
    for handle, target in ((two, "10.0.2.2"), (off, "10.0.1.2")):
        waiting = asyncio.ensure_future(handle.echo(target))
        await swarm.clock.advance(600)
        assert not waiting.done()
        waiting.cancel()
    # A peer cannot make up that it is on a network, nor speak for another peer's endpoint.
    link = swarm["c"].mesh.links["a"]
    for source in ("10.0.1.77", "10.0.1.3"):
        said = {"network": "id of mynet", "source": source, "target": "10.0.1.2", "size": 1}
        assert (await link.call("overlay.echo", said)).fields == {"answered": False}
    one.listen("0.0.0.0", 80)
    ends = {"network": "id of mynet", "source": ["10.0.1.3", 9], "target": ["10.0.1.2", 80]}
    assert await fails(link.open("overlay.connect", ends)) == errno.EHOSTUNREACH
    # Nor take an endpoint away that is not its own.
    ids = [endpoint.id for endpoint in swarm["b"].world.net.shared_endpoints()]
    link.note("overlay.endpoints", {"all": True, "remove": [*ids, *(f"b/{i}" for i in ids)]})
    await swarm.told()
    assert await names(one, "two") == ["10.0.1.3"]


async def test_a_lost_link_looks_like_a_dead_host(swarm: Swarm) -> None:
    clock = swarm.clock
    one = swarm["a"].run("one", "mynet", "10.0.1.2")
    two = swarm["b"].run("two", "mynet", "10.0.1.3")
    await swarm.told()
    listener = two.listen("0.0.0.0", 80)
    near = await one.connect("10.0.1.3", 80)
    await listener.accept()
    reading = asyncio.ensure_future(near.read())

    await swarm["b"].mesh.close()
    await swarm["b"].listener.close()
    await until(lambda: "b" not in swarm["a"].mesh.links)
    assert await names(one, "two") == ["10.0.1.3"]
    pinging = asyncio.ensure_future(one.echo("10.0.1.3"))
    connecting = asyncio.ensure_future(one.connect("10.0.1.3", 80))
    await clock.advance(GRACE - 1)
    assert not any(task.done() for task in (pinging, connecting, reading))
    await clock.advance(GRACE)
    assert (await one.query("two", "A")).rcode == "NXDOMAIN"  # the peer counts as failed
    await clock.advance(127)
    assert await fails(connecting) == errno.EHOSTUNREACH  # nobody knows the address any more
    assert not any(task.done() for task in (pinging, reading))
    pinging.cancel()
    await clock.advance(GIVE_UP)
    assert await fails(reading) == errno.ETIMEDOUT
    assert not one.sockets()


async def test_a_link_that_comes_back(swarm: Swarm) -> None:
    one = swarm["a"].run("one", "mynet", "10.0.1.2")
    two = swarm["b"].run("two", "mynet", "10.0.1.3")
    await swarm.told()
    listener = two.listen("0.0.0.0", 80)
    near = await one.connect("10.0.1.3", 80)
    reading = asyncio.ensure_future(near.read())
    swarm["a"].mesh.links["b"].close()
    connecting = asyncio.ensure_future(one.connect("10.0.1.3", 80))
    # It is made again by itself; older connections are not known there.
    await swarm.clock.advance(1.0)
    await swarm.linked()
    assert await fails(reading) == errno.ECONNRESET
    await swarm.clock.advance(4.0)
    fresh = await connecting
    await fresh.write(b"again")
    await listener.accept()
    assert await (await listener.accept()).read() == b"again"
    swarm["b"].run("three", "mynet", "10.0.1.4")
    await swarm.told()
    assert await names(one, "three") == ["10.0.1.4"]


async def test_a_member_that_leaves(swarm: Swarm) -> None:
    one = swarm["a"].run("one", "mynet", "10.0.1.2")
    swarm["b"].run("two", "mynet", "10.0.1.3")
    await swarm.told()
    swarm["a"].mesh.set_members([Member("c", swarm["c"].listener.address)])
    await until(lambda: "b" not in swarm["a"].mesh.links)
    await swarm.clock.advance(GRACE + 1)
    assert (await one.query("two", "A")).rcode == "NXDOMAIN"


# --- overlay networks of a swarm, with their load balancers ---


def bring_up(node: Node, balancer: str, *, ingress: bool = False) -> None:
    """An overlay network as a manager has a node bring it up."""
    pool = IpamConfig("10.0.9.0/24", "", "10.0.9.1")
    name = "ingress" if ingress else "vips"
    settings = NetworkSettings(
        f"id of {name}", name, 1, "overlay", "swarm", attachable=True, ingress=ingress, pools=[pool]
    )
    node.world.net.swarm.ensure_gateway_bridge()
    node.world.net.swarm.bring_up(settings, balancer)


def serve_from(*addresses: str) -> dict[str, list[ServiceBinding]]:
    """A service ``web`` at 10.0.9.100, with tasks at those addresses."""
    tasks = [(f"task at {address}", address) for address in addresses]
    binding = ServiceBinding("s", "web", ["www"], "10.0.9.100", tasks)
    return {"id of vips": [binding], "id of ingress": [binding]}


async def test_a_virtual_address_leads_to_tasks_of_both(swarm: Swarm) -> None:
    bring_up(swarm["a"], "10.0.9.2")
    bring_up(swarm["b"], "10.0.9.3")
    for node in (swarm["a"], swarm["b"]):
        node.world.net.swarm.set_services(serve_from("10.0.9.11", "10.0.9.12"))
    here = swarm["a"].run("here", "vips", "10.0.9.11")
    there = swarm["b"].run("there", "vips", "10.0.9.12")
    client = swarm["a"].run("client", "vips", "10.0.9.13")
    await swarm.told()
    assert await names(client, "web") == await names(there, "www") == ["10.0.9.100"]
    assert await names(client, "tasks.web") == ["10.0.9.11", "10.0.9.12"]
    listeners = {handle: handle.listen("0.0.0.0", 80) for handle in (here, there)}
    for handle in (here, there):  # in turn
        near = await client.connect("10.0.9.100", 80)
        far = await listeners[handle].accept()
        assert near.peer == ("10.0.9.100", 80)
        assert far.peer == ("10.0.9.2", near.local[1])  # the balancer of the client's node
        await far.write(b"served")
        assert await near.read() == b"served"
        near.close()
        assert await far.read() == b""
        far.close()
    listeners[there].close()
    outcomes: list[tuple[str, int] | None] = []
    for _ in range(2):
        try:
            outcomes.append((await client.connect("10.0.9.100", 80)).peer)
        except ConnectionRefusedError:
            outcomes.append(None)
    assert sorted(outcomes, key=str) == [("10.0.9.100", 80), None]


async def test_a_published_port_leads_to_another_engine(swarm: Swarm) -> None:
    bring_up(swarm["a"], "10.0.9.2", ingress=True)
    bring_up(swarm["b"], "10.0.9.3", ingress=True)
    for node in (swarm["a"], swarm["b"]):
        node.world.net.swarm.set_services(serve_from("10.0.9.12"))
    task = swarm["b"].run("task", "ingress", "10.0.9.12")
    await swarm.told()
    port = free_port()
    swarm["a"].world.net.swarm.publish("s", [(80, port)], "10.0.9.100", "id of ingress")

    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with pytest.raises(ConnectionResetError):  # nobody listens there yet
        await reader.read()
    writer.close()

    listener = task.listen("0.0.0.0", 80)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    far = await listener.accept()
    assert far.peer[0] == "10.0.9.2"
    writer.write(b"question")
    writer.write_eof()
    assert await far.read() == b"question"
    assert await far.read() == b""
    await far.write(bytes(500_000))
    far.close()
    assert len(await reader.read()) == 500_000
    writer.close()
    await until(lambda: not swarm["a"].world.net._publisher._relays)
