"""Who reaches whom, over ICMP, TCP and UDP."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_lib.engine.interfaces import StreamSocket
from course_lib.engine.network import SandboxHandle
from tests.engine.conftest import ManualClock, settle
from tests.engine.network.conftest import World, container_id


async def fails(coming: Awaitable[object]) -> int:
    with pytest.raises(OSError) as caught:  # noqa: PT011  (its errno is what is looked at)
        await coming
    return caught.value.errno or 0


async def never_ends(coming: Awaitable[object], clock: ManualClock) -> bool:
    """True where nothing has come of it after an hour."""
    task = asyncio.ensure_future(coming)
    await clock.advance(3600)
    done = task.done()
    task.cancel()
    return not done


async def exchange(client: SandboxHandle, server: SandboxHandle, address: str) -> StreamSocket:
    """Connect to port 80, send a word there and one back; the server's end."""
    listener = server.listen("0.0.0.0", 80)
    try:
        near = await client.connect(address, 80)
        far = await listener.accept()
    finally:
        listener.close()
    await near.write(b"ping")
    assert await far.read() == b"ping"
    await far.write(b"pong")
    assert await near.read() == b"pong"
    near.close()
    assert await far.read() == b""
    return far


async def test_two_containers_on_one_network(world: World) -> None:
    world.network("dev")
    one, two = world.run("one", "dev"), world.run("two", "dev")
    reply = await one.echo("172.18.0.3")
    assert (reply.source, reply.ttl) == ("172.18.0.3", 64)
    assert 30e-6 < reply.rtt < 300e-6
    far = await exchange(one, two, "172.18.0.3")
    assert far.local == ("172.18.0.3", 80)
    assert far.peer[0] == "172.18.0.2"


async def test_first_echo_takes_longer_and_a_seed_repeats_the_times(world: World) -> None:
    world.network("dev")
    one = world.run("one", "dev")
    world.run("two", "dev")
    times = [(await one.echo("172.18.0.3")).rtt for _ in range(5)]
    assert times[0] == max(times)
    assert len(set(times)) == 5


async def test_itself(world: World) -> None:
    world.network("dev")
    one = world.run("one", "dev")
    for address in ("127.0.0.1", "127.1.2.3", "172.18.0.2"):
        assert (await one.echo(address)).source == address
        await exchange(one, one, address)


async def test_own_gateway_answers(world: World) -> None:
    world.network("dev")
    world.network("inner", internal=True)
    one = world.run("one", "dev")
    assert (await one.echo("172.18.0.1")).source == "172.18.0.1"
    # Other addresses of the host are behind it.
    assert (await one.echo("172.17.0.1")).source == "172.17.0.1"
    assert await fails(one.connect("172.18.0.1", 80)) == errno.ECONNREFUSED
    locked = world.run("locked", "inner")
    assert (await locked.echo("172.19.0.1")).source == "172.19.0.1"


async def test_nothing_across_networks(world: World, clock: ManualClock) -> None:
    world.network("dev")
    world.network("prod")
    one, two = world.run("one", "dev"), world.run("two", "prod")
    two.listen("0.0.0.0", 80)
    address = world.address("two", "prod")
    assert await never_ends(one.echo(address), clock)
    connecting = asyncio.create_task(one.connect(address, 80))
    await clock.advance(126)
    assert not connecting.done()
    await clock.advance(2)
    assert await fails(connecting) == errno.ETIMEDOUT
    receiver = two.bind_udp("0.0.0.0", 53)
    sender = one.bind_udp("0.0.0.0", 0)
    await sender.send(b"lost", (address, 53))
    assert await never_ends(receiver.receive(), clock)


async def test_nothing_across_networks_by_ipv6(world: World, clock: ManualClock) -> None:
    world.network("dev", "fd00:1::/64", enable_ipv6=True)
    world.network("prod", "fd00:2::/64", enable_ipv6=True)
    one, two = world.run("one", "dev"), world.run("two", "prod")
    near = world.run("near", "prod")
    two.listen("::", 80)
    address = "fd00:2::2"
    assert (await near.echo(address)).source == address
    assert await never_ends(one.echo(address), clock)
    connecting = asyncio.create_task(one.connect(address, 80))
    await clock.advance(128)
    assert await fails(connecting) == errno.ETIMEDOUT


async def test_outside_never_answers(world: World, clock: ManualClock) -> None:
    world.network("dev")
    one = world.run("one", "dev")
    assert await never_ends(one.echo("203.0.113.1"), clock)
    assert await never_ends(world.run("two", "host").echo("203.0.113.1"), clock)


