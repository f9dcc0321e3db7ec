"""Connect, disconnect and rename, as programs see them that run already."""

from __future__ import annotations

import re

from tests.contract.harness import Bench, until


def started(bench: Bench, container: str, script: str, log: str = "/log") -> None:
    """Runs a script in the background of a container, its output in a file there."""
    command = ["sh", "-c", f"exec >{log} 2>&1; {script}"]
    made = bench.sdk.api.exec_create(container, command)["Id"]
    bench.sdk.api.exec_start(made, detach=True)


def read(bench: Bench, container: str, log: str = "/log") -> str:
    return bench.sh(container, f"cat {log}").out


def answers(text: str) -> int:
    """How often ping had an answer."""
    return text.count(" bytes from ")


def test_ping_goes_on_when_its_network_is_back(bench: Bench) -> None:
    name = bench.network()
    server, guest = bench.on(name, "server"), bench.run("guest")
    bench.connect(name, guest)
    address = bench.address(server, name)
    started(bench, guest, f"ping {address}; echo ended $?")
    until(lambda: answers(read(bench, guest)) >= 2)
    bench.disconnect(name, guest)
    assert bench.sh(guest, f"ping -c1 -w1 {address}").code == 1
    before = answers(read(bench, guest))
    assert "ended" not in read(bench, guest)  # the default bridge is still a way out
    bench.connect(name, guest)
    until(lambda: answers(read(bench, guest)) > before)
    bench.sh(guest, "kill -INT $(pidof ping)")
    text = until(lambda: (found := read(bench, guest)).endswith("ended 0\n") and found)
    sent, received = (int(n) for n in re.findall(r"(\d+) packets", text))
    assert received == answers(text)
    assert sent >= received


def test_ping_ends_with_its_last_network(bench: Bench) -> None:
    name = bench.network()
    server, guest = bench.on(name, "server"), bench.on(name, "guest")
    started(bench, guest, f"ping {bench.address(server, name)}; echo ended $?")
    until(lambda: answers(read(bench, guest)) >= 1)
    bench.disconnect(name, guest)
    text = until(lambda: "ended" in (found := read(bench, guest)) and found)
    assert text.endswith("ended 1\n")
    assert "ping: sendto: Network" in text


def test_a_name_comes_and_goes_in_a_loop(bench: Bench) -> None:
    """Programs ask anew each time: nothing is remembered in the container."""
    dev, home = bench.network("dev"), bench.network("home")
    server = bench.on(dev, "server")
    guest = bench.on(home, "guest")
    name, new = bench.name("server"), bench.name("new")
    loop = "while :; do nslookup -type=a {} | grep ^Address | tail -1 >/{}; sleep 0.1; done"
    started(bench, guest, f"({loop.format(name, 'old')}) & {loop.format(new, 'new')}")
    bench.connect(dev, guest)
    address = f"Address: {bench.address(server, dev)}\n"
    until(lambda: read(bench, guest, "/old") == address)
    bench.raw.post(f"/containers/{server}/rename", params={"name": new})
    until(lambda: read(bench, guest, "/new") == address, 60)
    until(lambda: read(bench, guest, "/old") != address, 60)
    bench.disconnect(dev, guest)
    until(lambda: read(bench, guest, "/new") != address, 60)


def test_an_open_connection_waits_for_its_network(bench: Bench) -> None:
    name = bench.network()
    server, client = bench.on(name, "server"), bench.on(name, "client")
    started(bench, server, "sleep 1000 | nc -l -p 7000; echo ended", "/got")
    until(lambda: ":7000" in bench.sh(server, "netstat -ltn").out)
    address = bench.address(server, name)
    writer = "i=0; while echo line $((i+=1)); do sleep 0.1; done"
    started(bench, client, f"({writer}) | nc {address} 7000; echo ended")
    until(lambda: "line 3" in read(bench, server, "/got"))
    mine = bench.address(client, name)
    bench.disconnect(name, client)
    before = read(bench, server, "/got")
    assert bench.sh(client, f"ping -c1 -w1 {address}").code == 1
    assert bench.sh(client, "netstat -tn").out.count("ESTABLISHED") == 1
    assert read(bench, client) == ""
    bench.connect(name, client)
    assert bench.address(client, name) == mine
    text = until(lambda: len(found := read(bench, server, "/got")) > len(before) and found, 60)
    numbers = [int(n) for n in re.findall(r"line (\d+)\n", text)]
    assert numbers == list(range(1, len(numbers) + 1))  # nothing is lost
    assert "ended" not in text


def test_a_server_is_reached_by_a_network_that_came_later(bench: Bench) -> None:
    first, later = bench.network("a"), bench.network("b")
    server, probe = bench.serve("server", first), bench.on(later, "probe")
    bench.connect(later, server, Aliases=["site"])
    assert bench.sh(probe, "wget -qO- http://site/").out == "server\n"
    bench.disconnect(first, server)
    assert bench.sh(probe, "wget -qO- http://site/").out == "server\n"
    bench.disconnect(later, server)
    assert bench.sh(probe, "wget -qO- -T1 http://site/").code == 1


def test_the_resolver_comes_with_the_first_network_and_stays(bench: Bench) -> None:
    name, guest = bench.network(), bench.run("guest")
    assert "127.0.0.11" not in read(bench, guest, "/etc/resolv.conf")
    bench.connect(name, guest)
    assert "nameserver 127.0.0.11\n" in read(bench, guest, "/etc/resolv.conf")
    bench.disconnect(name, guest)
    assert "nameserver 127.0.0.11\n" in read(bench, guest, "/etc/resolv.conf")


def test_followed_logs_see_what_comes_by_a_new_network(bench: Bench) -> None:
    name = bench.network()
    server, probe = bench.run("server", image="nginx"), bench.on(name, "probe")
    until(lambda: bench.sh(server, "curl -sf http://127.0.0.1/").code == 0)
    lines = bench.sdk.api.logs(server, stream=True, follow=True, tail=0)
    bench.connect(name, server)
    path = f"/?{bench.prefix}"
    bench.sh(probe, f"wget -qO- 'http://{bench.name('server')}{path}'")
    mine = next(text for line in lines if path in (text := line.decode()))
    assert mine.startswith(f"{bench.address(probe, name)} - - [")
    # The stream ends with the container; one that is left open keeps its socket.
    bench.sdk.api.kill(server)
    assert all(isinstance(line, bytes) for line in lines)
