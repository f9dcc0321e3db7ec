from __future__ import annotations

from pathlib import Path

import pytest

from course_lib.engine.errdefs import (
    Conflict,
    EngineError,
    Forbidden,
    InvalidParameter,
    NotFound,
    NotImplementedByEngine,
    SystemFailure,
)
from course_lib.engine.filters import Filters
from course_lib.engine.network import IpamConfig, IpamSpec, NetworkSpec
from tests.engine.conftest import ManualClock
from tests.engine.network.conftest import World


def names(world: World, **filters: list[str]) -> list[str]:
    return [network.name for network in world.net.list(Filters(filters))]


def test_predefined_networks_are_there(world: World) -> None:
    assert sorted(names(world)) == ["bridge", "host", "none"]
    bridge = world.net.get("bridge").info()
    assert bridge.driver == "bridge"
    assert bridge.ipam_config == [IpamConfig("172.17.0.0/16", "", "172.17.0.1")]
    assert bridge.ipam_options is None
    assert bridge.options == {
        "com.docker.network.bridge.default_bridge": "true",
        "com.docker.network.bridge.enable_icc": "true",
        "com.docker.network.bridge.enable_ip_masquerade": "true",
        "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
        "com.docker.network.bridge.name": "docker0",
        "com.docker.network.driver.mtu": "1500",
    }
    none = world.net.get("none").info()
    assert (none.driver, none.ipam_config, none.options) == ("null", None, {})
    assert world.net.get("host").info().driver == "host"


def test_create_takes_the_next_default_pool(world: World) -> None:
    world.network("dev")
    info = world.network("prod", labels={"a": "b"}).info()
    assert info.ipam_config == [IpamConfig("172.19.0.0/16", "", "172.19.0.1")]
    assert (info.scope, info.driver, info.internal, info.labels) == (
        "local",
        "bridge",
        False,
        {"a": "b"},
    )
    assert world.events.actions() == ["create dev", "create prod"]
    assert world.events.seen[0][3] == {"name": "dev", "type": "bridge"}


def test_create_shows_the_pools_as_they_were_asked_for(world: World) -> None:
    pool = IpamConfig("10.77.0.0/24", "10.77.0.128/25", "", {"router": "10.77.0.130"})
    network = world.net.create(
        NetworkSpec("backend", ipam=IpamSpec(options={}, config=[pool]), internal=True)
    )
    info = network.info()
    assert info.ipam_config == [pool]
    assert info.ipam_options == {}
    assert info.internal


@pytest.mark.parametrize(
    ("spec", "kind", "message"),
    [
        (
            NetworkSpec("bridge"),
            Forbidden,
            "operation is not permitted on predefined bridge network ",
        ),
        (NetworkSpec(" "), InvalidParameter, "invalid name:  "),
        (NetworkSpec("dev"), Conflict, "network with name dev already exists"),
        (NetworkSpec("x", driver="foo"), NotFound, 'plugin "foo" not found'),
        (
            NetworkSpec("x", driver="overlay"),
            Forbidden,
            'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to '
            "connect this node to swarm and try again.",
        ),
        (
            NetworkSpec("x", driver="macvlan"),
            NotImplementedByEngine,
            "network driver macvlan is not supported by the embedded engine",
        ),
        (
            NetworkSpec("x", driver="host"),
            Forbidden,
            'only one instance of "host" network is allowed',
        ),
        (
            NetworkSpec("x", driver="null"),
            Forbidden,
            'only one instance of "null" network is allowed',
        ),
        (
            NetworkSpec("x", options={"com.docker.network.bridge.inhibit_ipv4": "true"}),
            NotImplementedByEngine,
            "the option com.docker.network.bridge.inhibit_ipv4 is not supported by the embedded "
            "engine",
        ),
        (
            NetworkSpec("x", enable_ipv6=True),
            NotFound,
            "could not find an available, non-overlapping IPv6 address pool among the defaults to "
            "assign to the network",
        ),
        (
            NetworkSpec("x", ingress=True),
            Forbidden,
            "Ingress network can only be global scope network",
        ),
        (
            NetworkSpec("x", scope="swarm"),
            Forbidden,
            "cannot create a swarm scoped network when swarm is not active",
        ),
        (
            NetworkSpec("x", config_from="nowhere"),
            NotFound,
            'configuration network "nowhere" does not exist',
        ),
        (NetworkSpec("x", ipam=IpamSpec("foo")), NotFound, 'plugin "foo" not found'),
        (
            NetworkSpec("x", options={"com.docker.network.driver.mtu": "x"}),
            InvalidParameter,
            "failed to parse com.docker.network.driver.mtu value: x "
            '(strconv.Atoi: parsing "x": invalid syntax)',
        ),
        (
            NetworkSpec("x", options={"com.docker.network.bridge.enable_icc": "maybe"}),
            InvalidParameter,
            "failed to parse com.docker.network.bridge.enable_icc value: maybe "
            '(strconv.ParseBool: parsing "maybe": invalid syntax)',
        ),
        (
            NetworkSpec("x", ipam=IpamSpec(config=[IpamConfig("172.18.3.0/24")])),
            Forbidden,
            "Pool overlaps with other one on this address space",
        ),
        (
            NetworkSpec("x", ipam=IpamSpec(config=[IpamConfig("10.9.0.0/24", gateway="10.9.0.0")])),
            SystemFailure,
            "failed to allocate gateway (10.9.0.0): Address already in use",
        ),
        (
            NetworkSpec(
                "x",
                ipam=IpamSpec(config=[IpamConfig("10.9.0.0/24", aux_addresses={"r": "10.9.0.1"})]),
            ),
            SystemFailure,
            "failed to allocate secondary ip address (r:10.9.0.1): Address already in use",
        ),
    ],
)
def test_create_refuses_in_the_words_of_dockerd(
    world: World, spec: NetworkSpec, kind: type[EngineError], message: str
) -> None:
    world.network("dev")
    before = dict(world.store.records)
    with pytest.raises(kind) as caught:
        world.net.create(spec)
    assert str(caught.value) == message
    assert world.store.records == before
    assert world.events.actions() == ["create dev"]
    # What was reserved meanwhile is free again.
    world.network("again", "10.9.0.0/24")
    assert len(world.net.host.interfaces()) == len(["lo", "eth0", "docker0", "dev", "again"])


