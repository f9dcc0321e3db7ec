"""Published ports: chosen by the user or the engine, shown, served, refused."""

from __future__ import annotations

import re
import socket
from contextlib import ExitStack
from typing import Any

import pytest

from tests.contract.harness import Bench, free_port, host_ports, http_get, listening, until

EXPOSED: dict[str, dict[str, str]] = {"80/tcp": {}}


def publish(*bindings: dict[str, str], port: str = "80/tcp") -> dict[str, Any]:
    return {"PortBindings": {port: list(bindings)}}


def serve(bench: Bench, word: str, host: dict[str, Any], **config: Any) -> str:
    return bench.run(word, image="nginx", host=host, **config)


def answers(bench: Bench, port: int) -> bool:
    try:
        http_get(bench.engine.address, port)
    except OSError:
        return False
    return True


def test_publish_all(bench: Bench) -> None:
    container = serve(bench, "web", {"PublishAllPorts": True})
    (port,) = host_ports(bench.inspect(container))
    assert port >= 32768
    assert "Welcome to nginx!" in bench.fetch(port)


def test_publish_all_takes_only_what_is_exposed(bench: Bench) -> None:
    container = bench.run(host={"PublishAllPorts": True})
    assert bench.inspect(container)["NetworkSettings"]["Ports"] == {}


def test_publish_all_of_several_ports(bench: Bench) -> None:
    exposed: dict[str, dict[str, str]] = {"80/tcp": {}, "81/tcp": {}, "53/udp": {}}
    container = bench.run(host={"PublishAllPorts": True}, ExposedPorts=exposed)
    document = bench.inspect(container)
    assert set(document["NetworkSettings"]["Ports"]) == set(exposed)
    assert all(document["NetworkSettings"]["Ports"].values())
    assert len(host_ports(document, "80/tcp") | host_ports(document, "81/tcp")) == 2


def test_ports_that_the_engine_chooses_differ(bench: Bench) -> None:
    made = [serve(bench, f"w{i}", {"PublishAllPorts": True}) for i in range(3)]
    assert len({p for c in made for p in host_ports(bench.inspect(c))}) == 3


def test_fixed_port(bench: Bench) -> None:
    port = free_port()
    container = serve(bench, "web", publish({"HostPort": str(port)}))
    assert host_ports(bench.inspect(container)) == {port}
    assert "Welcome to nginx!" in bench.fetch(port)


def test_bindings_as_asked_for_stay_in_the_host_config(bench: Bench) -> None:
    port = free_port()
    container = serve(bench, "web", publish({"HostPort": str(port)}))
    assert bench.inspect(container)["HostConfig"]["PortBindings"] == {
        "80/tcp": [{"HostIp": "", "HostPort": str(port)}]
    }


def test_bindings_for_every_address(bench: Bench) -> None:
    """IPv4 and IPv6 each get their binding."""
    port = free_port()
    container = serve(bench, "web", publish({"HostPort": str(port)}))
    assert bench.inspect(container)["NetworkSettings"]["Ports"]["80/tcp"] == [
        {"HostIp": "0.0.0.0", "HostPort": str(port)},
        {"HostIp": "::", "HostPort": str(port)},
    ]


