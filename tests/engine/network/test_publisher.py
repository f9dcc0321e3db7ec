"""Published ports, over real sockets."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from course_lib.engine.errdefs import NotImplementedByEngine, SystemFailure
from course_lib.engine.interfaces import Listener, StreamSocket
from course_lib.engine.network import PortRequest, SandboxHandle
from course_lib.engine.network.model import PublishedPort
from course_lib.engine.network.publisher import _refusal
from tests.engine.conftest import ManualClock
from tests.engine.network.conftest import World, container_id


@contextmanager
def foreign_program(protocol: int = socket.SOCK_STREAM) -> Iterator[int]:
    """Another program that has a port of this machine."""
    with socket.socket(socket.AF_INET, protocol) as sock:
        sock.bind(("127.0.0.1", 0))
        if protocol == socket.SOCK_STREAM:
            sock.listen()
        yield sock.getsockname()[1]


def free_port() -> int:
    with foreign_program() as port:
        return port


def listening(port: int) -> bool:
    """Whether this process does: another engine may have picked a port that was given back."""
    sockets = psutil.Process().net_connections("tcp")
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in sockets)


async def serve(listener: Listener, seen: list[StreamSocket]) -> None:
    """Echo each connection's bytes back until it ends."""

    async def one(stream: StreamSocket) -> None:
        while data := await stream.read():
            await stream.write(data)
        stream.close()

    tasks = set()
    while True:
        stream = await listener.accept()
        seen.append(stream)
        tasks.add(asyncio.create_task(one(stream)))


class Server:
    """An echo server in a container."""

    def __init__(self, handle: SandboxHandle, port: int = 80) -> None:
        self.seen: list[StreamSocket] = []
        self.listener = handle.listen("0.0.0.0", port, owner=1)
        self.task = asyncio.create_task(serve(self.listener, self.seen))


async def echo_through(port: int, message: bytes = b"hello") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(message)
    writer.write_eof()
    data = await reader.read()
    writer.close()
    await writer.wait_closed()
    return data


async def test_a_picked_port_answers(world: World) -> None:
    web = world.run("web", "bridge", ports=[PortRequest(80)])
    server = Server(web)
    [published] = web.published
    assert (published.port, published.protocol, published.host_ip) == (80, "tcp", "0.0.0.0")
    assert await echo_through(published.host_port) == b"hello"
    [stream] = server.seen
    # The program sees its own address, and the bridge's as that of the client.
    assert stream.local == ("172.17.0.2", 80)
    assert stream.peer[0] == "172.17.0.1"


async def test_large_amounts_pass_both_ways(world: World) -> None:
    web = world.run("web", "bridge", ports=[PortRequest(80)])
    server = Server(web)
    reader, writer = await asyncio.open_connection("127.0.0.1", web.published[0].host_port)
    blob = os.urandom(3_000_000)

    async def send() -> None:
        writer.write(blob)
        await writer.drain()
        writer.write_eof()

    sending = asyncio.create_task(send())
    assert await reader.read(-1) == blob
    await sending
    writer.close()
    await writer.wait_closed()
    eth0 = web.interfaces()[1]
    assert eth0.rx_bytes > len(blob)
    assert eth0.tx_bytes > len(blob)
    assert len(server.seen) == 1


async def test_fixed_ports_and_several_of_them(world: World) -> None:
    ports = [free_port(), free_port()]
    requests = [PortRequest(80, host_port=port) for port in ports]
    web = world.run("web", "bridge", ports=requests)
    server = Server(web)
    for port in ports:
        assert await echo_through(port) == b"hello"
    assert [p.host_port for p in web.published] == ports
    assert len(server.seen) == 2


async def test_a_range_gives_the_next_free_port(world: World) -> None:
    request = PortRequest(80, host_port=20100, host_port_end=20103)
    first = world.run("one", "bridge", ports=[request])
    second = world.run("two", "bridge", ports=[request])
    assert second.published[0].host_port == first.published[0].host_port + 1


async def test_a_taken_port_is_refused_in_the_words_of_dockerd(world: World) -> None:
    port = free_port()
    world.run("one", "bridge", ports=[PortRequest(80, host_port=port)])
    two = world.net.new_sandbox(
        container_id("two"), "bridge", ports=[PortRequest(80, host_port=port)]
    )
    events = len(world.events.seen)
    with pytest.raises(SystemFailure) as caught:
        world.join("two", "bridge")
    text = str(caught.value)
    assert text.startswith("driver failed programming external connectivity on endpoint two (")
    assert text.endswith(f"): Bind for 0.0.0.0:{port} failed: port is already allocated")
    # Nothing is left of the attempt.
    assert (two.published, two.endpoints, len(world.events.seen)) == ((), (), events)
    assert len(world.net.get("bridge").info().containers) == 1
    world.stop("one")
    world.join("two", "bridge")
    assert two.published[0].host_port == port