async def test_time_to_live_runs_out_at_the_gateway(world: World, clock: ManualClock) -> None:
    world.network("dev")
    world.network("prod")
    one = world.run("one", "dev")
    world.run("two", "prod")
    for address in ("203.0.113.1", world.address("two", "prod")):
        assert (await one.echo(address, ttl=1)).source == "172.18.0.1"
        assert await never_ends(one.echo(address, ttl=2), clock)
    assert (await one.echo("172.18.0.2", ttl=1)).source == "172.18.0.2"
    assert await never_ends(one.echo("172.18.255.255", ttl=1), clock)


async def test_no_route(world: World) -> None:
    world.network("inner", internal=True)
    for box in (world.run("locked", "inner"), world.run("vault", "none")):
        for coming in (
            box.echo("203.0.113.1"),
            box.connect("203.0.113.1", 80),
            box.bind_udp("0.0.0.0", 0).send(b"x", ("203.0.113.1", 53)),
            box.connect("fd00::1", 80),
        ):
            assert await fails(coming) == errno.ENETUNREACH


async def test_nobody_there(world: World, clock: ManualClock) -> None:
    world.network("dev")
    one = world.run("one", "dev")
    for coming in (one.echo("172.18.0.77"), one.connect("172.18.0.77", 80)):
        task = asyncio.ensure_future(coming)
        await clock.advance(2.9)
        assert not task.done()
        await clock.advance(0.2)
        assert await fails(task) == errno.EHOSTUNREACH


async def test_somebody_comes_while_one_waits(world: World, clock: ManualClock) -> None:
    world.network("dev")
    one = world.run("one", "dev")
    pinging = asyncio.create_task(one.echo("172.18.0.3"))
    await clock.advance(1.5)
    world.run("two", "dev")
    await clock.advance(1)
    assert (await pinging).source == "172.18.0.3"


async def test_a_dropped_connection_gets_through_once_the_network_is_joined(
    world: World, clock: ManualClock
) -> None:
    world.network("dev")
    world.network("prod")
    one, two = world.run("one", "dev"), world.run("two", "prod")
    listener = two.listen("0.0.0.0", 80)
    connecting = asyncio.create_task(one.connect(world.address("two", "prod"), 80))
    await clock.advance(2)
    world.join("one", "prod")
    await clock.advance(10)
    assert (await listener.accept()).peer == (await connecting).local


async def test_broadcast_addresses_do_not_answer(world: World, clock: ManualClock) -> None:
    world.network("dev")
    one = world.run("one", "dev")
    assert await never_ends(one.echo("172.18.255.255"), clock)
    sender = one.bind_udp("0.0.0.0", 0)
    assert await fails(sender.send(b"x", ("255.255.255.255", 9))) == errno.EACCES


async def test_containers_of_a_network_without_icc_do_not_talk(
    world: World, clock: ManualClock
) -> None:
    world.network("quiet", options={"com.docker.network.bridge.enable_icc": "false"})
    one = world.run("one", "quiet")
    world.run("two", "quiet")
    assert await never_ends(one.echo("172.18.0.3"), clock)
    assert (await one.echo("172.18.0.1")).source == "172.18.0.1"
    assert (await world.run("view", "host").echo("172.18.0.3")).source == "172.18.0.3"


async def test_host_reaches_every_container(world: World) -> None:
    world.network("dev")
    world.network("inner", internal=True)
    one, locked = world.run("one", "dev"), world.run("locked", "inner")
    view = world.run("view", "host")
    for box, name, network in ((one, "one", "dev"), (locked, "locked", "inner")):
        address = world.address(name, network)
        assert (await view.echo(address)).source == address
        await exchange(view, box, address)


async def test_container_mode_meets_on_the_loopback_address(world: World) -> None:
    app = world.run("app", "bridge")
    sidecar = world.net.new_sandbox(
        container_id("sidecar"), "container", share_with=container_id("app")
    )
    await exchange(sidecar, app, "127.0.0.1")


async def test_ipv6_loopback(world: World) -> None:
    one = world.run("one", "none")
    assert (await one.echo("::1")).source == "::1"
    assert await fails(one.connect("::1", 80)) == errno.ECONNREFUSED
    four = one.listen("0.0.0.0", 80)
    six = one.listen("::", 80)
    near = await one.connect("::1", 80)
    assert (await six.accept()).peer == near.local
    near = await one.connect("127.0.0.1", 80)
    assert (await four.accept()).peer == near.local
    four.close()
    near = await one.connect("127.0.0.1", 80)
    assert (await six.accept()).peer == near.local


