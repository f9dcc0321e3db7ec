from __future__ import annotations

import asyncio

import pytest

from course_lib.engine.interfaces import DnsAnswer
from course_lib.engine.network import DnsConfig, SandboxHandle
from tests.engine.conftest import ManualClock
from tests.engine.network.conftest import World, container_id, more_hostname


async def resolve(handle: SandboxHandle, name: str) -> list[str]:
    answer = await handle.query(name, "A")
    assert answer.rcode == "NOERROR", answer
    return sorted(record.value for record in answer.records)


async def rcode(handle: SandboxHandle, name: str, rtype: str = "A") -> str:
    return (await handle.query(name, rtype)).rcode


async def test_names_aliases_ids_and_host_names(world: World) -> None:
    world.network("dev")
    probe = world.run("probe", "dev")
    world.run("es", "dev", aliases=["search", "Elastic"])
    world.net.new_sandbox(container_id("named"), "dev", hostname="special")
    for name in ("es", "ES", "es.", "search", "elastic", "es.dev", more_hostname("es")):
        assert await resolve(probe, name) == ["172.18.0.3"]
    assert await resolve(probe, "probe") == ["172.18.0.2"]


async def test_answers_are_records(world: World) -> None:
    world.network("dev")
    probe = world.run("probe", "dev")
    answer = await probe.query("Probe.", "A")
    [record] = answer.records
    assert (record.name, record.type, record.ttl, record.value) == ("Probe", "A", 600, "172.18.0.2")
    assert answer.server == "127.0.0.11"


async def test_a_name_has_no_address_of_the_other_family(world: World) -> None:
    world.network("dev")
    probe = world.run("probe", "dev")
    assert await probe.query("probe", "AAAA") == DnsAnswer("NOERROR")
    assert await probe.query("probe", "MX") == DnsAnswer("NOERROR")
    assert await rcode(probe, "ghost", "AAAA") == "NXDOMAIN"
    assert await rcode(probe, "probe", "TXT") == "NXDOMAIN"


async def test_unknown_names(world: World) -> None:
    world.network("dev")
    world.network("prod")
    world.network("inner", internal=True)
    probe = world.run("probe", "dev")
    world.run("es", "prod")
    for name in ("ghost", "es", "es.prod", "probe.prod", "example.org"):
        assert await rcode(probe, name) == "NXDOMAIN"
    # Without a way out, nobody can be asked.
    locked = world.run("locked", "inner")
    assert await rcode(locked, "ghost") == "SERVFAIL"
    assert await resolve(locked, "locked") == ["172.20.0.2"]
    world.join("locked", "dev")
    assert await rcode(locked, "ghost") == "NXDOMAIN"


async def test_several_addresses_behind_one_alias_come_in_changing_order(world: World) -> None:
    world.network("prod")
    probe = world.run("probe", "prod")
    for name in ("prod-es-1", "prod-es-2"):
        world.run(name, "prod", aliases=["es"])
    orders = set()
    for _ in range(50):
        answer = await probe.query("es", "A")
        orders.add(tuple(record.value for record in answer.records))
    assert orders == {("172.18.0.3", "172.18.0.4"), ("172.18.0.4", "172.18.0.3")}
    world.stop("prod-es-1")
    assert await resolve(probe, "es") == ["172.18.0.4"]


async def test_networks_are_asked_in_order_and_the_first_answers(world: World) -> None:
    world.network("zeta")
    world.network("alpha")
    between = world.run("between", "zeta")
    world.run("z", "zeta", aliases=["es"])
    world.run("a", "alpha", aliases=["es"])
    assert await resolve(between, "es") == [world.address("z", "zeta")]
    world.join("between", "alpha")
    assert await resolve(between, "es") == [world.address("a", "alpha")]
    assert await resolve(between, "es.zeta") == [world.address("z", "zeta")]
    assert await resolve(between, "es.alpha") == [world.address("a", "alpha")]
    world.leave("between", "alpha")
    assert await resolve(between, "es") == [world.address("z", "zeta")]
    assert await rcode(between, "es.alpha") == "NXDOMAIN"


async def test_names_and_networks_may_have_dots(world: World) -> None:
    world.network("my.net")
    probe = world.run("probe", "my.net")
    world.run("db.one", "my.net")
    for name in ("db.one", "db.one.my.net"):
        assert await resolve(probe, name) == ["172.18.0.3"]
    assert await rcode(probe, "db") == "NXDOMAIN"


async def test_reverse_lookups_give_name_and_network(world: World) -> None:
    world.network("prod")
    probe = world.run("probe", "prod")
    world.run("prod-es-1", "prod", aliases=["es"])
    for question in ("3.0.18.172.in-addr.arpa", "3.0.18.172.in-addr.arpa."):
        answer = await probe.query(question, "PTR")
        assert [record.value for record in answer.records] == ["prod-es-1.prod"]
    for question in ("1.0.17.172.in-addr.arpa", "172.18.0.3"):
        assert await rcode(probe, question, "PTR") == "NXDOMAIN"


async def test_default_bridge_resolves_no_names(world: World) -> None:
    probe = world.run("probe", "bridge")
    world.run("es", "bridge")
    assert await rcode(probe, "es") == "NXDOMAIN"
    assert (await probe.query("es", "A")).server == "192.0.2.53"
    with pytest.raises(ConnectionRefusedError):
        await probe.query("es", "A", "127.0.0.11")


async def test_default_bridge_and_a_network_of_ones_own(world: World) -> None:
    world.network("dev")
    roamer = world.run("roamer", "bridge")
    world.run("es", "dev")
    assert await rcode(roamer, "es") == "NXDOMAIN"
    world.join("roamer", "dev")
    assert await resolve(roamer, "es") == [world.address("es", "dev")]
    world.leave("roamer", "dev")
    assert await rcode(roamer, "es") == "NXDOMAIN"


async def test_links_are_private_names(world: World) -> None:
    world.network("dev")
    world.run("database", "dev")
    world.run("web")
    world.stop("web")
    web = world.net.new_sandbox(container_id("web"), "dev")
    world.join("web", "dev", links=["database:db", "database"])
    other = world.run("other", "dev")
    assert await resolve(web, "db") == await resolve(web, "database") == ["172.18.0.2"]
    assert await rcode(other, "db") == "NXDOMAIN"


async def test_servers_that_do_not_answer(world: World, clock: ManualClock) -> None:
    world.network("dev")
    box = world.run("box", "dev")
    asking = asyncio.create_task(box.query("example.org", "A", "203.0.113.1"))
    await clock.advance(4.9)
    assert not asking.done()
    await clock.advance(0.2)
    with pytest.raises(TimeoutError):
        await asking
    with pytest.raises(ConnectionRefusedError):
        await box.query("example.org", "A", "172.18.0.1")
    with pytest.raises(OSError, match="Network is unreachable"):
        await world.run("vault", "none").query("es", "A")


async def test_servers_of_the_users_choice_lie_outside(world: World) -> None:
    world.network("dev")
    box = world.net.new_sandbox(container_id("box"), "dev", dns=DnsConfig(["203.0.113.1"]))
    world.join("box", "dev")
    assert await resolve(box, "box") == ["172.18.0.2"]
    assert await rcode(box, "example.org") == "SERVFAIL"


async def test_host_mode_asks_the_servers_of_the_host(world: World) -> None:
    view = world.run("view", "host")
    assert await rcode(view, "example.org") == "NXDOMAIN"
