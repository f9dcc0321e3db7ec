"""Two engines of this machine in one swarm, as a user of the docker command sees them.

What dockerd does was looked up on two dockerd 26.1 in network namespaces joined by a veth pair.
"""

from __future__ import annotations

import json
import re
import signal
from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest

from tests.contract.harness import free_port, http_get
from tests.engine.cluster.fleet import EngineNode, Fleet, until

# One worker for all of them: they share two engines, and what each finds others have left.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("two-engines"),
    pytest.mark.usefixtures("docker_command"),
]

WORKER_ONLY = (
    "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. "
    "Please run this command on a manager node or promote the current node to a manager."
)


@pytest.fixture(scope="module")
def fleet(docker_command: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path_factory.mktemp("f"))
    try:
        for name in ("node1", "node2"):
            fleet.start(name)
        fleet.nodes["node1"].do("swarm", "init", "--advertise-addr", f"127.0.0.1:{free_port()}")
        yield fleet
    finally:
        fleet.close()


@pytest.fixture(scope="module")
def node1(fleet: Fleet) -> EngineNode:
    """The manager."""
    return fleet.nodes["node1"]


@pytest.fixture(scope="module")
def node2(fleet: Fleet, node1: EngineNode) -> EngineNode:
    """A worker."""
    node2 = fleet.nodes["node2"]
    shown = join(node1, node2)
    assert shown == "This node joined a swarm as a worker."
    return node2


def join(manager: EngineNode, worker: EngineNode) -> str:
    """Join as the manager says that one joins."""
    command = next(
        line.split()
        for line in manager.do("swarm", "join-token", "worker").splitlines()
        if "docker swarm join" in line
    )
    return worker.do(*command[1:])


def nodes(manager: EngineNode) -> dict[str, tuple[str, str, str]]:
    """Host name → (status, availability, manager status)."""
    rows = manager.do(
        "node", "ls", "--format", "{{.Hostname}}|{{.Status}}|{{.Availability}}|{{.ManagerStatus}}"
    ).splitlines()
    return {name: (a, b, c) for name, a, b, c in (row.split("|") for row in rows)}


def tasks(manager: EngineNode, service: str) -> Counter[str]:
    """Node → how many running tasks of a service it has."""
    shown = manager.do(
        "service", "ps", service, "--filter", "desired-state=running",
        "--format", "{{.Node}}|{{.CurrentState}}",
    )  # fmt: skip
    rows = (row.split("|") for row in shown.splitlines())
    return Counter(node for node, state in rows if state.startswith("Running"))


def scale(manager: EngineNode, count: int) -> None:
    """Have so many tasks of the service ``web``, and wait for them."""
    manager.do("service", "scale", "-d", f"web={count}")
    until(lambda: tasks(manager, "web").total() == count)


def answers(node: EngineNode, container: str, url: str) -> str | None:
    """What a page says as a container sees it; None where it does not answer."""
    result = node.sh(container, f"wget -T 5 -qO- {url}")
    return result.out if result.code == 0 else None


def resolves(node: EngineNode, container: str, name: str) -> bool:
    return node.sh(container, f"getent hosts {name}").code == 0


def has_addresses(node: EngineNode, container: str, name: str, count: int) -> bool:
    return len(re.findall(r"Address: 10\.", node.sh(container, f"nslookup {name}").out)) == count


def web_tasks(node: EngineNode) -> list[str]:
    names = node.do("ps", "--format", "{{.Names}}").split()
    return [name for name in names if name.startswith("web.")]


# --- joining ---


def test_tokens_and_addresses_that_are_wrong(fleet: Fleet, node1: EngineNode) -> None:
    stranger = fleet.start("stranger")
    token = node1.do("swarm", "join-token", "-q", "worker")
    info = json.loads(node1.do("info", "--format", "{{json .Swarm}}"))
    address = info["RemoteManagers"][0]["Addr"]
    head, secret = token.rsplit("-", 1)
    other = ("b" if secret[-1] == "a" else "a") + secret[1:]
    for words, text in (
        (("SWMTKN-1-foo-bar", address), "invalid join token"),
        (
            (f"{head}-{other}", address),
            "rpc error: code = InvalidArgument desc = A valid join token is necessary to join this "
            "cluster",
        ),
        (
            ("SWMTKN-1-" + "1" * 50 + "-" + secret, address),
            "remote CA does not match fingerprint. Expected: ",
        ),
        (
            (token, f"127.0.0.1:{free_port()}"),
            "rpc error: code = Unavailable desc = connection error: desc = "
            '"transport: Error while dialing: dial tcp 127.0.0.1:',
        ),
    ):
        result = stranger.ask("swarm", "join", "--token", *words)
        assert result.code == 1
        assert f"Error response from daemon: {text}" in result.err
    manager_token = node1.do("swarm", "join-token", "-q", "manager")
    result = stranger.ask("swarm", "join", "--token", manager_token, address)
    assert "a swarm with several managers is not supported by the embedded engine" in result.err
    assert json.loads(stranger.do("info", "--format", "{{json .Swarm}}"))["NodeID"] == ""
    assert "stranger" not in nodes(node1)