async def test_listening_addresses(world: World) -> None:
    world.network("dev")
    one, two = world.run("one", "dev"), world.run("two", "dev")
    local = one.listen("127.0.0.1", 80)
    assert await fails(two.connect("172.18.0.2", 80)) == errno.ECONNREFUSED
    one.listen("172.18.0.2", 80)
    for address in ("127.0.0.1", "172.18.0.2", "0.0.0.0"):
        with pytest.raises(OSError, match="Address already in use"):
            one.listen(address, 80)
    with pytest.raises(OSError, match="Cannot assign requested address"):
        one.listen("172.18.0.3", 80)
    with pytest.raises(OSError, match="Cannot assign requested address"):
        one.listen("nonsense", 80)
    local.close()
    one.listen("127.0.0.1", 80)
    picked = {one.listen("0.0.0.0", 0).local[1] for _ in range(3)}
    assert picked == {32768, 32769, 32770}


async def test_connections_show_in_both_socket_tables(world: World) -> None:
    world.network("dev")
    one, two = world.run("one", "dev"), world.run("two", "dev")
    listener = two.listen("0.0.0.0", 80, owner=7)
    near = await one.connect("172.18.0.3", 80, owner=9)
    [listening, accepted] = two.sockets()
    assert (listening.state, listening.local, listening.owner) == ("LISTEN", ("0.0.0.0", 80), 7)
    assert (accepted.state, accepted.local, accepted.owner) == (
        "ESTABLISHED",
        ("172.18.0.3", 80),
        7,
    )
    [connected] = one.sockets()
    assert (connected.state, connected.remote, connected.owner) == (
        "ESTABLISHED",
        ("172.18.0.3", 80),
        9,
    )
    far = await listener.accept()
    near.shutdown_write()
    assert one.sockets()[0].state == "FIN_WAIT2"
    assert two.sockets()[1].state == "CLOSE_WAIT"
    far.close()
    near.close()
    assert one.sockets() == []


async def test_udp(world: World) -> None:
    world.network("dev")
    one, two = world.run("one", "dev"), world.run("two", "dev")
    server = two.bind_udp("0.0.0.0", 53, owner=3)
    client = one.bind_udp("0.0.0.0", 0)
    await client.send(b"question", ("172.18.0.3", 53))
    data, source = await server.receive()
    assert (data, source) == (b"question", ("172.18.0.2", client.local[1]))
    await server.send(b"answer", source)
    assert await client.receive() == (b"answer", ("172.18.0.3", 53))
    assert [(s.protocol, s.state, s.owner) for s in two.sockets()] == [("udp", "", 3)]
    assert await fails(client.send(b"x" * 65508, ("172.18.0.3", 53))) == errno.EMSGSIZE
    await client.send(b"nobody listens", ("172.18.0.3", 54))
    waiting = asyncio.create_task(server.receive())
    await settle()
    server.close()
    assert await fails(waiting) == errno.EBADF
    assert await fails(server.send(b"x", source)) == errno.EBADF


async def test_udp_queue_is_bounded(world: World) -> None:
    one = world.run("one", "none")
    server = one.bind_udp("127.0.0.1", 53)
    client = one.bind_udp("127.0.0.1", 0)
    for number in range(600):
        await client.send(str(number).encode(), ("127.0.0.1", 53))
    received = [(await server.receive())[0] for _ in range(512)]
    assert received[-1] == b"511"


async def test_counters_and_neighbours(world: World) -> None:
    world.network("dev")
    one, two = world.run("one", "dev"), world.run("two", "dev")
    await exchange(one, two, "172.18.0.3")
    eth0, other = one.interfaces()[1], two.interfaces()[1]
    assert (eth0.tx_bytes, eth0.rx_bytes) == (other.rx_bytes, other.tx_bytes)
    assert eth0.tx_packets >= 2
    outer = next(i for i in world.net.host.interfaces() if i.index == eth0.peer_index)
    assert (outer.rx_bytes, outer.tx_bytes) == (eth0.tx_bytes, eth0.rx_bytes)
    [neighbour] = one.neighbours()
    assert (neighbour.address, neighbour.mac, neighbour.interface) == (
        "172.18.0.3",
        "02:42:ac:12:00:03",
        "eth0",
    )
    await two.echo("172.17.0.1")
    assert [n.address for n in two.neighbours()] == ["172.18.0.2", "172.18.0.1"]
    world.stop("two")
    assert one.neighbours() == []


