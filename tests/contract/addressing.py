"""What the tests of networks and their addresses share."""

from __future__ import annotations

import ipaddress
from typing import Any

from tests.contract.harness import Bench


def subnet(bench: Bench, size: int = 24) -> ipaddress.IPv4Network:
    """A subnet that no other test uses: taken from the test's own random name."""
    number = int(bench.prefix[2:], 16)
    base = f"10.{100 + number % 100}.{number // 100 % 256}.0/24"
    return next(ipaddress.IPv4Network(base).subnets(new_prefix=size))


def ipam(**config: Any) -> dict[str, Any]:
    return {"Config": [config]}


def endpoint(bench: Bench, container: str, network: str) -> dict[str, Any]:
    found: dict[str, Any] = bench.inspect(container)["NetworkSettings"]["Networks"][network]
    return found


def prefix(bench: Bench, network: str) -> str:
    """Prefix length of a network's pool."""
    subnet: str = bench.inspect_network(network)["IPAM"]["Config"][0]["Subnet"]
    return subnet.partition("/")[2]


def fixed(network: str, address: str) -> dict[str, Any]:
    return {"EndpointsConfig": {network: {"IPAMConfig": {"IPv4Address": address}}}}