def test_both_are_nodes(node1: EngineNode, node2: EngineNode) -> None:
    assert nodes(node1) == {
        "node1": ("Ready", "Active", "Leader"),
        "node2": ("Ready", "Active", ""),
    }
    info = json.loads(node2.do("info", "--format", "{{json .Swarm}}"))
    assert (info["LocalNodeState"], info["ControlAvailable"]) == ("active", False)
    (row,) = json.loads(node1.do("node", "inspect", info["NodeID"]))
    assert row["Description"]["Hostname"] == "node2"
    assert row["Status"] == {"State": "ready", "Addr": info["NodeAddr"]}
    assert "ManagerStatus" not in row
    manager = json.loads(node1.do("info", "--format", "{{json .Swarm}}"))
    assert info["RemoteManagers"] == manager["RemoteManagers"]
    assert manager["Nodes"] == 2


def test_a_worker_manages_nothing(node2: EngineNode) -> None:
    for words in (("node", "ls"), ("service", "ls"), ("swarm", "join-token", "worker")):
        assert WORKER_ONLY in node2.ask(*words).err
    assert "This node is already part of a swarm." in node2.ask("swarm", "init").err
    assert "This node is not a swarm manager." in node2.ask(
        "network", "create", "-d", "overlay", "x"
    ).err  # fmt: skip


def test_there_is_one_manager(node1: EngineNode, node2: EngineNode) -> None:
    result = node1.ask("node", "promote", "node2")
    assert result.code == 1
    assert "not supported by the embedded engine" in result.err
    assert nodes(node1)["node2"] == ("Ready", "Active", "")


# --- an attachable overlay ---


@pytest.fixture(scope="module")
def overlay(node1: EngineNode, node2: EngineNode) -> Iterator[str]:
    node1.do("network", "create", "-d", "overlay", "--attachable", "mynet")
    idle = ("--network", "mynet", "--stop-timeout", "1", "alpine", "sleep", "1000")
    node1.do("run", "-d", "--name", "c1", "--network-alias", "both", *idle)
    node2.do("run", "-d", "--name", "client2", "--restart", "always", *idle)
    node2.do("run", "-d", "--name", "c2", "--network", "mynet", "--network-alias", "both",
             "nginx")  # fmt: skip
    yield "mynet"
    node1.do("rm", "-f", "c1")
    node2.do("rm", "-f", "c2", "client2")
    until(lambda: node1.ask("network", "rm", "mynet").code == 0)


def address(node: EngineNode, container: str) -> str:
    return node.do(
        "inspect", container, "--format", "{{.NetworkSettings.Networks.mynet.IPAddress}}"
    )


def test_containers_of_both_reach_each_other(
    node1: EngineNode, node2: EngineNode, overlay: str
) -> None:
    one, two = address(node1, "c1"), address(node2, "c2")
    assert one != two
    for node, container, name, target in (
        (node1, "c1", "c2", two),
        (node2, "c2", "c1", one),
    ):
        until(partial(resolves, node, container, name))
        result = node1.sh("c1", "ping -c 2 c2") if node is node1 else None
        if result is not None:
            assert f"PING c2 ({two}): 56 data bytes" in result.out
            assert re.search(rf"64 bytes from {re.escape(two)}: seq=0 ttl=64 time=", result.out)
        assert target in node.sh(container, f"getent hosts {name}.mynet").out
    assert "Welcome to nginx" in (answers(node1, "c1", "http://c2/") or "")
    result = node1.sh("c1", "nc -w 2 c2 81")
    assert (result.code, "Connection refused" in result.err) == (1, True)
    reverse = node1.sh("c1", f"nslookup {two}").out
    assert "name = c2.mynet" in reverse
    found = node1.sh("c1", "nslookup both").out
    assert one in found
    assert two in found
    mac = json.loads(node2.do("inspect", "c2"))[0]["NetworkSettings"]["Networks"]["mynet"]
    assert mac["MacAddress"] in node1.sh("c1", "ip neigh").out


