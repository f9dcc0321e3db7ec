"""Networks: create, defaults, list, inspect, remove, prune, and what is refused."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

import pytest

from tests.contract.addressing import ipam, subnet
from tests.contract.harness import Bench, Engine, words

INSPECT_KEYS = set(
    words(
        "Name Id Created Scope Driver EnableIPv6 IPAM Internal Attachable Ingress ConfigFrom "
        "ConfigOnly Containers Options Labels"
    )
)


def test_create_gives_id_and_warning(bench: Bench) -> None:
    answer = bench.create_network_raw({"Name": bench.name()})
    assert answer.status == 201
    assert set(answer.json()) == {"Id", "Warning"}
    assert answer.json()["Warning"] == ""
    assert re.fullmatch(r"[0-9a-f]{64}", answer.json()["Id"])


def test_defaults(bench: Bench) -> None:
    document = bench.inspect_network(bench.network())
    assert set(document) == INSPECT_KEYS
    assert (document["Driver"], document["Scope"]) == ("bridge", "local")
    assert document["Containers"] == document["Options"] == document["Labels"] == {}
    for key in ("EnableIPv6", "Internal", "Attachable", "Ingress", "ConfigOnly"):
        assert document[key] is False
    assert document["ConfigFrom"] == {"Network": ""}
    assert document["IPAM"]["Driver"] == "default"
    (config,) = document["IPAM"]["Config"]
    pool = ipaddress.IPv4Network(config["Subnet"])
    assert pool.is_private
    assert config["Gateway"] == str(pool[1])


def test_default_pools_do_not_overlap(bench: Bench) -> None:
    pools = [
        ipaddress.IPv4Network(bench.inspect_network(n)["IPAM"]["Config"][0]["Subnet"])
        for n in (bench.network("a"), bench.network("b"), "bridge")
    ]
    assert not any(x.overlaps(y) for i, x in enumerate(pools) for y in pools[:i])


def test_default_pool_is_one_of_dockers(bench: Bench) -> None:
    """172.17 to 172.31 of size 16, then 192.168 of size 20."""
    pool = bench.inspect_network(bench.network())["IPAM"]["Config"][0]["Subnet"]
    network = ipaddress.IPv4Network(pool)
    assert network.prefixlen == (16 if network[0].packed[0] == 172 else 20)


def test_default_bridge(engine: Engine) -> None:
    document = engine.raw.get("/networks/bridge").json()
    assert document["Driver"] == "bridge"
    assert document["IPAM"]["Config"] == [{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}]
    assert document["Options"] == {
        "com.docker.network.bridge.default_bridge": "true",
        "com.docker.network.bridge.enable_icc": "true",
        "com.docker.network.bridge.enable_ip_masquerade": "true",
        "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
        "com.docker.network.bridge.name": "docker0",
        "com.docker.network.driver.mtu": "1500",
    }


@pytest.mark.parametrize(("name", "driver"), [("host", "host"), ("none", "null")])
def test_other_predefined_networks(engine: Engine, name: str, driver: str) -> None:
    document = engine.raw.get(f"/networks/{name}").json()
    assert (document["Name"], document["Driver"]) == (name, driver)
    assert document["IPAM"] == {"Driver": "default", "Options": None, "Config": None}


def test_everything_asked_for_is_shown(bench: Bench) -> None:
    net = subnet(bench)
    name = bench.network(
        Labels={"who": "me"},
        Internal=True,
        Attachable=True,
        Options={"com.docker.network.driver.mtu": "1400"},
        IPAM=ipam(
            Subnet=str(net),
            Gateway=str(net[9]),
            IPRange=f"{net[128]}/25",
            AuxiliaryAddresses={"router": str(net[130])},
        ),
    )
    document = bench.inspect_network(name)
    assert document["Labels"] == {"who": "me"}
    assert document["Internal"] is document["Attachable"] is True
    assert document["Options"] == {"com.docker.network.driver.mtu": "1400"}
    assert document["IPAM"]["Config"] == [
        {
            "Subnet": str(net),
            "IPRange": f"{net[128]}/25",
            "Gateway": str(net[9]),
            "AuxiliaryAddresses": {"router": str(net[130])},
        }
    ]


def test_gateway_of_a_given_subnet_is_not_configuration(bench: Bench) -> None:
    """dockerd shows what was asked for; the gateway it took itself shows on endpoints."""
    net = subnet(bench)
    name = bench.network(IPAM=ipam(Subnet=str(net)))
    assert bench.inspect_network(name)["IPAM"]["Config"] == [{"Subnet": str(net)}]
    container = bench.on(name, "c")
    endpoint = bench.inspect(container)["NetworkSettings"]["Networks"][name]
    assert endpoint["Gateway"] == str(net[1])


def test_name_in_use(bench: Bench) -> None:
    name = bench.network()
    answer = bench.create_network_raw({"Name": name})
    assert (answer.status, answer.message) == (409, f"network with name {name} already exists")


def test_overlapping_subnet(bench: Bench) -> None:
    net = subnet(bench)
    bench.network("one", IPAM=ipam(Subnet=str(net)))
    half = next(net.subnets())
    answer = bench.create_network_raw({"Name": bench.name("two"), "IPAM": ipam(Subnet=str(half))})
    assert answer.status == 403
    assert answer.message == "Pool overlaps with other one on this address space"
    assert bench.raw.get(f"/networks/{bench.name('two')}").status == 404


REFUSED: list[tuple[dict[str, str], str]] = [
    ({"Subnet": "x"}, "invalid subnet x: invalid CIDR block notation"),
    ({"Subnet": "10.99.1.0/33"}, "invalid subnet 10.99.1.0/33: invalid CIDR block notation"),
    ({"Gateway": "10.99.1.1"}, "invalid subnet : invalid CIDR block notation"),
    ({"Subnet": "10.99.1.5/24"}, "invalid subnet 10.99.1.5/24: it should be 10.99.1.0/24"),
    ({"Subnet": "10.99.1.0/24", "Gateway": "x"}, "invalid gateway x: invalid address"),
    (
        {"Subnet": "10.99.1.0/24", "Gateway": "10.97.0.1"},
        "invalid gateway 10.97.0.1: parent subnet 10.99.1.0/24 doesn't contain this address",
    ),
    (
        {"Subnet": "10.99.1.0/24", "IPRange": "10.97.0.0/25"},
        "invalid ip-range 10.97.0.0/25: parent subnet 10.99.1.0/24 doesn't contain ip-range",
    ),
    (
        {"Subnet": "10.99.1.0/24", "IPRange": "10.99.1.0/23"},
        "* invalid ip-range 10.99.1.0/23: CIDR block is bigger than its parent subnet "
        "10.99.1.0/24\n* invalid ip-range 10.99.1.0/23: it should be 10.99.0.0/23",
    ),
]


@pytest.mark.parametrize(("config", "reason"), REFUSED)
def test_addresses_refused(bench: Bench, config: dict[str, str], reason: str) -> None:
    answer = bench.create_network_raw({"Name": bench.name(), "IPAM": {"Config": [config]}})
    assert (answer.status, answer.message) == (400, f"invalid network config:\n{reason}")
    assert bench.raw.get(f"/networks/{bench.name()}").status == 404


def test_auxiliary_address_outside(bench: Bench) -> None:
    config = {"Subnet": "10.99.1.0/24", "AuxiliaryAddresses": {"r": "10.97.0.1"}}
    answer = bench.create_network_raw({"Name": bench.name(), "IPAM": {"Config": [config]}})
    assert answer.status == 400
    assert answer.message == (
        "invalid network config:\n"
        "invalid auxiliary address r: parent subnet 10.99.1.0/24 doesn't contain this address"
    )


def test_gateway_that_is_the_network_itself(bench: Bench) -> None:
    net = subnet(bench)
    config = {"Subnet": str(net), "Gateway": str(net[0])}
    answer = bench.create_network_raw({"Name": bench.name(), "IPAM": {"Config": [config]}})
    assert answer.status == 500
    assert answer.message == f"failed to allocate gateway ({net[0]}): Address already in use"


def test_auxiliary_address_that_is_the_gateway(bench: Bench) -> None:
    net = subnet(bench)
    config = {"Subnet": str(net), "AuxiliaryAddresses": {"r": str(net[1])}}
    answer = bench.create_network_raw({"Name": bench.name(), "IPAM": {"Config": [config]}})
    assert answer.status == 500
    assert answer.message == (
        f"failed to allocate secondary ip address (r:{net[1]}): Address already in use"
    )


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 400, "invalid name: "),
        ({"Name": ""}, 400, "invalid name: "),
        ({"Name": "bridge"}, 403, "operation is not permitted on predefined bridge network "),
        ({"Name": "host"}, 403, "operation is not permitted on predefined host network "),
        ({"Name": "default"}, 403, "operation is not permitted on predefined default network "),
        ({"Name": "ct-x", "Driver": "no-such-driver"}, 404, 'plugin "no-such-driver" not found'),
        (
            {"Name": "ct-x", "Driver": "host"},
            403,
            'only one instance of "host" network is allowed',
        ),
        (
            {"Name": "ct-x", "Driver": "null"},
            403,
            'only one instance of "null" network is allowed',
        ),
        (
            {"Name": "ct-x", "Driver": "overlay"},
            403,
            'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to '
            "connect this node to swarm and try again.",
        ),
    ],
)
def test_create_refused(bench: Bench, body: dict[str, Any], status: int, message: str) -> None:
    answer = bench.create_network_raw(body)
    assert (answer.status, answer.message) == (status, message)


BRIDGE_NAME = "com.docker.network.bridge.name"


def test_name_of_the_bridge(bench: Bench) -> None:
    wanted = f"b{bench.prefix}"
    name = bench.network(Options={BRIDGE_NAME: wanted})
    assert bench.inspect_network(name)["Options"] == {BRIDGE_NAME: wanted}
    gateway = bench.inspect_network(name)["IPAM"]["Config"][0]["Gateway"]
    shown = bench.sh(bench.on("host", "host"), f"ip -4 addr show dev {wanted}").out
    assert f"inet {gateway}/" in shown
    answer = bench.create_network_raw({"Name": bench.name("x"), "Options": {BRIDGE_NAME: wanted}})
    identity = bench.inspect_network(name)["Id"]
    assert answer.status == 403
    assert re.fullmatch(
        rf"cannot create network [0-9a-f]{{64}} \({wanted}\): conflicts with network {identity} "
        rf"\({wanted}\): networks have same bridge name",
        answer.message,
    )


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ({BRIDGE_NAME: "1234567890123456"}, 500, "numerical result out of range"),
        ({BRIDGE_NAME: "a/b"}, 500, "invalid argument"),
        ({BRIDGE_NAME: "lo"}, 500, "existing interface lo is not a bridge"),
        (
            {"com.docker.network.bridge.enable_icc": "x"},
            400,
            "failed to parse com.docker.network.bridge.enable_icc value: x "
            '(strconv.ParseBool: parsing "x": invalid syntax)',
        ),
        (
            {"com.docker.network.driver.mtu": "x"},
            400,
            "failed to parse com.docker.network.driver.mtu value: x "
            '(strconv.Atoi: parsing "x": invalid syntax)',
        ),
        ({"com.docker.network.driver.mtu": "-1"}, 400, "invalid MTU number: -1"),
        (
            {"com.docker.network.bridge.host_binding_ipv4": "x"},
            400,
            "failed to parse com.docker.network.bridge.host_binding_ipv4 value: x (nil ip)",
        ),
    ],
)
def test_options_refused(bench: Bench, options: dict[str, str], status: int, message: str) -> None:
    answer = bench.create_network_raw({"Name": bench.name(), "Options": options})
    assert (answer.status, answer.message) == (status, message)
    assert bench.raw.get(f"/networks/{bench.name()}").status == 404


def test_mtu_and_prefix_of_interfaces(bench: Bench) -> None:
    name = bench.network(
        Options={
            "com.docker.network.driver.mtu": "1400",
            "com.docker.network.container_iface_prefix": "lan",
        }
    )
    container = bench.on(name, "c")
    assert " mtu 1400 " in bench.sh(container, "ip link show lan0").out


def test_unknown_options_are_kept(bench: Bench) -> None:
    name = bench.network(Options={"no.such.option": "1"})
    assert bench.inspect_network(name)["Options"] == {"no.such.option": "1"}


def test_configuration_for_others(bench: Bench) -> None:
    """``--config-only`` and ``--config-from``."""
    net = subnet(bench)
    source = bench.network(
        "source",
        ConfigOnly=True,
        Labels={"a": "b"},
        Options={"com.docker.network.driver.mtu": "1300"},
        IPAM=ipam(Subnet=str(net)),
    )
    document = bench.inspect_network(source)
    assert (document["ConfigOnly"], document["Driver"]) == (True, "null")
    user = bench.network("user", ConfigFrom={"Network": source})
    document = bench.inspect_network(user)
    assert document["ConfigFrom"] == {"Network": source}
    assert document["Driver"] == "bridge"
    container = bench.on(user, "c")
    assert bench.address(container, user) == str(net[2])
    assert " mtu 1300 " in bench.sh(container, "ip link show eth0").out
    answer = bench.raw.delete(f"/networks/{source}")
    assert answer.status == 403
    assert answer.message == (
        f'error while removing network: configuration network "{source}" is in use'
    )
    bench.raw.delete(f"/containers/{container}", params={"force": "1"})
    for name in (user, source):
        assert bench.raw.delete(f"/networks/{name}").status == 204


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (
            {"ConfigFrom": {"Network": "no-such-net"}},
            404,
            'configuration network "no-such-net" does not exist',
        ),
        (
            {"ConfigOnly": True, "ConfigFrom": {"Network": "x"}},
            403,
            "a configuration network cannot depend on another configuration network",
        ),
        (
            {"ConfigOnly": True, "Internal": True},
            403,
            "configuration network can only contain network specific fields. Network operator "
            "fields like [ ingress | internal | attachable | scope ] are not supported.",
        ),
        ({"IPAM": {"Driver": "null"}}, 400, "ipv4 pool is empty"),
        (
            {"IPAM": {"Driver": "null", "Config": [{"Subnet": "10.99.3.0/24"}]}},
            400,
            "null ipam driver does not handle specific address pool requests",
        ),
        ({"IPAM": {"Driver": "no-such-ipam"}}, 404, 'plugin "no-such-ipam" not found'),
    ],
)
def test_configuration_refused(
    bench: Bench, body: dict[str, Any], status: int, message: str
) -> None:
    answer = bench.create_network_raw({"Name": bench.name(), **body})
    assert (answer.status, answer.message) == (status, message)


def test_container_on_a_configuration(bench: Bench) -> None:
    source = bench.network("source", ConfigOnly=True)
    container = bench.create(host={"NetworkMode": source})
    answer = bench.raw.post(f"/containers/{container}/start")
    assert (answer.status, answer.message) == (
        403,
        "cannot create endpoint on configuration-only network",
    )


def test_unknown_network(bench: Bench) -> None:
    message = "network no-such-net not found"
    for method in ("GET", "DELETE"):
        answer = bench.raw.request(method, "/networks/no-such-net")
        assert (answer.status, answer.message) == (404, message)
    body = {"Container": bench.run()}  # for one that does not run, dockerd believes it
    for call in ("connect", "disconnect"):
        answer = bench.raw.post(f"/networks/no-such-net/{call}", body)
        assert (answer.status, answer.message) == (404, message)


@pytest.mark.parametrize("name", ["bridge", "host", "none"])
def test_predefined_networks_stay(engine: Engine, name: str) -> None:
    answer = engine.raw.delete(f"/networks/{name}")
    assert answer.status == 403
    assert answer.message == f"{name} is a pre-defined network and cannot be removed"


def test_inspect_by_id_and_prefix(bench: Bench) -> None:
    name = bench.network()
    identity = bench.inspect_network(name)["Id"]
    for reference in (identity, identity[:12]):
        assert bench.inspect_network(reference)["Name"] == name


def test_inspect_shows_running_containers(bench: Bench) -> None:
    name = bench.network()
    container = bench.on(name, "member")
    bench.create("idle", host={"NetworkMode": name})
    document = bench.inspect_network(name)
    assert set(document["Containers"]) == {container}
    entry = document["Containers"][container]
    endpoint = bench.inspect(container)["NetworkSettings"]["Networks"][name]
    assert entry == {
        "Name": bench.name("member"),
        "EndpointID": endpoint["EndpointID"],
        "MacAddress": endpoint["MacAddress"],
        "IPv4Address": f"{endpoint['IPAddress']}/{endpoint['IPPrefixLen']}",
        "IPv6Address": "",
    }


def test_inspect_verbose(bench: Bench) -> None:
    name = bench.network()
    plain = bench.inspect_network(name)
    assert bench.inspect_network(name, params={"verbose": "true"}) == plain


def test_list_does_not_show_containers(bench: Bench) -> None:
    name = bench.network()
    bench.on(name, "c")
    (row,) = bench.raw.get("/networks", params={"filters": {"name": [name]}}).json()
    assert row["Containers"] == {}
    assert set(row) == INSPECT_KEYS


LIST_FILTERS: dict[str, tuple[dict[str, list[str]], set[str]]] = {
    "name": ({"name": ["{p}-plain"]}, {"plain"}),
    "name-part": ({"name": ["{p}"]}, {"plain", "marked", "used"}),
    "name-regex": ({"name": ["^{p}-(plain|used)$"]}, {"plain", "used"}),
    "label": ({"label": ["{p}"]}, {"marked"}),
    "label-value": ({"label": ["{p}=yes"]}, {"marked"}),
    "label-other": ({"label": ["{p}=no"]}, set()),
    "driver": ({"driver": ["bridge"], "name": ["{p}"]}, {"plain", "marked", "used"}),
    "driver-other": ({"driver": ["null"], "name": ["{p}"]}, set()),
    "type": ({"type": ["custom"], "name": ["{p}"]}, {"plain", "marked", "used"}),
    "type-builtin": ({"type": ["builtin"], "name": ["{p}"]}, set()),
    "scope": ({"scope": ["local"], "name": ["{p}"]}, {"plain", "marked", "used"}),
    "scope-swarm": ({"scope": ["swarm"], "name": ["{p}"]}, set()),
    # 26.1 itself takes networks in use for dangling here; so only an unused one is asked for.
    "dangling": ({"dangling": ["true"], "label": ["{p}"]}, {"marked"}),
}


@pytest.fixture(scope="module")
def nets(shelf: Bench) -> Bench:
    shelf.network("plain")
    shelf.network("marked", Labels={shelf.prefix: "yes"})
    shelf.on(shelf.network("used"), "c")
    return shelf


@pytest.mark.parametrize("case", LIST_FILTERS)
def test_list_filter(nets: Bench, case: str) -> None:
    template, expected = LIST_FILTERS[case]
    filters = {k: [v.format(p=nets.prefix) for v in values] for k, values in template.items()}
    rows = nets.raw.get("/networks", params={"filters": filters}).json()
    found = {row["Name"].removeprefix(nets.prefix + "-") for row in rows}
    assert found == expected


def test_list_filter_by_id(nets: Bench) -> None:
    identity = nets.inspect_network(nets.name("plain"))["Id"]
    rows = nets.raw.get("/networks", params={"filters": {"id": [identity[:20]]}}).json()
    assert [row["Name"] for row in rows] == [nets.name("plain")]


def test_list_builtin(engine: Engine) -> None:
    rows = engine.raw.get("/networks", params={"filters": {"type": ["builtin"]}}).json()
    assert {row["Name"] for row in rows} >= {"bridge", "host", "none"}


@pytest.mark.parametrize(
    ("filters", "status", "message"),
    [
        ({"colour": ["red"]}, 400, "invalid filter 'colour'"),
        ({"type": ["x"]}, 500, "invalid filter: 'type'='x'"),
        (
            {"dangling": ["x"]},
            400,
            'invalid value for filter \'dangling\', must be "true" (or "1"), or "false" (or "0")',
        ),
        ("{", 400, "invalid filter"),
    ],
)
def test_list_filter_refused(engine: Engine, filters: Any, status: int, message: str) -> None:
    answer = engine.raw.get("/networks", params={"filters": filters})
    assert (answer.status, answer.message) == (status, message)


def test_remove(bench: Bench) -> None:
    name = bench.network()
    answer = bench.raw.delete(f"/networks/{name}")
    assert (answer.status, answer.body) == (204, b"")
    assert bench.raw.get(f"/networks/{name}").status == 404


def test_remove_in_use(bench: Bench) -> None:
    name = bench.network()
    container = bench.on(name, "c")
    answer = bench.raw.delete(f"/networks/{name}")
    identity = bench.inspect_network(name)["Id"]
    assert answer.status == 403
    assert answer.message == (
        f"error while removing network: network {name} id {identity} has active endpoints"
    )
    bench.raw.delete(f"/containers/{container}", params={"force": "1"})
    assert bench.raw.delete(f"/networks/{name}").status == 204


def test_remove_with_stopped_member(bench: Bench) -> None:
    """A stopped container does not hold its network, and cannot start without it."""
    name = bench.network()
    container = bench.create(host={"NetworkMode": name})
    assert bench.raw.delete(f"/networks/{name}").status == 204
    answer = bench.raw.post(f"/containers/{container}/start")
    assert answer.status == 404
    assert re.fullmatch(r"network \S+ not found", answer.message)


def test_prune_takes_the_unused(bench: Bench) -> None:
    label = {"ct-prune": bench.prefix}
    unused, used = bench.network("unused", Labels=label), bench.network("used", Labels=label)
    kept = bench.network("kept")
    bench.on(used, "c")
    params = {"filters": {"label": [f"ct-prune={bench.prefix}"]}}
    assert bench.raw.post("/networks/prune", params=params).json() == {"NetworksDeleted": [unused]}
    assert bench.raw.get(f"/networks/{unused}").status == 404
    for name in (used, kept, "bridge"):
        assert bench.raw.get(f"/networks/{name}").status == 200


def test_prune_nothing(bench: Bench) -> None:
    params = {"filters": {"label": [bench.prefix]}}
    answer = bench.raw.post("/networks/prune", params=params)
    assert (answer.status, answer.json()) == (200, {"NetworksDeleted": None})


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"colour": ["red"]}, "invalid filter 'colour'"),
        ({"until": ["x"]}, 'failed to parse value as time or duration: "x"'),
    ],
)
def test_prune_filter_refused(engine: Engine, filters: dict[str, list[str]], message: str) -> None:
    answer = engine.raw.post("/networks/prune", params={"filters": filters})
    assert (answer.status, answer.message) == (400, message)
