"""What one engine's Redis has saved is read by the other's, also by the next version."""

from __future__ import annotations

import io
import tarfile
from itertools import count, pairwise

import pytest

from tests.contract.harness import Bench, until
from tests.contract.pairs import Pair

pytestmark = pytest.mark.docker

VERSIONS = ["redis:2.8", "redis:3.0", "redis"]

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

_NUMBERS = count()


def _server(
    bench: Bench,
    image: str,
    command: list[str] | None = None,
    files: tuple[str, bytes] | None = None,
) -> str:
    """A started server.

    :param files: a directory of the container, and an archive to unpack there before.
    """
    if bench.engine.name == "embedded":
        repository, _, tag = image.partition(":")
        bench.sdk.images.pull(repository, tag=tag or "latest")
    container = bench.create(None, command, image)
    if files is not None:
        assert bench.sdk.api.put_archive(container, *files)
    bench.start(container)
    return container


def _cli(bench: Bench, container: str, *parts: str) -> str:
    """What ``redis-cli`` says to some lines, each part in a session of its own.

    All in one exec, which begins once the server answers. By a file, and until its last line is
    there: under load dockerd may end an exec, or what it shows of it, before its program has ended.
    """
    said = f"/tmp/said-{next(_NUMBERS)}"
    sessions = "\n".join(f"redis-cli <<'END' | cat -v\n{part.strip()}\nEND" for part in parts)
    return _played(bench, container, f"{{ {sessions}\n}} >{said}", said)


def _played(bench: Bench, container: str, script: str, said: str) -> str:
    ready = "until redis-cli ping 2>/dev/null | grep -q PONG; do sleep 0.1; done"
    done = bench.sh(container, f"{ready}\n{script}\necho end >>{said}\ncat {said}")
    assert done.code == 0, done
    text = done.out
    if not text.endswith("end\n"):
        until(lambda: bench.sh(container, f"tail -n 1 {said}").out == "end\n")
        text = str(until(lambda: bench.sh(container, f"cat {said}").out))
    return text.removesuffix("end\n")


def _saved(bench: Bench, image: str) -> bytes:
    container = _server(bench, image)
    _cli(bench, container, STRINGS + COLLECTIONS)
    # As arguments: old redis-cli cut the lines of their input.
    lines = "".join(f"redis-cli {line} >>/tmp/large\n" for line in LARGE.splitlines())
    said = _played(bench, container, f"{lines}redis-cli save >>/tmp/large", "/tmp/large")
    assert said.endswith("OK\n")
    assert "ERR" not in said
    stream, _ = bench.sdk.api.get_archive(container, "/data/dump.rdb")
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        file = tar.extractfile("dump.rdb")
        assert file is not None
        return file.read()


def _loaded(bench: Bench, image: str, dump: bytes) -> str:
    container = _server(bench, image, files=("/data", _packed("dump.rdb", dump)))
    return _cli(bench, container, READ)


def _packed(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), 0o644
        tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


@pytest.mark.parametrize("old", VERSIONS)
def test_dumps_go_from_one_engine_to_the_other(pair: Pair, old: str) -> None:
    """Each dump is read by each engine in the same release and in all later ones."""
    theirs, ours = pair.on_both(lambda bench: _saved(bench, old))
    assert theirs[:5] == ours[:5] == b"REDIS"

    def read(bench: Bench) -> list[str]:
        later = VERSIONS[VERSIONS.index(old) :]
        return [_loaded(bench, new, dump) for new in later for dump in (theirs, ours)]

    of_theirs, of_ours = pair.on_both(read)
    found = [*of_theirs, *of_ours]
    assert found == [found[0]] * len(found)
    assert found[0].startswith("21\n42\n")


NUMBERS = ("0", "42", "-128", "128", "-32769", "2147483647", "2147483648", "007", "-0", "+1", "1.0")
WRITTEN = (
    b"\xc0\x00", b"\xc0*", b"\xc0\x80", b"\xc1\x80\x00", b"\xc2\xff\x7f\xff\xff",
    b"\xc2\xff\xff\xff\x7f", b"\x0a2147483648", b"\x03007", b"\x02-0", b"\x02+1", b"\x031.0",
)  # fmt: skip


def test_small_numbers_are_written_as_such(bench: Bench) -> None:
    container = _server(bench, "redis:2.8")
    _cli(bench, container, "".join(f"set key:{n} {n}\n" for n in NUMBERS) + "set 7 x\nsave")
    stream, _ = bench.sdk.api.get_archive(container, "/data/dump.rdb")
    dump = b"".join(stream)
    for number, written in zip(NUMBERS, WRITTEN, strict=True):
        assert b"key:%s%s" % (number.encode(), written) in dump
    assert b"\x00\xc0\x07\x01x" in dump


# Append only files ---------------------------------------------------------------------------

CHANGES = r"""
set counter 41
incr counter
set text "two words \xff\x00"
set soon 1
pexpire soon 1
setex hour 3600 x
set day x ex 86400
set never x ex 1000
persist never
incrbyfloat counter 0
rpush list a b c d
lpop list
sadd lot one two three
spop lot
sadd all a b
smembers all
del nothing
zadd scores 1.5 one
select 3
multi
set other 1
incr other
exec
discard
"""
STATE = r"""
dbsize
get counter
get text
exists soon
ttl never
lrange list 0 -1
scard lot
sort all alpha
zrange scores 0 -1 withscores
select 3
dbsize
get other
"""