def test_create_with_a_range_names_the_network_it_conflicts_with(world: World) -> None:
    other = world.network("one", "10.98.0.0/24")
    pool = IpamConfig("10.98.0.0/23", "10.98.0.0/25")
    with pytest.raises(Forbidden) as caught:
        world.net.create(NetworkSpec("two", ipam=IpamSpec(config=[pool])))
    text = str(caught.value)
    assert text.startswith("cannot create network ")
    assert text.endswith(
        f": conflicts with network {other.id} (br-{other.id[:12]}): networks have overlapping IPv4"
    )


def test_configuration_networks_lend_their_settings(world: World) -> None:
    pool = IpamSpec(options={}, config=[IpamConfig("10.5.0.0/24")])
    source = world.net.create(
        NetworkSpec("settings", driver="bridge", ipam=pool, config_only=True, labels={"a": "1"})
    )
    assert (source.info().driver, source.info().config_only) == ("null", True)
    user = world.net.create(NetworkSpec("user", config_from="settings")).info()
    assert user.ipam_config == [IpamConfig("10.5.0.0/24")]
    assert (user.config_from, user.labels) == ("settings", {"a": "1"})
    with pytest.raises(Forbidden, match='configuration network "settings" is in use'):
        world.net.remove("settings")
    world.net.remove("user")
    world.net.remove("settings")
    assert sorted(names(world)) == ["bridge", "host", "none"]


def test_get_by_name_id_and_beginning_of_id(world: World) -> None:
    dev = world.network("dev")
    for ref in ("dev", dev.id, dev.id[:12], dev.id[:5]):
        assert world.net.get(ref) is dev
    assert world.net.get("dev", scope="local") is dev
    for ref, scope in (("nothing", ""), ("", ""), ("dev", "swarm")):
        with pytest.raises(NotFound, match=f"^network {ref} not found$"):
            world.net.get(ref, scope=scope)


def test_get_refuses_an_ambiguous_beginning(world: World) -> None:
    first: dict[str, str] = {}
    for number in range(17):
        network = world.network(f"n{number}")
        if network.id[0] in first:
            break
        first[network.id[0]] = network.id
    with pytest.raises(InvalidParameter, match="matches found based on ID prefix"):
        world.net.get(network.id[0])


def test_a_name_goes_before_the_beginning_of_an_id(world: World) -> None:
    dev = world.network("dev")
    other = world.network(dev.id[:6])
    assert world.net.get(dev.id[:6]) is other


def test_list_filters(world: World) -> None:
    dev = world.network("dev", labels={"stage": "dev"})
    world.network("devel", labels={"stage": "test"})
    assert names(world, name=["dev"]) == ["dev", "devel"]
    assert names(world, name=["^dev$"]) == ["dev"]
    assert names(world, id=[dev.id[:12]]) == ["dev"]
    assert names(world, label=["stage=dev"]) == ["dev"]
    assert names(world, label=["stage"]) == ["dev", "devel"]
    assert names(world, driver=["null"]) == ["none"]
    assert names(world, type=["custom"]) == ["dev", "devel"]
    assert sorted(names(world, type=["builtin"])) == ["bridge", "host", "none"]
    assert names(world, scope=["swarm"]) == []
    assert names(world, dangling=["true"]) == ["dev", "devel"]
    assert sorted(names(world, dangling=["0"])) == ["bridge", "host", "none"]
    for wrong in ({"colour": ["red"]}, {"type": ["odd"]}, {"dangling": ["perhaps"]}):
        with pytest.raises(EngineError, match="invalid"):
            names(world, **wrong)


