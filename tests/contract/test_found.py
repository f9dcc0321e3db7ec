"""What the state machine (``machine/``) has found and what was mended since, as plain tests."""

from __future__ import annotations

import pytest

from tests.contract.harness import Bench, free_block

MISSING = "No such container: no-such-one"


def test_connect_asks_for_the_container_first(bench: Bench) -> None:
    answer = bench.connect("no-such-network", "no-such-one")
    assert (answer.status, answer.message) == (404, MISSING)


def test_volumes_from_nobody_is_a_bad_request(bench: Bench) -> None:
    answer = bench.create_raw({"Image": "alpine", "HostConfig": {"VolumesFrom": ["no-such-one"]}})
    assert (answer.status, answer.message) == (400, MISSING)


def test_stopped_container_may_be_connected_to_a_network_to_come(bench: Bench) -> None:
    container = bench.create("c")
    name = bench.name("later")
    assert bench.connect(name, container).status == 200
    answer = bench.raw.post(f"/containers/{container}/start")
    assert (answer.status, answer.message) == (404, f"network {name} not found")
    bench.network("later")
    bench.start(container)
    assert set(bench.inspect(container)["NetworkSettings"]["Networks"]) == {"bridge", name}


def test_volume_at_a_place_that_the_image_lacks(bench: Bench) -> None:
    volume = bench.name("v")
    host = {"Binds": [f"{volume}:/not/there/yet"], "Tmpfs": {"/nor/this/one": ""}}
    container = bench.run("c", host=host)
    assert bench.sh(container, "echo x > /not/there/yet/f; touch /nor/this/one/f").code == 0
    bench.raw.delete(f"/containers/{container}", params={"force": "1"})
    assert bench.raw.delete(f"/volumes/{volume}").status == 204


def test_aliases_and_addresses_are_refused_in_another_containers_stack(bench: Bench) -> None:
    bench.run("c")
    mode = f"container:{bench.name('c')}"
    answer = bench.create_raw(
        {
            "Image": "alpine",
            "HostConfig": {"NetworkMode": mode},
            "NetworkingConfig": {"EndpointsConfig": {mode: {"Aliases": ["x"]}}},
        }
    )
    assert answer.status == 400
    assert answer.message == (
        f"invalid config for network {mode}: invalid endpoint settings:\n"
        "network-scoped alias is supported only for containers in user defined networks"
    )


def test_no_volumes_is_null(bench: Bench) -> None:
    assert bench.inspect(bench.create("c", Volumes={}))["Config"]["Volumes"] is None


def test_volumes_from_does_not_take_the_mode_over(bench: Bench) -> None:
    volume = bench.name("v")
    source = bench.create("c", host={"Binds": [f"{volume}:/ro:ro"]})
    other = bench.create("d", host={"VolumesFrom": [source]})
    (mount,) = bench.inspect(other)["Mounts"]
    assert (mount["Mode"], mount["RW"]) == ("", False)
    for container in (other, source):
        bench.raw.delete(f"/containers/{container}")
    bench.raw.delete(f"/volumes/{volume}")


def test_volumes_from_counts_from_the_first_start_on(bench: Bench) -> None:
    volume = bench.name("v")
    source = bench.create("c", host={"Binds": [f"{volume}:/data"]})
    other = bench.create("d", host={"VolumesFrom": [source]})
    answer = bench.raw.delete(f"/volumes/{volume}")
    assert (answer.status, answer.message) == (
        409,
        f"remove {volume}: volume is in use - [{source}]",
    )
    bench.start(other)
    bench.raw.delete(f"/containers/{source}")
    answer = bench.raw.delete(f"/volumes/{volume}")
    assert answer.message == f"remove {volume}: volume is in use - [{other}]"
    bench.raw.delete(f"/containers/{other}", params={"force": "1"})
    assert bench.raw.delete(f"/volumes/{volume}").status == 204


