"""``--link``: on the default bridge (hosts, variables, names), and on networks of one's own."""

from __future__ import annotations

import pytest

from tests.contract.harness import Bench


@pytest.fixture
def linked(bench: Bench) -> Bench:
    """``web`` with a link to ``db``, which it calls ``store``."""
    ports: dict[str, dict[str, str]] = {"5432/tcp": {}, "80/udp": {}}
    bench.run("db", Env=["PASS=x", "EMPTY=", "PATH=/bin"], ExposedPorts=ports, Hostname="box")
    bench.run("web", host={"Links": [f"{bench.name('db')}:store"]})
    return bench


def hosts(bench: Bench, container: str) -> list[str]:
    """Lines of ``/etc/hosts`` past the usual ones."""
    lines = bench.sh(container, "cat /etc/hosts").out.splitlines()
    return [line for line in lines if line[0].isdigit() and not line.startswith("127.")]


def variables(bench: Bench, container: str) -> list[str]:
    lines = bench.exec(container, ["env"]).out.splitlines()
    return [line for line in lines if line.startswith(("STORE_", "A_"))]


def links(bench: Bench, container: str) -> list[str] | None:
    found: list[str] | None = bench.inspect(container)["HostConfig"]["Links"]
    return found


def names(bench: Bench, container: str) -> set[str]:
    return set(bench.listed(bench.inspect(container)["Id"])["Names"])


def test_hosts(linked: Bench) -> None:
    web, db = linked.name("web"), linked.name("db")
    address = linked.address(db, "bridge")
    assert hosts(linked, web)[0] == f"{address}\tstore box {db}"
    for name in ("store", "box", db):
        assert linked.sh(web, f"ping -c1 -w2 {name}").code == 0
    assert linked.sh(db, f"ping -c1 -w2 {web}").code == 1


def test_variables(linked: Bench) -> None:
    address = linked.address(linked.name("db"), "bridge")
    assert variables(linked, linked.name("web")) == [
        f"STORE_PORT=udp://{address}:80",
        f"STORE_PORT_80_UDP=udp://{address}:80",
        f"STORE_PORT_80_UDP_ADDR={address}",
        "STORE_PORT_80_UDP_PORT=80",
        "STORE_PORT_80_UDP_PROTO=udp",
        f"STORE_PORT_5432_TCP=tcp://{address}:5432",
        f"STORE_PORT_5432_TCP_ADDR={address}",
        "STORE_PORT_5432_TCP_PORT=5432",
        "STORE_PORT_5432_TCP_PROTO=tcp",
        f"STORE_NAME=/{linked.name('web')}/store",
        "STORE_ENV_PASS=x",
        "STORE_ENV_EMPTY=",
    ]


def test_variables_of_many_ports(bench: Bench) -> None:
    numbers = (
        "80/tcp",
        "80/udp",
        "7003/tcp",
        "7000/tcp",
        "7001/tcp",
        "7002/tcp",
        "9/tcp",
        "10/tcp",
    )
    db = bench.run("a", ExposedPorts={port: {} for port in numbers}, Env=["A=b"])
    script = "env | sort | grep ^A_"
    web = bench.run("web", ["sh", "-c", script], host={"Links": [f"{bench.name('a')}:a"]})
    bench.finish(web)
    address = bench.address(db, "bridge")
    told = bench.logs(web).replace(address, "IP").splitlines()
    assert [line for line in told if "_7000_" in line] == [
        "A_PORT_7000_TCP=tcp://IP:7000",
        "A_PORT_7000_TCP_ADDR=IP",
        "A_PORT_7000_TCP_END=tcp://IP:7003",
        "A_PORT_7000_TCP_PORT=7000",
        "A_PORT_7000_TCP_PORT_END=7003",
        "A_PORT_7000_TCP_PORT_START=7000",
        "A_PORT_7000_TCP_PROTO=tcp",
        "A_PORT_7000_TCP_START=tcp://IP:7000",
    ]
    assert len(told) == 1 + 4 + 8 * 4 + 2
    assert "A_PORT=tcp://IP:9" in told


