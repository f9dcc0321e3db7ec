"""A round through the first lessons on dockerd 20.10, the oldest engine that is supported."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.contract import engines
from tests.contract.harness import Bench, addresses, host_ports

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def old_bench() -> Iterator[Bench]:
    """A corner of a running dockerd 20.10; see ``python -m tests.reference.dockerd``."""
    try:
        with engines.dockerd("20.10") as engine:
            bench = Bench(engine)
            yield bench
            bench.clean()
    except engines.EngineMissingError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


def test_it_is_20_10(old_bench: Bench) -> None:
    version = old_bench.sdk.version()
    assert version["Version"].startswith("20.10.")
    assert version["ApiVersion"] == "1.41"


def test_published_page(old_bench: Bench) -> None:
    container = old_bench.sdk.containers.run("nginx", detach=True, publish_all_ports=True)
    old_bench.adopt(container.id)
    container.reload()
    (port,) = host_ports(container.attrs)
    assert "Welcome to nginx!" in old_bench.fetch(port)


def test_name_on_a_network(old_bench: Bench) -> None:
    network = old_bench.sdk.networks.create(old_bench.name("dev"))
    old_bench.adopt_network(network.id)
    server = old_bench.sdk.containers.run(
        "nginx", detach=True, name=old_bench.name("web"), network=network.name
    )
    old_bench.adopt(server.id)
    server.reload()
    address = server.attrs["NetworkSettings"]["Networks"][network.name]["IPAddress"]
    probe = old_bench.sdk.containers.run("alpine", "sleep 1000", detach=True, network=network.name)
    old_bench.adopt(probe.id)
    done = old_bench.exec(probe.id, ["ping", "-c1", "-w2", old_bench.name("web")])
    assert done.code == 0
    assert f"({address})" in done.out


def test_connect_adds_an_interface(old_bench: Bench) -> None:
    network = old_bench.sdk.networks.create(old_bench.name("more"))
    old_bench.adopt_network(network.id)
    container = old_bench.sdk.containers.run("alpine", "sleep 1000", detach=True)
    old_bench.adopt(container.id)
    network.connect(container)
    output = old_bench.exec(container.id, ["ip", "addr"]).out
    assert set(addresses(output)) == {"lo", "eth0", "eth1"}
    network.disconnect(container)
    output = old_bench.exec(container.id, ["ip", "addr"]).out
    assert set(addresses(output)) == {"lo", "eth0"}
