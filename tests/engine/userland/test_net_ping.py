"""ping in its two forms."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.engine.conftest import ManualClock
from tests.engine.userland.net_world import Node, World, until


@pytest.fixture
def world() -> World:
    world = World()
    world.names["es"] = ["172.18.0.2"]
    world.addresses.add("172.18.0.2")
    world.names["far"] = ["172.19.0.2"]
    world.silent.add("172.19.0.2")
    return world


@pytest.fixture
async def box(world: World, tmp_path: Path, clock: ManualClock) -> Node:
    return Node(world, tmp_path / "box", clock=clock)


@pytest.fixture
async def centos(world: World, tmp_path: Path, clock: ManualClock) -> Node:
    files = {"/usr/bin/ping": "#!embedded ping-iputils\n"}
    node = Node(world, tmp_path / "centos", "centos", clock=clock, files=files)
    node.fs.chmod("/usr/bin/ping", 0o755)
    return node


async def test_two_answers(box: Node, clock: ManualClock) -> None:
    running = await box.start("ping", "-c", "2", "es")
    await clock.advance(1.0)
    assert await running.finish() == (
        0,
        "PING es (172.18.0.2): 56 data bytes\n"
        "64 bytes from 172.18.0.2: seq=0 ttl=64 time=0.221 ms\n"
        "64 bytes from 172.18.0.2: seq=1 ttl=64 time=0.221 ms\n"
        "\n--- es ping statistics ---\n"
        "2 packets transmitted, 2 packets received, 0% packet loss\n"
        "round-trip min/avg/max = 0.221/0.221/0.221 ms\n",
        "",
    )


async def test_quiet_and_size(box: Node) -> None:
    code, out, _ = await box.run("ping", "-qc1", "-s", "8", "es")
    assert code == 0
    assert out.startswith("PING es (172.18.0.2): 8 data bytes\n\n--- es ping statistics ---\n")
    code, out, _ = await box.run("ping", "-c1", "-s", "0", "es")
    assert "8 bytes from 172.18.0.2: seq=0 ttl=64\n" in out
    assert "round-trip" not in out


async def test_a_bad_address(box: Node) -> None:
    assert await box.run("ping", "nosuch") == (1, "", "ping: bad address 'nosuch'\n")
    assert await box.run("ping", "-6", "es") == (1, "", "ping: bad address 'es'\n")


async def test_silence_until_the_wait_is_over(box: Node, clock: ManualClock) -> None:
    running = await box.start("ping", "-c", "1", "-W", "2", "far")
    await clock.advance(1.9)
    assert running.out == "PING far (172.19.0.2): 56 data bytes\n"
    await clock.advance(0.2)
    code, out, err = await running.finish()
    assert (code, err) == (1, "")
    assert out.endswith(
        "\n--- far ping statistics ---\n1 packets transmitted, 0 packets received, "
        "100% packet loss\n"
    )


async def test_a_neighbour_that_is_not_there_is_silence_too(box: Node, clock: ManualClock) -> None:
    running = await box.start("ping", "-c", "1", "-W", "1", "172.18.0.99")
    await clock.advance(1.1)
    code, out, err = await running.finish()
    assert (code, err) == (1, "")
    assert "100% packet loss" in out


async def test_no_route(box: Node) -> None:
    code, out, err = await box.run("ping", "-c1", "10.1.1.1")
    assert code == 1
    assert out == "PING 10.1.1.1 (10.1.1.1): 56 data bytes\n"
    assert err == "ping: sendto: Network unreachable\n"


async def test_an_interrupt_shows_the_statistics(box: Node, clock: ManualClock) -> None:
    running = await box.start("ping", "es")
    await clock.advance(2.5)
    running.process.kill(signal.SIGINT)
    code, out, _ = await running.finish()
    assert code == 0
    assert out.count("64 bytes from") == 3
    assert "3 packets transmitted, 3 packets received, 0% packet loss\n" in out


async def test_a_deadline_ends_an_endless_ping(box: Node, clock: ManualClock) -> None:
    running = await box.start("ping", "-w", "3", "-i", "0.5", "es")
    await clock.advance(3.0)
    code, out, _ = await running.finish()
    assert code == 0
    assert out.count("64 bytes from") in {6, 7}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-z", "es"], "ping: invalid option -- 'z'"),
        (["-c"], "ping: option requires an argument -- 'c'"),
        (["-c", "x", "es"], "ping: invalid number 'x'"),
        (["-i", "-1", "es"], "ping: invalid number '-1'"),
        (["-s", "70000", "es"], "ping: number 70000 is not in 0..65535 range"),
        (["-I", "wlan0", "es"], "ping: bad address 'wlan0'"),
        (["-I", "9.9.9.9", "es"], "ping: bind: Address not available"),
    ],
)
async def test_words_that_make_no_sense(box: Node, words: list[str], message: str) -> None:
    code, out, err = await box.run("ping", *words)
    assert code == 1
    assert out == ""
    assert err.splitlines()[0] == message


@pytest.mark.parametrize("words", [[], ["a", "b"]])
async def test_usage(box: Node, words: list[str]) -> None:
    code, _, err = await box.run("ping", *words)
    assert code == 1
    assert err.startswith("BusyBox v1.36")
    assert "Usage: ping [OPTIONS] HOST\n" in err


async def test_a_pipe_that_nobody_reads_ends_it(box: Node, clock: ManualClock) -> None:
    from course_lib.engine.interfaces import ProcessSpec
    from course_lib.engine.userland.files import NullFile
    from course_lib.engine.userland.pipe import pipe

    reader, writer = pipe()
    process = await box.machine.start(
        ProcessSpec(("ping", "es"), ("PATH=/bin",)), NullFile(), writer, NullFile()
    )
    assert await reader.read() == b"PING es (172.18.0.2): 56 data bytes\n"
    reader.close()
    await clock.advance(1.0)
    await until(lambda: process.exit_code is not None)


async def test_iputils_format(centos: Node, clock: ManualClock) -> None:
    centos.world.pointers["2.0.18.172.in-addr.arpa"] = "es.dev."
    running = await centos.start("ping", "-c", "2", "es")
    await clock.advance(1.0)
    code, out, _ = await running.finish()
    assert code == 0
    assert out == (
        "PING es (172.18.0.2) 56(84) bytes of data.\n"
        "64 bytes from es.dev (172.18.0.2): icmp_seq=1 ttl=64 time=0.221 ms\n"
        "64 bytes from es.dev (172.18.0.2): icmp_seq=2 ttl=64 time=0.221 ms\n"
        "\n--- es ping statistics ---\n"
        "2 packets transmitted, 2 received, 0% packet loss, time 1000ms\n"
        "rtt min/avg/max/mdev = 0.221/0.221/0.221/0.000 ms\n"
    )


async def test_iputils_troubles(centos: Node) -> None:
    assert await centos.run("ping", "nosuch") == (
        2,
        "",
        "ping: nosuch: Name or service not known\n",
    )
    code, out, _ = await centos.run("ping", "-c1", "172.18.0.99")
    assert code == 1
    assert "From 172.18.0.3 icmp_seq=1 Destination Host Unreachable\n" in out
    assert "1 packets transmitted, 0 received, +1 errors, 100% packet loss" in out
    code, _, err = await centos.run("ping", "-c1", "10.1.1.1")
    assert (code, err) == (2, "connect: Network is unreachable\n")
    centos.world.dead_dns = True
    _, _, err = await centos.run("ping", "es")
    assert err == "ping: es: Temporary failure in name resolution\n"
