"""The resolver: names, aliases, short IDs, reverse lookups, and who does not see them."""

from __future__ import annotations

import re

import pytest

from tests.contract.harness import Bench


@pytest.fixture(scope="module")
def town(shelf: Bench) -> Bench:
    """Two networks; ``es`` and ``probe`` live on ``dev``, ``es-2`` on ``prod``."""
    dev, prod = shelf.network("dev"), shelf.network("prod")
    alias = {"EndpointsConfig": {dev: {"Aliases": ["search", "Mixed.Case"]}}}
    shelf.on(dev, "es", NetworkingConfig=alias)
    shelf.on(dev, "probe")
    alias = {"EndpointsConfig": {prod: {"Aliases": ["search"]}}}
    shelf.on(prod, "es-2", NetworkingConfig=alias)
    shelf.on(prod, "es-3", NetworkingConfig=alias)
    shelf.on(prod, "probe-2")
    shelf.run("outsider")
    return shelf


def lookup(bench: Bench, word: str, name: str) -> set[str]:
    """Addresses that ``nslookup`` gives inside a container."""
    result = bench.sh(bench.name(word), f"nslookup -type=a {name}")
    answer = result.out.partition("\n\n")[2]
    return set(re.findall(r"Address(?: \d+)?: (\S+)", answer))


def test_container_name(town: Bench) -> None:
    address = town.address(town.name("es"), town.name("dev"))
    assert lookup(town, "probe", town.name("es")) == {address}


def test_short_id(town: Bench) -> None:
    identity = town.inspect(town.name("es"))["Id"]
    address = town.address(town.name("es"), town.name("dev"))
    assert lookup(town, "probe", identity[:12]) == {address}


def test_alias(town: Bench) -> None:
    address = town.address(town.name("es"), town.name("dev"))
    assert lookup(town, "probe", "search") == {address}


def test_names_do_not_mind_case(town: Bench) -> None:
    address = town.address(town.name("es"), town.name("dev"))
    assert lookup(town, "probe", "mixed.case") == {address}
    assert lookup(town, "probe", town.name("ES")) == {address}


def test_name_with_its_network(town: Bench) -> None:
    address = town.address(town.name("es"), town.name("dev"))
    assert lookup(town, "probe", f"{town.name('es')}.{town.name('dev')}") == {address}
    assert lookup(town, "probe", f"search.{town.name('dev')}") == {address}


def test_own_name(town: Bench) -> None:
    address = town.address(town.name("es"), town.name("dev"))
    assert lookup(town, "es", town.name("es")) == {address}


def test_shared_alias_gives_all_addresses(town: Bench) -> None:
    members = {town.address(town.name(w), town.name("prod")) for w in ("es-2", "es-3")}
    assert lookup(town, "probe-2", "search") == members


def test_name_of_another_network_is_unknown(town: Bench) -> None:
    assert lookup(town, "probe-2", town.name("es")) == set()
    result = town.sh(town.name("probe-2"), f"ping -c1 -w2 {town.name('es')}")
    assert result.code == 1
    assert f"bad address '{town.name('es')}'" in result.err


def test_no_names_on_the_default_bridge(town: Bench) -> None:
    other = town.run()
    result = town.sh(other, f"ping -c1 -w2 {town.name('outsider')}")
    assert result.code == 1
    assert "bad address" in result.err


def test_default_bridge_uses_the_resolvers_of_the_machine(town: Bench) -> None:
    assert "127.0.0.11" not in town.sh(town.name("outsider"), "cat /etc/resolv.conf").out


def test_resolver_of_a_network(town: Bench) -> None:
    text = town.sh(town.name("probe"), "cat /etc/resolv.conf").out
    assert "nameserver 127.0.0.11\n" in text
    assert "options ndots:0\n" in text


def test_reverse_lookup_gives_name_and_network(town: Bench) -> None:
    address = town.address(town.name("es"), town.name("dev"))
    result = town.sh(town.name("probe"), f"nslookup {address}")
    assert result.code == 0
    assert f"name = {town.name('es')}.{town.name('dev')}" in result.out


def test_nslookup_names_the_server(town: Bench) -> None:
    result = town.sh(town.name("probe"), f"nslookup -type=a {town.name('es')}")
    assert re.match(r"Server:\s+127\.0\.0\.11\nAddress:\s+127\.0\.0\.11:53\n\n", result.out)
    assert f"Name:\t{town.name('es')}\n" in result.out


def test_unknown_name(town: Bench) -> None:
    result = town.sh(town.name("probe"), "ping -c1 -w2 no-such-name")
    assert (result.code, "bad address 'no-such-name'" in result.err) == (1, True)