def test_restart_says_so_when_its_network_is_gone(bench: Bench) -> None:
    name = bench.name("gone")
    container = bench.create("c", host={"NetworkMode": name})
    answer = bench.raw.post(f"/containers/{container}/restart")
    assert (answer.status, answer.message) == (
        500,
        f"Cannot restart container {container}: network {name} not found",
    )


def test_start_on_the_bridge_alone_needs_the_network_of_its_mode(bench: Bench) -> None:
    name = bench.name("gone")
    container = bench.create("c", host={"NetworkMode": name})
    assert bench.connect("bridge", container).status == 200
    answer = bench.raw.post(f"/containers/{container}/start")
    assert answer.status == 404
    assert answer.message == (
        f"could not find a network matching network mode {name}: network {name} not found"
    )


def test_no_port_is_exposed_without_a_way_out(bench: Bench) -> None:
    network = bench.network("net", Internal=True)
    exposed: dict[str, object] = {"80/tcp": {}}
    inside = bench.on(network, "c", ExposedPorts=exposed)
    outside = bench.run("d", ExposedPorts=exposed)
    assert bench.inspect(inside)["NetworkSettings"]["Ports"] == {}
    assert bench.inspect(outside)["NetworkSettings"]["Ports"] == {"80/tcp": None}


def test_same_subnet_and_range_again_overlaps(bench: Bench) -> None:
    block = free_block()
    config = {"Subnet": str(block), "IPRange": f"{block[128]}/25"}
    first = bench.network("net", IPAM={"Config": [config]})
    twin = {"Name": bench.name("twin"), "IPAM": {"Config": [config]}}
    answer = bench.create_network_raw(twin)
    assert (answer.status, answer.message) == (
        403,
        "Pool overlaps with other one on this address space",
    )
    config["IPRange"] = f"{block[64]}/26"
    answer = bench.create_network_raw({**twin, "IPAM": {"Config": [config]}})
    assert answer.status == 403
    assert f"conflicts with network {bench.inspect_network(first)['Id']}" in answer.message
    config["Gateway"] = bench.inspect_network(first)["IPAM"]["Config"][0].get("Gateway") or str(
        block[128]
    )
    answer = bench.create_network_raw({**twin, "IPAM": {"Config": [config]}})
    assert answer.message == (
        f"failed to allocate gateway ({config['Gateway']}): Address already in use"
    )


def test_settings_of_an_attachment_are_checked_before_the_combination(bench: Bench) -> None:
    container = bench.run("c")
    answer = bench.connect("none", container, Aliases=["x"])
    assert (answer.status, answer.message) == (
        400,
        "invalid endpoint settings:\n"
        "network-scoped alias is supported only for containers in user defined networks",
    )


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("ln /nope /hard", "ln: /nope: No such file or directory"),
        ("cd /ro && mkdir -p a/b", "mkdir: can't create directory 'a/': Read-only file system"),
    ],
)
def test_words_of_busybox(bench: Bench, script: str, said: str) -> None:
    container = bench.run("c", host={"Tmpfs": {"/ro": "ro"}})
    assert bench.sh(container, script).err == f"{said}\n"


def test_an_explicit_ptr_question_is_not_turned_round(bench: Bench) -> None:
    network = bench.network("net", Internal=True)
    container = bench.on(network, "c", host={"Dns": ["127.0.0.1"]})
    address = bench.address(container, network)
    asked = bench.sh(container, f"nslookup -type=ptr {address}")
    assert asked.code == 1
    assert f"** server can't find {address}: SERVFAIL" in asked.out
    assert (
        f"name = {bench.name('c')}.{network}"
        in bench.sh(container, f"nslookup {address} | tr '\\t' ' '").out
    )


def test_a_link_is_asked_for_on_the_bridge_alone(bench: Bench) -> None:
    bench.create("child")
    container = bench.create("c", host={"Links": [f"{bench.name('child')}:linked"]})
    assert bench.raw.post(f"/containers/{container}/start").status == 500  # it does not run
    assert bench.disconnect("bridge", container).status == 200
    network = bench.network()
    assert bench.connect(network, container).status == 200
    bench.start(container)


