"""Names to addresses, as a container's C library does it."""

from __future__ import annotations

from pathlib import Path

import pytest

from course_lib.engine.interfaces import Process
from course_lib.engine.userland import libc
from tests.engine.userland.net_world import Node, World


@pytest.fixture
async def box(tmp_path: Path) -> Node:
    world = World()
    node = Node(world, tmp_path / "box")
    world.names["es"] = ["172.18.0.2"]
    world.names["two.example"] = ["172.18.0.4", "172.18.0.5"]
    return node


async def process(node: Node) -> Process:
    return (await node.start("sleep", "1000")).process


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("172.18.0.2", "172.18.0.2"),
        ("127.1", "127.0.0.1"),
        ("1.2.3", "1.2.0.3"),
        ("2130706433", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("300.1.1.1", None),
        ("1.2.3.4.5", None),
        ("1.2.3.", None),
        ("", None),
        ("es", None),
    ],
)
def test_literal_addresses(text: str, address: str | None) -> None:
    assert libc.parse_address(text) == address


async def test_a_name_of_the_network(box: Node) -> None:
    proc = await process(box)
    assert await libc.getaddrinfo(proc, "es") == ["172.18.0.2"]
    assert await libc.getaddrinfo(proc, "ES") == ["172.18.0.2"]
    assert await libc.getaddrinfo(proc, "two.example.") == ["172.18.0.4", "172.18.0.5"]


async def test_the_hosts_file_comes_first(box: Node) -> None:
    box.fs.write_bytes("/etc/hosts", b"9.9.9.9 es # by hand\n::1 es\n")
    proc = await process(box)
    assert await libc.getaddrinfo(proc, "es") == ["9.9.9.9", "::1"]
    assert await libc.getaddrinfo(proc, "es", "inet6") == ["::1"]
    assert await libc.getnameinfo(proc, "9.9.9.9") == "es"


@pytest.mark.parametrize("name", ["nosuch", "a..b", "-a", "a" * 64, "", ".", "300.1.1.1", "a b"])
async def test_names_that_there_are_not(box: Node, name: str) -> None:
    with pytest.raises(libc.ResolveError) as caught:
        await libc.getaddrinfo(await process(box), name)
    assert not caught.value.temporary


async def test_nobody_answers(box: Node) -> None:
    box.world.dead_dns = True
    with pytest.raises(libc.ResolveError) as caught:
        await libc.getaddrinfo(await process(box), "es")
    assert caught.value.temporary


async def test_a_name_without_an_address_of_that_family(box: Node) -> None:
    with pytest.raises(libc.ResolveError):
        await libc.getaddrinfo(await process(box), "es", "inet6")


async def test_the_search_list_applies_below_ndots(box: Node) -> None:
    box.fs.write_bytes(
        "/etc/resolv.conf", b"search example\nnameserver 127.0.0.11\noptions ndots:1\n"
    )
    proc = await process(box)
    assert await libc.getaddrinfo(proc, "two") == ["172.18.0.4", "172.18.0.5"]
    with pytest.raises(libc.ResolveError):
        await libc.getaddrinfo(proc, "two.")
    box.fs.write_bytes(
        "/etc/resolv.conf", b"search example\nnameserver 127.0.0.11\noptions ndots:0\n"
    )
    with pytest.raises(libc.ResolveError):
        await libc.getaddrinfo(proc, "two")


async def test_the_next_server_is_asked_when_one_is_silent(box: Node) -> None:
    box.fs.write_bytes("/etc/resolv.conf", b"nameserver 9.9.9.9\nnameserver 127.0.0.11\n")
    assert await libc.getaddrinfo(await process(box), "es") == ["172.18.0.2"]


async def test_without_resolv_conf_the_container_asks_itself(box: Node) -> None:
    box.fs.unlink("/etc/resolv.conf")
    assert libc.resolv_conf(box.fs) == libc.ResolvConf(("127.0.0.1",), (), 1)


async def test_names_of_addresses(box: Node) -> None:
    proc = await process(box)
    assert await libc.getnameinfo(proc, "172.18.0.3") == "box"
    box.world.pointers["2.0.18.172.in-addr.arpa"] = "es.dev."
    assert await libc.getnameinfo(proc, "172.18.0.2") == "es.dev"
    assert await libc.getnameinfo(proc, "8.8.8.8") is None


async def test_ports_by_name(box: Node) -> None:
    proc = await process(box)
    assert libc.port_number(proc, "80") == 80
    assert libc.port_number(proc, "http") == 80
    assert libc.port_number(proc, "65536") is None
    assert libc.port_number(proc, "nosuch") is None
    box.fs.write_bytes("/etc/services", b"mine 1234/tcp alias\n")
    assert libc.port_number(proc, "alias") == 1234
    assert libc.service_name(proc, 1234) == "mine"