def _appending(bench: Bench, image: str, files: bytes | None = None) -> str:
    command = ["redis-server", "--appendonly", "yes"]
    return _server(bench, image, command, None if files is None else ("/", files))


def _appended(bench: Bench, image: str) -> bytes:
    """The data directory of a server that was killed."""
    container = _appending(bench, image)
    _cli(bench, container, CHANGES)
    until(lambda: _cli(bench, container, "exists soon") == "0\n")
    assert _cli(bench, container, "incr soon\nincr soon") == "1\n2\n"  # from 0, as it has ended
    bench.sdk.api.kill(container)
    stream, _ = bench.sdk.api.get_archive(container, "/data")
    return b"".join(stream)


@pytest.mark.parametrize(("old", "new"), [*pairwise(VERSIONS), ("redis", "redis")])
def test_append_only_files_go_from_one_engine_to_the_other(pair: Pair, old: str, new: str) -> None:
    theirs, ours = pair.on_both(lambda bench: _appended(bench, old))

    def read(bench: Bench, files: bytes) -> str:
        container = _appending(bench, new, files)
        more = "select 0\nget soon\nttl soon"
        said = _cli(bench, container, STATE + more, "ttl hour", "ttl day").splitlines()
        assert int(said[-2]) in range(3000, 3601)
        assert int(said[-1]) in range(80000, 86401)
        return "\n".join(said[:-2])

    of_theirs = pair.on_both(lambda bench: read(bench, theirs))
    of_ours = pair.on_both(lambda bench: read(bench, ours))
    assert [*of_theirs, *of_ours] == [of_theirs[0]] * 4
    assert of_ours[0].startswith("10\n42\ntwo words ")
    assert of_ours[0].endswith("\n2\n-1")


def _names(bench: Bench, container: str) -> list[str]:
    said = until(lambda: bench.sh(container, "find /data -type f | sort").out)
    return str(said).splitlines()


@pytest.mark.parametrize("image", ["redis:2.8", "redis"])
def test_files_are_written_anew(pair: Pair, image: str) -> None:
    """``BGREWRITEAOF`` leaves as much as is needed; what was done since comes after it."""

    def story(bench: Bench) -> tuple[list[str], list[str], str]:
        container = _appending(bench, image)
        said = _cli(bench, container, "incr n\n" * 50 + "rpush l a b c")
        assert said.endswith("\n50\n3\n")
        before = _names(bench, container)
        assert "rewriting started" in _cli(bench, container, "bgrewriteaof")
        # Four times INCR: no more of them once it is written anew.
        until(lambda: "INCR" not in _content(bench, container))
        until(lambda: len(_names(bench, container)) == len(before))
        _cli(bench, container, "incr n\nlpop l")
        names = _names(bench, container)
        bench.sdk.api.kill(container)
        bench.start(container)
        return before, names, _cli(bench, container, "get n\nlrange l 0 9")

    theirs, ours = pair.on_both(story)
    assert theirs == ours
    assert ours[2] == "51\nb\nc\n"


def _content(bench: Bench, container: str) -> str:
    return bench.sh(
        container, "cat /data/*.aof /data/*/*.incr.aof 2>/dev/null | cat -v"
    ).out.upper()


@pytest.mark.parametrize("image", ["redis:2.8", "redis"])
def test_append_only_files_that_are_damaged(pair: Pair, image: str) -> None:
    """Cut short it is used up to there, anything else ends the server."""

    def story(bench: Bench) -> tuple[str, int]:
        container = _appending(bench, image)
        _cli(bench, container, "set a 1\nset b 2")
        file = "$(ls /data/*.aof /data/*/*.incr.aof 2>/dev/null)"
        done = bench.sh(container, f"printf '*3\\r\\n$3\\r\\nset\\r\\n$1\\r' >>{file}")
        assert done.code == 0, done
        bench.sdk.api.kill(container)
        bench.start(container)
        state = _cli(bench, container, "dbsize\nset c 3\nget b")
        assert "!!! Warning: short read while loading the AOF file" in bench.logs(container)
        done = bench.sh(container, f"echo garbage >>{file}")
        bench.sdk.api.kill(container)
        bench.start(container)
        until(lambda: not bench.state(container)["Running"])
        assert "Bad file format reading the append only file" in bench.logs(container)
        return state, bench.state(container)["ExitCode"]

    theirs, ours = pair.on_both(story)
    assert theirs == ours


@pytest.mark.parametrize("image", ["redis:2.8", "redis"])
def test_what_a_server_says_of_its_settings(pair: Pair, image: str) -> None:
    """Rules for saving that were built in go where there are options, in old releases."""

    def story(bench: Bench) -> list[str]:
        container = _appending(bench, image)
        names = ("save", "appendonly", "appendfsync", "auto-aof-rewrite-*")
        said = _cli(bench, container, *(f"config get {name}\necho -" for name in names))
        shown = said.split("\n-\n")[:-1]
        # Old releases list them in another order.
        shown[-1] = " ".join(sorted(shown[-1].split()))
        shown.append(_cli(bench, container, "config set appendonly no\nset gone 1"))
        shown.append(_cli(bench, container, "config set appendonly yes\nset kept 1\ndel gone"))
        until(lambda: "KEPT" in _content(bench, container))
        return shown

    theirs, ours = pair.on_both(story)
    assert theirs == ours
