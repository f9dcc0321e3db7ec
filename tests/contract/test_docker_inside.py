"""The ``docker`` command of the image ``docker``, with the engine's socket mounted.

On dockerd it is the real client; ours is compared with it word for word, as far as it goes.
``@`` stands for the test's own prefix.
"""

from __future__ import annotations

import pytest

from tests.contract import engines
from tests.contract.harness import Bench, Result, until
from tests.contract.pairs import Pair, normal

pytestmark = pytest.mark.docker

SOCKET = "/var/run/docker.sock"

SCRIPTS: dict[str, str] = {
    "ps": """
        docker ps --filter name=@
        docker ps -a --filter name=@-inner --format '{{.Names}} {{.Image}} {{.State}}'
        docker ps -aq --filter name=@-none
        docker ps --filter name=@ --format 'table {{.Names}}\\t{{.Command}}\\t{{.Networks}}'
        docker ps --filter name=@ --format '{{json .Names}}'
        docker ps --filter name=@ --no-trunc --format '{{.Command}} {{.Ports}} {{.Status}}'
        docker ps --filter nonsense
        docker ps --filter no-such=filter
        docker ps --format '{{.Nope}}' --filter name=@
        docker ps --format '{{nope}}'
        docker ps --nonsense
        docker ps -z
        docker container ls --filter name=@ --format '{{upper .Names}}'
    """,
    "containers": """
        docker run -d --name @-c -p 127.0.0.1::80 -e A=1 --label k=v alpine sleep 1000
        docker run -d --name @-c alpine true
        docker run --rm alpine echo hello
        docker run --rm alpine sh -c 'echo out; echo err >&2; exit 7'
        docker run --rm alpine no-such-program
        echo piped | docker run -i --rm alpine cat
        docker run --rm -w /etc -u nobody -h box alpine sh -c 'pwd; id -un; hostname'
        docker run --rm -e A=1 -e HOME -e NOPE alpine sh -c 'echo $A $HOME; env | grep -c NOPE'
        docker run --rm --entrypoint echo alpine hi
        docker run --rm --net no-such-net alpine true
        docker run UPPER
        docker run
        docker exec @-c sh -c 'echo in $A; echo err >&2; exit 3'
        echo typed | docker exec -i @-c cat
        docker exec -w /tmp -e B=2 -u 7 @-c sh -c 'pwd; echo $B; id -u'
        docker exec @-c no-such-program
        docker exec no-such-container true
        docker exec -it @-c sh
        docker inspect --format '{{.Config.Image}} {{.State.Running}} {{.Config.Labels.k}}' @-c
        docker inspect -f '{{range $p, $b := .NetworkSettings.Ports}}{{$p}} {{len $b}}{{end}}' @-c
        docker inspect -f '{{if .State.Running}}up{{else}}down{{end}} {{json .Config.Cmd}}' @-c
        docker inspect -f '{{.NoSuch}}' @-c
        docker inspect no-such-thing
        docker port @-c | sed 's,[0-9]*$,PORT,'
        docker port @-c 81
        docker stop -t 0 @-c
        docker ps -a --filter name=@-c --format '{{.Names}} {{.State}}'
        docker start @-c
        docker restart -t 0 @-c no-such-container
        docker rename @-c @-d
        docker kill @-d
        docker wait @-d
        docker rm @-d
        docker rm @-d
        docker rm -f @-d
        docker stop
        docker logs no-such-container
    """,
    "logs": """
        docker run --name @-c alpine sh -c 'echo one; echo two; echo three'
        docker logs @-c
        docker logs --tail 1 @-c
        docker logs -f @-c
        docker logs -f -n 0 @-c
        docker rm @-c
    """,
    "networks": """
        docker network create --subnet 10.249.0.0/24 --internal @-net
        docker network create @-net
        docker network ls --filter name=@
        docker network ls -q --filter name=@-none
        docker network inspect --format '{{.Name}} {{.Driver}} {{.Internal}}' @-net
        docker network inspect -f '{{range .IPAM.Config}}{{.Subnet}}{{end}}' @-net
        docker run -d --name @-c --net @-net --net-alias x --ip 10.249.0.9 alpine sleep 1000
        docker network disconnect @-net @-c
        docker network disconnect @-net @-c
        docker network connect --alias y @-net @-c
        docker network connect @-net no-such-container
        docker network connect @-net
        docker network rm @-net
        docker rm -f @-c
        docker network rm @-net
        docker network rm @-net
        docker network inspect @-net
        docker network create
    """,
    "volumes": """
        docker volume create --label a=b @-vol
        docker volume ls --filter name=@
        docker volume ls -q --filter name=@
        docker volume inspect --format '{{.Name}} {{.Driver}} {{.Labels}}' @-vol
        docker run --rm -v @-vol:/data alpine sh -c 'echo kept > /data/f'
        docker run --rm --mount source=@-vol,target=/d,readonly alpine cat /d/f
        docker volume rm @-vol
        docker volume rm @-vol
        docker volume inspect @-vol
        docker volume create a/b
    """,
    "images": """
        docker images --format '{{.Repository}}:{{.Tag}}' alpine
        docker tag alpine @:one
        docker images --format '{{.Repository}} {{.Tag}} {{len .ID}}' @
        docker image inspect --format '{{.Config.Cmd}}' @:one
        docker rmi @:one
        docker rmi @:one
        docker image inspect no-such-image
        docker images -q no-such-image
        docker tag no-such-image @:two
        docker tag
    """,
    "others": """
        docker nonsense
        docker version --format '{{.Client.APIVersion}} {{.Server.Os}}'
        docker -H unix:///nowhere.sock ps
        docker -H unix:///nowhere.sock version --format '{{.Server}}'
        DOCKER_HOST=unix:///etc/passwd docker ps
        docker info --format '{{.OSType}}'
    """,
}