def test_ports_in_the_list(bench: Bench) -> None:
    port = free_port()
    container = serve(bench, "web", publish({"HostPort": str(port)}))
    rows = bench.listed(container)["Ports"]
    assert {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": port, "Type": "tcp"} in rows
    assert {row["PublicPort"] for row in rows} == {port}


def test_exposed_port_in_the_list(bench: Bench) -> None:
    container = bench.run(ExposedPorts=EXPOSED)
    assert bench.listed(container)["Ports"] == [{"PrivatePort": 80, "Type": "tcp"}]
    assert bench.inspect(container)["NetworkSettings"]["Ports"] == {"80/tcp": None}


def test_port_on_one_address(bench: Bench) -> None:
    port = free_port()
    container = serve(bench, "web", publish({"HostIp": "127.0.0.1", "HostPort": str(port)}))
    assert bench.inspect(container)["NetworkSettings"]["Ports"]["80/tcp"] == [
        {"HostIp": "127.0.0.1", "HostPort": str(port)}
    ]
    assert "Welcome to nginx!" in bench.fetch(port)


@pytest.mark.parametrize("address", ["127.0.0.2", "::1", "::", "0.0.0.0"])
def test_port_on_another_address(bench: Bench, address: str) -> None:
    need(address)
    port = free_port()
    container = serve(bench, "web", publish({"HostIp": address, "HostPort": str(port)}))
    assert bench.inspect(container)["NetworkSettings"]["Ports"]["80/tcp"] == [
        {"HostIp": address, "HostPort": str(port)}
    ]
    target = {"::": "::1", "0.0.0.0": bench.engine.address}.get(address, address)
    until(lambda: "Welcome to nginx!" in page(target, port))
    shown = f"[{address}]" if ":" in address else address
    assert bench.cli("port", container).out == f"80/tcp -> {shown}:{port}\n"
    template = ("ps", "--filter", f"id={container}", "--format", "{{.Ports}}")
    assert re.fullmatch(
        rf"({re.escape(shown)}|{address}):{port}->80/tcp\n", bench.cli(*template).out
    )


def page(address: str, port: int) -> str:
    try:
        return http_get(address, port)
    except OSError:
        return ""


def need(*addresses: str) -> None:
    """Skip the test where the machine itself has not got these addresses."""
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            with socket.socket(family) as probe:
                probe.bind((address, 0))
        except OSError:
            pytest.skip(f"this machine has no {address}")


def test_one_port_on_several_addresses(bench: Bench) -> None:
    need("127.0.0.2", "127.0.0.3")
    port = str(free_port())
    for number in (2, 3):
        words = publish({"HostIp": f"127.0.0.{number}", "HostPort": port})
        bench.run(host=words, ExposedPorts=EXPOSED)


@pytest.mark.parametrize(
    ("first", "second"),
    [("0.0.0.0", "127.0.0.2"), ("127.0.0.2", "0.0.0.0"), ("::", "::1")],
)
def test_every_address_and_one_exclude_each_other(bench: Bench, first: str, second: str) -> None:
    need(first, second)
    port = free_port()
    words = publish({"HostIp": first, "HostPort": str(port)})
    bench.run(host=words, ExposedPorts=EXPOSED)
    words = publish({"HostIp": second, "HostPort": str(port)})
    answer = bench.raw.post(f"/containers/{bench.create(host=words, ExposedPorts=EXPOSED)}/start")
    assert answer.status == 500
    family, shown = ("6", f"[{second}]") if ":" in second else ("4", second)
    assert answer.message.endswith(
        f"Error starting userland proxy: listen tcp{family} {shown}:{port}: bind: "
        "address already in use"
    )


def test_two_bindings_of_one_port_that_exclude_each_other(bench: Bench) -> None:
    port = str(free_port())
    words = publish({"HostPort": port}, {"HostIp": "127.0.0.1", "HostPort": port})
    container = bench.create(host=words, ExposedPorts=EXPOSED)
    answer = bench.raw.post(f"/containers/{container}/start")
    assert answer.status == 500
    assert "address already in use" in answer.message
    words = publish({"HostIp": "127.0.0.1", "HostPort": port})
    bench.run(host=words, ExposedPorts=EXPOSED)  # what the other had taken is free again


def test_address_of_nobody(bench: Bench) -> None:
    words = publish({"HostIp": "192.0.2.7", "HostPort": str(free_port())})
    container = bench.create(host=words, ExposedPorts=EXPOSED)
    answer = bench.raw.post(f"/containers/{container}/start")
    assert answer.status == 500
    assert "bind: cannot assign requested address" in answer.message


ECHO = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("", 5353))
while True:
    server.sendto(b"pong\\n", server.recvfrom(100)[1])
