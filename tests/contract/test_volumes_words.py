"""``docker volume`` and what it shows, word for word on both engines."""

from __future__ import annotations

import pytest

from tests.contract.pairs import Pair
from tests.contract.sidebyside import same

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("docker_command")]

SCRIPTS: dict[str, str] = {
    "create": r"""
        volume create @-v
        volume create @-v
        volume create --label a=b @-labels
        volume create --driver local --opt type=tmpfs --opt device=tmpfs --opt o=size=1m @-memory
        volume create --opt foo=1 @-bad
        volume create --opt device=/x @-bad
        volume create a/b
        volume create a
        volume create @-one @-two
        volume inspect @-memory --format '{{.Name}} {{.Driver}} {{.Labels}} {{.Options}} {{.Scope}}'
        volume inspect @-labels
        volume inspect @-ghost
        volume inspect @-ghost @-v --format '{{.Name}}'
        volume ls --filter name=@
        volume ls -q --filter name=@
        volume ls --filter name=@ --filter label=a=b
        volume ls --filter name=@ --filter dangling=false
        volume ls --filter ghost=1
        volume ls --filter name=@ --format '{{.Name}} {{.Mountpoint}}'
        volume rm @-v @-ghost @-labels
        volume rm -f @-ghost
        volume ls -q --filter name=@
        volume prune -f --filter label=@ --filter all=maybe
        volume prune -f --filter label=@
    """,
    "words": r"""
        volume
        volume create --name @-old
        volume create -d local @-d
        volume create --label a --label b=c=d @-l
        volume create --label =x @-lx
        volume create --opt o=size=1m @-t2
        volume create --opt type=nfs @-t3
        volume create --label @-x ''
        volume create --label new=1 @-d
        volume inspect @-d --format '{{json .Labels}}'
        volume create @-d --opt type=tmpfs --opt device=tmpfs
        volume inspect --format '{{.Labels}}' @-l
        volume inspect --format '{{.Ghost}}' @-l
        volume inspect --format '{{.Mountpoint' @-l
        volume inspect
        volume inspect -f '{{.Name}} {{.Scope}} {{.Driver}}' @-d @-l
        inspect --type volume @-d --format '{{.Name}}'
        inspect --type container @-d
        volume ls --format json --filter name=@-d
        volume ls --format '{{json .}}' --filter name=@-d
        volume ls --format 'table {{.Name}}\t{{.Driver}}\t{{.Scope}}' --filter name=@-d
        volume ls --format '{{.Label "b"}}' --filter name=@-l
        volume ls --format '{{.Ghost}}' --filter name=@-l
        volume ls --filter label=b --filter name=@ -q
        volume ls --filter label!=b --filter name=@ -q
        volume ls --filter driver=other --filter name=@-d -q
        volume ls --filter dangling=maybe
        volume ls --filter name
        volume ls --filter =x
        volume ls --filter name=^@-d$ -q
        volume ls --filter name=[ -q
        volume rm
        volume rm @-d @-d
        volume rm --force @-old @-ghost
        volume prune --filter name=@ -f
        volume prune --filter until=1h -f
        volume prune --filter dangling=true -f
        volume prune --all --filter label=@-x -f
        volume prune -a -f --filter label!=@ --filter label=@-x
        volume prune --filter all=true --filter label=@-x -f
        volume update @-d
        volume rm @-lx @-t2 @-t3
    """,
    "in use": """
        run -d --name @-c -v @-v:/d -v /anonymous alpine sleep 1000
        volume ls --filter name=@ --filter dangling=true -q
        volume ls --filter name=@ --filter dangling=false -q
        volume rm @-v
        volume rm -f @-v
        stop -t 0 @-c
        volume rm @-v
        ps -a --filter volume=@-v --format '{{.Names}} {{.LocalVolumes}}'
        ps -a --filter volume=/d --filter name=@ --format '{{.Names}} {{.LocalVolumes}}'
        ps -a --filter volume=/ghost --filter name=@ --format '{{.Names}}'
        run -d --name @-d --tmpfs /t --mount type=tmpfs,dst=/mt -v %:/h alpine sleep 1000
        ps -q --filter volume=/t --filter name=@
        ps -q --filter volume= --filter name=@-c
        ps --filter volume=/mt --filter name=@ --format '{{.Names}}'
        ps --filter volume=% --filter name=@ --format '{{.Names}}'
        ps --filter volume=/none --filter volume=/d --filter name=@ --format '{{.Names}}'
        rm -v @-c
        volume ls --filter name=@
        volume rm @-v
    """,
    "local driver": r"""
        volume create --opt type=tmpfs --opt device=tmpfs --opt o=size=64k,uid=5,mode=1700 @-m
        run --rm -v @-m:/m alpine sh -c 'ls -lnd /m; dd if=/dev/zero of=/m/f bs=4k count=20 2>&1 \
            | head -1'
        run --rm -v @-m:/m alpine ls -A /m
        ! mkdir shared; echo hello > shared/f
        volume create --opt type=none --opt o=bind --opt device=%/shared @-b
        run --rm -v @-b:/b alpine sh -c 'cat /b/f; echo more > /b/g'
        ! cat shared/g
        volume rm @-b
        ! ls shared
        volume create --opt type=none --opt o=bind --opt device=%/ghost @-g
        run --rm -v @-g:/g alpine true
    """,
    "options": """
        volume create -o size=zz @-o
        volume create -o size=-1 @-o
        volume create -o size=1.5 @-o
        volume create -o 'size=1 mib' @-o
        volume create -o size=0 -o foo=1 @-o
        volume create -o size=0 @-o
        run --rm -v @-o:/x alpine sh -c 'touch /x/a; ls /x'
        volume create -o o= -o type= -o device= @-empty
        run --rm -v @-empty:/etc alpine ls /etc/passwd
        volume create -o o=bind -o type=none -o device= @-none
        run --rm -v @-none:/x alpine true
        volume create -o o= @-o5
        volume create -o type= @-o5
        run --rm --mount type=volume,src=@-o6,dst=/x,volume-opt=type=none alpine true
        run --rm --mount type=volume,src=@-o6,dst=/x,volume-opt=size=9 alpine true
        volume rm @-o @-empty @-none
    """,
    "filled": """
        ! mkdir empty full ro; touch full/mine
        volume create -o type=none -o o=bind -o device=%/empty @-e
        run --rm -v @-e:/etc alpine ls /etc/passwd
        ! ls empty/passwd
        volume create -o type=none -o o=bind -o device=%/full @-f
        run --rm -v @-f:/etc alpine ls /etc
        volume create -o type=none -o o=bind -o device=%/ghost @-g
        create --name @-c1 -v @-g:/etc alpine
        create --name @-c2 -v @-g:/ghost alpine
        start @-c2
        create --name @-c3 -v @-g:/etc:nocopy alpine
        rm @-c2 @-c3
        volume create -o type=tmpfs -o device=tmpfs @-t
        run --rm -v @-t:/etc alpine ls -A /etc
        run -d --name @-d -v @-t:/x alpine sleep 1000
        run --rm -v @-t:/etc alpine ls /etc/passwd
        exec @-d ls /x/passwd
        rm -f @-d
        run --rm -v @-t:/x alpine ls -A /x
        volume create -o type=none -o o=bind,ro -o device=%/ro @-ro
        run --rm -v @-ro:/etc alpine ls -A /etc
        run --rm -v @-ro:/x alpine touch /x/y
        volume create -o type=tmpfs -o device=tmpfs -o o=bogus=1 @-bad
        create --name @-c4 -v @-bad:/etc alpine
        create --name @-c5 -v @-bad:/ghost alpine
    """,
    "data": """
        run --rm -v @-v:/a alpine sh -c 'echo remember > /a/todo.txt; ln -s todo.txt /a/link'
        run --rm -v @-v:/a alpine mkdir -m 700 /a/d
        run --rm -v @-v:/b alpine sh -c 'cat /b/link; ls -l /b | cut -c1-10'
        ! cat "$(docker volume inspect @-v --format '{{.Mountpoint}}')/todo.txt"
        run --rm -v @-v:/v -v %:/backup alpine tar cf /backup/v.tar -C /v .
        ! tar tf v.tar | sort
        run --rm -v @-w:/v -v %:/backup alpine tar xf /backup/v.tar -C /v
        run --rm -v @-w:/v alpine cat /v/link
    """,
    "copy-up": """
        run --rm -v @-new:/etc alpine sh -c 'ls /etc/alpine-release; ls -ld /etc | cut -c1-10'
        run --rm -v @-new:/x alpine ls /x/passwd
        run --rm -v @-nocopy:/etc:nocopy alpine ls -A /etc
        run --rm -v @-nocopy:/etc alpine sh -c 'ls /etc/passwd'
        run --rm -v @-used:/x alpine touch /x/mine
        run --rm -v @-used:/etc alpine ls /etc/mine /etc/passwd
        run --rm --mount type=volume,src=@-m,dst=/etc,volume-nocopy alpine ls -A /etc
        run --rm -v @-deep:/a/b/c alpine sh -c 'touch /a/b/c/x; ls /a/b/c'
        run --rm -v @-deep:/other/place alpine ls /other/place
        run --rm -v @-tmp:/tmp alpine sh -c 'ls -ld /tmp | cut -c1-10'
    """,
}  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_volumes_words(pair: Pair, name: str) -> None:
    same(pair, SCRIPTS[name])