async def test_leaving_a_network_stops_connections_and_answers(
    world: World, clock: ManualClock
) -> None:
    world.network("dev")
    one, two = world.run("one", "dev"), world.run("two", "dev")
    world.join("two", "bridge")
    listener = two.listen("0.0.0.0", 80)
    near = await one.connect("172.18.0.3", 80)
    far = await listener.accept()
    await far.write(b"already there")
    reading = asyncio.create_task(far.read())
    await settle()
    world.leave("two", "dev")
    assert await near.read() == b"already there"
    waiting = asyncio.create_task(near.read())
    await near.write(b"sent later")
    await settle()
    assert not waiting.done()
    assert not reading.done()
    pinging = asyncio.create_task(one.echo("172.18.0.3"))
    await clock.advance(3.1)
    assert await fails(pinging) == errno.EHOSTUNREACH
    assert [s.state for s in two.sockets()] == ["LISTEN", "ESTABLISHED"]
    await far.write(b"also later")
    world.join("two", "dev")
    assert await reading == b"sent later"
    assert await waiting == b"also later"


async def test_a_connection_is_closed_while_the_network_is_away(world: World) -> None:
    world.network("dev")
    one, two = world.run("one", "dev"), world.run("two", "dev")
    listener = two.listen("0.0.0.0", 80)
    near = await one.connect("172.18.0.3", 80)
    far = await listener.accept()
    reading = asyncio.create_task(far.read())
    world.leave("two", "dev")
    await near.write(b"last words")
    near.close()
    assert await fails(near.write(b"x")) == errno.EBADF
    await settle()
    assert not reading.done()
    assert [s.state for s in one.sockets()] == ["FIN_WAIT1"]
    world.join("two", "dev")
    assert await reading == b"last words"
    assert await far.read() == b""
    assert one.sockets() == []


async def test_a_full_window_waits_for_the_network(world: World) -> None:
    world.network("dev")
    one, two = world.run("one", "dev"), world.run("two", "dev")
    listener = two.listen("0.0.0.0", 80)
    near = await one.connect("172.18.0.3", 80)
    far = await listener.accept()
    world.leave("one", "dev")
    writing = asyncio.create_task(near.write(bytes(200_000)))
    await settle()
    assert not writing.done()
    world.join("one", "dev")
    got = 0
    while got < 200_000:
        got += len(await far.read())
    await writing


async def test_stopping_a_container_ends_its_connections(world: World) -> None:
    world.network("dev")
    one, two = world.run("one", "dev"), world.run("two", "dev")
    listener = two.listen("0.0.0.0", 80)
    near = await one.connect("172.18.0.3", 80)
    await listener.accept()
    waiting = await one.connect("172.18.0.3", 80)
    world.stop("two")
    assert await near.read() == b""
    assert await fails(waiting.read()) == errno.ECONNRESET
    assert await fails(listener.accept()) == errno.EBADF


async def test_process_numbers_mean_something_in_one_container_only(world: World) -> None:
    app = world.run("app", "bridge")
    sidecar = world.net.new_sandbox(
        container_id("sidecar"), "container", share_with=container_id("app")
    )
    app.listen("0.0.0.0", 80, owner=1)
    sidecar.listen("0.0.0.0", 81, owner=1)
    assert [s.owner for s in sidecar.sockets()] == [0, 1]
    sidecar.close_owned(1)
    assert [s.local[1] for s in app.sockets()] == [80]
    sidecar.listen("0.0.0.0", 81, owner=2)
    world.stop("sidecar")
    assert [s.local[1] for s in app.sockets()] == [80]


NETWORKS = ("n0", "n1", "n2")
MEMBERS = st.sets(st.sampled_from(NETWORKS), max_size=3)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(MEMBERS, min_size=2, max_size=4))
async def test_reachability_follows_the_networks_and_nothing_else(
    world: World, placement: list[set[str]]
) -> None:
    for name in NETWORKS:
        world.network(name)
    boxes = []
    for number, networks in enumerate(placement):
        box = world.run(f"c{number}", *sorted(networks))
        box.listen("0.0.0.0", 80)
        boxes.append(box)
    fabric = world.net.host.sandbox.fabric
    for one, mine in zip(boxes, placement, strict=True):
        for number, theirs in enumerate(placement):
            for network in theirs:
                address = world.address(f"c{number}", network)
                stack = one.sandbox.stack
                fate = fabric.path(stack, int.from_bytes(map(int, address.split(".")), "big")).fate
                expected = "DELIVERED" if network in mine else "DROPPED" if mine else "NO_ROUTE"
                assert fate.name == expected
                if network in mine:
                    assert (await one.echo(address)).source == address
                    (await one.connect(address, 80)).close()
    for number in range(len(placement)):
        world.stop(f"c{number}")
    for name in NETWORKS:
        world.net.remove(name)