"""
LISTEN = "echo pong | nc -u -l -p 5353"


def test_udp(bench: Bench) -> None:
    """A datagram to the published port reaches the container, and its answer comes back."""
    port = free_port()
    host = publish({"HostPort": str(port)}, port="5353/udp")
    exposed: dict[str, dict[str, str]] = {"5353/udp": {}}
    # The one has Python, the other a netcat that knows UDP.
    if bench.engine.name == "dockerd":
        words = ["python3", "-c", ECHO]
        bench.run("c", [], "elasticsearch:2", host, ExposedPorts=exposed, Entrypoint=words)
    else:
        bench.run("c", ["sh", "-c", LISTEN], host=host, ExposedPorts=exposed)

    def answer() -> bytes:
        client.send(b"ping\n")
        try:
            return client.recv(100)
        except OSError:
            return b""

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        client.connect((bench.engine.address, port))
        assert until(answer) == b"pong\n"


def test_two_host_ports_for_one(bench: Bench) -> None:
    one, two = free_port(), free_port()
    container = serve(bench, "web", publish({"HostPort": str(one)}, {"HostPort": str(two)}))
    assert host_ports(bench.inspect(container)) == {one, two}
    assert bench.fetch(one) == bench.fetch(two)


def test_port_zero_is_any(bench: Bench) -> None:
    container = serve(bench, "web", publish({"HostPort": "0"}))
    (port,) = host_ports(bench.inspect(container))
    assert port >= 32768


def test_port_without_protocol_is_tcp(bench: Bench) -> None:
    host = publish({}, port="80")
    container = bench.run(host=host, ExposedPorts={"80": {}})
    assert set(bench.inspect(container)["NetworkSettings"]["Ports"]) == {"80/tcp"}


def test_port_of_a_range(bench: Bench) -> None:
    start = free_port()
    words = publish({"HostPort": f"{start}-{start + 2}"})
    made = [bench.run(host=words, ExposedPorts=EXPOSED) for _ in range(2)]
    taken = [p for c in made for p in host_ports(bench.inspect(c))]
    assert set(taken) <= set(range(start, start + 3))
    assert len(set(taken)) == 2


@pytest.mark.parametrize("address", ["", "127.0.0.1"])
def test_port_taken_by_a_container(bench: Bench, address: str) -> None:
    port = free_port()
    words = publish({"HostIp": address, "HostPort": str(port)})
    first = serve(bench, "first", words)
    second = bench.create("second", host=words, ExposedPorts=EXPOSED)
    answer = bench.raw.post(f"/containers/{second}/start")
    assert answer.status == 500
    assert re.fullmatch(
        f"driver failed programming external connectivity on endpoint {bench.name('second')} "
        rf"\([0-9a-f]{{64}}\): Bind for {address or '0.0.0.0'}:{port} failed: "
        "port is already allocated",
        answer.message,
    )
    state = bench.state(second)
    assert (state["Status"], state["ExitCode"]) == ("created", 128)
    assert "port is already allocated" in state["Error"]
    assert bench.inspect(second)["NetworkSettings"]["Ports"] == {}
    assert "Welcome to nginx!" in bench.fetch(port)
    bench.raw.delete(f"/containers/{first}", params={"force": "1"})
    bench.start(second)


def test_port_taken_by_a_program_of_the_machine(bench: Bench) -> None:
    with listening() as port:
        words = publish({"HostPort": str(port)})
        container = bench.create("web", host=words, ExposedPorts=EXPOSED)
        answer = bench.raw.post(f"/containers/{container}/start")
        assert answer.status == 500
        assert answer.message.startswith(
            f"driver failed programming external connectivity on endpoint {bench.name('web')} ("
        )
        assert answer.message.endswith(f"0.0.0.0:{port}: bind: address already in use")


def test_two_ports_on_one_host_port(bench: Bench) -> None:
    port = str(free_port())
    container = bench.create(
        ExposedPorts={"80/tcp": {}, "81/tcp": {}},
        host={"PortBindings": {p: [{"HostPort": port}] for p in ("80/tcp", "81/tcp")}},
    )
    answer = bench.raw.post(f"/containers/{container}/start")
    assert answer.status == 500
    assert "port is already allocated" in answer.message


def test_same_number_for_tcp_and_udp(bench: Bench) -> None:
    port = str(free_port())
    container = bench.run(
        ExposedPorts={"53/tcp": {}, "53/udp": {}},
        host={"PortBindings": {p: [{"HostPort": port}] for p in ("53/tcp", "53/udp")}},
    )
    ports = bench.inspect(container)["NetworkSettings"]["Ports"]
    assert {b["HostPort"] for bindings in ports.values() for b in bindings} == {port}


def test_port_is_free_after_stop_and_back_after_start(bench: Bench) -> None:
    port = free_port()
    container = serve(bench, "web", publish({"HostPort": str(port)}))
    bench.fetch(port)
    bench.raw.post(f"/containers/{container}/stop", params={"t": "5"})
    assert not answers(bench, port)
    assert bench.inspect(container)["NetworkSettings"]["Ports"] == {}
    bench.start(container)
    assert "Welcome to nginx!" in bench.fetch(port)


def test_port_is_closed_once_removed(bench: Bench) -> None:
    port = free_port()
    container = serve(bench, "web", publish({"HostPort": str(port)}))
    bench.fetch(port)
    bench.raw.delete(f"/containers/{container}", params={"force": "1"})
    assert not answers(bench, port)


def test_published_where_nobody_listens(bench: Bench) -> None:
    """The connection is taken by the engine and ends without an answer."""
    port = free_port()
    bench.run(host=publish({"HostPort": str(port)}), ExposedPorts=EXPOSED)
    assert not answers(bench, port)


def test_published_from_a_network(bench: Bench) -> None:
    port, name = free_port(), bench.network()
    serve(bench, "web", {"NetworkMode": name, **publish({"HostPort": str(port)})})
    assert "Welcome to nginx!" in bench.fetch(port)


def test_published_port_outlives_another_network(bench: Bench) -> None:
    port, name = free_port(), bench.network()
    container = serve(bench, "web", publish({"HostPort": str(port)}))
    bench.connect(name, container)
    assert "Welcome to nginx!" in bench.fetch(port)
    bench.disconnect(name, container)
    assert "Welcome to nginx!" in bench.fetch(port)


def test_internal_network_publishes_nothing(bench: Bench) -> None:
    port, name = free_port(), bench.network(Internal=True)
    serve(bench, "web", {"NetworkMode": name, **publish({"HostPort": str(port)})})
    assert not answers(bench, port)


def test_container_mode_publishes_through_the_other(bench: Bench) -> None:
    port = free_port()
    owner = bench.run("owner", host=publish({"HostPort": str(port)}), ExposedPorts=EXPOSED)
    serve(bench, "web", {"NetworkMode": f"container:{owner}"})
    until(lambda: answers(bench, port))


def test_published_port_seen_from_the_host_network(bench: Bench) -> None:
    port = free_port()
    serve(bench, "web", publish({"HostPort": str(port)}))
    bench.fetch(port)
    host = bench.on("host", "host")
    result = bench.sh(host, f"wget -qO- -T2 http://127.0.0.1:{port}/")
    assert "Welcome to nginx!" in result.out


def test_published_port_seen_through_a_gateway(bench: Bench) -> None:
    """From another network the host's bridge address leads to the published port."""
    port = free_port()
    serve(bench, "web", publish({"HostPort": str(port)}))
    bench.fetch(port)
    name = bench.network()
    other = bench.on(name, "other")
    gateway = bench.inspect(other)["NetworkSettings"]["Networks"][name]["Gateway"]
    result = bench.sh(other, f"wget -qO- -T2 http://{gateway}:{port}/")
    assert "Welcome to nginx!" in result.out


