"""Connections to the virtual address of a service: who answers, and what is left when tasks go.

On dockerd IPVS does it, a part of the kernel; a kernel without it is a reason to skip there
(:data:`~tests.contract.differences.NEEDS_IPVS`), never on the embedded engine.
"""

from __future__ import annotations

import errno
import os
import re
import socket
from pathlib import Path

import pytest

from tests.contract.differences import NEEDS_IPVS
from tests.contract.harness import Bench, Engine, free_port, http_get, until
from tests.contract.swarm.test_services import PATIENCE, container_of, current, shown, update
from tests.contract.swarm.test_swarm import names

PAGE = "hostname > /usr/share/nginx/html/who; exec nginx -g 'daemon off;'"


@pytest.fixture
def balancing(engine: Engine) -> None:
    """The engine's kernel can stand in for several tasks at one address."""
    if engine.name == "embedded" or os.path.exists("/proc/net/ip_vs"):
        return
    modules = Path("/lib/modules", os.uname().release, "kernel/net/netfilter/ipvs")
    if not any(modules.glob("ip_vs.ko*")):
        pytest.skip(NEEDS_IPVS)


@pytest.mark.usefixtures("balancing", "swarm")
def test_a_virtual_address(bench: Bench) -> None:
    net, name = bench.network(Driver="overlay", Attachable=True), bench.name("web")
    spec = {
        "Name": name,
        "TaskTemplate": {
            "ContainerSpec": {"Image": "nginx:latest", "Command": ["sh", "-c", PAGE]},
            "Networks": [{"Target": net}],
        },
        "Mode": {"Replicated": {"Replicas": 2}},
    }
    answer = bench.raw.post("/services/create", spec)
    assert answer.status == 201, answer.body
    client = bench.on(net, "client")
    until(lambda: len(names(bench, client, f"tasks.{name}")) == 2, PATIENCE)
    (address,) = names(bench, client, name)
    tasks = {container_of(task)[:12] for task in current(bench, name)}

    def get(where: str) -> list[str]:
        """What three requests of one connection are answered."""
        asked = r"GET /who HTTP/1.1\r\nHost: x\r\n\r\n"
        last = asked.replace("Host: x", r"Host: x\r\nConnection: close")
        script = f"printf '{asked}{asked}{last}' | nc -w 5 {where} 80"
        return re.findall(r"(?m)^[0-9a-f]{12}$", bench.sh(client, script).out)

    until(lambda: {host for _ in range(2) for host in get(name)} == tasks, PATIENCE)
    # Every connection goes to the next task, and stays with it.
    said = [get(address) for _ in range(4)]
    assert [(len(hosts), len(set(hosts))) for hosts in said] == [(3, 1)] * 4
    assert said[0] == said[2] != said[1] == said[3]
    assert bench.exec(client, ["ping", "-c1", "-w5", name]).code == 0
    assert "Connection refused" in bench.sh(client, f"nc {name} 81").err

    # A task that goes is not asked any more; the address stays.
    spec["Mode"] = {"Replicated": {"Replicas": 1}}
    update(bench, name, spec)
    until(lambda: len(names(bench, client, f"tasks.{name}")) == 1, PATIENCE)
    (left,) = {container_of(task)[:12] for task in current(bench, name)}
    assert [get(name) for _ in range(2)] == [[left] * 3] * 2
    assert names(bench, client, name) == {address}

    # With the last one the name and whoever answered at the address go, too.
    spec["Mode"] = {"Replicated": {"Replicas": 0}}
    update(bench, name, spec)
    until(lambda: not names(bench, client, name), PATIENCE)
    assert bench.exec(client, ["ping", "-c1", "-w1", address]).code == 1
    assert get(address) == []
    (kept,) = shown(bench, name)["Endpoint"]["VirtualIPs"]
    assert kept["Addr"].partition("/")[0] == address


@pytest.mark.usefixtures("balancing", "swarm")
def test_a_published_port_is_open_while_a_task_runs(bench: Bench) -> None:
    port, name = free_port(), bench.name("web")
    spec = {
        "Name": name,
        "TaskTemplate": {"ContainerSpec": {"Image": "nginx:latest"}},
        "Mode": {"Replicated": {"Replicas": 0}},
        "EndpointSpec": {"Ports": [{"TargetPort": 80, "PublishedPort": port}]},
    }
    answer = bench.raw.post("/services/create", spec)
    assert answer.status == 201, answer.body

    def answers() -> bool:
        try:
            return "Welcome" in http_get(bench.engine.address, port)
        except OSError:
            return False

    def closed() -> bool:
        with socket.socket() as client:
            client.settimeout(5)
            return client.connect_ex((bench.engine.address, port)) == errno.ECONNREFUSED

    assert closed()
    for _ in range(2):
        spec["Mode"] = {"Replicated": {"Replicas": 1}}
        update(bench, name, spec)
        until(answers, PATIENCE)
        # With its last task the port goes (libnetwork: rmLBBackend), and stays the service's.
        spec["Mode"] = {"Replicated": {"Replicas": 0}}
        update(bench, name, spec)
        until(closed, PATIENCE)
        (shown_port,) = shown(bench, name)["Endpoint"]["Ports"]
        assert shown_port["PublishedPort"] == port
