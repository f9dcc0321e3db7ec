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


def test_datagrams_by_redirection(bench: Bench) -> None:
    net = bench.network()
    server = bench.run("server", ["sh", "-c", "nc -u -l -p 53 > /got"], host={"NetworkMode": net})
    client = bench.on(net, "client", image="nginx")
    script = f"echo asked > /dev/udp/{bench.name('server')}/53"

    def arrives() -> bool:
        bench.exec(client, ["bash", "-c", script])  # the server may not listen yet
        return "asked" in bench.sh(server, "cat /got").out

    until(arrives)
