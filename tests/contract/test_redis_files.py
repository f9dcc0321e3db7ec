"""A ``dump.rdb`` of one engine's Redis is read by the other's, also by the next version."""

from __future__ import annotations

import io
import tarfile

import pytest

from tests.contract.harness import Bench, until
from tests.contract.pairs import Pair

pytestmark = pytest.mark.docker

VERSIONS = ["redis:2.8", "redis:3.0", "redis"]
LATER = [(old, new) for n, old in enumerate(VERSIONS) for new in VERSIONS[n:]]

STRINGS = r"""
set counter 42
set text "two words \xff\x00"
set empty ""
set negative -7
set number 100000
set long LONG
setex soon 100000 gone
select 3
set other db
select 0
""".replace("LONG", "x" * 90 + "abc" * 40)
COLLECTIONS = r"""
rpush list a b c 17 -5 100000000000
sadd numbers 1 2 3
sadd words x yy zzz
zadd scores 1.5 one 2 two -3 three
hset hash field value
hset hash number 7
"""
READ = r"""
dbsize
get counter
get text
get empty
lrange list 0 -1
sort numbers
sort words alpha
zrange scores 0 -1 withscores
hget hash field
hget hash number
exists soon
get long
select 3
get other
"""


def _redis(bench: Bench, image: str, dump: bytes | None = None) -> str:
    if bench.engine.name == "embedded":
        repository, _, tag = image.partition(":")
        bench.sdk.images.pull(repository, tag=tag or "latest")
    container = bench.create(None, None, image)
    if dump is not None:
        assert bench.sdk.api.put_archive(container, "/data", _packed("dump.rdb", dump))
    bench.start(container)
    until(lambda: bench.sh(container, "redis-cli ping").out == "PONG\n")
    return container


def _cli(bench: Bench, container: str, commands: str) -> str:
    result = bench.sh(container, f"redis-cli <<'END' | cat -v\n{commands.strip()}\nEND")
    assert result.code == 0, result
    return result.out


def _saved(bench: Bench, image: str) -> bytes:
    container = _redis(bench, image)
    _cli(bench, container, STRINGS)
    if bench.engine.name == "embedded":
        # What a real server saves of these is too compact for ours, and refused (docs/engine.md).
        _cli(bench, container, COLLECTIONS)
        _cli(bench, container, "".join(f"rpush big {n} item-{n}\n" for n in range(600)))
    assert _cli(bench, container, "save") == "OK\n"
    stream, _ = bench.sdk.api.get_archive(container, "/data/dump.rdb")
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        file = tar.extractfile("dump.rdb")
        assert file is not None
        return file.read()


def _loaded(bench: Bench, image: str, dump: bytes) -> str:
    container = _redis(bench, image, dump)
    return _cli(
        bench, container, READ + "select 0\nllen big\nlindex big -1\nget negative\nget number\n"
    )


def _packed(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), 0o644
        tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


@pytest.mark.parametrize(("old", "new"), LATER)
def test_dumps_go_from_one_engine_to_the_other(pair: Pair, old: str, new: str) -> None:
    theirs, ours = pair.on_both(lambda bench: _saved(bench, old))
    assert theirs[:5] == ours[:5] == b"REDIS"
    of_theirs = pair.on_both(lambda bench: _loaded(bench, new, theirs))
    of_ours = pair.on_both(lambda bench: _loaded(bench, new, ours))
    assert of_theirs[0] == of_theirs[1]
    assert of_ours[0] == of_ours[1]
    assert of_ours[0].startswith("13\n42\n")
