"""``docker`` commands on images and their archives, word for word on both engines."""

from __future__ import annotations

import pytest

from tests.contract.pairs import Pair
from tests.contract.sidebyside import same

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("docker_command")]

# What a client says of the platform of the machine depends on its processor.
_HOST = "sed 's/amd64[^)]*. and/HOST and/'"

SCRIPTS: dict[str, str] = {
    "commit": """
        run --name @-a -e K=v --label l=1 -w /tmp -u nobody -p 80 --expose 81 -v /vol \
            --entrypoint sh alpine -c 'echo x > /tmp/x'
        ! docker commit -a me -m msg @-a @:one | cut -c1-7
        inspect -f '{{.Author}}|{{.Comment}}|{{json .Config}}' @:one
        ! docker commit -c 'ENV K=w Z=1' -c 'CMD echo hi' -c 'ENTRYPOINT ["/bin/echo"]' \
            -c 'EXPOSE 9/udp' -c 'VOLUME ["/a","/b"]' -c 'USER root' -c 'WORKDIR sub' \
            -c 'LABEL l=2 m=3' -c 'ONBUILD RUN x' -c 'STOPSIGNAL 9' -c 'HEALTHCHECK CMD true' \
            @-a @:two | cut -c1-7
        inspect -f '{{json .Config}}' @:two
        run --rm @:two
        run --rm @:two there
        commit -c 'COPY a b' @-a
        commit -c 'SHELL ["a"]' @-a
        commit -c 'ARG a' @-a
        ! docker commit -c CMD @-a @:cmd | cut -c1-7
        commit -c STOPSIGNAL @-a
        commit -c 'STOPSIGNAL nope' @-a
        commit -c 'STOPSIGNAL 1 2' @-a
        commit @-a UPPER
        commit @-a @:bad:tag
        ! docker history --format '{{.CreatedBy}}|{{.Comment}}|{{.Size}}' @:one | head -1
        ! docker images --filter reference='@:t*' --format '{{.Tag}}'
        ! docker images --filter reference='@:*o*' --format '{{.Tag}}' | sort
        images --filter before=@:two --format '{{.Tag}}' @
        images -a --filter label=l=2 --format '{{.Tag}}' @
        images --filter dangling=true --filter dangling=1 --filter reference=@ -q
        image prune -f --filter dangling=maybe --filter label=@
        tag @:one @-r/x/y:1
        tag @:one registry.example.com/@
        tag @:one @:
        tag @:one :x
        tag @:none @:x
        rmi @:none registry.example.com/@:latest @-r/x/y:1
        run -d --name @-u --entrypoint sleep @:one 1000
        rmi -f @:two
        rmi @:one
        rm -f -v @-u @-a
        rmi @:one
        rmi @:cmd
        rmi @
    """,
    "import": f"""
        ! mkdir t; echo x > t/x; tar cf t.tar -C t x
        ! docker import -c 'ENV A=b' -c 'CMD ["cat","/x"]' -c 'WORKDIR /w' -c 'STOPSIGNAL KILL' \
            -m 'my words' --platform linux/arm64 t.tar @:i | cut -c1-6
        inspect -f '{{{{.Architecture}}}} {{{{.Os}}}} {{{{.Comment}}}} {{{{json .Config}}}}' @:i
        ! docker run --rm @:i /x 2>&1 | {_HOST}
        run --rm --platform linux/arm64 @:i /x
        import --platform windows %/t.tar @:j
        import --platform arm64 %/t.tar @:j
        import -c 'RUN true' %/t.tar @:k
        import -c 'MAINTAINER x' %/t.tar @:k
        import -c 'STOPSIGNAL x' %/t.tar @:k
        import %/t.tar UPPER
        import %/none.tar
        ! gzip -c t.tar | docker import - @:l | cut -c1-7
        ! echo junk | docker import - @:m
        ! docker rmi -f @:i @:j @:l > /dev/null; docker images -q @
    """,
    "save and load": f"""
        ! docker tag alpine @:a; docker tag alpine @:b; docker save @:a @:b -o b.tar
        ! tar xOf b.tar manifest.json | grep -o 'RepoTags[^]]*'
        save @-ghost -o %/g
        save -o %/none/x @:a
        rmi @:a @:b
        load -i %/b.tar
        ! gzip -c b.tar | docker load -q
        load -i %/none
        ! echo junk | docker load
        ! head -c 20000 b.tar | docker load
        ! echo '[]' > manifest.json; tar cf m.tar manifest.json; docker load -i m.tar
        ! echo '{{}}' > manifest.json; tar cf m.tar manifest.json; docker load -i m.tar
        ! echo '{{"rootfs":{{"type":"layers","diff_ids":[]}},"os":"linux","architecture":"arm64",\
"config":{{}}}}' > x.json; echo '[{{"Config":"x.json","RepoTags":["@:q"],"Layers":[]}}]' > \
            manifest.json; tar cf m.tar manifest.json x.json; docker load -i m.tar
        ! docker create --name @-q @:q x 2>&1 | {_HOST}
        rm @-q
        rmi @:q
        ! sed 's,x.json,../x.json,' -i manifest.json; tar cf m.tar manifest.json x.json; \
            docker load -i m.tar 2>&1 | cut -c1-21
        rmi -f @:a @:b @:q
    """,
    "build cache": """
        ! docker builder prune -f --filter x=y 2>&1 | tail -1
        ! docker builder prune -f --filter until=zz 2>&1 | tail -1
        ! docker builder prune -f --filter until=1h --filter until=2h 2>&1 | tail -1
        ! docker builder prune -f --filter until=1h --filter unused-for=2h 2>&1 | tail -1
        ! docker builder prune -f --filter unused-for=x 2>&1 | tail -1
        ! docker builder prune -f --filter id=1 --filter id=2 2>&1 | tail -1
        ! docker builder prune -af --filter label=1 --filter label!=2 --filter inuse=1 \
            --filter until=1h 2>&1 | tail -1
    """,
}  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_images_words(pair: Pair, name: str) -> None:
    same(pair, SCRIPTS[name])
