"""Further addresses of 169.254.0.0/16 on an interface: ``--link-local-ip``."""

from __future__ import annotations

from typing import Any

from tests.contract.harness import Bench


def local(*addresses: str) -> dict[str, Any]:
    return {"IPAMConfig": {"LinkLocalIPs": list(addresses)}}


def endpoints(network: str, *addresses: str) -> dict[str, Any]:
    return {"NetworkingConfig": {"EndpointsConfig": {network: local(*addresses)}}}


def test_link_local_addresses(bench: Bench) -> None:
    net = bench.network()
    one = bench.on(net, "one", **endpoints(net, "169.254.8.8", "169.254.9.9"))
    two = bench.on(net, "two", **endpoints(net, "169.254.1.1"))
    shown = bench.inspect(one)["NetworkSettings"]["Networks"]
    (endpoint,) = shown.values()
    assert endpoint["IPAMConfig"] == {"LinkLocalIPs": ["169.254.8.8", "169.254.9.9"]}
    assert not endpoint["IPAddress"].startswith("169.254.")
    lines = bench.sh(one, "ip addr show dev eth0 | grep -o '169.254.*'").out.splitlines()
    assert lines == [
        "169.254.8.8/16 brd 169.254.255.255 scope global eth0",
        "169.254.9.9/16 brd 169.254.255.255 scope global secondary eth0",
    ]
    assert "169.254.0.0/16" in bench.sh(one, "ip route").out
    for address in ("169.254.8.8", "169.254.9.9"):
        assert bench.sh(two, f"ping -c 1 -w 10 {address}").code == 0
    assert bench.sh(two, "ping -c 1 -w 1 169.254.7.7").code == 1
    other = bench.on(net, "other")
    assert bench.sh(other, "ping -c 1 -w 1 169.254.8.8").code == 1
    assert "169.254." not in bench.sh(other, "ip addr; ip route").out


def test_link_local_addresses_come_and_go_with_a_connection(bench: Bench) -> None:
    net = bench.network()
    container = bench.run()
    body = {"Container": container, "EndpointConfig": local("169.254.1.1")}
    assert bench.raw.post(f"/networks/{net}/connect", body).status == 200
    assert "169.254.1.1/16" in bench.sh(container, "ip addr show dev eth1").out
    bench.raw.post(f"/networks/{net}/disconnect", {"Container": container})
    assert "169.254." not in bench.sh(container, "ip addr; ip route").out


def test_link_local_addresses_are_of_their_block(bench: Bench) -> None:
    net = bench.network()
    host = {"NetworkMode": net}
    container = bench.create(host=host, **endpoints(net, "10.1.2.3"))
    answer = bench.raw.post(f"/containers/{container}/start")
    assert (answer.status, answer.message) == (400, "invalid link local IP address: 10.1.2.3")
