"""What a network, or a container, cannot be connected with."""

from __future__ import annotations

import pytest

from tests.contract.harness import Bench


def test_connect_twice(bench: Bench) -> None:
    name = bench.network()
    container = bench.on(name, "c")
    answer = bench.connect(name, container)
    assert answer.status == 403
    assert answer.message == (
        f"endpoint with name {bench.name('c')} already exists in network {name}"
    )


def test_connect_unknown_container(bench: Bench) -> None:
    name = bench.network()
    for answer in (bench.connect(name, "no-such-one"), bench.disconnect(name, "no-such-one")):
        assert (answer.status, answer.message) == (404, "No such container: no-such-one")


def test_disconnect_what_is_not_connected(bench: Bench) -> None:
    name, container = bench.network(), bench.run()
    answer = bench.disconnect(name, container)
    assert answer.status == 500
    assert answer.message == f"container {container} is not connected to network {name}"


def test_connect_to_host_and_none(bench: Bench) -> None:
    container = bench.run()
    answer = bench.connect("host", container)
    assert answer.status == 400
    assert answer.message == (
        "container cannot be disconnected from host network or connected to host network"
    )
    answer = bench.connect("none", container)
    assert answer.status == 400
    assert answer.message == (
        "container cannot be connected to multiple networks with one of the networks in private "
        "(none) mode"
    )


@pytest.mark.parametrize("mode", ["host", "container"])
def test_shared_stack_cannot_be_connected(bench: Bench, mode: str) -> None:
    name = bench.network()
    target = f"container:{bench.run()}" if mode == "container" else "host"
    container = bench.run(host={"NetworkMode": target})
    answer = bench.connect(name, container)
    assert answer.status == 400
    assert answer.message == (
        "container sharing network namespace with another container or host cannot be connected "
        "to any other network"
    )


def test_network_of_the_host_by_its_id(bench: Bench) -> None:
    """No mode ``host``: the stack is the container's own, and has the loopback alone."""
    host = bench.inspect_network("host")["Id"]
    container = bench.on(host, "c")
    assert bench.sh(container, "ls /sys/class/net").out.split() == ["lo"]
    shown = bench.inspect(container)
    assert shown["HostConfig"]["NetworkMode"] == host
    assert list(shown["NetworkSettings"]["Networks"]) == ["host"]
    assert shown["Config"]["Hostname"] == container[:12]
    answer = bench.connect(bench.network(), container)
    assert answer.status == 400
    assert "sharing network namespace with another container or host" in answer.message
    assert bench.disconnect("host", container).status == 200
    answer = bench.connect("host", container)
    assert answer.status == 400
    assert "cannot be disconnected from host network or connected to host" in answer.message


@pytest.mark.parametrize("network", ["bridge", "host", "none"])
def test_alias_on_a_network_by_its_id(bench: Bench, network: str) -> None:
    """Counts as one on a user-defined network until it starts."""
    network_id = bench.inspect_network(network)["Id"]
    endpoints = {network_id: {"Aliases": ["x"]}}
    container = bench.create(
        host={"NetworkMode": network_id}, NetworkingConfig={"EndpointsConfig": endpoints}
    )
    answer = bench.raw.post(f"/containers/{container}/start")
    assert (answer.status, answer.message) == (
        400,
        "invalid endpoint settings:\n"
        "network-scoped alias is supported only for containers in user defined networks",
    )


def test_isolated_container_cannot_be_connected(bench: Bench) -> None:
    name, container = bench.network(), bench.on("none", "c")
    answer = bench.connect(name, container)
    assert answer.status == 400
    assert "one of the networks in private (none) mode" in answer.message


def test_alias_on_the_default_bridge(bench: Bench) -> None:
    name = bench.network()
    answer = bench.connect("bridge", bench.on(name, "c"), Aliases=["x"])
    assert answer.status == 400
    assert answer.message == (
        "invalid endpoint settings:\n"
        "network-scoped alias is supported only for containers in user defined networks"
    )


def test_start_on_a_network_that_is_not_there(bench: Bench) -> None:
    container = bench.create(host={"NetworkMode": "no-such-net"})
    answer = bench.raw.post(f"/containers/{container}/start")
    assert (answer.status, answer.message) == (404, "network no-such-net not found")


def test_start_on_the_stack_of_nobody(bench: Bench) -> None:
    container = bench.create(host={"NetworkMode": "container:no-such-one"})
    answer = bench.raw.post(f"/containers/{container}/start")
    assert (answer.status, answer.message) == (404, "No such container: no-such-one")


def test_start_on_the_stack_of_a_stopped_one(bench: Bench) -> None:
    other = bench.create()
    container = bench.create(host={"NetworkMode": f"container:{other}"})
    answer = bench.raw.post(f"/containers/{container}/start")
    assert answer.status == 409
    assert answer.message == (f"cannot join network of a non running container: {other}")