def test_megabytes_from_one_to_the_other(
    node1: EngineNode, node2: EngineNode, overlay: str
) -> None:
    node2.do("exec", "c2", "sh", "-c", "head -c 3000000 /dev/zero > /usr/share/nginx/html/zeros")
    result = node1.sh("c1", "wget -qO- http://c2/zeros | wc -c")
    assert result.out.strip() == "3000000"


def test_isolation(node1: EngineNode, node2: EngineNode, overlay: str) -> None:
    two = address(node2, "c2")
    node1.do("run", "-d", "--name", "outsider", "alpine", "sleep", "1000")
    assert node1.sh("outsider", "getent hosts c2").code != 0
    assert node1.sh("outsider", f"nc -w 1 {two} 80").code != 0
    node1.do("rm", "-f", "outsider")
    node1.do("network", "create", "-d", "overlay", "closed")
    for name, reason in (
        ("closed", "rpc error: code = PermissionDenied desc = network closed not manually"
                   " attachable"),
        ("ghost", "rpc error: code = NotFound desc = network ghost not found"),
    ):  # fmt: skip
        result = node2.ask("run", "--rm", "--network", name, "alpine", "true")
        assert result.code == 125
        assert f"Could not attach to network {name}: {reason}" in result.err
    node1.do("network", "rm", "closed")


def test_a_worker_has_a_network_only_while_it_is_used(
    node1: EngineNode, node2: EngineNode, overlay: str
) -> None:
    assert overlay in node2.do("network", "ls", "--format", "{{.Name}}").split()
    (shown,) = json.loads(node2.do("network", "inspect", overlay))
    (known,) = json.loads(node1.do("network", "inspect", overlay))
    for key in ("Id", "Scope", "Driver", "IPAM", "Attachable"):
        assert shown[key] == known[key]
    assert shown["Peers"] == known["Peers"]
    own = {node.do("info", "--format", "{{.Swarm.NodeAddr}}") for node in (node1, node2)}
    assert {peer["IP"] for peer in shown["Peers"]} == own
    assert [c["Name"] for c in shown["Containers"].values() if c["Name"] == "c2"] == ["c2"]
    assert "c1" not in [c["Name"] for c in shown["Containers"].values()]
    assert WORKER_ONLY in node2.ask("network", "rm", overlay).err
    node1.do("network", "create", "-d", "overlay", "--attachable", "short")
    node2.do("run", "--rm", "--network", "short", "alpine", "true")
    until(lambda: "short" not in node2.do("network", "ls", "--format", "{{.Name}}").split())
    until(lambda: node1.ask("network", "rm", "short").code == 0)


# --- services ---


@pytest.fixture(scope="module")
def service(node1: EngineNode, node2: EngineNode, overlay: str) -> Iterator[tuple[str, int]]:
    port = free_port()
    node1.do(
        "service", "create", "-d", "--name", "web", "--network", overlay, "--replicas", "4",
        "-p", f"{port}:80", "--no-resolve-image", "nginx",
    )  # fmt: skip
    until(lambda: tasks(node1, "web").total() == 4)
    yield "web", port
    node1.do("service", "rm", "web")


def test_a_service_is_spread(
    node1: EngineNode, node2: EngineNode, service: tuple[str, int]
) -> None:
    assert tasks(node1, "web") == {"node1": 2, "node2": 2}
    for node in (node1, node2):
        assert len(web_tasks(node)) == 2


def test_its_name_leads_to_all_tasks(
    node1: EngineNode, node2: EngineNode, service: tuple[str, int]
) -> None:
    name, port = service
    hosts = []
    for node in (node1, node2):
        for container in web_tasks(node):
            page = "hostname > /usr/share/nginx/html/who"
            assert node.sh(container, page).code == 0
            hosts.append(node.sh(container, "hostname").out.strip())
    for node, container in ((node1, "c1"), (node2, "client2")):
        until(partial(has_addresses, node, container, "tasks.web", 4))
        assert has_addresses(node, container, "web", 1)
        seen: set[str] = set()
        for _ in range(4):
            seen.add((answers(node, container, f"http://{name}/who") or "").strip())
        assert seen == set(hosts)
    # The routing mesh answers at each node, whether that has a task or not.
    for node in (node1, node2):
        own = node.do("info", "--format", "{{.Swarm.NodeAddr}}")
        outside = {http_get(own, port, "/who").strip() for _ in range(8)}
        assert outside == set(hosts)


