"""A client that has said all it has to say closes its way out alone, and still gets its answer."""

from __future__ import annotations

import socket

import pytest

from tests.contract.harness import Bench, free_port, until
from tests.contract.test_ports import EXPOSED, publish

COUNTING = ["nc", "-l", "-p", "80", "-e", "wc", "-c"]
"""Answers only once the client has finished: with the number of bytes that came."""
SIZE = 1_000_003


def serve(bench: Bench, port: int, command: list[str], network: str = "bridge") -> str:
    """A container with a server at its port 80, which is the host's ``port`` too."""
    host = {"NetworkMode": network, **publish({"HostPort": str(port)})}
    container = bench.run("server", command, host=host, ExposedPorts=EXPOSED)
    until(lambda: bench.sh(container, "netstat -tln | grep ':80 '").code == 0)
    return container


def test_through_a_published_port(bench: Bench) -> None:
    port = free_port()
    server = serve(bench, port, COUNTING)
    with socket.create_connection((bench.engine.address, port), timeout=30) as client:
        client.sendall(b"x" * SIZE)
        client.shutdown(socket.SHUT_WR)
        assert b"".join(iter(lambda: client.recv(65536), b"")) == f"{SIZE}\n".encode()
    assert bench.finish(server) == 0


def test_server_that_finishes_first_still_hears_the_client(bench: Bench) -> None:
    port = free_port()
    script = "nc -l -p 80 </dev/null | wc -c"
    server = serve(bench, port, ["sh", "-c", script])
    with socket.create_connection((bench.engine.address, port), timeout=30) as client:
        assert client.recv(1) == b""
        client.sendall(b"x" * SIZE)
    assert bench.finish(server) == 0
    assert bench.logs(server) == f"{SIZE}\n"


@pytest.mark.parametrize("way", ["name", "gateway"])
def test_between_containers(bench: Bench, way: str) -> None:
    """By name on a network that both are on, and through the host's port from another one."""
    net, port = bench.network(), free_port()
    server = serve(bench, port, COUNTING, net)
    client = bench.on(net, "client") if way == "name" else bench.run("client")
    target = f"{bench.name('server')} 80"
    if way == "gateway":
        target = f"{bench.inspect(client)['NetworkSettings']['Gateway']} {port}"
    said = bench.sh(client, f"head -c {SIZE} /dev/zero | nc {target}")
    assert (said.code, said.out) == (0, f"{SIZE}\n")
    assert bench.finish(server) == 0


def test_page_for_a_client_that_has_finished(bench: Bench) -> None:
    net = bench.network()
    bench.serve("web", net, "the page")
    client = bench.on(net, "client")
    ask = rf"printf 'GET / HTTP/1.0\r\n\r\n' | nc {bench.name('web')} 80"
    assert bench.sh(client, ask).out.endswith("\r\n\r\nthe page\n")