def test_many_connections(bench: Bench) -> None:
    port = free_port()
    serve(bench, "web", publish({"HostPort": str(port)}))
    first = bench.fetch(port)
    assert all(bench.fetch(port) == first for _ in range(50))


def test_five_hundred_connections_at_once(bench: Bench) -> None:
    """All are open together, each is answered, and answered again."""
    port = free_port()
    container = serve(bench, "web", publish({"HostPort": str(port)}))
    more = "sed -i 's/worker_connections .*/worker_connections 1024;/' /etc/nginx/nginx.conf"
    assert bench.sh(container, more).code == 0
    bench.raw.post(f"/containers/{container}/restart", params={"t": "0"})
    length = len(bench.fetch(port).encode())
    with ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection((bench.engine.address, port), timeout=60))
            for _ in range(500)
        ]
        for _ in range(2):
            for client in clients:
                client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            for client in clients:
                with client.makefile("rb") as reader:
                    assert reader.readline() == b"HTTP/1.1 200 OK\r\n"
                    while reader.readline().strip():
                        pass
                    assert len(reader.read(length)) == length


def test_large_answer_comes_whole(bench: Bench) -> None:
    port = free_port()
    container = serve(bench, "web", publish({"HostPort": str(port)}))
    bench.sh(container, "head -c 3000000 /dev/zero | tr '\\0' x > /usr/share/nginx/html/big")
    bench.fetch(port)
    assert http_get(bench.engine.address, port, "/big") == "x" * 3000000


def test_pinned_page_is_the_one_in_the_container(bench: Bench) -> None:
    port = free_port()
    container = serve(bench, "web", publish({"HostPort": str(port)}))
    bench.sh(container, "echo changed > /usr/share/nginx/html/index.html")
    assert bench.fetch(port) == "changed\n"


def test_paused_server_does_not_answer(bench: Bench) -> None:
    port = free_port()
    container = serve(bench, "web", publish({"HostPort": str(port)}))
    bench.fetch(port)
    bench.raw.post(f"/containers/{container}/pause")
    with socket.create_connection((bench.engine.address, port), timeout=5) as stream:
        stream.sendall(b"GET / HTTP/1.0\r\n\r\n")
        stream.settimeout(0.5)
        with pytest.raises(TimeoutError):
            stream.recv(100)
        bench.raw.post(f"/containers/{container}/unpause")
        stream.settimeout(10)
        assert stream.recv(12) == b"HTTP/1.1 200"
