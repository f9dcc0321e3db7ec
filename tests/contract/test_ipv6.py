"""Networks with IPv6: addresses, names, reachability, and what is refused."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pytest

from tests.contract.addressing import endpoint, subnet
from tests.contract.harness import Bench, free_port, until


def subnet6(bench: Bench, number: int = 0) -> ipaddress.IPv6Network:
    """A subnet that no other test uses: taken from the test's own random name."""
    digits = bench.prefix[2:]
    return ipaddress.IPv6Network(f"fd{number:02x}:{digits[:4]}:{digits[4:]}::/64")


def pools(*blocks: dict[str, Any], ipv6: bool = True) -> dict[str, Any]:
    return {"EnableIPv6": ipv6, "IPAM": {"Config": list(blocks)}}


@pytest.fixture(scope="module")
def six(shelf: Bench) -> Bench:
    """``web`` and ``near`` on the network ``six``; ``lone`` on the default bridge."""
    network = shelf.network("six", **pools({"Subnet": str(subnet6(shelf))}))
    shelf.serve("web", network)
    shelf.on(network, "near")
    shelf.run("lone")
    return shelf


def address6(bench: Bench, word: str) -> str:
    found: str = endpoint(bench, bench.name(word), bench.name("six"))["GlobalIPv6Address"]
    return found


def test_endpoint_has_an_address_of_each_kind(six: Bench) -> None:
    net = subnet6(six)
    shown = endpoint(six, six.name("near"), six.name("six"))
    assert shown["GlobalIPv6Address"] == str(net[3])
    assert shown["GlobalIPv6PrefixLen"] == 64
    assert shown["IPv6Gateway"] == str(net[1])
    assert shown["IPAddress"]
    assert shown["Gateway"]
    row = six.inspect_network(six.name("six"))["Containers"][six.inspect(six.name("near"))["Id"]]
    assert row["IPv6Address"] == f"{net[3]}/64"
    assert row["IPv4Address"] == f"{shown['IPAddress']}/{shown['IPPrefixLen']}"


def test_configuration_shows_what_was_asked_for_and_what_was_chosen(six: Bench) -> None:
    document = six.inspect_network(six.name("six"))
    assert document["EnableIPv6"] is True
    asked, chosen = document["IPAM"]["Config"]
    assert asked == {"Subnet": str(subnet6(six))}
    assert set(chosen) == {"Subnet", "Gateway"}
    assert ipaddress.ip_network(chosen["Subnet"]).version == 4


def test_interface_and_routes_inside(six: Bench) -> None:
    near, net = six.name("near"), subnet6(six)
    shown = six.sh(near, "ip -6 addr show dev eth0").out
    assert f"inet6 {net[3]}/64 scope global flags 02 \n" in shown
    assert "inet6 fe80::42:" in shown
    lines = six.sh(near, "ip -6 route").out.splitlines()
    assert f"{net} dev eth0  metric 256 " in lines
    assert "fe80::/64 dev eth0  metric 256 " in lines
    assert f"default via {net[1]} dev eth0  metric 1024 " in lines
    assert f"inet6 addr: {net[3]}/64 Scope:Global" in six.sh(near, "ifconfig eth0").out
    assert (
        f"{net[3]}\t{six.inspect(near)['Config']['Hostname']}\n"
        in six.sh(near, "cat /etc/hosts").out
    )


def test_proc_lists_the_addresses(six: Bench) -> None:
    rows = six.sh(six.name("near"), "cat /proc/net/if_inet6").out.splitlines()
    fields = [row.split() for row in rows]
    packed = subnet6(six)[3].packed.hex()
    assert ["00000000000000000000000000000001", "01", "80", "10", "80", "lo"] in fields
    (mine,) = (row for row in fields if row[0] == packed)
    assert mine[2:] == ["40", "00", "82", "eth0"]


