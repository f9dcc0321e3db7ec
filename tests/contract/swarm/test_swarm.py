"""One manager: the swarm, its networks, services and their tasks."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from tests.contract.harness import Bench, Engine, until

IDLE = ["sleep", "1000"]


def service(bench: Bench, name: str, replicas: int = 1, **template: Any) -> None:
    spec = {
        "Name": name,
        "TaskTemplate": {"ContainerSpec": {"Image": "alpine:latest", "Args": IDLE}, **template},
        "Mode": {"Replicated": {"Replicas": replicas}},
        "EndpointSpec": {"Mode": "vip"},
    }
    answer = bench.raw.post("/services/create", spec)
    assert answer.status == 201, answer.body


def tasks(bench: Bench, name: str, state: str = "running") -> list[dict[str, Any]]:
    params = {"filters": {"service": [name]}}
    rows: list[dict[str, Any]] = bench.raw.get("/tasks", params=params).json()
    return [row for row in rows if row["Status"]["State"] == state]


def names(bench: Bench, container: str, name: str) -> set[str]:
    lines = bench.exec(container, ["nslookup", "-type=a", name]).out.splitlines()
    found = [line.split()[1] for line in lines if line.startswith("Address")]
    return {address for address in found if not address.startswith("127.")}


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("path", ["/swarm", "/nodes", "/services", "/tasks", "/secrets"])
def test_outside_of_a_swarm(bench: Bench, path: str) -> None:
    answer = bench.raw.get(path)
    assert answer.status == 503
    assert answer.message.startswith("This node is not a swarm manager.")


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({}, (["10.0.0.0/8"], 24)),
        ({"DefaultAddrPool": None, "SubnetSize": 26}, (["10.0.0.0/8"], 24)),
        ({"DefaultAddrPool": []}, (None, 0)),
        ({"DefaultAddrPool": ["10.201.0.0/16"]}, (["10.201.0.0/16"], 0)),
    ],
)
def test_pools_that_were_not_asked_for(
    bench: Bench, asked: dict[str, Any], shown: tuple[list[str] | None, int]
) -> None:
    body = {"ListenAddr": "127.0.0.1", "AdvertiseAddr": "127.0.0.1", **asked}
    assert bench.raw.post("/swarm/init", body).status == 200
    found = bench.raw.get("/swarm").json()
    assert (found["DefaultAddrPool"], found["SubnetSize"]) == shown


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("pools", [[], ["10.0.0.0/8"], ["10.201.0.0/16", "10.202.0.0/16"]])
def test_the_pools_that_were_asked_for_are_shown(bench: Bench, pools: list[str]) -> None:
    body = {"ListenAddr": "127.0.0.1", "DefaultAddrPool": pools, "SubnetSize": 26}
    answer = bench.raw.post("/swarm/init", {**body, "AdvertiseAddr": "127.0.0.1"})
    assert answer.status == 200, answer.body
    shown = bench.raw.get("/swarm").json()
    assert (shown["DefaultAddrPool"], shown["SubnetSize"]) == (pools or None, 26)
    ingress = bench.raw.get("/networks/ingress").json()["IPAM"]["Config"][0]["Subnet"]
    if pools:  # without, dockerd goes on with those of the swarm before
        assert ingress == pools[0].replace("/8", "/26").replace("/16", "/26")


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 400, 'invalid ListenAddr "": invalid empty address'),
        (
            {"ListenAddr": "0.0.0.0:2377", "DefaultAddrPool": ["10.0.0.0"], "SubnetSize": 24},
            500,
            "invalid base pool 10.0.0.0: invalid CIDR address: 10.0.0.0",
        ),
        (
            {"ListenAddr": "bogus"},
            400,
            "listen address must be an IP address or network interface (with optional port number)",
        ),
    ],
)
def test_init_refused(alone: Engine, body: Any, status: int, message: str) -> None:
    answer = alone.raw.post("/swarm/init", body)
    assert (answer.status, answer.message) == (status, message)
    assert alone.sdk.info()["Swarm"]["LocalNodeState"] == "inactive"


def test_init_and_leave(swarm: Engine, bench: Bench) -> None:
    info = swarm.sdk.info()["Swarm"]
    assert (info["LocalNodeState"], info["ControlAvailable"], info["Nodes"], info["Managers"]) == (
        "active",
        True,
        1,
        1,
    )
    (node,) = bench.raw.get("/nodes").json()
    assert node["ID"] == info["NodeID"]
    assert node["ManagerStatus"]["Leader"] is True
    again = bench.raw.post("/swarm/init", {"ListenAddr": "0.0.0.0:2377"})
    assert again.status == 503
    assert bench.raw.post("/swarm/leave").status == 503
    tokens = bench.raw.get("/swarm").json()["JoinTokens"]
    assert tokens["Worker"].startswith("SWMTKN-1-")
    assert tokens["Worker"] != tokens["Manager"]
    demoted = {**node["Spec"], "Role": "worker"}
    index = node["Version"]["Index"]
    update = f"/nodes/{node['ID']}/update"
    last = bench.raw.post(update, demoted, params={"version": str(index)})
    assert (last.status, last.message) == (
        400,
        "rpc error: code = FailedPrecondition desc = attempting to demote the last manager of the "
        "swarm",
    )
    stale = bench.raw.post(update, node["Spec"], params={"version": "1"})
    assert (stale.status, stale.message) == (
        500,
        "rpc error: code = Unknown desc = update out of sequence",
    )
    assert bench.raw.post("/swarm/leave", params={"force": "1"}).status == 200
    until(lambda: bench.raw.get("/networks/ingress").status == 404)


@pytest.mark.usefixtures("swarm")
def test_overlay_networks(bench: Bench) -> None:
    net = bench.network(Driver="overlay", Attachable=True)
    closed = bench.network("closed", Driver="overlay")
    shown = until(lambda: (d := bench.inspect_network(net))["IPAM"]["Config"] and d)
    assert (shown["Scope"], shown["Driver"], shown["Containers"]) == ("swarm", "overlay", None)
    # (A dockerd that was in a swarm before may go on where it was in its pool.)
    (config,) = shown["IPAM"]["Config"]
    subnet = ipaddress.IPv4Network(config["Subnet"])
    assert subnet.subnet_of(ipaddress.IPv4Network("10.0.0.0/8"))
    assert config["Gateway"] == str(subnet[1])
    one, two = bench.on(net, "one", ExposedPorts={"80/tcp": {}}), bench.on(net, "two")
    assert bench.exec(one, ["ping", "-c", "1", bench.name("two")]).code == 0
    assert ipaddress.IPv4Address(bench.address(one, net)) in subnet
    assert bench.listed(one)["Ports"] == [{"PrivatePort": 80, "Type": "tcp"}]
    links = bench.exec(two, ["ip", "link"]).out
    assert "eth0@" in links
    assert "mtu 1450" in links
    assert "eth1@" in links
    refused = bench.create(host={"NetworkMode": closed})
    answer = bench.raw.post(f"/containers/{refused}/start")
    assert answer.status == 500
    assert answer.message.endswith(f"network {closed} not manually attachable")
    busy = bench.raw.delete(f"/networks/{net}")
    assert busy.status == 400
    assert "is in use by task" in busy.message


@pytest.mark.usefixtures("swarm")
def test_a_service_on_an_overlay_network(bench: Bench) -> None:
    net, name = bench.network(Driver="overlay", Attachable=True), bench.name("hello")
    service(bench, name, 2, Networks=[{"Target": net}])
    found = until(lambda: (rows := tasks(bench, name)) and len(rows) == 2 and rows)
    assert sorted(row["Slot"] for row in found) == [1, 2]
    own = {row["NetworksAttachments"][0]["Addresses"][0].partition("/")[0] for row in found}
    (vip,) = bench.raw.get(f"/services/{name}").json()["Endpoint"]["VirtualIPs"]
    probe = bench.on(net, "probe")
    until(lambda: names(bench, probe, f"tasks.{name}") == own)
    assert names(bench, probe, name) == {vip["Addr"].partition("/")[0]}
    container = bench.inspect(found[0]["Status"]["ContainerStatus"]["ContainerID"])
    assert container["Name"] == f"/{name}.{found[0]['Slot']}.{found[0]['ID']}"
    assert bench.raw.delete(f"/networks/{net}").status == 400
    shown = bench.raw.get(f"/services/{name}").json()
    spec = {**shown["Spec"], "Mode": {"Replicated": {"Replicas": 1}}}
    version = {"version": str(shown["Version"]["Index"])}
    assert bench.raw.post(f"/services/{name}/update", spec, params=version).status == 200
    until(lambda: len(names(bench, probe, f"tasks.{name}")) == 1, 40)
    assert bench.raw.delete(f"/services/{name}").status == 200
    assert bench.raw.get(f"/services/{name}").status == 404


@pytest.mark.usefixtures("swarm")
def test_a_task_that_dies_is_replaced(bench: Bench) -> None:
    name = bench.name("phoenix")
    service(bench, name, RestartPolicy={"Condition": "any", "Delay": 100_000_000})
    (first,) = until(lambda: tasks(bench, name))
    container = first["Status"]["ContainerStatus"]["ContainerID"]
    assert bench.raw.post(f"/containers/{container}/kill").status == 204
    (second,) = until(lambda: [row for row in tasks(bench, name) if row["ID"] != first["ID"]], 40)
    assert second["Slot"] == first["Slot"]
    (failed,) = tasks(bench, name, "failed")
    assert failed["Status"]["Err"] == "task: non-zero exit (137)"


@pytest.mark.usefixtures("swarm")
def test_services_refused(bench: Bench) -> None:
    name = bench.name("s")
    service(bench, name)
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"Name": "q"}, 400, "mismatched Runtime and *Spec fields"),
        (
            {"Name": "q", "TaskTemplate": {"ContainerSpec": {}}},
            400,
            "rpc error: code = InvalidArgument desc = ContainerSpec: image reference must be "
            "provided",
        ),
        (
            {"Name": name, "TaskTemplate": {"ContainerSpec": {"Image": "alpine"}}},
            409,
            "rpc error: code = AlreadyExists desc = name conflicts with an existing object: "
            f"service {name} already exists",
        ),
    ]
    for body, status, message in cases:
        answer = bench.raw.post("/services/create", body)
        assert (answer.status, answer.message) == (status, message)
    assert bench.raw.get("/services/ghost").message == "service ghost not found"