async def test_a_port_of_another_program_is_refused_in_the_words_of_dockerd(world: World) -> None:
    with foreign_program() as port:
        world.net.new_sandbox(
            container_id("web"), "bridge", ports=[PortRequest(80, host_port=port)]
        )
        with pytest.raises(SystemFailure) as caught:
            world.join("web", "bridge")
    assert str(caught.value).endswith(
        f": Error starting userland proxy: listen tcp4 0.0.0.0:{port}: bind: address already in use"
    )


async def test_all_ports_or_none(world: World) -> None:
    with foreign_program() as taken:
        good = free_port()
        requests = [PortRequest(80, host_port=good), PortRequest(80, host_port=taken)]
        world.net.new_sandbox(container_id("web"), "bridge", ports=requests)
        with pytest.raises(SystemFailure):
            world.join("web", "bridge")
    with pytest.raises(ConnectionRefusedError):
        await echo_through(good)
    world.run("other", "bridge", ports=[PortRequest(80, host_port=good)])


async def test_a_picked_port_is_never_one_of_another_program(world: World) -> None:
    first = world.run("one", "bridge", ports=[PortRequest(80)])
    following = first.published[0].host_port + 1
    with socket.socket() as foreign:
        foreign.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # somebody has it already: just as well
            foreign.bind(("127.0.0.1", following))
            foreign.listen()
        second = world.run("two", "bridge", ports=[PortRequest(80)])
    assert second.published[0].host_port > following


@pytest.mark.parametrize(
    ("host_ip", "shown"),
    [("10.99.1.1", "tcp4 10.99.1.1:20200"), ("fd00::7", "tcp6 [fd00::7]:20200")],
)
async def test_other_host_addresses_are_refused_clearly(
    world: World, host_ip: str, shown: str
) -> None:
    request = PortRequest(80, host_ip=host_ip, host_port=20200)
    world.net.new_sandbox(container_id("web"), "bridge", ports=[request])
    with pytest.raises(SystemFailure) as caught:
        world.join("web", "bridge")
    assert str(caught.value).endswith(
        f"Error starting userland proxy: listen {shown}: bind: cannot assign requested address "
        "(the embedded engine publishes ports on loopback addresses only)"
    )


async def test_other_protocols_are_refused_clearly(world: World) -> None:
    world.net.new_sandbox(container_id("web"), "bridge", ports=[PortRequest(80, "sctp")])
    with pytest.raises(SystemFailure, match="protocol sctp is not supported by the embedded"):
        world.join("web", "bridge")
    assert "sctp" in str(NotImplementedByEngine("sctp"))


def test_privileged_ports_say_what_to_do() -> None:
    published = PublishedPort(80, "tcp", "0.0.0.0", 80)
    text = str(_refusal(published, PermissionError(errno.EACCES, "Permission denied")))
    setting = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    first = int(setting.read_text()) if setting.exists() else 1024
    assert text == (
        "Error starting userland proxy: error while calling PortManager.AddPort(): cannot expose "
        "privileged port 80, you can add 'net.ipv4.ip_unprivileged_port_start=80' to "
        f"/etc/sysctl.conf (currently {first}), or choose a larger port number (>= {first}): "
        "listen tcp4 0.0.0.0:80: bind: permission denied "
        "(the embedded engine runs without privilege)"
    )


async def test_loopback_only_ports(world: World) -> None:
    port = free_port()
    web = world.run("web", "bridge", ports=[PortRequest(80, host_ip="127.0.0.1", host_port=port)])
    Server(web)
    assert await echo_through(port) == b"hello"
    other = world.run("other", "bridge")
    with pytest.raises(ConnectionRefusedError):
        await other.connect("172.17.0.1", port)


async def test_network_option_sets_the_address(world: World) -> None:
    world.network("dev", options={"com.docker.network.bridge.host_binding_ipv4": "127.0.0.1"})
    web = world.run("web", "dev", ports=[PortRequest(80)])
    assert web.published[0].host_ip == "127.0.0.1"


async def test_nobody_listens_in_the_container(world: World) -> None:
    web = world.run("web", "bridge", ports=[PortRequest(80)])
    with pytest.raises(ConnectionResetError):
        await echo_through(web.published[0].host_port)


async def test_stopping_closes_the_port(world: World) -> None:
    web = world.run("web", "bridge", ports=[PortRequest(80)])
    Server(web)
    port = web.published[0].host_port
    assert listening(port)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"x")
    assert await reader.read(1) == b"x"
    world.stop("web")
    assert await reader.read() == b""
    writer.close()
    assert not listening(port)


