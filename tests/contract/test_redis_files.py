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
zadd scores 1.5 one 2 two -3 three inf most 1e100 more
hset hash field value
hset hash number 7
hset hash long LONG
rpush small -1 0 12 13 -128 127 128 -4097 4095 32767 -32768 8388607 2147483647 9223372036854775807
rpush small LONG 00 1.0 "" -0
sadd middle 1 70000 -70000
sadd wide 1 9223372036854775807
""".replace("LONG", "x" * 80)


def _repeated(command: str, key: str, words: str, count: int) -> str:
    """Many items in one command: each server has limits at which it changes its encoding."""
    return f"{command} {key} {' '.join(words.format(n) for n in range(count))}\n"


LARGE = (
    _repeated("rpush", "big", "{0} item-{0}", 600)
    + _repeated("sadd", "many-numbers", "{0}", 700)
    + _repeated("sadd", "many-words", "w{0}", 300)
    + _repeated("zadd", "many-scores", "{0}.5 m{0}", 300)
    + _repeated("hmset", "many-fields", "f{0} v{0}", 600)
    + f"rpush long-items {'y' * 100} {'z' * 20000} {'yz' * 6000}\n"
)
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
lrange small 0 -1
sort middle
sort wide
hget hash long
llen big
lindex big -1
scard many-numbers
sismember many-numbers 699
scard many-words
sismember many-words w299
zcard many-scores
zscore many-scores m299
hlen many-fields
hget many-fields f599
lrange long-items 0 -1
get negative
get number
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
    _cli(bench, container, STRINGS + COLLECTIONS)
    # As arguments: old redis-cli cut the lines of their input.
    done = bench.sh(container, "".join(f"redis-cli {line}\n" for line in LARGE.splitlines()))
    assert "ERR" not in done.out
    assert _cli(bench, container, "save") == "OK\n"
    stream, _ = bench.sdk.api.get_archive(container, "/data/dump.rdb")
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        file = tar.extractfile("dump.rdb")
        assert file is not None
        return file.read()


def _loaded(bench: Bench, image: str, dump: bytes) -> str:
    container = _redis(bench, image, dump)
    return _cli(bench, container, READ)


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
    assert of_ours[0] == of_theirs[0]
    assert of_ours[0].startswith("21\n42\n")
