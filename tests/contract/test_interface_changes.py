"""Changing interfaces and routes from within a container: refused, unless it may."""

from __future__ import annotations

import pytest

from tests.contract.addressing import subnet
from tests.contract.harness import Bench
from tests.contract.pairs import Pair

CHANGES = (
    "ip route del default",
    "ip route add default via 10.9.9.9",
    "ip addr add 10.9.9.50/24 dev eth0",
    "ip addr add 10.9.9.50/24 dev eth7",
    "ip link set eth0 up",
    "ip link set eth0 down",
    "ip link set dev eth0 mtu 1300",
    "ip link set eth0 address 02:42:0a:58:00:77",
    "ip link set eth0 name eth5",
    "ip link set eth7 down",
    "ip link add d0 type dummy",
    "ip route flush table main",
    "ifconfig eth0 down",
    "ifconfig eth0 10.9.9.60 netmask 255.255.255.0",
    "ifconfig eth0 mtu 1300",
    "route add -net 10.97.0.0/16 gw 10.9.9.1",
    "route add default gw 10.9.9.1",
    "route del default",
)


@pytest.mark.docker
def test_refused(pair: Pair) -> None:
    def work(bench: Bench) -> str:
        whole = "\n".join(f"echo '{change}'; {change}; echo $?" for change in CHANGES)
        return bench.sh(bench.run("c"), f"exec 2>&1\n{whole}").out

    theirs, ours = pair.on_both(work)
    assert ours == theirs
    assert "Operation not permitted" in ours


def test_done_with_net_admin(bench: Bench) -> None:
    net = subnet(bench)
    name = bench.network(IPAM={"Config": [{"Subnet": str(net)}]})
    container = bench.on(name, "c", host={"CapAdd": ["NET_ADMIN"]})
    script = f"ip addr add {net[50]}/24 dev eth0 && ip route del default && ip -4 addr && ip route"
    result = bench.sh(container, script)
    assert (result.code, result.err) == (0, "")
    assert str(net[50]) in result.out
    assert "default" not in result.out