def _inner(bench: Bench, *binds: str) -> str:
    return bench.run("inner", ["sleep", "1000"], "docker", {"Binds": list(binds)})


def _play(bench: Bench, script: str) -> list[tuple[str, Result]]:
    for word in ("c", "d"):
        bench.adopt(bench.name(word))
    bench.adopt_network(bench.name("net"))
    inner = _inner(bench, f"{bench.engine.socket}:{SOCKET}")
    lines = [line.strip() for line in script.strip().splitlines()]
    return [(line, normal(bench.sh(inner, line.replace("@", bench.prefix)))) for line in lines]


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_client_says_what_the_real_one_says(pair: Pair, name: str) -> None:
    theirs, ours = pair.on_both(lambda bench: _play(bench, SCRIPTS[name]))
    wrong = [
        f"{line}\n  dockerd:  {its}\n  embedded: {mine}"
        for (line, mine), (_, its) in zip(ours, theirs, strict=True)
        if mine != its
    ]
    assert not wrong, "\n".join(wrong)


def test_it_lists_the_container_it_runs_in(bench: Bench) -> None:
    inner = _inner(bench, f"{bench.engine.socket}:{SOCKET}")
    listed = bench.sh(inner, "docker ps --format '{{.ID}} {{.Names}}' --no-trunc")
    assert f"{inner} {bench.name('inner')}" in listed.out.splitlines()


@pytest.mark.parametrize("where", ["/var/run/docker.sock", "/run/docker.sock"])
def test_the_usual_path_of_the_socket_means_the_embedded_engine_itself(where: str) -> None:
    """Whether or not there is a Docker on the machine that really listens there."""
    with engines.embedded() as engine:
        bench = Bench(engine)
        inner = _inner(bench, f"{where}:{SOCKET}")
        mounted = bench.inspect(inner)["Mounts"]
        assert [(m["Source"], m["Destination"]) for m in mounted] == [(where, SOCKET)]
        assert bench.sh(inner, "docker ps --format '{{.Names}}'").out == f"{bench.name('inner')}\n"


def test_without_the_socket_there_is_no_engine(bench: Bench) -> None:
    inner = _inner(bench)
    result = bench.sh(inner, "docker ps")
    assert (result.code, result.out, result.err.strip()) == (
        1,
        "",
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. "
        "Is the docker daemon running?",
    )


def test_a_command_left_alone_is_the_clients(bench: Bench) -> None:
    """The entry point hands what is no program to the client."""
    binds = [f"{bench.engine.socket}:{SOCKET}"]
    other = bench.run("two", ["images", "-q", "alpine"], "docker", {"Binds": binds})
    assert bench.finish(other) == 0
    assert len(bench.logs(other).split()) >= 1


def test_logs_follow_from_within(bench: Bench) -> None:
    inner = _inner(bench, f"{bench.engine.socket}:{SOCKET}")
    talker = bench.run("talker", ["sh", "-c", "echo begun; read x; echo got $x"], OpenStdin=True)
    bench.sh(inner, f"docker logs -f {talker} > /out 2>&1 &")
    until(lambda: bench.sh(inner, "cat /out").out == "begun\n")
    bench.sh(inner, f"echo word | docker attach {talker}")
    until(lambda: bench.sh(inner, "cat /out").out == "begun\ngot word\n")