def test_names_resolve_to_both(six: Bench) -> None:
    near, name = six.name("near"), six.name("web")
    four = six.sh(near, f"nslookup -type=a {name}").out
    six_ = six.sh(near, f"nslookup -type=aaaa {name}").out
    assert six.address(name, six.name("six")) in four
    assert address6(six, "web") in six_
    assert address6(six, "web") not in four


def test_reverse_lookup(six: Bench) -> None:
    out = six.sh(six.name("near"), f"nslookup {address6(six, 'web')}").out
    pointer = ipaddress.ip_address(address6(six, "web")).reverse_pointer
    assert f"{pointer}\tname = {six.name('web')}.{six.name('six')}" in out


@pytest.mark.parametrize("program", ["ping -6", "ping6", "ping"])
def test_ping(six: Bench, program: str) -> None:
    target = address6(six, "web") if program == "ping" else six.name("web")
    result = six.sh(six.name("near"), f"{program} -c1 -w5 {target}")
    assert result.code == 0
    assert result.out.startswith(f"PING {target} ({address6(six, 'web')}): 56 data bytes\n")
    assert f"64 bytes from {address6(six, 'web')}: seq=0 ttl=64 time=" in result.out


def test_ping_the_gateway_and_itself(six: Bench) -> None:
    near, net = six.name("near"), subnet6(six)
    for target in (net[1], net[3], "::1"):
        assert six.sh(near, f"ping6 -c1 -w5 {target}").code == 0


def test_page_by_address(six: Bench) -> None:
    fetch = f"wget -qO- http://[{address6(six, 'web')}]/"
    assert six.sh(six.name("near"), fetch).out == "web\n"


def test_tcp_refused_where_nobody_listens(six: Bench) -> None:
    result = six.sh(six.name("near"), f"wget -qO- -T5 http://[{address6(six, 'web')}]:81/")
    assert result.code == 1
    assert "Connection refused" in result.err


def test_no_way_from_a_container_without_ipv6(six: Bench) -> None:
    result = six.sh(six.name("lone"), f"ping6 -c1 -w1 {address6(six, 'web')}")
    assert result.code == 1
    assert "unreachable" in result.err
    result = six.sh(six.name("lone"), f"ping6 -c1 -w1 {six.name('web')}")
    assert "bad address" in result.err


def _other_network(bench: Bench) -> str:
    """A container on a network of its own, which has IPv6 too."""
    return bench.on(bench.network("other", **pools({"Subnet": str(subnet6(bench, 1))})), "far")


def test_names_and_ipv4_stay_within_a_network(six: Bench, bench: Bench) -> None:
    far = _other_network(bench)
    near = endpoint(six, six.name("near"), six.name("six"))["IPAddress"]
    assert bench.sh(far, f"nslookup -type=aaaa {six.name('web')}").code == 1
    assert "bad address" in bench.sh(far, f"ping6 -c1 -w1 {six.name('web')}").err
    assert "100% packet loss" in bench.sh(far, f"ping -c1 -w1 {near}").out


def test_ipv6_leads_from_network_to_network(six: Bench, bench: Bench) -> None:
    """Up to Engine 26 dockerd has no rules against it; here nothing leads across."""
    far = _other_network(bench)
    assert bench.sh(far, f"ping6 -c1 -w5 {address6(six, 'web')}").code == 0


def test_host_sees_the_bridge(six: Bench) -> None:
    identity = six.inspect_network(six.name("six"))["Id"]
    host = six.on("host", "host")
    shown = six.sh(host, f"ip -6 addr show dev br-{identity[:12]}").out
    assert f"inet6 {subnet6(six)[1]}/64 scope global" in shown
    assert six.sh(host, f"ping6 -c1 -w5 {address6(six, 'web')}").code == 0


