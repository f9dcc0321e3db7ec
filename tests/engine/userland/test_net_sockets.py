"""nc, telnet, traceroute, arping."""

from __future__ import annotations

from pathlib import Path

import pytest

from course_lib.engine.userland.pipe import pipe
from tests.engine.userland.net_world import Node, World, until


@pytest.fixture
async def box(tmp_path: Path) -> Node:
    return Node(World(), tmp_path / "box")


@pytest.fixture
async def other(box: Node, tmp_path: Path) -> Node:
    return Node(box.world, tmp_path / "other", name="other", address="172.18.0.2")


async def listening(node: Node, port: int) -> None:
    await until(lambda: (node.net.address, port) in node.world.listeners)


async def test_nc_carries_bytes_both_ways(box: Node, other: Node) -> None:
    reader, writer = pipe()
    server = await other.start("nc", "-l", "-p", "7000", stdin=reader)
    await listening(other, 7000)
    await writer.write(b"hello from the server\n")
    client = await box.start("nc", "other", "7000", stdin=b"hello from the client\n")
    await until(lambda: client.out and server.out)
    writer.close()
    assert client.out == "hello from the server\n"
    assert server.out == "hello from the client\n"
    assert (await client.finish())[0] == 0
    assert (await server.finish())[0] == 0


async def test_nc_scans(box: Node, other: Node) -> None:
    server = await other.start("nc", "-l", "-p", "7000")
    await listening(other, 7000)
    assert await box.run("nc", "-z", "other", "7000") == (0, "", "")
    assert await box.run("nc", "-z", "other", "7001") == (1, "", "")
    code, _, err = await box.run("nc", "-zv", "other", "7001")
    assert (code, err) == (1, "nc: other (172.18.0.2:7001): Connection refused\n")
    await server.finish()


async def test_nc_runs_a_program_for_the_client(box: Node, other: Node) -> None:
    server = await other.start("nc", "-l", "-p", "7000", "-e", "cat")
    await listening(other, 7000)
    code, out, _ = await box.run("nc", "other", "7000", stdin=b"echoed\n")
    assert (code, out) == (0, "echoed\n")
    assert (await server.finish())[0] == 0


async def test_nc_by_datagrams(box: Node, other: Node) -> None:
    server = await other.start("nc", "-u", "-l", "-p", "7000")
    await until(lambda: ("172.18.0.2", 7000) in box.world.datagrams)
    client = await box.start("nc", "-u", "-w", "1", "other", "7000", stdin=b"datagram\n")
    await until(lambda: server.out)
    assert server.out == "datagram\n"
    server.process.kill(9)
    client.process.kill(9)
    await client.finish()
    await server.finish()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("nosuch 80", "nc: bad address 'nosuch'"),
        ("other 81", "nc: other (172.18.0.2:81): Connection refused"),
        ("other foo", "nc: bad port 'foo'"),
        ("-w x other 80", "nc: invalid number 'x'"),
    ],
)
async def test_nc_fails(box: Node, other: Node, words: str, message: str) -> None:
    assert await box.run("nc", *words.split()) == (1, "", f"{message}\n")


async def test_nc_on_a_taken_port(box: Node) -> None:
    first = await box.start("nc", "-l", "-p", "7000")
    await listening(box, 7000)
    second = await box.start("nc", "-l", "-p", "7000", first=False)
    assert await second.finish() == (1, "", "nc: bind: Address in use\n")
    first.process.kill(9)
    await first.finish()


async def test_nc_gives_up(box: Node) -> None:
    box.world.silent.add("172.18.0.77")
    code, _, err = await box.run("nc", "-w", "1", "172.18.0.77", "80")
    assert (code, err) == (1, "nc: timed out\n")


async def test_telnet_talks_lines(box: Node, other: Node) -> None:
    server = await other.start("nc", "-l", "-p", "6379", stdin=b"+PONG\r\n")
    await listening(other, 6379)
    reader, writer = pipe()
    client = await box.start("telnet", "other", "6379", stdin=reader)
    await writer.write(b"PING\n")
    await until(lambda: "PONG" in client.out and server.out)
    assert server.out == "PING\r\n"
    assert client.out == "Connected to other\n+PONG\r\n"
    server.process.kill(9)
    await server.finish()
    code, _, err = await client.finish()
    assert (code, err) == (1, "Connection closed by foreign host\n")
    writer.close()


def test_telnet_refuses_every_option() -> None:
    from course_lib.engine.userland.applets.net_telnet import _TelnetFilter

    telnet = _TelnetFilter()
    assert telnet.feed(b"a\xff\xfd\x01b") == (b"ab", b"\xff\xfc\x01")
    assert telnet.feed(b"\xff\xfb\x03") == (b"", b"\xff\xfe\x03")
    assert telnet.feed(b"x\xff") == (b"x", b"")
    assert telnet.feed(b"\xfe\x01y") == (b"y", b"")
    assert telnet.feed(b"\xff\xff\xff\xf1z") == (b"\xffz", b"")
    assert telnet.feed(b"\xff\xfa\x18\x01") == (b"", b"")
    assert telnet.feed(b"\xff\xf0!") == (b"!", b"")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("nosuch", "telnet: bad address 'nosuch'"),
        ("other 81", "telnet: can't connect to remote host (172.18.0.2): Connection refused"),
        ("other foo", "telnet: bad port 'foo'"),
    ],
)
async def test_telnet_fails(box: Node, other: Node, words: str, message: str) -> None:
    assert await box.run("telnet", *words.split()) == (1, "", f"{message}\n")


async def test_traceroute(box: Node, other: Node) -> None:
    code, out, _ = await box.run("traceroute", "-q", "1", "other")
    assert code == 0
    assert out == (
        "traceroute to other (172.18.0.2), 30 hops max, 46 byte packets\n"
        " 1  other.dev (172.18.0.2)  0.221 ms\n"
    )
    _, out, _ = await box.run("traceroute", "-n", "-q", "2", "other")
    assert out.splitlines()[1] == " 1  172.18.0.2  0.221 ms  0.221 ms"
    assert (await box.run("traceroute", "nosuch"))[2] == "traceroute: bad address 'nosuch'\n"


async def test_arping(box: Node, other: Node) -> None:
    assert await box.run("arping", "-c", "1", "other") == (
        0,
        "ARPING 172.18.0.2 from 172.18.0.3 eth0\n"
        "Unicast reply from 172.18.0.2 [02:42:ac:12:00:02] 0.221ms\n"
        "Sent 1 probe(s) (1 broadcast(s))\n"
        "Received 1 response(s) (0 request(s), 0 broadcast(s))\n",
        "",
    )
    code, out, _ = await box.run("arping", "-c", "1", "172.18.0.88")
    assert code == 1
    assert "Received 0 response(s)" in out
    code, _, err = await box.run("arping", "-I", "eth7", "other")
    assert (code, err) == (1, "arping: interface eth7 not found: No such device\n")


@pytest.mark.parametrize(
    "words", ["nc", "nc -Q a 1", "telnet", "traceroute", "arping", "arping -z"]
)
async def test_usage(box: Node, words: str) -> None:
    code, _, err = await box.run(*words.split())
    assert code == 1
    assert f"Usage: {words.split(maxsplit=1)[0]} " in err
