"""Who reaches whom: ICMP, TCP and UDP within and across networks; the kinds of networks."""

from __future__ import annotations

import socket

import pytest

from tests.contract.addressing import prefix
from tests.contract.harness import Bench, addresses, free_port, until


@pytest.fixture(scope="module")
def land(shelf: Bench) -> Bench:
    """``web`` and ``near`` on one network, ``far`` on another, ``lone`` on the default bridge."""
    dev, prod = shelf.network("dev"), shelf.network("prod")
    shelf.serve("web", dev)
    shelf.on(dev, "near")
    shelf.on(prod, "far")
    shelf.run("lone")
    return shelf


def web(bench: Bench) -> str:
    return bench.address(bench.name("web"), bench.name("dev"))


def test_ping_by_name(land: Bench) -> None:
    result = land.sh(land.name("near"), f"ping -c1 -w2 {land.name('web')}")
    assert result.code == 0
    assert result.out.startswith(f"PING {land.name('web')} ({web(land)}): 56 data bytes\n")
    assert f"64 bytes from {web(land)}: seq=0 ttl=64 time=" in result.out
    assert "1 packets transmitted, 1 packets received, 0% packet loss" in result.out


def test_http_by_name_and_address(land: Bench) -> None:
    for target in (land.name("web"), web(land)):
        assert land.sh(land.name("near"), f"wget -qO- http://{target}/").out == "web\n"


def test_tcp_refused_where_nobody_listens(land: Bench) -> None:
    result = land.sh(land.name("near"), f"wget -qO- -T2 http://{land.name('web')}:81/")
    assert result.code == 1
    assert "Connection refused" in result.err


def test_ping_across_networks_gets_nothing(land: Bench) -> None:
    result = land.sh(land.name("far"), f"ping -c1 -w1 {web(land)}")
    assert result.code == 1
    assert "100% packet loss" in result.out


def test_tcp_across_networks_times_out(land: Bench) -> None:
    for word in ("far", "lone"):
        result = land.sh(land.name(word), f"wget -qO- -T1 http://{web(land)}/")
        assert result.code == 1
        assert "timed out" in result.err


def test_ping_own_gateway(land: Bench) -> None:
    settings = land.inspect(land.name("near"))["NetworkSettings"]["Networks"][land.name("dev")]
    assert land.sh(land.name("near"), f"ping -c1 -w2 {settings['Gateway']}").code == 0


def test_ping_an_address_nobody_has(land: Bench) -> None:
    prefix = web(land).rpartition(".")[0]
    result = land.sh(land.name("near"), f"ping -c1 -w1 {prefix}.250")
    assert result.code == 1
    assert "1 packets transmitted, 0 packets received, 100% packet loss" in result.out


def test_ping_itself(land: Bench) -> None:
    for target in ("127.0.0.1", "localhost", land.name("near")):
        assert land.sh(land.name("near"), f"ping -c1 -w2 {target}").code == 0


def test_containers_of_the_default_bridge_reach_by_address(land: Bench) -> None:
    other = land.run()
    address = land.address(land.name("lone"), "bridge")
    assert land.sh(other, f"ping -c1 -w2 {address}").code == 0


def test_tcp_between_containers_by_nc(bench: Bench) -> None:
    name = bench.network()
    bench.on(name, "server", command=["sh", "-c", "echo served | nc -l -p 7000; sleep 100"])
    client = bench.on(name, "client")
    until(lambda: bench.sh(client, f"nc -w 2 {bench.name('server')} 7000 </dev/null").out)


def test_reach_begins_with_connect_and_ends_with_disconnect(bench: Bench) -> None:
    name = bench.network()
    server, guest = bench.serve("server", name), bench.run("guest")
    address = bench.address(server, name)
    probe = f"wget -qO- -T1 http://{address}/"
    assert bench.sh(guest, probe).code == 1
    bench.connect(name, guest)
    assert bench.sh(guest, probe).out == "server\n"
    bench.disconnect(name, guest)
    assert bench.sh(guest, probe).code == 1


def test_none_has_lo_alone(bench: Bench) -> None:
    container = bench.on("none", "c")
    assert set(addresses(bench.sh(container, "ip addr").out)) == {"lo"}
    result = bench.sh(container, "ping -c1 -w1 172.17.0.1")
    assert result.code == 1
    assert "unreachable" in result.err  # glibc and musl word it differently
    assert bench.sh(container, "ping -c1 -w1 127.0.0.1").code == 0
    assert bench.inspect(container)["NetworkSettings"]["IPAddress"] == ""


def test_host_sees_the_interfaces_of_the_host(bench: Bench) -> None:
    container = bench.on("host", "c")
    shown = addresses(bench.sh(container, "ip addr").out)
    assert shown["docker0"] == ["172.17.0.1/16"]
    assert "lo" in shown
    assert set(bench.inspect(container)["NetworkSettings"]["Networks"]) == {"host"}


def test_host_shows_the_bridge_of_a_network(bench: Bench) -> None:
    name = bench.network()
    identity = bench.inspect_network(name)["Id"]
    config = bench.inspect_network(name)["IPAM"]["Config"][0]
    container = bench.on("host", "c")
    shown = addresses(bench.sh(container, "ip addr").out)
    assert shown[f"br-{identity[:12]}"] == [f"{config['Gateway']}/{prefix(bench, name)}"]


def test_host_reaches_every_bridge(land: Bench) -> None:
    host = land.on("host", "host")
    assert land.sh(host, f"ping -c1 -w2 {web(land)}").code == 0
    assert land.sh(host, f"wget -qO- -T2 http://{web(land)}/").out == "web\n"


