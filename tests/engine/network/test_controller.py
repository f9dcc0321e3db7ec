"""Joining and leaving: addresses, interfaces, routes, files, events."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from course_lib.engine.errdefs import (
    Conflict,
    EngineError,
    Forbidden,
    InvalidParameter,
    NotFound,
    SystemFailure,
)
from course_lib.engine.interfaces import Interface
from course_lib.engine.network import (
    DnsConfig,
    EndpointOwner,
    EndpointSpec,
    IpamConfig,
    IpamSpec,
    NetworkSpec,
    SandboxHandle,
)
from tests.engine.network.conftest import World, container_id, more_hostname


def addresses(handle: SandboxHandle) -> dict[str, str]:
    """``eth0`` → ``172.17.0.2/16``."""
    return {
        interface.name: f"{interface.addresses[0].address}/{interface.addresses[0].prefix}"
        for interface in handle.interfaces()
        if interface.name != "lo"
    }


def interface(handle: SandboxHandle, name: str) -> Interface:
    return next(i for i in handle.interfaces() if i.name == name)


def default_route(handle: SandboxHandle) -> str | None:
    routes = [route for route in handle.routes() if route.destination == "0.0.0.0/0"]
    return routes[0].gateway if routes else None


def test_default_bridge(world: World) -> None:
    web = world.run("web", "bridge")
    assert addresses(web) == {"eth0": "172.17.0.2/16"}
    eth0 = interface(web, "eth0")
    assert (eth0.kind, eth0.mac, eth0.mtu) == ("veth", "02:42:ac:11:00:02", 1500)
    assert eth0.addresses[0].broadcast == "172.17.255.255"
    assert [(r.destination, r.gateway, r.source) for r in web.routes()] == [
        ("0.0.0.0/0", "172.17.0.1", None),
        ("172.17.0.0/16", None, "172.17.0.2"),
    ]
    endpoint = web.endpoints[0]
    assert (endpoint.ip_address, endpoint.prefix_length) == ("172.17.0.2", 16)
    assert (endpoint.gateway, endpoint.dns_names) == ("172.17.0.1", None)
    row = world.net.get("bridge").info().containers[container_id("web")]
    assert (row.name, row.ipv4_address, row.mac_address) == (
        "web",
        "172.17.0.2/16",
        "02:42:ac:11:00:02",
    )


def test_interface_has_its_other_end_on_the_host(world: World) -> None:
    web = world.run("web", "bridge")
    inner = interface(web, "eth0")
    outer = next(i for i in world.net.host.interfaces() if i.index == inner.peer_index)
    assert outer.peer_index == inner.index
    assert outer.index == inner.index + 1
    assert outer.master == "docker0"
    assert outer.name.startswith("veth")
    assert len(outer.name) == 11
    world.stop("web")
    assert outer.name not in [i.name for i in world.net.host.interfaces()]


def test_bridge_has_a_carrier_while_somebody_is_on_it(world: World) -> None:
    assert not interface(world.net.host, "docker0").up
    world.run("web", "bridge")
    world.run("db", "bridge")
    assert interface(world.net.host, "docker0").up
    world.stop("web")
    assert interface(world.net.host, "docker0").up
    world.stop("db")
    assert not interface(world.net.host, "docker0").up


def test_network_none(world: World) -> None:
    vault = world.run("vault", "none")
    assert [i.name for i in vault.interfaces()] == ["lo"]
    assert vault.routes() == []
    row = world.net.get("none").info().containers[container_id("vault")]
    assert (row.name, row.ipv4_address, row.mac_address) == ("vault", "", "")
    assert "(legacy)" in vault.files.resolv_conf


def test_network_host(world: World) -> None:
    view = world.run("view", "host")
    world.network("dev")
    names = [i.name for i in view.interfaces()]
    assert names[:3] == ["lo", "eth0", "docker0"]
    assert names[3].startswith("br-")
    assert view.key.endswith("/netns/default")
    assert view.files.hosts == "127.0.0.1\tlocalhost\n192.0.2.1\tmachine\n"
    assert "nameserver 192.0.2.53\n" in view.files.resolv_conf
    assert [row.name for row in world.net.get("host").info().containers.values()] == ["view"]
    world.stop("view")
    assert world.net.get("host").info().containers == {}


def test_container_mode_shares_everything(world: World) -> None:
    app = world.run("app", "bridge")
    sidecar = world.net.new_sandbox(
        container_id("sidecar"), "container", share_with=container_id("app")
    )
    assert (sidecar.id, sidecar.key) == (app.id, app.key)
    world.network("dev")
    world.join("app", "dev")
    assert list(addresses(sidecar)) == ["eth0", "eth1"]
    with pytest.raises(InvalidParameter, match="container sharing network namespace"):
        world.join("sidecar", "dev")
    third = world.net.new_sandbox(
        container_id("third"), "container", share_with=container_id("sidecar")
    )
    assert third.id == app.id
    world.stop("app")
    assert addresses(sidecar) == {}


def test_container_mode_needs_a_running_container(world: World) -> None:
    with pytest.raises(Conflict, match="cannot join network of a non running container: ffff"):
        world.net.new_sandbox(container_id("a"), "container", share_with="ffff")


def test_second_network_is_a_second_interface(world: World) -> None:
    world.network("zeta")
    world.network("alpha")
    box = world.run("box", "zeta")
    assert default_route(box) == "172.18.0.1"
    world.join("box", "alpha")
    assert addresses(box) == {"eth0": "172.18.0.2/16", "eth1": "172.19.0.2/16"}
    # The gateway network is the first by name, not by time.
    assert default_route(box) == "172.19.0.1"
    world.leave("box", "alpha")
    assert addresses(box) == {"eth0": "172.18.0.2/16"}
    assert default_route(box) == "172.18.0.1"
    world.join("box", "alpha")
    assert list(addresses(box)) == ["eth0", "eth2"]


def test_priority_decides_the_gateway_before_the_name(world: World) -> None:
    world.network("zeta")
    world.network("alpha")
    box = world.run("box", "alpha")
    world.join("box", "zeta", priority=5)
    assert default_route(box) == "172.18.0.1"


def test_internal_network_gives_no_way_out(world: World) -> None:
    world.network("inner", internal=True)
    world.network("outer")
    box = world.run("box", "inner")
    assert default_route(box) is None
    assert box.endpoints[0].gateway == ""
    assert [route.destination for route in box.routes()] == ["172.18.0.0/16"]
    world.join("box", "outer")
    assert default_route(box) == "172.19.0.1"
    world.leave("box", "outer")
    assert default_route(box) is None


def test_interface_prefix_option(world: World) -> None:
    world.network("dev", options={"com.docker.network.container_iface_prefix": "lan"})
    assert list(addresses(world.run("box", "dev"))) == ["lan0"]


def test_mtu_option(world: World) -> None:
    world.network("dev", options={"com.docker.network.driver.mtu": "1400"})
    assert interface(world.run("box", "dev"), "eth0").mtu == 1400


def test_addresses_are_the_lowest_free_ones(world: World) -> None:
    world.network("dev", "10.1.0.0/24")
    for name in ("a", "b", "c"):
        world.run(name, "dev")
    world.stop("b")
    world.run("d", "dev")
    assert world.address("d", "dev") == "10.1.0.3"
    assert world.address("c", "dev") == "10.1.0.4"


def test_fixed_address_and_mac(world: World) -> None:
    world.network("pubnet", "10.66.0.0/16")
    world.run("pinned")
    endpoint = world.join(
        "pinned", "pubnet", ipv4_address="10.66.66.66", mac_address="02-42-AA-00-00-01"
    )
    assert (endpoint.ip_address, endpoint.mac) == ("10.66.66.66", "02:42:aa:00:00:01")
    world.run("other")
    with pytest.raises(Forbidden, match=r"^Address already in use$"):
        world.join("other", "pubnet", ipv4_address="10.66.66.66")
    with pytest.raises(InvalidParameter, match="no configured subnet or ip-range contain"):
        world.join("other", "pubnet", ipv4_address="10.67.0.1")
    world.stop("pinned")
    assert world.join("other", "pubnet", ipv4_address="10.66.66.66").ip_address == "10.66.66.66"


def test_full_network(world: World) -> None:
    network = world.network("tiny", "10.1.0.0/30")
    world.run("a", "tiny")
    world.run("b")
    with pytest.raises(SystemFailure) as caught:
        world.join("b", "tiny")
    assert str(caught.value) == (
        f"no available IPv4 addresses on this network's address pools: tiny ({network.id})"
    )
    world.stop("a")
    world.join("b", "tiny")


def test_reserved_addresses_are_not_given(world: World) -> None:
    pool = IpamConfig("10.77.0.0/24", "10.77.0.128/25", "10.77.0.1", {"router": "10.77.0.129"})
    world.net.create(NetworkSpec("backend", ipam=IpamSpec(config=[pool])))
    for name in ("a", "b"):
        world.run(name, "backend")
    assert world.address("a", "backend") == "10.77.0.128"
    assert world.address("b", "backend") == "10.77.0.130"


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("host", "dev", "container sharing network namespace with another container or host"),
        ("bridge", "host", "container cannot be disconnected from host network or connected to"),
        ("none", "dev", "container cannot be connected to multiple networks with one of the"),
        ("bridge", "none", "container cannot be connected to multiple networks with one of the"),
    ],
)
def test_special_networks_stand_alone(world: World, first: str, second: str, message: str) -> None:
    world.network("dev")
    world.run("box", first)
    with pytest.raises(InvalidParameter, match=message):
        world.join("box", second)


def test_combination_is_checked_for_stopped_containers_too(world: World) -> None:
    dev = world.network("dev")
    world.net.check_combination("bridge", ["bridge", "removed-meanwhile"], dev)
    world.net.check_combination("bridge", ["dev", "none"], dev)
    with pytest.raises(InvalidParameter, match="sharing network namespace"):
        world.net.check_combination("container:x", [], dev)
    with pytest.raises(InvalidParameter, match="sharing network namespace"):
        world.net.check_combination("host", ["host"], dev)


def test_settings_are_checked_before_the_network_exists(world: World) -> None:
    world.net.check("later", EndpointSpec(aliases=["a"]))
    world.net.check("later", EndpointSpec(ipv4_address="10.0.0.1"))
    world.network("dev")
    with pytest.raises(InvalidParameter, match="supported only when connecting to networks with"):
        world.net.check("dev", EndpointSpec(ipv4_address="172.18.0.9"))


def test_joining_twice(world: World) -> None:
    world.network("dev")
    world.run("box", "dev")
    with pytest.raises(Forbidden) as caught:
        world.join("box", "dev")
    assert str(caught.value) == "endpoint with name box already exists in network dev"


@pytest.mark.parametrize("action", ["join", "leave"])
def test_unknown_network(world: World, action: str) -> None:
    world.run("box", "bridge")
    with pytest.raises(NotFound, match=r"^network nowhere not found$"):
        world.join("box", "nowhere") if action == "join" else world.leave("box", "nowhere")


def test_leaving_where_one_is_not(world: World) -> None:
    world.network("dev")
    world.run("box", "bridge")
    with pytest.raises(SystemFailure) as caught:
        world.leave("box", "dev")
    assert str(caught.value) == (f"container {container_id('box')} is not connected to network dev")
    world.run("view", "host")
    with pytest.raises(InvalidParameter, match="cannot be disconnected from host network"):
        world.leave("view", "host")


def test_configuration_network_cannot_be_joined(world: World) -> None:
    world.net.create(NetworkSpec("settings", config_only=True))
    world.run("box", "bridge")
    with pytest.raises(Forbidden, match="cannot create endpoint on configuration-only network"):
        world.join("box", "settings")


def test_a_failed_join_changes_nothing(world: World) -> None:
    world.network("dev", "10.1.0.0/24")
    box = world.run("box", "bridge")
    before = (addresses(box), box.routes(), box.files.hosts, len(world.events.seen))
    with pytest.raises(EngineError):
        world.join("box", "dev", ipv4_address="10.1.0.1")
    assert (addresses(box), box.routes(), box.files.hosts, len(world.events.seen)) == before
    assert world.join("box", "dev").ip_address == "10.1.0.2"


def test_events(world: World) -> None:
    network = world.network("dev")
    world.run("box", "dev")
    world.leave("box", "dev")
    world.join("box", "dev")
    world.stop("box")
    assert world.events.actions() == [
        "create dev",
        "connect dev",
        # Told twice, as by dockerd 26.1, when the container lives on.
        "disconnect dev",
        "disconnect dev",
        "connect dev",
        "disconnect dev",
    ]
    assert world.events.seen[1] == (
        "network",
        "connect",
        network.id,
        {"container": container_id("box"), "name": "dev", "type": "bridge"},
    )


def test_hosts_file_follows_the_networks(world: World, tmp_path: Path) -> None:
    world.network("dev")
    folder = tmp_path / "box"
    folder.mkdir()
    box = world.run("box", "bridge", files=folder)
    host = more_hostname("box")
    assert (folder / "hosts").read_text().endswith(f"ff02::2\tip6-allrouters\n172.17.0.2\t{host}\n")
    world.join("box", "dev")
    assert box.files.hosts.endswith(f"172.17.0.2\t{host}\n172.18.0.2\t{host}\n")
    world.leave("box", "dev")
    # libnetwork removes lines by name, whatever their address.
    assert (folder / "hosts").read_text().endswith("ff02::2\tip6-allrouters\n")


def test_resolv_conf_changes_with_the_first_network_of_ones_own(
    world: World, tmp_path: Path
) -> None:
    world.network("dev")
    folder = tmp_path / "box"
    folder.mkdir()
    world.run("box", "bridge", files=folder)
    assert "nameserver 192.0.2.53\nsearch example.org\n" in (folder / "resolv.conf").read_text()
    world.join("box", "dev")
    assert "nameserver 127.0.0.11\n" in (folder / "resolv.conf").read_text()
    assert "# ExtServers: [192.0.2.53]\n" in (folder / "resolv.conf").read_text()
    world.leave("box", "dev")
    assert "nameserver 127.0.0.11\n" in (folder / "resolv.conf").read_text()


def test_a_folder_that_cannot_be_written_undoes_the_join(world: World, tmp_path: Path) -> None:
    box = world.net.new_sandbox(container_id("box"), "bridge", files=tmp_path / "missing")
    with pytest.raises(SystemFailure, match=r"cannot write .*missing/.*: No such file"):
        world.join("box", "bridge")
    assert addresses(box) == {}
    assert world.net.get("bridge").info().containers == {}


def test_a_folder_that_went_away_does_not_keep_a_container(world: World, tmp_path: Path) -> None:
    world.network("dev")
    folder = tmp_path / "box"
    folder.mkdir()
    world.run("box", "dev", files=folder)
    shutil.rmtree(folder)
    world.stop("box")
    assert world.net.get("dev").info().containers == {}


def test_extra_hosts_links_and_host_names(world: World) -> None:
    box = world.net.new_sandbox(
        container_id("box"),
        "bridge",
        hostname="box",
        domainname="example.org",
        extra_hosts=["somehost:10.0.0.1", "v6:fe80::1", "gw:host-gateway"],
        link_hosts=[("172.17.0.9", "db 0123456789ab database")],
    )
    world.join("box", "bridge")
    assert box.files.hosts.splitlines()[6:] == [
        "10.0.0.1\tsomehost",
        "fe80::1\tv6",
        "172.17.0.1\tgw",
        "172.17.0.9\tdb 0123456789ab database",
        "172.17.0.2\tbox.example.org box",
    ]
    with pytest.raises(InvalidParameter, match='bad format for add-host: "nonsense"'):
        world.net.new_sandbox(container_id("c"), "bridge", extra_hosts=["nonsense"])


def test_dns_settings(world: World) -> None:
    box = world.net.new_sandbox(
        container_id("box"), "bridge", dns=DnsConfig(["9.9.9.9"], ["test"], ["timeout:1"])
    )
    world.join("box", "bridge")
    lines = box.files.resolv_conf.splitlines()
    assert "nameserver 9.9.9.9" in lines
    assert "search test" in lines
    assert "options timeout:1" in lines


def test_rename(world: World) -> None:
    world.network("dev")
    world.run("old", "dev", aliases=["alias"])
    world.net.rename(container_id("old"), "new", more_hostname("old"))
    network = world.net.get("dev")
    assert network.names.addresses("old") == []
    assert network.names.addresses("new") == ["172.18.0.2"]
    assert network.names.addresses("alias") == ["172.18.0.2"]
    assert network.names.name("172.18.0.2") == "new"
    assert [row.name for row in network.info().containers.values()] == ["new"]
    world.net.rename(container_id("unknown"), "x")


def test_new_sandbox_replaces_a_stale_one(world: World) -> None:
    world.run("box", "bridge")
    world.run("box", "bridge")
    assert world.address("box", "bridge") == "172.17.0.2"
    assert len(world.net.get("bridge").info().containers) == 1


def test_forced_removal_of_an_endpoint(world: World) -> None:
    world.network("dev")
    box = world.run("box", "dev")
    with pytest.raises(NotFound, match=r"^endpoint ghost not found$"):
        world.net.remove_endpoint("ghost", "dev")
    world.net.remove_endpoint("box", "dev")
    assert addresses(box) == {}
    assert world.net.get("dev").info().containers == {}


def test_join_without_a_sandbox(world: World) -> None:
    owner = EndpointOwner(container_id("ghost"), "ghost")
    with pytest.raises(NotFound, match="sandbox for container"):
        world.net.join(owner, "bridge", EndpointSpec())


def test_a_thousand_containers(world: World) -> None:
    network = world.network("dev")
    for number in range(1000):
        world.run(f"c{number}", "dev", aliases=["all"])
    assert len(network.names.addresses("all")) == 1000
    assert world.address("c999", "dev") == "172.18.3.233"
    for number in range(1000):
        world.stop(f"c{number}")
    assert len(network) == 0
    assert len(network.names) == 0
    assert len(world.net.host.interfaces()) == len(["lo", "eth0", "docker0", "dev"])
