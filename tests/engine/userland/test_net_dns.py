"""Programs that ask DNS servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.userland.net_world import Node, World

HEAD = "Server:\t\t127.0.0.11\nAddress:\t127.0.0.11:53\n\n"


@pytest.fixture
async def box(tmp_path: Path) -> Node:
    world = World()
    world.names["es"] = ["172.18.0.2", "172.18.0.5"]
    world.pointers["2.0.18.172.in-addr.arpa"] = "es-1.prod."
    return Node(world, tmp_path / "box")


async def test_nslookup_of_a_name(box: Node) -> None:
    code, out, err = await box.run("nslookup", "es")
    assert (code, err) == (0, "")
    assert out == (
        f"{HEAD}Non-authoritative answer:\nName:\tes\nAddress: 172.18.0.2\n"
        "Name:\tes\nAddress: 172.18.0.5\n\nNon-authoritative answer:\n\n"
    )


async def test_nslookup_of_one_type(box: Node) -> None:
    _, out, _ = await box.run("nslookup", "-type=a", "es", "127.0.0.11")
    assert out.count("Non-authoritative answer:") == 1
    code, _, err = await box.run("nslookup", "-type=foo", "es")
    assert (code, err) == (1, 'nslookup: invalid query type "foo"\n')


async def test_nslookup_of_an_unknown_name(box: Node) -> None:
    code, out, _ = await box.run("nslookup", "nosuch")
    line = "** server can't find nosuch: NXDOMAIN\n\n"
    assert (code, out) == (1, f"{HEAD}{line}{line}")


async def test_nslookup_backwards(box: Node) -> None:
    code, out, _ = await box.run("nslookup", "172.18.0.2")
    assert code == 0
    assert out == (
        f"{HEAD}Non-authoritative answer:\n2.0.18.172.in-addr.arpa\tname = es-1.prod\n\n"
    )
    code, out, _ = await box.run("nslookup", "172.18.0.9")
    assert (code, out) == (1, f"{HEAD}** server can't find 9.0.18.172.in-addr.arpa: NXDOMAIN\n\n")


async def test_nslookup_with_a_silent_server(box: Node) -> None:
    code, out, _ = await box.run("nslookup", "es", "9.9.9.9")
    assert (code, out) == (1, ";; connection timed out; no servers could be reached\n\n")
    code, _, err = await box.run("nslookup", "es", "nosuch")
    assert (code, err) == (1, "nslookup: bad address 'nosuch'\n")


async def test_nslookup_usage(box: Node) -> None:
    for words in ([], ["a", "b", "c"], ["-x", "a"]):
        code, _, err = await box.run("nslookup", *words)
        assert code == 1
        assert "Usage: nslookup [-type=QUERY_TYPE]" in err


async def test_getent(box: Node) -> None:
    code, out, _ = await box.run("getent", "hosts", "es")
    assert (code, out) == (0, "172.18.0.2        es\n172.18.0.5        es\n")
    assert await box.run("getent", "hosts", "nosuch") == (2, "", "")
    _, out, _ = await box.run("getent", "hosts", "172.18.0.2")
    assert out == "172.18.0.2        es-1.prod\n"
    _, out, _ = await box.run("getent", "ahostsv4", "es")
    assert out.splitlines()[0] == "172.18.0.2      STREAM es"
    assert out.count("es") == 1
    _, out, _ = await box.run("getent", "passwd", "root")
    assert out.startswith("root:x:0:0:")
    _, out, _ = await box.run("getent", "group", "0")
    assert out.startswith("root:x:0:")
    assert await box.run("getent", "passwd", "nosuch") == (2, "", "")
    assert (await box.run("getent", "foo"))[0] == 1


@pytest.fixture
async def equipped(box: Node) -> Node:
    code, _, err = await box.run("apk", "add", "-q", "drill", "bind-tools")
    assert (code, err) == (0, "")
    return box


async def test_drill_backwards(equipped: Node) -> None:
    code, out, _ = await equipped.run("drill", "-t", "ptr", "2.0.18.172.in-addr.arpa")
    assert code == 0
    assert ";; ->>HEADER<<- opcode: QUERY, rcode: NOERROR, id: " in out
    assert "2.0.18.172.in-addr.arpa.\t600\tIN\tPTR\tes-1.prod.\n" in out
    _, out, _ = await equipped.run("drill", "-Q", "-x", "172.18.0.2")
    assert out == "es-1.prod.\n"
    _, out, _ = await equipped.run("drill", "nosuch")
    assert "rcode: NXDOMAIN" in out


async def test_dig(equipped: Node) -> None:
    code, out, _ = await equipped.run("dig", "+short", "es")
    assert (code, out) == (0, "172.18.0.2\n172.18.0.5\n")
    _, out, _ = await equipped.run("dig", "es")
    assert "status: NOERROR" in out
    assert ";; ANSWER SECTION:\nes.\t\t\t600\tIN\tA\t172.18.0.2\n" in out
    _, out, _ = await equipped.run("dig", "+noall", "+answer", "es")
    assert [line for line in out.splitlines() if line and not line.startswith(";")] == [
        "es.\t\t\t600\tIN\tA\t172.18.0.2",
        "es.\t\t\t600\tIN\tA\t172.18.0.5",
    ]
    _, out, _ = await equipped.run("dig", "-x", "172.18.0.2", "+short")
    assert out == "es-1.prod.\n"
    code, out, _ = await equipped.run("dig", "@9.9.9.9", "es")
    assert code == 9
    assert "no servers could be reached" in out


async def test_host(equipped: Node) -> None:
    _, out, _ = await equipped.run("host", "es")
    assert out == "es has address 172.18.0.2\nes has address 172.18.0.5\n"
    _, out, _ = await equipped.run("host", "172.18.0.2")
    assert out == "2.0.18.172.in-addr.arpa domain name pointer es-1.prod.\n"
    code, out, _ = await equipped.run("host", "nosuch")
    assert (code, out) == (1, "Host nosuch not found: 3(NXDOMAIN)\n")
