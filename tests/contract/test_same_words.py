"""Scripts of ``docker`` commands give the same output, word for word, on both engines.

What differs by nature (IDs, addresses, times) is taken out before comparing. ``@`` stands for
the test's own prefix.
"""

from __future__ import annotations

import shlex

import pytest

from tests.contract.harness import Bench, Result
from tests.contract.pairs import Pair, normal

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("docker_command")]

SCRIPTS: dict[str, str] = {
    "lifecycle": """
        run -d --name @-c alpine sleep 1000
        run -d --name @-c alpine sleep 1000
        ps --filter name=@ --format '{{.Names}} {{.Image}} {{.Command}} {{.Networks}}'
        ps -a --no-trunc --filter name=@ --format '{{.Names}} {{.Command}} {{.Ports}}'
        stop -t 0 @-c
        start @-c
        pause @-c
        pause @-c
        exec @-c true
        unpause @-c
        unpause @-c
        restart -t 0 @-c
        kill @-c
        wait @-c
        kill @-c
        start @-c no-such-one
        rename @-c @-d
        rm @-c
        rm @-d
        rm -f @-d
    """,
    "run": """
        run --rm alpine echo hello
        run --rm alpine sh -c 'echo out; echo err >&2; exit 7'
        run --rm alpine no-such-program
        run --rm alpine /etc/passwd
        run --rm -w /etc alpine pwd
        run --rm -u nobody alpine id
        run --rm -u ghost alpine id
        run --rm --hostname box alpine sh -c 'hostname; cat /etc/hostname; uname -n'
        run --rm -e A=1 -e B alpine sh -c 'echo $A-$B'
        run --rm --entrypoint echo alpine hello
        run --rm --net no-such-net alpine true
        run --rm --net container:no-such-one alpine true
        run --rm --net host -p 80:80 alpine true
        run --rm --net-alias x alpine true
        run --rm -p 99999:80 alpine true
        run --rm --read-only alpine touch /file
        run --rm --restart always alpine true
        run --rm --name 'a b' alpine true
        run --rm UPPER true
        create --name @-c alpine
        logs @-c
        port @-c
        top @-c
        exec @-c true
        inspect --format '{{json .State}}' @-c
        inspect --format '{{.NoSuchKey}}' @-c
        inspect no-such-thing
        rm @-c
    """,
    "networks": r"""
        network create @-net
        network create @-net
        network create --subnet 10.251.0.0/24 --gateway 10.251.0.9 --ip-range 10.251.0.128/25 \
            --aux-address r=10.251.0.130 --label a=b --internal @-own
        network create --subnet 10.251.0.0/25 @-clash
        network create --subnet 10.251.0.1/24 @-clash
        network inspect @-own
        network ls --filter name=@
        network ls --filter driver=null --filter name=^none$ --format '{{.Name}} {{.Driver}}'
        run -d --name @-c --net @-own --ip 10.251.0.140 --net-alias x alpine sleep 1000
        run --name @-d --net @-own --ip 10.251.0.140 alpine true
        run --name @-e --net @-own --ip 10.9.9.9 alpine true
        run --name @-f --net @-net --ip 172.30.0.9 alpine true
        exec @-c ip route
        exec @-c hostname -i
        network connect @-net @-c
        network connect @-net @-c
        exec @-c cat /etc/hosts
        exec @-c cat /etc/resolv.conf
        network disconnect @-net @-c
        network disconnect @-net @-c
        network disconnect @-net no-such-one
        network connect no-such-net @-c
        network connect host @-c
        network rm @-own
        network rm bridge
        network rm @-net
        network rm @-net
        network inspect @-net
        rm -f @-c @-d @-f
        network rm @-own
    """,
    "names": """
        network create @-net
        run -d --name @-es --net @-net --net-alias search elasticsearch:2
        run -d --name @-c --net @-net alpine sleep 1000
        exec @-c ping -c 2 @-es
        exec @-c ping -c 1 search
        exec @-c ping -c 1 no-such-name
        exec @-c ping -c 1 -w 1 10.254.254.1
        exec @-c nslookup -type=a search
        exec @-c wget -q -O- no-such-name
        exec @-c wget -q -T 2 -O- @-es:81
        exec @-c cat /etc/resolv.conf
        exec @-c traceroute -n @-es
        inspect --format '{{json .NetworkSettings.Networks}}' @-es
        run --rm alpine cat /etc/hosts
        run --rm --net none alpine ping -c1 127.0.0.1
        run --rm --net none alpine ifconfig
        run --rm --net host alpine ping -c1 127.0.0.1
        run --rm --net container:@-c alpine hostname
        rm -fv @-es @-c
        network rm @-net
    """,
    "images": """
        images --format '{{.Repository}}:{{.Tag}}' alpine
        inspect --format '{{.Config.ExposedPorts}} {{.Config.Cmd}}' nginx
        inspect --format '{{.Config.ExposedPorts}} {{.Config.Volumes}}' elasticsearch:2
        image inspect no-such-image
        history no-such-image
        tag alpine @:one
        tag alpine UPPER
        tag no-such-image @:two
        images --format '{{.Tag}}' @
        rmi @:one
        rmi @:one
        rmi UPPER
    """,
}


def _play(bench: Bench, script: str) -> list[tuple[str, Result]]:
    for line in ("c", "d", "e", "f", "es"):
        bench.adopt(bench.name(line))
    for line in ("net", "own"):
        bench.adopt_network(bench.name(line))
    lines = [line.strip() for line in script.replace("\\\n", "").strip().splitlines()]
    return [
        (line, normal(bench.cli(*shlex.split(line.replace("@", bench.prefix))))) for line in lines
    ]


@pytest.mark.parametrize("name", SCRIPTS)
def test_same_words(pair: Pair, name: str) -> None:
    theirs, ours = pair.on_both(lambda bench: _play(bench, SCRIPTS[name]))
    wrong = [
        f"docker {line}\n  dockerd:  {its}\n  embedded: {mine}"
        for (line, mine), (_, its) in zip(ours, theirs, strict=True)
        if mine != its
    ]
    assert not wrong, "\n".join(wrong)