def test_hostname_before_the_stack_is_shared(bench: Bench) -> None:
    target = bench.run("c", Hostname="box")
    container = bench.create("d", host={"NetworkMode": f"container:{target}"})
    assert bench.inspect(container)["Config"]["Hostname"] == container[:12]
    bench.start(container)
    assert bench.inspect(container)["Config"]["Hostname"] == "box"


def test_names_are_noted_although_the_start_fails(bench: Bench) -> None:
    block = free_block()
    network = bench.network("net", IPAM={"Config": [{"Subnet": str(block)}]})
    fixed = {"EndpointsConfig": {network: {"IPAMConfig": {"IPv4Address": str(block[9])}}}}
    host = {"NetworkMode": network}
    bench.run("c", host=host, NetworkingConfig=fixed)
    second = bench.create("d", host=host, NetworkingConfig=fixed)
    assert bench.raw.post(f"/containers/{second}/start").status == 403
    found = bench.inspect(second)["NetworkSettings"]["Networks"][network]
    assert found["DNSNames"] == [bench.name("d"), second[:12]]


def test_connect_that_a_network_refuses_counts_at_the_next_start(bench: Bench) -> None:
    block = free_block()
    network = bench.network("net", IPAM={"Config": [{"Subnet": str(block)}]})
    container = bench.run("c")

    def connect(number: int) -> tuple[int, str]:
        wanted = {"IPv4Address": str(block[number])}
        answer = bench.connect(network, container, IPAMConfig=wanted, Aliases=["web"])
        return answer.status, answer.message if answer.status != 200 else ""

    def shown() -> dict[str, object]:
        found: dict[str, object] = bench.inspect(container)["NetworkSettings"]["Networks"][network]
        return found

    assert connect(0) == (403, "Address already in use")
    assert (shown()["IPAddress"], shown()["Aliases"]) == ("", ["web"])
    assert bench.disconnect(network, container).message == (
        f"container {container} is not connected to network {network}"
    )
    assert connect(9) == (200, "")
    assert shown()["IPAddress"] == str(block[9])
    assert bench.disconnect(network, container).status == 200
    assert connect(1) == (403, "Address already in use")
    answer = bench.raw.post(f"/containers/{container}/restart", params={"t": "0"})
    assert answer.message == f"Cannot restart container {container}: Address already in use"


def test_list_after_a_start_that_failed(bench: Bench) -> None:
    """dockerd lists the address and ports that a start had before something else failed.

    (It writes the container down before it cleans up; ``inspect`` shows none of it.)
    """
    bench.create("a")
    host = {"Links": [f"{bench.name('a')}:x"], "PortBindings": {"80/tcp": [{"HostPort": ""}]}}
    container = bench.create("b", host=host, ExposedPorts={"80/tcp": {}})
    assert bench.raw.post(f"/containers/{container}/start").status == 500
    assert bench.inspect(container)["NetworkSettings"]["Networks"]["bridge"]["IPAddress"] == ""
    row = bench.listed(container)
    assert row["NetworkSettings"]["Networks"]["bridge"]["IPAddress"] != ""
    assert row["Ports"] != []


def test_start_names_the_missing_network_before_that_of_its_mode(bench: Bench) -> None:
    mode, other = bench.name("gone"), bench.name("missing")
    container = bench.create("c", host={"NetworkMode": mode})
    assert bench.connect(other, container).status == 200
    assert bench.disconnect(mode, container).status == 200
    answer = bench.raw.post(f"/containers/{container}/start")
    assert (answer.status, answer.message) == (404, f"network {other} not found")


def test_stopped_container_of_a_shared_stack_is_noted_for_a_network(bench: Bench) -> None:
    network = bench.network()
    bench.run("a")
    container = bench.create("b", host={"NetworkMode": f"container:{bench.name('a')}"})
    assert bench.connect(network, container).status == 200
    assert set(bench.inspect(container)["NetworkSettings"]["Networks"]) == {network}
    bench.start(container)
    assert "eth1" not in bench.sh(container, "ip link").out
    assert bench.connect(network, container).status == 400