async def test_five_hundred_connections_at_once(world: World) -> None:
    web = world.run("web", "bridge", ports=[PortRequest(80)])
    server = Server(web)
    port = web.published[0].host_port
    streams = await asyncio.gather(
        *(asyncio.open_connection("127.0.0.1", port) for _ in range(500))
    )
    for _, writer in streams:
        writer.write(b"hello")
    for reader, writer in streams:
        assert await reader.readexactly(5) == b"hello"
        writer.close()
    assert len(server.seen) == 500


async def test_containers_reach_published_ports_by_the_address_of_the_host(world: World) -> None:
    world.network("dev")
    web = world.run("web", "bridge", ports=[PortRequest(80)])
    server = Server(web)
    port = web.published[0].host_port
    callers = [
        (world.run("neighbour", "bridge"), "172.17.0.1"),
        (world.run("stranger", "dev"), "172.18.0.1"),
        (world.run("view", "host"), "127.0.0.1"),
        (web, "172.17.0.1"),
    ]
    for caller, address in callers:
        stream = await caller.connect(address, port, owner=5)
        assert stream.peer == (address, port)
        await stream.write(b"hello")
        assert await stream.read() == b"hello"
        stream.close()
    assert {stream.peer[0] for stream in server.seen} == {"172.17.0.1"}


async def test_ports_move_with_the_gateway_network(world: World) -> None:
    world.network("zeta")
    world.network("alpha")
    web = world.run("web", "zeta", ports=[PortRequest(80)])
    server = Server(web)
    first = web.published[0].host_port
    world.join("web", "alpha")
    second = web.published[0].host_port
    assert second > first
    assert await echo_through(second) == b"hello"
    assert server.seen[0].local[0] == world.address("web", "alpha")
    world.leave("web", "alpha")
    third = web.published[0].host_port
    assert third > second
    assert await echo_through(third) == b"hello"
    world.leave("web", "zeta")
    assert web.published == ()
    assert not listening(third)


async def test_internal_networks_publish_nothing(world: World) -> None:
    world.network("inner", internal=True)
    world.network("outer")
    web = world.run("web", "inner", ports=[PortRequest(80)])
    assert web.published == ()
    world.join("web", "outer")
    assert len(web.published) == 1


async def test_publish_and_unpublish_while_it_runs(world: World) -> None:
    web = world.run("web", "bridge")
    Server(web)
    [published] = world.net.publish(web, [PortRequest(80)])
    assert await echo_through(published.host_port) == b"hello"
    world.net.unpublish(web)
    assert web.published == ()
    assert not listening(published.host_port)


async def test_udp_ports(world: World, clock: ManualClock) -> None:
    dns = world.run("dns", "bridge", ports=[PortRequest(53, "udp")])
    server = dns.bind_udp("0.0.0.0", 53)
    port = dns.published[0].host_port
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        for word in (b"one", b"two"):
            client.sendto(word, ("127.0.0.1", port))
            data, source = await server.receive()
            assert (data, source[0]) == (word, "172.17.0.1")
            await server.send(data.upper(), source)
            assert await loop.sock_recv(client, 100) == word.upper()
        # A client that was silent for long is forgotten.
        await clock.advance(100)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"three", ("127.0.0.1", port))
            assert (await server.receive())[1] != source
    inside = world.run("inside", "bridge").bind_udp("0.0.0.0", 0)
    await inside.send(b"four", ("172.17.0.1", port))
    data, source = await server.receive()
    await server.send(b"FOUR", source)
    assert await inside.receive() == (b"FOUR", ("172.17.0.1", port))


async def test_udp_port_of_another_program(world: World) -> None:
    with foreign_program(socket.SOCK_DGRAM) as port:
        world.net.new_sandbox(
            container_id("dns"), "bridge", ports=[PortRequest(53, "udp", host_port=port)]
        )
        with pytest.raises(SystemFailure, match=rf"listen udp4 0\.0\.0\.0:{port}: bind: address"):
            world.join("dns", "bridge")


async def test_leaving_the_network_resets_connections_from_outside(world: World) -> None:
    web = world.run("web", "bridge", ports=[PortRequest(80)])
    listener = web.listen("0.0.0.0", 80)
    reader, writer = await asyncio.open_connection("127.0.0.1", web.published[0].host_port)
    writer.write(b"x")
    stream = await listener.accept()
    assert await stream.read() == b"x"
    world.leave("web", "bridge")
    with pytest.raises(ConnectionResetError):
        await stream.read()
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
