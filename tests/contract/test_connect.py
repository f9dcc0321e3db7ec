"""Connecting and disconnecting live; addresses in the order dockerd gives them."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

import pytest

from tests.contract.harness import Bench, addresses
from tests.contract.test_networks import ipam, subnet


def endpoint(bench: Bench, container: str, network: str) -> dict[str, Any]:
    found: dict[str, Any] = bench.inspect(container)["NetworkSettings"]["Networks"][network]
    return found


def prefix(bench: Bench, network: str) -> str:
    """Prefix length of a network's pool."""
    subnet: str = bench.inspect_network(network)["IPAM"]["Config"][0]["Subnet"]
    return subnet.partition("/")[2]


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


def test_endpoint_of_a_stopped_container_is_empty(bench: Bench) -> None:
    container = bench.run()
    assert endpoint(bench, container, "bridge")["IPAddress"]
    bench.raw.post(f"/containers/{container}/kill")
    bench.finish(container)
    shown = endpoint(bench, container, "bridge")
    assert shown["IPAddress"] == shown["EndpointID"] == shown["Gateway"] == ""
    assert shown["IPPrefixLen"] == 0
    assert shown["NetworkID"]


def test_endpoint_fields(bench: Bench) -> None:
    name = bench.network()
    container = bench.on(name, "member")
    shown = endpoint(bench, container, name)
    pool = ipaddress.IPv4Network(bench.inspect_network(name)["IPAM"]["Config"][0]["Subnet"])
    assert ipaddress.IPv4Address(shown["IPAddress"]) in pool
    assert shown["Gateway"] == str(pool[1])
    assert shown["IPPrefixLen"] == pool.prefixlen
    assert shown["NetworkID"] == bench.inspect_network(name)["Id"]
    assert shown["DNSNames"] == [bench.name("member"), container[:12]]
    assert shown["Aliases"] is None
    assert len(shown["EndpointID"]) == 64


def test_mac_address_follows_the_address(bench: Bench) -> None:
    """Up to Engine 27 a MAC is 02:42 and the four bytes of the IPv4 address."""
    container = bench.run()
    shown = endpoint(bench, container, "bridge")
    digits = ipaddress.IPv4Address(shown["IPAddress"]).packed.hex(":")
    assert shown["MacAddress"] == f"02:42:{digits}"
    assert shown["MacAddress"] in bench.sh(container, "ip link show eth0").out


def test_settings_of_the_default_bridge_stand_on_top_too(bench: Bench) -> None:
    settings = bench.inspect(bench.run())["NetworkSettings"]
    shown = settings["Networks"]["bridge"]
    for key in ("IPAddress", "IPPrefixLen", "Gateway", "MacAddress", "EndpointID"):
        assert settings[key] == shown[key]


def test_settings_of_another_network_do_not(bench: Bench) -> None:
    settings = bench.inspect(bench.on(bench.network(), "c"))["NetworkSettings"]
    assert settings["IPAddress"] == settings["Gateway"] == settings["EndpointID"] == ""


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


def fixed(network: str, address: str) -> dict[str, Any]:
    return {"EndpointsConfig": {network: {"IPAMConfig": {"IPv4Address": address}}}}


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


def test_fixed_mac_address(bench: Bench) -> None:
    name = bench.network()
    config = {"EndpointsConfig": {name: {"MacAddress": "02:aa:bb:cc:dd:01"}}}
    container = bench.on(name, "c", NetworkingConfig=config)
    assert endpoint(bench, container, name)["MacAddress"] == "02:aa:bb:cc:dd:01"
    assert bench.inspect(container)["Config"]["MacAddress"] == "02:aa:bb:cc:dd:01"
    assert "02:aa:bb:cc:dd:01" in bench.sh(container, "ip link show eth0").out


@pytest.mark.parametrize("mac", ["03:00:00:00:00:01", "00:00:00:00:00:00"])
def test_mac_address_that_no_interface_has(bench: Bench, mac: str) -> None:
    name = bench.network()
    config = {"EndpointsConfig": {name: {"MacAddress": mac}}}
    container = bench.create("c", host={"NetworkMode": name}, NetworkingConfig=config)
    answer = bench.raw.post(f"/containers/{container}/start")
    assert answer.status == 500
    assert answer.message.startswith("failed to create task for container: ")
    said = f'error setting interface "veth" MAC to "{mac}": cannot assign requested address'
    assert said in re.sub(r"veth[0-9a-f]{7}", "veth", answer.message)
    assert bench.inspect_network(name)["Containers"] == {}


def test_mac_address_in_the_form_of_switches(bench: Bench) -> None:
    name = bench.network()
    config = {"EndpointsConfig": {name: {"MacAddress": "02aa.bbcc.dd01"}}}
    container = bench.on(name, "c", NetworkingConfig=config)
    assert "02:aa:bb:cc:dd:01" in bench.sh(container, "ip link show eth0").out


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