def test_its_logs_come_from_all_nodes(node1: EngineNode, service: tuple[str, int]) -> None:
    name, port = service
    for number in range(8):
        http_get("127.0.0.1", port, f"/?visit{number}")

    def lines() -> set[str]:
        shown = node1.do("service", "logs", name)
        return {node for node, visit in re.findall(r"@(node\d)\s+\| .*\?(visit\d)", shown)}

    until(lambda: lines() == {"node1", "node2"})


def test_draining_moves_tasks_and_scaling_uses_both_again(
    node1: EngineNode, node2: EngineNode, service: tuple[str, int]
) -> None:
    node1.do("node", "update", "--availability", "drain", "node2")
    assert nodes(node1)["node2"] == ("Ready", "Drain", "")
    until(lambda: tasks(node1, "web") == {"node1": 4})
    until(lambda: "web." not in node2.do("ps", "--format", "{{.Names}}"))
    assert "c2" in node2.do("ps", "--format", "{{.Names}}").split()  # it is no task
    node1.do("node", "update", "--availability", "active", "node2")
    node1.do("service", "scale", "-d", "web=6")
    until(lambda: tasks(node1, "web") == {"node1": 4, "node2": 2})


def test_a_port_of_each_node(node1: EngineNode, node2: EngineNode, overlay: str) -> None:
    """``mode=host`` publishes a task's port on its own node alone."""
    port = free_port()
    node1.do("service", "create", "-d", "--name", "own", "--mode", "global", "--no-resolve-image",
             "--publish", f"mode=host,target=80,published={port}", "nginx")  # fmt: skip
    until(lambda: tasks(node1, "own") == {"node1": 1, "node2": 1})
    for node in (node1, node2):
        container = node.do("ps", "-q", "--filter", "name=own.")
        assert node.sh(container, f"echo {node.name} > /usr/share/nginx/html/who").code == 0
        address = node.do("info", "--format", "{{.Swarm.NodeAddr}}")
        assert http_get(address, port, "/who").strip() == node.name
    node1.do("service", "rm", "own")


# --- failures ---


def test_a_killed_engine_is_down_and_comes_back(
    node1: EngineNode, node2: EngineNode, service: tuple[str, int]
) -> None:
    scale(node1, 6)
    node2.end(signal.SIGKILL)
    until(lambda: nodes(node1)["node2"][0] == "Down")
    until(lambda: tasks(node1, "web") == {"node1": 6})
    until(lambda: node1.sh("c1", "getent hosts c2").code != 0)
    node2.start()
    until(lambda: nodes(node1)["node2"][0] == "Ready")
    # A container with a restart policy is back on the overlay before anybody asks.
    until(lambda: node2.sh("client2", "getent hosts c1").code == 0)
    node2.do("start", "c2")
    until(lambda: answers(node1, "c1", "http://c2/"))
    scale(node1, 8)
    assert tasks(node1, "web")["node2"] == 2


def test_a_manager_that_restarts_finds_its_nodes(
    node1: EngineNode, node2: EngineNode, service: tuple[str, int]
) -> None:
    scale(node1, 8)
    node1.end()
    assert "c2" in node2.do("ps", "--format", "{{.Names}}").split()
    node1.start()
    until(lambda: nodes(node1).get("node2", ("",))[0] == "Ready")
    node1.do("start", "c1")
    until(lambda: answers(node1, "c1", "http://c2/"))
    until(lambda: tasks(node1, "web").total() == 8)


def test_a_third_engine_joins_and_leaves(
    fleet: Fleet, node1: EngineNode, node2: EngineNode, overlay: str
) -> None:
    node3 = fleet.start("node3")
    join(node1, node3)
    node3.do("run", "-d", "--name", "c3", "--network", overlay, "alpine", "sleep", "1000")
    # Workers reach each other, not only their manager.
    until(lambda: answers(node3, "c3", "http://c2/"))
    until(lambda: node2.sh("c2", "getent hosts c3").code == 0)
    node3.do("rm", "-f", "c3")
    result = node1.ask("node", "rm", "node3")
    assert "is not down and can't be removed" in result.err
    assert node3.do("swarm", "leave") == "Node left the swarm."
    info = json.loads(node3.do("info", "--format", "{{json .Swarm}}"))
    assert (info["LocalNodeState"], info["NodeID"]) == ("inactive", "")
    until(lambda: nodes(node1)["node3"][0] == "Down")
    node1.do("node", "rm", "node3")
    assert "node3" not in nodes(node1)
    join(node1, node3)
    assert nodes(node1)["node3"][0] == "Ready"