def test_remove(world: World) -> None:
    dev = world.network("dev")
    world.run("web", "dev")
    with pytest.raises(Forbidden) as caught:
        world.net.remove("dev")
    assert str(caught.value) == (
        f"error while removing network: network dev id {dev.id} has active endpoints"
    )
    world.stop("web")
    world.net.remove("dev")
    assert world.events.actions()[-2:] == ["disconnect dev", "destroy dev"]
    with pytest.raises(NotFound):
        world.net.remove("dev")
    with pytest.raises(Forbidden, match=r"^bridge is a pre-defined network and cannot be removed$"):
        world.net.remove("bridge")


def test_removed_network_leaves_the_host(world: World) -> None:
    before = [interface.name for interface in world.net.host.interfaces()]
    world.network("dev")
    assert len(world.net.host.interfaces()) == len(before) + 1
    world.net.remove("dev")
    assert [interface.name for interface in world.net.host.interfaces()] == before


def test_prune_takes_unused_networks_of_the_users_own(world: World) -> None:
    world.network("used")
    world.run("web", "used")
    world.network("old", labels={"keep": "no"})
    world.network("labelled", labels={"keep": "yes"})
    assert world.net.prune(Filters({"label!": ["keep=yes"], "label": ["keep"]})) == ["old"]
    assert world.net.prune(until_ns=world.clock.time_ns() - 1) == []
    assert world.net.prune() == ["labelled"]
    assert "used" in names(world)
    with pytest.raises(InvalidParameter):
        world.net.prune(Filters({"driver": ["bridge"]}))


def test_networks_are_found_again_after_a_restart(
    world: World, clock: ManualClock, tmp_path: Path
) -> None:
    pool = IpamConfig("10.77.0.0/24", "10.77.0.128/25", "10.77.0.1", {"router": "10.77.0.130"})
    world.net.create(
        NetworkSpec(
            "backend",
            ipam=IpamSpec(options={}, config=[pool]),
            internal=True,
            labels={"a": "b"},
            options={"com.docker.network.driver.mtu": "1400"},
        )
    )
    world.network("auto")
    before = {network.id: network.info() for network in world.net.list()}
    again = World(clock, tmp_path, store=world.store)
    assert {network.id: network.info() for network in again.net.list()} == before
    again.run("one", "backend")
    again.run("two", "backend")
    assert again.address("one", "backend") == "10.77.0.128"
    assert again.address("two", "backend") == "10.77.0.129"
    again.run("three", "backend")
    assert again.address("three", "backend") == "10.77.0.131"
    assert again.network("fresh").info().ipam_config == [
        IpamConfig("172.19.0.0/16", "", "172.19.0.1")
    ]


def test_a_bridge_has_one_subnet(world: World) -> None:
    pools = [IpamConfig("10.1.0.0/24"), IpamConfig("10.2.0.0/24")]
    with pytest.raises(Forbidden, match="bridge driver doesn't support multiple subnets"):
        world.net.create(NetworkSpec("wide", ipam=IpamSpec(config=pools)))
    world.network("one", "10.1.0.0/24")
    world.network("two", "10.2.0.0/24")


def test_records_that_contradict_each_other_are_refused(
    world: World, clock: ManualClock, tmp_path: Path
) -> None:
    network = world.network("dev")
    record = world.store.all("networks")[network.id]
    world.store.write("networks", "copy", {**record, "id": "copy", "name": "twin"})
    with pytest.raises(SystemFailure, match=r"network twin \(copy\): Pool overlaps"):
        World(clock, tmp_path, store=world.store)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"driver": "teleport"}, r"network dev \(.*\): unknown driver 'teleport'"),
        ({"allocated": [{"subnet": "nonsense"}]}, r"network dev \(.*\): not a CIDR block"),
        ({"allocated": [{"colour": "red"}]}, r"the record of network .* is not readable"),
        ({"allocated": 5}, r"the record of network .* is not readable"),
    ],
)
def test_unreadable_records_are_one_clear_error(
    world: World, clock: ManualClock, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    network = world.network("dev")
    record = world.store.all("networks")[network.id]
    world.store.write("networks", network.id, {**record, **change})
    with pytest.raises(SystemFailure, match=message):
        World(clock, tmp_path, store=world.store)


def test_same_seed_gives_the_same_ids(world: World, clock: ManualClock, tmp_path: Path) -> None:
    other = World(clock, tmp_path)
    assert world.network("dev").id == other.network("dev").id
