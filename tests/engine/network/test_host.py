"""The host's namespace: what containers in host mode listen on is real."""

from __future__ import annotations

import asyncio
import errno
import socket

import pytest

from tests.engine.network.conftest import World
from tests.engine.network.test_publisher import echo_through, foreign_program, free_port, serve


async def test_host_mode_listens_on_the_real_host(world: World) -> None:
    view = world.run("view", "host")
    port = free_port()
    listener = view.listen("0.0.0.0", port, owner=1)
    task = asyncio.create_task(serve(listener, []))
    assert await echo_through(port) == b"hello"
    # And inside the emulated world: from the host and from containers by the gateway.
    for caller, address in ((view, "127.0.0.1"), (world.run("box", "bridge"), "172.17.0.1")):
        stream = await caller.connect(address, port)
        await stream.write(b"hello")
        assert await stream.read() == b"hello"
        stream.close()
    world.stop("view")
    with pytest.raises(ConnectionRefusedError):
        await echo_through(port)
    task.cancel()


async def test_a_port_of_another_program_is_in_use(world: World) -> None:
    view = world.run("view", "host")
    with foreign_program() as port:
        with pytest.raises(OSError, match="Address already in use"):
            view.listen("0.0.0.0", port)
        assert view.sockets() == []
    with foreign_program(socket.SOCK_DGRAM) as port:
        with pytest.raises(OSError, match="Address already in use"):
            view.bind_udp("0.0.0.0", port)
        assert view.sockets() == []


async def test_two_containers_in_host_mode_share_the_ports(world: World) -> None:
    port = free_port()
    world.run("one", "host").listen("0.0.0.0", port)
    with pytest.raises(OSError, match="Address already in use"):
        world.run("two", "host").listen("0.0.0.0", port)


async def test_without_the_right_to_bind_only_the_emulated_host_is_reached(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    view = world.run("view", "host")
    listener = view.listen("0.0.0.0", 80)
    stream = await world.run("box", "bridge").connect("172.17.0.1", 80)
    assert (await listener.accept()).peer == stream.local


async def test_host_mode_reaches_programs_of_the_real_host(world: World) -> None:
    view = world.run("view", "host")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        stream = await view.connect("127.0.0.1", server.getsockname()[1], owner=3)
        assert [s.owner for s in view.sockets()] == [3]
        real, _ = server.accept()
        real.sendall(b"real")
        assert await stream.read() == b"real"
        real.close()
        stream.close()
    with pytest.raises(ConnectionRefusedError):
        await view.connect("127.0.0.1", free_port())


async def test_containers_do_not_reach_programs_of_the_real_host(world: World) -> None:
    box = world.run("box", "bridge")
    with foreign_program() as port:
        for address in ("127.0.0.1", "172.17.0.1", "10.0.2.15"):
            with pytest.raises(ConnectionRefusedError):
                await box.connect(address, port)


async def test_host_mode_udp_is_real(world: World) -> None:
    view = world.run("view", "host")
    port = free_port()
    server = view.bind_udp("0.0.0.0", port)
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind(("127.0.0.1", 0))
        client.setblocking(False)
        client.sendto(b"question", ("127.0.0.1", port))
        data, source = await server.receive()
        assert (data, source) == (b"question", client.getsockname())
        await server.send(b"answer", source)
        assert await loop.sock_recv(client, 100) == b"answer"
    server.close()


async def test_host_mode_process_ends(world: World) -> None:
    view = world.run("view", "host")
    port = free_port()
    view.listen("127.0.0.1", port, owner=4)
    view.close_owned(4)
    assert view.sockets() == []
    with pytest.raises(ConnectionRefusedError):
        await echo_through(port)
