"""Addresses of containers: in the order dockerd gives them, and those asked for."""

from __future__ import annotations

import pytest

from tests.contract.addressing import endpoint, fixed, ipam, subnet
from tests.contract.harness import Bench, addresses


def test_addresses_count_up(bench: Bench) -> None:
    """The lowest free one after the gateway on a network that is new."""
    net = subnet(bench)
    name = bench.network(IPAM=ipam(Subnet=str(net)))
    made = [bench.on(name, f"c{i}") for i in range(3)]
    assert [bench.address(c, name) for c in made] == [str(net[i]) for i in (2, 3, 4)]


def test_address_is_used_again_once_free(bench: Bench) -> None:
    """dockerd hands out the lowest free address after the last one it gave, then wraps."""
    net = subnet(bench, 29)  # .2 to .6 are for containers
    name = bench.network(IPAM=ipam(Subnet=str(net)))
    first = bench.on(name, "first")
    bench.raw.delete(f"/containers/{first}", params={"force": "1"})
    given = [bench.address(bench.on(name, f"c{i}"), name) for i in range(5)]
    assert sorted(given) == [str(net[i]) for i in range(2, 7)]


def test_full_network(bench: Bench) -> None:
    net = subnet(bench, 30)  # one address is left for a container
    name = bench.network(IPAM=ipam(Subnet=str(net)))
    bench.on(name, "one")
    container = bench.create("two", host={"NetworkMode": name})
    answer = bench.raw.post(f"/containers/{container}/start")
    assert answer.status in (400, 403, 409, 500)
    assert "no available IPv4 addresses on this network's address pools" in answer.message
    assert bench.state(container)["Status"] == "created"


def test_ip_range_limits_what_is_handed_out(bench: Bench) -> None:
    net = subnet(bench)
    config = ipam(
        Subnet=str(net),
        Gateway=str(net[1]),
        IPRange=f"{net[128]}/25",
        AuxiliaryAddresses={"router": str(net[129])},
    )
    name = bench.network(IPAM=config)
    made = [bench.address(bench.on(name, f"c{i}"), name) for i in range(3)]
    assert made == [str(net[i]) for i in (128, 130, 131)]


def test_gateway_elsewhere(bench: Bench) -> None:
    net = subnet(bench)
    name = bench.network(IPAM=ipam(Subnet=str(net), Gateway=str(net[200])))
    container = bench.on(name, "c")
    assert bench.address(container, name) == str(net[1])
    assert f"default via {net[200]} dev eth0" in bench.sh(container, "ip route").out


def test_fixed_address(bench: Bench) -> None:
    net = subnet(bench)
    name = bench.network(IPAM=ipam(Subnet=str(net)))
    container = bench.on(name, "c", NetworkingConfig=fixed(name, str(net[66])))
    shown = endpoint(bench, container, name)
    assert shown["IPAddress"] == str(net[66])
    assert shown["IPAMConfig"] == {"IPv4Address": str(net[66])}
    assert addresses(bench.sh(container, "ip addr").out)["eth0"] == [f"{net[66]}/24"]


def test_fixed_address_survives_a_restart(bench: Bench) -> None:
    net = subnet(bench)
    name = bench.network(IPAM=ipam(Subnet=str(net)))
    container = bench.on(name, "c", NetworkingConfig=fixed(name, str(net[66])))
    bench.raw.post(f"/containers/{container}/restart", params={"t": "0"})
    assert bench.address(container, name) == str(net[66])


@pytest.mark.parametrize("which", ["taken", "gateway", "broadcast"])
def test_fixed_address_in_use(bench: Bench, which: str) -> None:
    net = subnet(bench)
    name = bench.network(IPAM=ipam(Subnet=str(net)))
    bench.on(name, "first", NetworkingConfig=fixed(name, str(net[66])))
    wanted = {"taken": net[66], "gateway": net[1], "broadcast": net[255]}[which]
    container = bench.create(
        "second", host={"NetworkMode": name}, NetworkingConfig=fixed(name, str(wanted))
    )
    answer = bench.raw.post(f"/containers/{container}/start")
    assert (answer.status, answer.message) == (403, "Address already in use")


def test_fixed_address_outside(bench: Bench) -> None:
    name = bench.network(IPAM=ipam(Subnet=str(subnet(bench))))
    answer = bench.create_raw(
        {
            "Image": "alpine",
            "HostConfig": {"NetworkMode": name},
            "NetworkingConfig": fixed(name, "10.9.9.9"),
        }
    )
    assert answer.status == 400
    assert answer.message == (
        f"invalid config for network {name}: invalid endpoint settings:\n"
        "no configured subnet or ip-range contain the IP address 10.9.9.9"
    )


def test_fixed_address_needs_a_subnet_of_the_user(bench: Bench) -> None:
    name = bench.network()
    rule = "user specified IP address is supported only when connecting to networks with user "
    answer = bench.connect(name, bench.run(), IPAMConfig={"IPv4Address": "172.30.0.9"})
    assert answer.status == 400
    assert answer.message == f"invalid endpoint settings:\n{rule}configured subnets"


def test_fixed_address_on_the_default_bridge(bench: Bench) -> None:
    answer = bench.create_raw(
        {"Image": "alpine", "NetworkingConfig": fixed("bridge", "172.17.0.99")}
    )
    assert answer.status == 400
    # A dockerd that made docker0 itself adds that the subnet is not the user's; one that found
    # it there when it started (as after every restart) does not.
    assert "user specified IP address is supported on user defined networks only" in answer.message


def test_fixed_address_when_connecting(bench: Bench) -> None:
    net = subnet(bench)
    name = bench.network(IPAM=ipam(Subnet=str(net)))
    container = bench.run()
    assert bench.connect(name, container, IPAMConfig={"IPv4Address": str(net[77])}).status == 200
    assert bench.address(container, name) == str(net[77])