def test_host_binds_the_ports_of_the_host(bench: Bench) -> None:
    """Clients outside reach it; a second container cannot have the port too."""
    port = free_port()
    script = f"echo served | nc -l -p {port}; sleep 1000"
    one = bench.on("host", "one", command=["sh", "-c", script])
    until(lambda: bench.sh(one, f"netstat -tln | grep :{port}").code == 0)
    two = bench.on("host", "two", command=["nc", "-l", "-p", str(port)])
    assert bench.finish(two) == 1
    assert "in use" in bench.logs(two)
    with socket.create_connection((bench.engine.address, port), timeout=10) as client:
        assert client.recv(100) == b"served\n"


def test_host_has_the_name_of_the_host(bench: Bench) -> None:
    container = bench.on("host", "c")
    assert bench.sh(container, "hostname").out.strip() == bench.raw.get("/info").json()["Name"]


def test_container_mode_shares_the_stack(bench: Bench) -> None:
    name = bench.network()
    app = bench.serve("app", name)
    sidecar = bench.run("sidecar", host={"NetworkMode": f"container:{app}"})
    assert bench.sh(sidecar, "wget -qO- http://127.0.0.1/").out == "app\n"
    mine, its = (addresses(bench.sh(c, "cat /proc/net/dev; true").out) for c in (sidecar, app))
    assert mine == its
    shown = addresses(bench.sh(sidecar, "ip addr").out)
    assert shown["eth0"] == [f"{bench.address(app, name)}/{prefix(bench, name)}"]
    assert bench.sh(sidecar, "hostname").out.strip() == app[:12]
    document = bench.inspect(sidecar)
    assert document["HostConfig"]["NetworkMode"] == f"container:{app}"
    assert document["NetworkSettings"]["Networks"] == {}


def test_container_mode_has_its_own_files(bench: Bench) -> None:
    app = bench.run("app")
    sidecar = bench.run("sidecar", host={"NetworkMode": f"container:{app}"})
    bench.sh(app, "touch /mine")
    assert bench.sh(sidecar, "test -e /mine").code == 1


def test_internal_network_has_no_way_out(bench: Bench) -> None:
    name = bench.network(Internal=True)
    one, two = bench.on(name, "one"), bench.on(name, "two")
    assert "default" not in bench.sh(one, "ip route").out
    assert bench.sh(one, f"ping -c1 -w2 {bench.name('two')}").code == 0
    assert bench.sh(one, "ping -c1 -w1 172.17.0.1").code == 1
    assert bench.inspect(two)["NetworkSettings"]["Networks"][name]["Gateway"] == ""


def test_network_without_communication_between_containers(bench: Bench) -> None:
    """``enable_icc=false`` drops what containers of one bridge send each other."""
    name = bench.network(Options={"com.docker.network.bridge.enable_icc": "false"})
    bench.on(name, "two")
    result = bench.sh(bench.on(name, "one"), f"ping -c1 -w1 {bench.name('two')}")
    assert result.code == 1


def test_routes(land: Bench) -> None:
    settings = land.inspect(land.name("near"))["NetworkSettings"]["Networks"][land.name("dev")]
    lines = land.sh(land.name("near"), "ip route").out.splitlines()
    assert lines[0].strip() == f"default via {settings['Gateway']} dev eth0"
    assert lines[1].split()[1:3] == ["dev", "eth0"]
    assert lines[1].strip().endswith(f"src {settings['IPAddress']}")


def test_default_route_of_several_networks(bench: Bench) -> None:
    """One default route, by the network whose name comes first."""
    first, second = bench.network("a"), bench.network("b")
    container = bench.on(second, "c")
    bench.connect(first, container)
    routes = bench.sh(container, "ip route").out
    gateway = bench.inspect(container)["NetworkSettings"]["Networks"][first]["Gateway"]
    assert routes.count("default") == 1
    assert f"default via {gateway}" in routes


def test_ifconfig_and_hostname_tell_the_address(land: Bench) -> None:
    near = land.name("near")
    address = land.address(near, land.name("dev"))
    assert f"inet addr:{address} " in land.sh(near, "ifconfig eth0").out
    assert land.sh(near, "hostname -i").out.split() == [address]


def test_interfaces_up(land: Bench) -> None:
    out = land.sh(land.name("near"), "ip addr show eth0").out
    assert "BROADCAST,MULTICAST,UP,LOWER_UP" in out
    assert "mtu 1500" in out
    assert "scope global eth0" in out


def test_stopped_container_does_not_answer(bench: Bench) -> None:
    name = bench.network()
    server, probe = bench.on(name, "server"), bench.on(name, "probe")
    address = bench.address(server, name)
    assert bench.sh(probe, f"ping -c1 -w2 {address}").code == 0
    bench.raw.post(f"/containers/{server}/kill")
    bench.finish(server)
    assert bench.sh(probe, f"ping -c1 -w1 {address}").code == 1


def test_interfaces_stand_in_sys(bench: Bench) -> None:
    network = bench.network()
    container = bench.on(network, "c")
    seen = bench.sh(container, "ls /sys/class/net; cat /sys/class/net/eth0/mtu").out.split()
    assert {"eth0", "lo"} <= set(seen)
    assert seen[-1] == "1500"
    mac = bench.inspect(container)["NetworkSettings"]["Networks"][network]["MacAddress"]
    assert bench.sh(container, "cat /sys/class/net/eth0/address").out.strip() == mac
    alone = bench.on("none", "alone")
    assert "eth0" not in bench.sh(alone, "ls /sys/class/net").out
