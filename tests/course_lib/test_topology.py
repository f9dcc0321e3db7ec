from __future__ import annotations

import copy
from typing import Any

import docker
import pytest
from docker.errors import NotFound
from IPython.lib.pretty import pretty

from course_lib.topology import (
    Change,
    Container,
    Interface,
    Mount,
    Network,
    PublishedPort,
    Subnet,
    Topology,
    Volume,
    diff,
    snapshot,
)

BRIDGE = {
    "Id": "b" * 64, "Name": "bridge", "Driver": "bridge", "Created": "2026-01-02T00:00:00Z",
    "IPAM": {"Config": [{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}]},
    "Options": {"com.docker.network.bridge.name": "docker0"}, "Internal": False,
}  # fmt: skip
DEV = {
    "Id": "d" * 64, "Name": "dev", "Driver": "bridge", "Created": "2026-01-01T00:00:00Z",
    "IPAM": {"Config": [{"Subnet": "10.1.0.0/24"}]}, "Options": {}, "Internal": True,
}  # fmt: skip
NONE = {"Id": "0" * 64, "Name": "none", "Driver": "null", "IPAM": {"Config": None}, "Options": None}
WEB: dict[str, Any] = {
    "Id": "1" * 64,
    "Name": "/web",
    "State": {"Status": "running", "Paused": False, "ExitCode": 0},
    "Config": {
        "Image": "docker.io/library/nginx:latest",
        "ExposedPorts": {"80/tcp": {}, "443/tcp": {}},
    },
    "HostConfig": {"NetworkMode": "dev"},
    "Mounts": [
        {"Type": "bind", "Source": "/site", "Destination": "/b", "RW": False},
        {"Type": "volume", "Name": "data", "Source": "/var/…", "Destination": "/a", "RW": True},
    ],
    "NetworkSettings": {
        "Ports": {
            "80/tcp": [
                {"HostIp": "0.0.0.0", "HostPort": "8080"},
                {"HostIp": "::", "HostPort": "8081"},
            ],
            "443/tcp": None,
        },
        "Networks": {
            "dev": {
                "IPAddress": "10.1.0.2", "IPPrefixLen": 24, "MacAddress": "02:42:0a:01:00:02",
                "Gateway": "", "Aliases": ["www", "1" * 12, "www"],
            }
        },
    },
}  # fmt: skip


class FakeApi:
    """Answers as the SDK's low-level client does."""

    def __init__(self, *containers: dict[str, Any], gone: tuple[str, ...] = ()) -> None:
        self.api = self
        self._containers = {container["Id"]: container for container in containers}
        self._gone = gone

    def networks(self) -> list[dict[str, Any]]:
        return [NONE, DEV, BRIDGE]

    def containers(self, all: bool) -> list[dict[str, Any]]:
        assert all
        entries = [{"Id": i, "Created": 5, "State": "running"} for i in self._containers]
        return [*entries, *({"Id": i, "Created": 1, "State": "exited"} for i in self._gone)]

    def inspect_container(self, container_id: str) -> dict[str, Any]:
        if container_id in self._gone:
            raise NotFound("gone")
        return self._containers[container_id]

    def volumes(self) -> dict[str, Any]:
        return {"Volumes": [{"Name": "f" * 64, "Driver": "local"}, {"Name": "data"}]}


def test_snapshot_reads_networks_in_the_order_of_their_making() -> None:
    found = snapshot(FakeApi())
    assert [network.name for network in found.networks] == ["bridge", "none", "dev"]
    assert found.network("bridge") == Network(
        "b" * 64, "bridge", "bridge", (Subnet("172.17.0.0/16", "172.17.0.1"),), False, "docker0"
    )
    dev = found.network("dev")
    assert dev
    assert (dev.internal, dev.bridge, dev.subnets) == (
        True, "br-dddddddddddd", (Subnet("10.1.0.0/24"),)
    )  # fmt: skip


def test_snapshot_reads_a_container() -> None:
    found = snapshot(FakeApi(WEB)).container("web")
    assert found == Container(
        id="1" * 64,
        name="web",
        image="nginx",
        state="running",
        exit_code=0,
        interfaces=(Interface("dev", "10.1.0.2", 24, "02:42:0a:01:00:02", ("www",), ""),),
        ports=(PublishedPort(80, "tcp", 8080, "0.0.0.0"),),
        exposed=("443/tcp",),
        mounts=(Mount("volume", "data", "/a"), Mount("bind", "/site", "/b", True)),
    )


def test_a_port_published_for_ipv6_alone_is_shown() -> None:
    web = copy.deepcopy(WEB)
    web["NetworkSettings"]["Ports"] = {"80/tcp": [{"HostIp": "::", "HostPort": "8081"}]}
    found = snapshot(FakeApi(web)).container("web")
    assert found
    assert found.ports == (PublishedPort(80, "tcp", 8081, "::"),)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("default", ("bridge", "")),
        ("bridge", ("bridge", "")),
        ("dev", ("bridge", "")),
        ("none", ("none", "")),
        ("host", ("host", "")),
        (f"container:{'2' * 64}", ("container", "2" * 64)),
    ],
)
def test_modes(mode: str, expected: tuple[str, str]) -> None:
    web = copy.deepcopy(WEB)
    web["HostConfig"]["NetworkMode"] = mode
    web["NetworkSettings"]["Networks"] = {}
    found = snapshot(FakeApi(web)).container("web")
    assert found
    assert (found.mode, found.shares) == expected


