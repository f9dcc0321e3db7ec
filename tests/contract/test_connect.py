"""Connecting and disconnecting, live and before the start."""

from __future__ import annotations

from tests.contract.addressing import endpoint, prefix
from tests.contract.harness import Bench, addresses


def test_connect_a_running_container(bench: Bench) -> None:
    name, container = bench.network(), bench.run("c")
    answer = bench.connect(name, container)
    assert (answer.status, answer.body) == (200, b"")
    assert container in bench.inspect_network(name)["Containers"]
    shown = addresses(bench.sh(container, "ip addr").out)
    assert set(shown) == {"lo", "eth0", "eth1"}
    assert shown["eth1"] == [f"{bench.address(container, name)}/{prefix(bench, name)}"]


def test_disconnect_a_running_container(bench: Bench) -> None:
    name, container = bench.network(), bench.run("c")
    bench.connect(name, container)
    answer = bench.disconnect(name, container)
    assert (answer.status, answer.body) == (200, b"")
    assert set(addresses(bench.sh(container, "ip addr").out)) == {"lo", "eth0"}
    assert set(bench.inspect(container)["NetworkSettings"]["Networks"]) == {"bridge"}
    assert bench.inspect_network(name)["Containers"] == {}


def test_disconnect_from_the_only_network(bench: Bench) -> None:
    name = bench.network()
    container = bench.on(name, "c")
    bench.disconnect(name, container)
    assert set(addresses(bench.sh(container, "ip addr").out)) == {"lo"}
    assert bench.inspect(container)["NetworkSettings"]["Networks"] == {}


def test_connect_again_after_disconnect(bench: Bench) -> None:
    name, container = bench.network(), bench.run("c")
    for _ in range(2):
        assert bench.connect(name, container).status == 200
        assert bench.disconnect(name, container).status == 200
    assert bench.connect(name, container).status == 200
    shown = addresses(bench.sh(container, "ip addr").out)
    assert len(shown) == 3  # dockerd counts interfaces on: this one is eth3
    assert [f"{bench.address(container, name)}/{prefix(bench, name)}"] in shown.values()


def test_connect_a_created_container(bench: Bench) -> None:
    name, container = bench.network(), bench.create()
    assert bench.connect(name, container).status == 200
    bench.start(container)
    assert set(bench.inspect(container)["NetworkSettings"]["Networks"]) == {"bridge", name}
    assert set(addresses(bench.sh(container, "ip addr").out)) == {"lo", "eth0", "eth1"}


def test_several_networks_from_the_start(bench: Bench) -> None:
    """Since API 1.44 a create call may name several networks."""
    one, two = bench.network("one"), bench.network("two")
    container = bench.on(one, "c", NetworkingConfig={"EndpointsConfig": {one: {}, two: {}}})
    assert set(bench.inspect(container)["NetworkSettings"]["Networks"]) == {one, two}
    assert set(addresses(bench.sh(container, "ip addr").out)) == {"lo", "eth0", "eth1"}


def test_connected_networks_return_after_a_restart(bench: Bench) -> None:
    name, container = bench.network(), bench.run()
    bench.connect(name, container, Aliases=["again"])
    bench.raw.post(f"/containers/{container}/restart", params={"t": "0"})
    assert set(bench.inspect(container)["NetworkSettings"]["Networks"]) == {"bridge", name}
    assert endpoint(bench, container, name)["Aliases"] == ["again"]
    assert set(addresses(bench.sh(container, "ip addr").out)) == {"lo", "eth0", "eth1"}


def test_network_by_id(bench: Bench) -> None:
    name = bench.network()
    identity = bench.inspect_network(name)["Id"]
    container = bench.run(host={"NetworkMode": identity})
    assert set(bench.inspect(container)["NetworkSettings"]["Networks"]) == {name}
    assert bench.disconnect(identity[:12], container[:12]).status == 200
