"""``docker rename``, and the names on networks."""

from __future__ import annotations

import pytest

from tests.contract.harness import Bench, free_block, until


def test_names_are_known_from_a_connect_on_and_not_renamed_before_the_start(bench: Bench) -> None:
    network = bench.network()
    container = bench.create("c")
    bench.connect(network, container, Aliases=["web"])
    bench.raw.post(f"/containers/{container}/rename", params={"name": bench.name("d")})

    def names() -> list[str]:
        found: list[str] = bench.inspect(container)["NetworkSettings"]["Networks"][network][
            "DNSNames"
        ]
        return found

    assert names() == [bench.name("c"), "web", container[:12]]
    bench.start(container)
    assert names() == [bench.name("d"), "web", container[:12]]


def test_a_renamed_container_has_names_on_the_bridge_too(bench: Bench) -> None:
    network = bench.network("net", Internal=True)
    container = bench.run("c")
    bench.connect(network, container)
    asker = bench.run("asker", host={"Dns": ["127.0.0.1"]})
    bench.connect(network, asker)
    bench.disconnect(network, container)
    name = bench.name("d")
    assert bench.sh(asker, f"nslookup -type=a {bench.name('c')}").code == 1
    bench.raw.post(f"/containers/{container}/rename", params={"name": name})
    assert bench.inspect(container)["NetworkSettings"]["Networks"]["bridge"]["DNSNames"] == [
        name,
        container[:12],
    ]
    assert bench.address(container, "bridge") in bench.sh(asker, f"nslookup -type=a {name}").out


def test_no_rename_where_a_network_has_refused_the_running_container(bench: Bench) -> None:
    block = free_block()
    refusing = bench.network("no", IPAM={"Config": [{"Subnet": str(block)}]})
    network = bench.network()
    container = bench.on(network, "c")
    wanted = {"IPv4Address": str(block[0])}
    assert bench.connect(refusing, container, IPAMConfig=wanted).status == 403

    def rename() -> tuple[int, str]:
        params = {"name": bench.name("d")}
        answer = bench.raw.post(f"/containers/{container}/rename", params=params)
        return answer.status, answer.message if answer.status != 204 else ""

    assert rename() == (500, f"no endpoint attached to network {refusing} found")
    assert bench.inspect(container)["Name"] == f"/{bench.name('c')}"
    (row,) = bench.inspect_network(network)["Containers"].values()
    assert row["Name"] == f"/{bench.name('c')}"  # Moby puts it back with its slash
    assert bench.sh(container, f"nslookup -type=a {bench.name('c')}").code == 0
    bench.raw.delete(f"/networks/{refusing}")
    assert rename() == (404, f"network {refusing} not found")
    bench.raw.post(f"/containers/{container}/kill")
    until(lambda: not bench.state(container)["Running"])
    assert rename() == (204, "")


@pytest.mark.parametrize("mode", ["none", "host", "bridge"])
def test_rename_on_predefined_networks(bench: Bench, mode: str) -> None:
    container = bench.run("c", host={"NetworkMode": mode})
    name = bench.name("d")
    answer = bench.raw.post(f"/containers/{container}/rename", params={"name": name})
    assert answer.status == 204
    names = bench.inspect(container)["NetworkSettings"]["Networks"][mode]["DNSNames"]
    assert names[:2] == [name, container[:12]]  # in host mode the host's follows