def test_what_is_shown(linked: Bench) -> None:
    web, db = linked.name("web"), linked.name("db")
    assert links(linked, web) == [f"/{db}:/{web}/store"]
    assert links(linked, db) is None
    assert linked.inspect(f"{web}/store")["Name"] == f"/{db}"
    assert names(linked, db) == {f"/{db}", f"/{web}/store"}
    assert names(linked, web) == {f"/{web}"}


def test_rename(linked: Bench) -> None:
    web, db, new = (linked.name(word) for word in ("web", "db", "new"))
    linked.raw.post(f"/containers/{web}/rename", params={"name": new})
    assert links(linked, new) == [f"/{db}:/{new}/store"]
    assert names(linked, db) == {f"/{db}", f"/{new}/store"}
    assert linked.raw.get(f"/containers/{web}/store/json").status == 404
    assert f"STORE_NAME=/{new}/store" in variables(linked, new)
    linked.raw.post(f"/containers/{db}/rename", params={"name": linked.name("other")})
    assert links(linked, new) == [f"/{linked.name('other')}:/{new}/store"]
    assert linked.raw.post(f"/containers/{new}/restart", params={"t": "0"}).status == 204
    assert hosts(linked, new)[0].endswith(f"\tstore box {linked.name('other')}")


def test_link_is_removed(linked: Bench) -> None:
    web, db = linked.name("web"), linked.name("db")
    remove = {"link": "1"}
    assert linked.raw.delete(f"/containers/{web}/store", params=remove).status == 204
    assert links(linked, web) is None
    assert variables(linked, web) == []
    assert names(linked, db) == {f"/{db}"}
    assert not any("store" in line for line in hosts(linked, web))
    again = linked.raw.delete(f"/containers/{web}/store", params=remove)
    assert (again.status, again.message) == (404, f"No such container: {web}/store")
    own = linked.raw.delete(f"/containers/{web}", params=remove)
    assert (own.status, own.message) == (
        500,
        "Conflict, cannot remove the default link name of the container",
    )


def test_a_container_that_does_not_run(linked: Bench) -> None:
    web, db = linked.name("web"), linked.name("db")
    linked.raw.post(f"/containers/{db}/kill")
    linked.finish(db)
    text = f"Cannot link to a non running container: /{db} AS /{web}/store"
    answer = linked.raw.post(f"/containers/{web}/exec", {"Cmd": ["true"]})
    assert (answer.status, answer.message) == (500, text)
    answer = linked.raw.post(f"/containers/{web}/restart", params={"t": "0"})
    assert (answer.status, answer.message) == (500, f"Cannot restart container {web}: {text}")
    linked.start(db)
    linked.start(web)
    assert hosts(linked, web)[0].startswith(f"{linked.address(db, 'bridge')}\tstore ")


@pytest.mark.parametrize("running", [True, False])
def test_a_container_that_is_elsewhere(bench: Bench, running: bool) -> None:
    db = bench.run("db")
    web = bench.create("web", host={"Links": [f"{bench.name('db')}:store"]})
    body = {"Container": db, "Force": True}
    assert bench.raw.post("/networks/bridge/disconnect", body).status == 200
    if not running:
        bench.raw.post(f"/containers/{db}/kill")
        bench.finish(db)
    answer = bench.raw.post(f"/containers/{web}/start")
    text = f"Cannot link to /{bench.name('db')}, as it does not belong to the default network"
    assert (answer.status, answer.message) == (500, text)


def test_a_new_address_is_told(linked: Bench) -> None:
    web, db = linked.name("web"), linked.name("db")
    linked.raw.post(f"/containers/{db}/kill")
    linked.finish(db)
    linked.run("thief")  # takes the address, unless somebody else on the bridge did
    linked.start(db)
    after = linked.address(db, "bridge")
    assert hosts(linked, web)[0] == f"{after}\tstore box {db}"
    assert linked.sh(web, "ping -c1 -w2 store").code == 0