def test_everything_asked_for(bench: Bench) -> None:
    four, net = subnet(bench), subnet6(bench)
    config = [
        {"Subnet": str(net), "Gateway": str(net[9]), "IPRange": f"{net[0xF000]}/120"},
        {"Subnet": str(four), "Gateway": str(four[9]), "IPRange": f"{four[128]}/25"},
    ]
    name = bench.network(**pools(*config))
    assert bench.inspect_network(name)["IPAM"]["Config"] == [
        {"Subnet": str(four), "IPRange": f"{four[128]}/25", "Gateway": str(four[9])},
        {"Subnet": str(net), "IPRange": f"{net[0xF000]}/120", "Gateway": str(net[9])},
    ]
    shown = endpoint(bench, bench.on(name, "c"), name)
    assert (shown["GlobalIPv6Address"], shown["IPv6Gateway"]) == (str(net[0xF000]), str(net[9]))
    assert shown["IPAddress"] == str(four[128])


def test_fixed_address(bench: Bench) -> None:
    net = subnet6(bench)
    name = bench.network(**pools({"Subnet": str(net)}))
    wanted = {"EndpointsConfig": {name: {"IPAMConfig": {"IPv6Address": str(net[0x99])}}}}
    first = bench.on(name, "first", NetworkingConfig=wanted)
    assert endpoint(bench, first, name)["GlobalIPv6Address"] == str(net[0x99])
    assert endpoint(bench, first, name)["IPAMConfig"] == {"IPv6Address": str(net[0x99])}
    second = bench.create("second", host={"NetworkMode": name}, NetworkingConfig=wanted)
    answer = bench.raw.post(f"/containers/{second}/start")
    assert (answer.status, answer.message) == (403, "Address already in use")
    bench.raw.post(f"/containers/{first}/restart", params={"t": "0"})
    assert endpoint(bench, first, name)["GlobalIPv6Address"] == str(net[0x99])
    given = bench.address(first, name)
    bench.raw.delete(f"/containers/{first}", params={"force": "1"})
    bench.start(second)
    assert bench.address(second, name) == given  # what the failed start took is free again


def test_connect_and_disconnect(bench: Bench) -> None:
    net = subnet6(bench)
    name, container = bench.network(**pools({"Subnet": str(net)})), bench.run("c")
    config = {"IPv6Address": str(net[0x77])}
    assert bench.connect(name, container, IPAMConfig=config).status == 200
    assert f"inet6 {net[0x77]}/64" in bench.sh(container, "ip -6 addr show dev eth1").out
    assert bench.disconnect(name, container).status == 200
    assert "inet6 fd" not in bench.sh(container, "ip -6 addr").out
    assert bench.sh(container, "ip -6 route").out == ""


def test_internal_network_has_no_default_route(bench: Bench) -> None:
    net = subnet6(bench)
    name = bench.network(Internal=True, **pools({"Subnet": str(net)}))
    container = bench.on(name, "c")
    routes = bench.sh(container, "ip -6 route").out
    assert "default" not in routes
    assert f"{net} dev eth0" in routes
    assert endpoint(bench, container, name)["IPv6Gateway"] == ""


def test_without_ipv6_a_subnet_of_it_is_only_noted(bench: Bench) -> None:
    net = subnet6(bench)
    name = bench.network(**pools({"Subnet": str(net)}, ipv6=False))
    asked, chosen = bench.inspect_network(name)["IPAM"]["Config"]
    assert asked == {"Subnet": str(net)}
    assert ipaddress.ip_network(chosen["Subnet"]).version == 4
    container = bench.on(name, "c")
    assert endpoint(bench, container, name)["GlobalIPv6Address"] == ""
    assert "eth0" not in bench.sh(container, "ip -6 addr").out


def test_published_port_leads_there(bench: Bench) -> None:
    port = free_port()
    name = bench.network(**pools({"Subnet": str(subnet6(bench))}))
    host = {"NetworkMode": name, "PortBindings": {"80/tcp": [{"HostPort": str(port)}]}}
    bench.run("web", image="nginx", host=host)
    assert "Welcome to nginx!" in bench.fetch(port)