def test_host_and_none_are_no_interfaces() -> None:
    web = copy.deepcopy(WEB)
    web["NetworkSettings"]["Networks"] = {"host": {"IPAddress": ""}}
    found = snapshot(FakeApi(web)).container("web")
    assert found
    assert found.interfaces == ()


def test_a_container_that_vanishes_meanwhile_is_left_out() -> None:
    assert snapshot(FakeApi(WEB, gone=("9" * 64,))).containers[0].name == "web"


def test_ignored_containers_are_not_asked_about() -> None:
    assert snapshot(FakeApi(WEB, gone=("9" * 64,)), ignore={"1" * 64}).containers == ()


def test_named_volumes_come_first() -> None:
    volumes = snapshot(FakeApi()).volumes
    assert [volume.anonymous for volume in volumes] == [False, True]


def test_without_keeps_networks_and_volumes_that_are_in_use() -> None:
    mine = Container("c1", "mine", "x", interfaces=(Interface("home"),))
    web = Container(
        "c2", "web", "x", interfaces=(Interface("shared"),), mounts=(Mount("volume", "v", "/v"),)
    )
    whole = Topology(
        (Network("n0", "bridge"), Network("n1", "home"), Network("n2", "shared")),
        (mine, web),
        (Volume("v"), Volume("w")),
    )
    part = whole.without({"c1"}, {"n0", "n1", "n2"}, {"v", "w"})
    assert [c.name for c in part.containers] == ["web"]
    assert [n.name for n in part.networks] == ["bridge", "shared"]
    assert [v.name for v in part.volumes] == ["v"]


# --- differences ---


def web(**more: Any) -> Container:
    return Container("c1", more.pop("name", "web"), "nginx", **more)


def changes(old: Container, new: Container) -> tuple[str, ...]:
    [change] = diff(Topology(containers=(old,)), Topology(containers=(new,))).changes
    assert (change.what, change.kind) == ("changed", "container")
    return change.details


def test_nothing_changed_is_false() -> None:
    whole = Topology((Network("n", "bridge"),), (web(),), (Volume("v"),))
    assert not diff(whole, whole)
    assert str(diff(whole, whole)) == "nothing changed"


def test_new_and_removed_things_are_told_by_identity() -> None:
    before = Topology((Network("n1", "dev"),), (web(),), (Volume("v"),))
    after = Topology((Network("n2", "dev"),), (), (Volume("w"),))
    found = diff(before, after)
    assert found.changes == (
        Change("removed", "network", "dev", "n1"),
        Change("new", "network", "dev", "n2"),
        Change("removed", "container", "web", "c1"),
        Change("removed", "volume", "v", "v"),
        Change("new", "volume", "w", "w"),
    )
    assert found.of("network", "n2") == "new"
    assert found.of("container", "n2") is None


def test_difference_shows_itself_in_words() -> None:
    def shown(difference: object) -> str:
        return str(pretty(difference))  # type: ignore[no-untyped-call]

    number = "0123456789abcdef" * 4
    before = Topology((), (web(),), (Volume(number), Volume("v")))
    assert shown(diff(before, Topology())).splitlines() == [
        "- container web",
        "- volume 0123456789ab (anonymous)",
        "- volume v",
    ]
    assert shown(diff(before, before)) == "nothing changed"


def test_changes_of_a_container_are_spelled_out() -> None:
    dev = Interface("dev", "10.1.0.2")
    assert changes(web(), web(state="exited")) == ("running → exited",)
    assert changes(web(), web(name="site")) == ("renamed from web",)
    assert changes(web(), web(interfaces=(dev,))) == ("joined dev as 10.1.0.2",)
    assert changes(web(interfaces=(dev,)), web()) == ("left dev",)
    assert changes(web(interfaces=(dev,)), web(interfaces=(Interface("dev", "10.1.0.9"),))) == (
        "address on dev: 10.1.0.9",
    )
    aliased = Interface("dev", "10.1.0.2", aliases=("es",))
    assert changes(web(interfaces=(dev,)), web(interfaces=(aliased,))) == ("aliases on dev: es",)
    assert changes(web(), web(ports=(PublishedPort(80, "tcp", 8080),))) == ("published: 8080→80",)


# --- both engines ---


def test_snapshot_of_a_real_engine(client: docker.DockerClient, testing: Any) -> None:
    client.images.pull("alpine") if not client.images.list("alpine") else None
    network = client.networks.create(testing.name("dev"), driver="bridge")
    owner = client.containers.run(
        "alpine", ["sleep", "600"], detach=True, name=testing.name("web"), ports={"80/tcp": None},
        network=network.name,
        networking_config={
            network.name: client.api.create_endpoint_config(aliases=["es"]),
        },
    )  # fmt: skip
    client.containers.run(
        "alpine", ["sleep", "600"], detach=True, name=testing.name("db"),
        network_mode=f"container:{owner.id}",
    )  # fmt: skip
    found = snapshot(client, engine="an engine")
    web, db = found.container(testing.name("web")), found.container(testing.name("db"))
    assert web
    assert db
    assert (db.mode, db.shares) == ("container", owner.id)
    [interface] = web.interfaces
    assert (interface.network, interface.aliases) == (network.name, ("es",))
    owner.reload()
    assert (
        interface.address == owner.attrs["NetworkSettings"]["Networks"][network.name]["IPAddress"]
    )
    assert [(port.container_port, port.host_port > 0) for port in web.ports] == [(80, True)]
    made = found.network(network.name)
    assert made
    assert made.subnets[0].gateway == interface.gateway

    owner.kill()
    owner.wait()
    [change] = [c for c in diff(found, snapshot(client)).changes if c.id == owner.id]
    assert "running → exited" in change.details