def test_the_name_of_a_link_goes_with_its_containers(bench: Bench) -> None:
    db = bench.run("db")
    web = bench.run("web", host={"Links": [f"{bench.name('db')}:x"]})
    gone = bench.run("gone", host={"Links": [f"{bench.name('db')}:y"]})
    bench.raw.delete(f"/containers/{gone}", params={"force": "1"})
    assert names(bench, db) == {f"/{bench.name('db')}", f"/{bench.name('web')}/x"}
    bench.raw.delete(f"/containers/{bench.name('web')}/x", params={"force": "1"})
    assert bench.raw.get(f"/containers/{db}/json").status == 404
    answer = bench.raw.post(f"/containers/{web}/restart", params={"t": "0"})
    assert "Cannot link to a non running container" in answer.message


def test_links_to_oneself_over_others(bench: Bench) -> None:
    """An alias is given once, a name may be a link's, and whose stack is shared is linked to."""
    db = bench.run("db")
    bench.run("one", host={"Links": [bench.name("db")]})
    bench.run("sharing", host={"NetworkMode": f"container:{db}"})
    asked = [f"{bench.name('one')}/{bench.name('db')}:a", f"{bench.name('sharing')}:b"]
    asked += [f"{bench.name('one')}:a", f"{bench.name('db')}:"]
    two = bench.run("two", host={"Links": asked})
    shown = [f"/{bench.name('db')}:/{bench.name('two')}/{alias}" for alias in "ab"]
    assert sorted(links(bench, two) or ()) == shown
    assert {line.split()[1] for line in hosts(bench, two)} == {"a", "b", two[:12]}


def test_what_cannot_be_linked_to(bench: Bench) -> None:
    for link, status, text in (
        ("", 500, "empty string specified for links"),
        ("a:b:c", 500, "bad format for links: a:b:c"),
        ("no-such:x", 400, "could not get container for no-such: No such container: no-such"),
        (":x", 400, 'could not get container for : invalid name or ID supplied: ""'),
    ):
        answer = bench.create_raw({"Image": "alpine", "HostConfig": {"Links": [link]}})
        assert (answer.status, answer.message) == (status, text)
    bench.on("host", "host")
    answer = bench.create_raw({"Image": "alpine", "HostConfig": {"Links": [bench.name("host")]}})
    assert answer.status == 400
    assert answer.message.startswith("conflicting options: host type networking can't be used")


def test_on_a_network_of_ones_own(bench: Bench) -> None:
    """An alias that the container alone knows; no variables, no line in hosts."""
    network = bench.network()
    db = bench.on(network, "db", Env=["PASS=x"])
    endpoint = {"Links": [f"{bench.name('db')}:store"]}
    networking = {"EndpointsConfig": {network: endpoint}}
    host = {"Links": [f"{bench.name('db')}:ignored"]}
    web = bench.on(network, "web", host=host, NetworkingConfig=networking)
    other = bench.on(network, "other")
    assert links(bench, web) is None
    shown = bench.inspect(web)["NetworkSettings"]["Networks"][network]
    assert shown["Links"] == endpoint["Links"]
    assert variables(bench, web) == []
    assert len(hosts(bench, web)) == 1
    for name in ("store", f"store.{network}"):
        assert bench.address(db, network) in bench.sh(web, f"nslookup -type=a {name}").out
    for container, name in ((other, "store"), (web, "ignored")):
        assert bench.sh(container, f"ping -c1 -w2 {name}").code == 1
    bench.raw.post(f"/containers/{db}/rename", params={"name": bench.name("new")})
    assert bench.sh(web, "ping -c1 -w2 store").code == 1


def test_link_with_a_connection(bench: Bench) -> None:
    network = bench.network()
    bench.on(network, "db")
    web = bench.run("web")
    bench.connect(network, web, Links=[f"{bench.name('db')}:late"])
    assert bench.sh(web, "ping -c1 -w2 late").code == 0
    bench.disconnect(network, web)
    assert bench.sh(web, "ping -c1 -w2 late").code == 1


def test_listed_names_are_in_alphabetical_order(bench: Bench) -> None:
    store = bench.run("b")
    for word in ("c", "a"):
        bench.run(word, host={"Links": [f"{bench.name('b')}:store"]})
    wanted = [f"/{bench.name('a')}/store", f"/{bench.name('b')}", f"/{bench.name('c')}/store"]
    assert bench.listed(store)["Names"] == wanted