def test_server_on_ipv6_alone(bench: Bench) -> None:
    name = bench.network(**pools({"Subnet": str(subnet6(bench))}))
    server = bench.serve("server", name)
    page = "printf 'server { listen [::]:8080; root /usr/share/nginx/html; }'"
    bench.sh(server, f"{page} > /etc/nginx/conf.d/six.conf; nginx -s reload")
    client = bench.on(name, "client")
    target = endpoint(bench, server, name)["GlobalIPv6Address"]
    until(lambda: bench.sh(client, f"wget -qO- -T5 http://[{target}]:8080/").out == "server\n")


@pytest.mark.parametrize(
    ("block", "status", "message"),
    [
        (
            None,
            404,
            "could not find an available, non-overlapping IPv6 address pool among the defaults "
            "to assign to the network",
        ),
        (
            {"Subnet": "fd00:5::1/64"},
            400,
            "invalid network config:\ninvalid subnet fd00:5::1/64: it should be fd00:5::/64",
        ),
        (
            {"Subnet": "fd00:5::/64", "Gateway": "10.0.0.1"},
            400,
            "invalid network config:\ninvalid gateway 10.0.0.1: parent subnet is an IPv6 block",
        ),
        (
            {"Subnet": "fd00:5::/64", "IPRange": "fd00:6::/80"},
            400,
            "invalid network config:\ninvalid ip-range fd00:6::/80: parent subnet fd00:5::/64 "
            "doesn't contain ip-range",
        ),
        (
            {"Subnet": "fd00:5::/64", "AuxiliaryAddresses": {"r": "fd00:6::1"}},
            400,
            "invalid network config:\ninvalid auxiliary address r: parent subnet fd00:5::/64 "
            "doesn't contain this address",
        ),
    ],
)
def test_refused(bench: Bench, block: dict[str, Any] | None, status: int, message: str) -> None:
    body = {"Name": bench.name(), **pools(*([block] if block else []))}
    answer = bench.create_network_raw(body)
    assert (answer.status, answer.message) == (status, message), json.dumps(body)


def test_overlap(bench: Bench) -> None:
    net = subnet6(bench)
    bench.network("one", **pools({"Subnet": str(net)}))
    half = next(net.subnets(new_prefix=80))
    body = {"Name": bench.name("two"), **pools({"Subnet": str(half)})}
    answer = bench.create_network_raw(body)
    assert answer.status == 403
    assert answer.message == "Pool overlaps with other one on this address space"


def test_address_outside(bench: Bench) -> None:
    name = bench.network(**pools({"Subnet": str(subnet6(bench))}))
    wanted = {"EndpointsConfig": {name: {"IPAMConfig": {"IPv6Address": "fd00:9::9"}}}}
    answer = bench.create_raw(
        {"Image": "alpine", "HostConfig": {"NetworkMode": name}, "NetworkingConfig": wanted}
    )
    assert answer.status == 400
    assert answer.message.endswith(
        "no configured subnet or ip-range contain the IP address fd00:9::9"
    )


def test_refused_address_of_ipv6_takes_one_of_ipv4_along(bench: Bench) -> None:
    """libnetwork forgets it (``createEndpoint``) until the network is removed."""
    block, six = str(subnet(bench)), str(subnet6(bench))
    network = bench.network("n", **pools({"Subnet": block}, {"Subnet": six}))
    container = bench.run("c")
    gateway = bench.inspect_network(network)["IPAM"]["Config"][1].get("Gateway") or f"{six[:-3]}1"
    refused = bench.connect(network, container, IPAMConfig={"IPv6Address": gateway})
    assert (refused.status, refused.message) == (403, "Address already in use")
    bench.disconnect(network, container)
    wanted = {"IPv4Address": str(ipaddress.ip_network(block)[2])}
    assert bench.connect(network, container, IPAMConfig=wanted).status == 403