def test_name_follows_connect_and_disconnect(bench: Bench) -> None:
    name = bench.network()
    probe, guest = bench.on(name, "probe"), bench.run("guest")
    assert lookup(bench, "probe", bench.name("guest")) == set()
    bench.connect(name, guest, Aliases=["visitor"])
    address = bench.address(guest, name)
    assert lookup(bench, "probe", bench.name("guest")) == {address}
    assert lookup(bench, "probe", "visitor") == {address}
    assert bench.sh(probe, "ping -c1 -w2 visitor").code == 0
    bench.disconnect(name, guest)
    assert lookup(bench, "probe", bench.name("guest")) == set()
    assert bench.sh(probe, "ping -c1 -w2 visitor").code == 1


def test_name_goes_with_its_container(bench: Bench) -> None:
    name = bench.network()
    bench.on(name, "probe")
    guest = bench.on(name, "guest")
    assert lookup(bench, "probe", bench.name("guest"))
    bench.raw.post(f"/containers/{guest}/kill")
    bench.finish(guest)
    assert lookup(bench, "probe", bench.name("guest")) == set()
    bench.start(guest)
    assert lookup(bench, "probe", bench.name("guest")) == {bench.address(guest, name)}


def test_name_follows_a_rename(bench: Bench) -> None:
    name = bench.network()
    bench.on(name, "probe")
    guest = bench.on(name, "old")
    bench.raw.post(f"/containers/{guest}/rename", params={"name": bench.name("new")})
    assert lookup(bench, "probe", bench.name("new")) == {bench.address(guest, name)}
    assert lookup(bench, "probe", bench.name("old")) == set()


def test_alias_is_not_a_container_name(town: Bench) -> None:
    assert town.raw.get("/containers/search/json").status == 404


def test_same_alias_on_two_networks(bench: Bench) -> None:
    """``name.network`` says which one is meant."""
    dev, prod = bench.network("dev"), bench.network("prod")
    one = bench.on(dev, "one", NetworkingConfig={"EndpointsConfig": {dev: {"Aliases": ["db"]}}})
    two = bench.on(prod, "two", NetworkingConfig={"EndpointsConfig": {prod: {"Aliases": ["db"]}}})
    both = bench.on(dev, "both")
    bench.connect(prod, both)
    assert lookup(bench, "both", f"db.{dev}") == {bench.address(one, dev)}
    assert lookup(bench, "both", f"db.{prod}") == {bench.address(two, prod)}
    assert lookup(bench, "both", "db") in (
        {bench.address(one, dev)},
        {bench.address(two, prod)},
    )


def test_dns_options_of_the_container(bench: Bench) -> None:
    name = bench.network()
    host = {"Dns": ["192.0.2.53"], "DnsSearch": ["example.org"], "DnsOptions": ["timeout:1"]}
    container = bench.on(name, "c", host=host)
    text = bench.sh(container, "cat /etc/resolv.conf").out
    assert "nameserver 127.0.0.11\n" in text
    assert "search example.org\n" in text
    assert "timeout:1" in text
    own = bench.run(host=host)
    assert "nameserver 192.0.2.53\n" in bench.sh(own, "cat /etc/resolv.conf").out


def test_the_search_list_follows_a_name_that_nobody_knows(bench: Bench) -> None:
    """glibc goes on with it, although the name has as many dots as ``ndots:0`` asks for."""
    network = bench.network(Internal=True)
    alias = {"EndpointsConfig": {network: {"Aliases": [f"{bench.prefix}.example.org"]}}}
    bench.on(network, "web", NetworkingConfig=alias)
    host = {"Dns": ["127.0.0.1"], "DnsSearch": ["example.com", "example.org"]}
    asker = bench.on(network, "asker", image="busybox", host=host)
    assert bench.sh(asker, f"ping -c 1 -w 5 {bench.prefix}").code == 0
    refused = bench.sh(asker, f"ping -c 1 -w 5 {bench.prefix}.")
    assert (refused.code, refused.err) == (1, f"ping: bad address '{bench.prefix}.'\n")


def test_extra_hosts(bench: Bench) -> None:
    container = bench.run(host={"ExtraHosts": ["db:192.0.2.7"]})
    assert "192.0.2.7\tdb\n" in bench.sh(container, "cat /etc/hosts").out


def test_hosts_file(bench: Bench) -> None:
    name = bench.network()
    container = bench.on(name, "c", Hostname="box")
    text = bench.sh(container, "cat /etc/hosts").out
    assert text.startswith("127.0.0.1\tlocalhost\n")
    assert f"{bench.address(container, name)}\tbox\n" in text
    assert "::1\tlocalhost ip6-localhost ip6-loopback\n" in text


def test_hosts_file_follows_connect(bench: Bench) -> None:
    name, container = bench.network(), bench.run()
    bench.connect(name, container)
    line = f"{bench.address(container, name)}\t{container[:12]}\n"
    assert line in bench.sh(container, "cat /etc/hosts").out
    bench.disconnect(name, container)
    assert line not in bench.sh(container, "cat /etc/hosts").out
