"""What is shown of a container's place on a network; MAC addresses."""

from __future__ import annotations

import ipaddress
import re

import pytest

from tests.contract.addressing import endpoint
from tests.contract.harness import Bench


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
