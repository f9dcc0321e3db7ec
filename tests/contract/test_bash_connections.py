"""bash's ``/dev/tcp/HOST/PORT`` and ``/dev/udp/HOST/PORT``, as scripts use them to try a port."""

from __future__ import annotations

import re

import pytest

from tests.contract.harness import Bench, until
from tests.contract.pairs import Pair

pytestmark = pytest.mark.docker

SCRIPTS = (
    r'exec 3<>/dev/tcp/web/80; printf "GET / HTTP/1.0\r\n\r\n" >&3; head -1 <&3; cat <&3 | tail -1',
    r'{ printf "GET /nope HTTP/1.0\r\n\r\n" >&3; cat <&3 | head -1; } 3<>/dev/tcp/web/80',
    "(echo > /dev/tcp/web/80) && echo open || echo closed",
    "for p in 79 80 81; do (: < /dev/tcp/web/$p) 2> /dev/null && echo $p open; done",
    "exec 3<>/dev/tcp/web/80; read -t 0.1 line <&3; exec 3>&-; echo x >&3; echo $?",
    "echo > /dev/tcp/web/81; echo $?",
    "exec 3<>/dev/tcp/web/81; echo still here $?",
    "cat < /dev/tcp/127.0.0.1/99999; echo $?",
    "echo > /dev/tcp/nobody/80; echo $?",
    "echo > /dev/tcp/web/no-such-service; echo $?",
    "echo > /dev/tcp/web; echo $?",
    "echo > /dev/udp/web/53; echo $?",
    "(: < /dev/udp/nobody/53); echo $?",
    "echo > /no/such/folder; echo $?",
    "ls /dev | grep -c tcp",
)


def test_connections_by_redirection(pair: Pair) -> None:
    def work(bench: Bench) -> dict[str, str]:
        net = bench.network(Internal=True)
        bench.serve("web", net, NetworkingConfig={"EndpointsConfig": {net: {"Aliases": ["web"]}}})
        client = bench.on(net, "client", image="nginx")
        # One exec for all: each is dear on dockerd.
        whole = "\n".join(f"bash -c '{script}' 2>&1; echo %%" for script in SCRIPTS)
        said = bench.sh(client, whole)
        assert (said.code, said.err) == (0, "")
        # Releases of bash count lines differently.
        return dict(zip(SCRIPTS, re.sub(r"line \d+: ", "", said.out).split("%%\n"), strict=False))

    theirs, ours = pair.on_both(work)
    assert len(theirs) == len(SCRIPTS)
    assert ours == theirs


RECEIVER = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("", 53))
data, client = server.recvfrom(100)
print(data.decode(), end="", flush=True)
server.sendto(b"answer\\n", client)
server.recvfrom(100)
"""


def test_datagrams_by_redirection(bench: Bench) -> None:
    net = bench.network()
    host = {"NetworkMode": net}
    # The one has Python, the other a netcat that knows UDP.
    if bench.engine.name == "dockerd":
        words = ["python3", "-c", RECEIVER]
        server = bench.run("server", [], "elasticsearch:2", host, Entrypoint=words)
    else:
        server = bench.run("server", ["sh", "-c", "echo answer | nc -u -l -p 53"], host=host)
    client = bench.on(net, "client", image="nginx")
    place = f"/dev/udp/{bench.name('server')}/53"
    script = f"exec 3<>{place}; echo asked >&3; timeout 5 head -1 <&3"

    # The server may not listen yet; it answers once.
    until(lambda: bench.exec(client, ["bash", "-c", script]).out == "answer\n", 60)
    assert bench.logs(server).startswith("asked\n")
