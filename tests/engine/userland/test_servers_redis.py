"""Redis: protocol, commands, dump file, configuration, redis-cli."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.engine.interfaces import StreamSocket
from course_lib.engine.userland.pipe import pipe
from course_lib.engine.userland.servers.redis import rdb
from course_lib.engine.userland.servers.redis.cli import formatted
from course_lib.engine.userland.servers.redis.resp import (
    CommandReader,
    Failure,
    ProtocolError,
    ReplyReader,
    Status,
    encode,
    encode_command,
    split_line,
)
from tests.engine.userland.net_world import Node, Running, World, until

ADDRESS = "172.18.0.2"


class Link:
    """A client that speaks the protocol."""

    def __init__(self, stream: StreamSocket) -> None:
        self.stream = stream
        self.reader = ReplyReader()

    async def ask(self, *words: str | bytes) -> Any:
        data = [w.encode() if isinstance(w, str) else w for w in words]
        await self.stream.write(encode_command(data))
        return await self.reply()

    async def reply(self) -> Any:
        while (found := self.reader.next()) is None:
            data = await asyncio.wait_for(self.stream.read(), 60)
            if not data:
                raise EOFError
            self.reader.feed(data)
        return found[0]


class Redis:
    """A container of one of the Redis images."""

    def __init__(self, folder: Path, image: str = "redis", world: World | None = None) -> None:
        self.node = Node(world or World(), folder, image, name="redis", address=ADDRESS)
        self.running: Running | None = None

    async def start(self, *words: str) -> Running:
        self.running = running = await self.node.start("redis-server", *words)
        await until(
            lambda: "accept connections" in running.out or running.process.exit_code is not None
        )
        return running

    async def link(self) -> Link:
        return Link(await self.node.net.connect(ADDRESS, 6379))

    async def stop(self, signum: int = 15) -> tuple[int, str, str]:
        assert self.running is not None
        self.running.process.kill(signum)
        running, self.running = self.running, None
        return await running.finish()


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Redis]:
    redis = Redis(tmp_path / "redis")
    yield redis
    if redis.running is not None:
        await redis.stop(9)


# --- commands ----------------------------------------------------------------------------------


async def test_the_commands_of_the_lessons(redis: Redis) -> None:
    await redis.start()
    link = await redis.link()
    assert await link.ask("PING") == Status("PONG")
    assert await link.ask("ping", "hello") == b"hello"
    assert await link.ask("SET", "counter", "41") == Status("OK")
    assert await link.ask("INCR", "counter") == 42
    assert await link.ask("GET", "counter") == b"42"
    assert await link.ask("GET", "nosuch") is None
    assert await link.ask("KEYS", "*") == [b"counter"]
    assert await link.ask("TYPE", "counter") == Status("string")
    assert await link.ask("DEL", "counter") == 1
    assert await link.ask("RPUSH", "l", "a", "b") == 2
    assert await link.ask("LRANGE", "l", "0", "-1") == [b"a", b"b"]
    wrong = await link.ask("INCR", "l")
    assert wrong == Failure("WRONGTYPE Operation against a key holding the wrong kind of value")
    assert await link.ask("SET", b"\x00\xff\r\n", b"\xfe") == Status("OK")
    assert await link.ask("GET", b"\x00\xff\r\n") == b"\xfe"
    assert await link.ask("QUIT") == Status("OK")
    with pytest.raises(EOFError):
        await link.reply()


async def test_a_value_that_looks_like_a_status_is_a_value(redis: Redis) -> None:
    await redis.start()
    link = await redis.link()
    await link.ask("SET", "a", "OK")
    assert await link.ask("GET", "a") == b"OK"


async def test_transactions(redis: Redis) -> None:
    await redis.start()
    link = await redis.link()
    assert await link.ask("MULTI") == Status("OK")
    assert await link.ask("SET", "a", "1") == Status("QUEUED")
    assert await link.ask("INCR", "a") == Status("QUEUED")
    assert await link.ask("EXEC") == [Status("OK"), 2]
    assert await link.ask("EXEC") == Failure("ERR EXEC without MULTI")


async def test_databases(redis: Redis) -> None:
    await redis.start()
    one, two = await redis.link(), await redis.link()
    assert await one.ask("SELECT", "3") == Status("OK")
    await one.ask("SET", "a", "1")
    assert await two.ask("GET", "a") is None
    info = (await two.ask("INFO", "keyspace")).decode()
    assert info == "# Keyspace\r\ndb3:keys=1,expires=0,avg_ttl=0\r\n"


async def test_publishing(redis: Redis) -> None:
    await redis.start()
    listener, speaker = await redis.link(), await redis.link()
    assert await listener.ask("SUBSCRIBE", "news") == [b"subscribe", b"news", 1]
    assert await speaker.ask("PUBLISH", "news", "hello") == 1
    assert await listener.reply() == [b"message", b"news", b"hello"]


async def test_waiting_for_an_element(redis: Redis) -> None:
    await redis.start()
    waiter, giver = await redis.link(), await redis.link()
    waiting = asyncio.create_task(waiter.ask("BLPOP", "queue", "5"))
    await until(lambda: redis.running is not None)
    await giver.ask("PING")
    await giver.ask("RPUSH", "queue", "job")
    assert await waiting == [b"queue", b"job"]


@pytest.mark.parametrize(
    ("image", "version", "unknown"),
    [
        ("redis-2.8", "2.8.23", "ERR unknown command 'foo'"),
        ("redis-3.0", "3.0.7", "ERR unknown command 'foo'"),
        ("redis", "7.4.2", "ERR unknown command 'foo', with args beginning with: 'bar' "),
    ],
)
async def test_three_releases(tmp_path: Path, image: str, version: str, unknown: str) -> None:
    redis = Redis(tmp_path / "redis", image)
    await redis.start()
    link = await redis.link()
    info = (await link.ask("INFO", "server")).decode()
    assert info.startswith(f"# Server\r\nredis_version:{version}\r\n")
    assert await link.ask("foo", "bar") == Failure(unknown)
    assert (await redis.node.run("redis-server", "--version"))[1].startswith(
        f"Redis server v={version} "
    )
    await redis.stop(9)


async def test_what_is_not_supported_says_so(redis: Redis) -> None:
    await redis.start()
    link = await redis.link()
    for command in ("REPLICAOF", "MONITOR", "CLUSTER"):
        reply = await link.ask(command, "x", "y")
        assert reply == Failure(f"ERR {command} is not supported by the embedded engine")


# --- by hand -------------------------------------------------------------------------------------


async def test_lines_typed_by_hand(redis: Redis) -> None:
    await redis.start()
    stream = await redis.node.net.connect(ADDRESS, 6379)
    await stream.write(b'set a "b c"\r\nget a\r\n\r\nINCR n\nquit\r\n')
    data = b""
    while chunk := await asyncio.wait_for(stream.read(), 60):
        data += chunk
    assert data == b"+OK\r\n$3\r\nb c\r\n:1\r\n+OK\r\n"


async def test_by_telnet(redis: Redis, tmp_path: Path) -> None:
    await redis.start()
    box = Node(redis.node.world, tmp_path / "box", "busybox")
    reader, writer = pipe()
    client = await box.start("telnet", "redis", "6379", stdin=reader)
    await writer.write(b"SET counter 42\nINFO server\nSAVE\nQUIT\n")
    code, out, err = await client.finish()
    assert out.startswith("Connected to redis\n+OK\r\n$")
    assert "redis_version:7.4.2\r\n" in out
    assert out.endswith("\r\n+OK\r\n+OK\r\n")
    assert (code, err) == (1, "Connection closed by foreign host\n")


@pytest.mark.parametrize(
    ("nonsense", "complaint"),
    [
        (b'set a "b\r\n', b"-ERR Protocol error: unbalanced quotes in request\r\n"),
        (b"*1\r\n:3\r\n", b"-ERR Protocol error: expected '$', got ':'\r\n"),
        (b"*x\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*1\r\n$-5\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
        (b"*99999999\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
        (b"a" * 65536, b"-ERR Protocol error: too big inline request\r\n"),
    ],
)
async def test_what_is_not_the_protocol(redis: Redis, nonsense: bytes, complaint: bytes) -> None:
    await redis.start()
    stream = await redis.node.net.connect(ADDRESS, 6379)
    await stream.write(nonsense)
    data = b""
    while chunk := await asyncio.wait_for(stream.read(), 60):
        data += chunk
    assert data == complaint
    assert await (await redis.link()).ask("PING") == Status("PONG")


# --- the dump file -------------------------------------------------------------------------------


async def test_data_survives_and_moves_on_to_newer_releases(tmp_path: Path) -> None:
    old = Redis(tmp_path / "old", "redis-2.8")
    await old.start()
    link = await old.link()
    for command in (
        "SET counter 42", "RPUSH l c a b", "SADD s x y", "ZADD z 1.5 one 2 two",
        "HSET h field value", "SET soon gone", "EXPIRE soon 1000", "SELECT 5", "SET other db",
    ):  # fmt: skip
        assert not isinstance(await link.ask(*command.split()), Failure), command
    assert await link.ask("SAVE") == Status("OK")
    content = old.node.fs.read_bytes("/data/dump.rdb")
    assert content.startswith(b"REDIS0006")
    code, out, _ = await old.stop()
    assert code == 0
    assert "User requested shutdown..." in out
    assert "Redis is now ready to exit, bye bye..." in out

    new = Redis(tmp_path / "new", "redis")
    new.node.fs.write_bytes("/data/dump.rdb", content)
    running = await new.start()
    assert "DB loaded from disk" in running.out
    link = await new.link()
    info = (await link.ask("INFO", "keyspace")).decode()
    assert "db0:keys=6,expires=1,avg_ttl=0" in info
    assert "db5:keys=1," in info
    assert await link.ask("GET", "counter") == b"42"
    assert await link.ask("LRANGE", "l", "0", "-1") == [b"c", b"a", b"b"]
    assert sorted(await link.ask("SMEMBERS", "s")) == [b"x", b"y"]
    assert await link.ask("ZSCORE", "z", "one") == b"1.5"
    assert await link.ask("HGET", "h", "field") == b"value"
    assert 990 < await link.ask("TTL", "soon") <= 1000
    await new.stop(9)


async def test_sigterm_saves_and_shutdown_may_not(redis: Redis) -> None:
    await redis.start()
    link = await redis.link()
    await link.ask("SET", "a", "1")
    await redis.stop()
    assert b"a" in redis.node.fs.read_bytes("/data/dump.rdb")
    running = await redis.start()
    link = await redis.link()
    await link.ask("SET", "a", "2")
    with pytest.raises(EOFError):
        await link.ask("SHUTDOWN", "NOSAVE")
    assert (await running.finish())[0] == 0
    redis.running = None
    assert rdb.load(redis.node.fs.read_bytes("/data/dump.rdb"))[0].value == b"1"


async def test_changes_are_saved_in_time(tmp_path: Path) -> None:
    redis = Redis(tmp_path / "redis")
    await redis.start("--save", "1", "2")
    link = await redis.link()
    await link.ask("SET", "a", "1")
    await link.ask("SET", "b", "1")
    await until(lambda: redis.node.fs.access("/data/dump.rdb", 0), "saved", rounds=5000)
    assert {e.key for e in rdb.load(redis.node.fs.read_bytes("/data/dump.rdb"))} == {b"a", b"b"}
    info = (await link.ask("INFO", "persistence")).decode()
    assert "rdb_changes_since_last_save:0\r\n" in info
    await redis.stop(9)


async def test_a_place_that_cannot_be_written(redis: Redis) -> None:
    await redis.start("--dir", "/proc")
    link = await redis.link()
    await link.ask("SET", "a", "1")
    assert await link.ask("SAVE") == Failure("ERR")
    assert redis.running is not None
    assert "Failed opening the temp RDB file" in redis.running.out
    assert await link.ask("GET", "a") == b"1"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"hello", "Wrong signature trying to load DB from file"),
        (b"REDIS9999", "Can't handle RDB format version 9999"),
        (b"REDIS0006\xfe\x00\x00\x05ab", "Short read or OOM loading DB."),
        (b"REDIS0006\xfe\x00\x0f\x01a", "Values of RDB type 15 are not supported"),
        (b"REDIS0006\xfe\x00\x0a\x01a\x03abc", "key b'a': its length is wrong"),
        (b"REDIS0006\xfe\x00\x0b\x01a\x03abc", "key b'a': cut short"),
        (b"REDIS0009\xfe\x00\x0c\x01a\x0d\x0d\0\0\0\0\0\0\0\1\0\0\xf2\xff", "a value is missing"),
    ],
)
async def test_a_dump_file_that_cannot_be_read(redis: Redis, content: bytes, reason: str) -> None:
    redis.node.fs.write_bytes("/data/dump.rdb", content)
    running = await redis.start()
    code, out, _ = await running.finish()
    redis.running = None
    assert code == 1
    assert "Fatal error loading the DB: " in out
    assert reason in out
    assert redis.node.fs.read_bytes("/data/dump.rdb") == content


_BYTES = st.binary(max_size=70)
_VALUES = st.one_of(
    st.tuples(st.just("string"), st.binary(max_size=20_000)),
    st.tuples(st.sampled_from(["list", "set"]), st.lists(_BYTES, min_size=1)),
    st.tuples(
        st.just("zset"),
        st.lists(st.tuples(_BYTES, st.floats(allow_nan=False)), min_size=1),
    ),
    st.tuples(st.just("hash"), st.lists(st.tuples(_BYTES, _BYTES), min_size=1)),
)
_ENTRIES = st.builds(
    lambda database, key, value, expires: rdb.Entry(database, key, value[0], value[1], expires),
    st.integers(0, 15), _BYTES, _VALUES, st.none() | st.integers(0, 2**63),
)  # fmt: skip


@given(st.lists(_ENTRIES, max_size=8))
def test_what_is_dumped_is_loaded(entries: list[rdb.Entry]) -> None:
    content = rdb.dump(entries)
    assert rdb.load(content) == entries
    with pytest.raises(rdb.BadDump):
        rdb.load(content[:-9])


def _packed(code: int, items: bytes) -> bytes:
    """A key whose value is packed, with the right lengths and any items."""
    header = 6 if code in {16, 17, 18, 20} else 10
    value = struct.pack("<I", header + len(items) + 1) + bytes(header - 4) + items + b"\xff"
    if code == 11:
        value = struct.pack("<II", 2, len(items)) + items
    nodes = {14: b"\x01", 18: b"\x01\x02"}.get(code, b"")
    return bytes([code]) + b"\x03key" + nodes + b"\x80" + struct.pack(">I", len(value)) + value


_PACKED = st.builds(
    _packed, st.sampled_from([10, 11, 12, 13, 14, 16, 17, 18, 20]), st.binary(max_size=60)
)


@given(st.binary(max_size=200) | _PACKED)
def test_no_file_breaks_the_loader(data: bytes) -> None:
    for content in (data, b"REDIS0006" + data):
        try:
            rdb.load(content)
        except rdb.BadDump:
            continue


# --- configuration -------------------------------------------------------------------------------


async def test_a_password(redis: Redis) -> None:
    await redis.start("--requirepass", "secret")
    link = await redis.link()
    assert (await link.ask("GET", "a")).text.startswith("NOAUTH ")
    assert (await link.ask("INFO")).text.startswith("NOAUTH ")
    assert (await link.ask("AUTH", "wrong")).text.startswith("WRONGPASS ")
    assert await link.ask("AUTH", "secret") == Status("OK")
    assert await link.ask("SET", "a", "1") == Status("OK")
    assert await link.ask("SAVE") == Status("OK")


async def test_configuration(redis: Redis) -> None:
    redis.node.fs.write_bytes(
        "/etc/redis.conf", b"# mine\ndbfilename other.rdb\nsave 900 1\nmaxmemory 100mb\n"
    )
    running = await redis.start("/etc/redis.conf", "--port", "6379")
    assert "Configuration loaded" in running.out
    link = await redis.link()
    assert await link.ask("CONFIG", "GET", "dbfilename") == [b"dbfilename", b"other.rdb"]
    assert await link.ask("CONFIG", "GET", "save") == [b"save", b"900 1"]
    assert await link.ask("CONFIG", "SET", "save", "10 1") == Status("OK")
    assert await link.ask("CONFIG", "GET", "sav*") == [b"save", b"10 1"]
    assert (await link.ask("CONFIG", "SET", "nosuch", "1")).text.startswith("ERR CONFIG SET failed")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nosuch", "1"], "Bad directive or wrong number of arguments"),
        (["--appendonly", "maybe"], "argument must be 'yes' or 'no'"),
        (["--appendfilename", "a/b"], "appendfilename can't be a path, just a filename"),
        (["--auto-aof-rewrite-min-size", "many"], "argument must be a memory value"),
        (["--aof-use-rdb-preamble", "no"], "not supported by the embedded engine"),
        (["--port", "x"], "Invalid port"),
        (["--dbfilename", "a/b"], "dbfilename can't be a path"),
        (["/nosuch.conf"], "Fatal error, can't open config file '/nosuch.conf'"),
    ],
)
async def test_bad_configuration(redis: Redis, words: list[str], message: str) -> None:
    code, _, err = await redis.node.run("redis-server", *words)
    assert code == 1
    assert message in err


async def test_a_port_that_is_taken(redis: Redis) -> None:
    await redis.start()
    second = await redis.node.start("redis-server", first=False)
    code, out, _ = await second.finish()
    assert code == 1
    assert "bind: Address already in use" in out


# --- redis-cli -----------------------------------------------------------------------------------


async def test_redis_cli(redis: Redis, tmp_path: Path) -> None:
    await redis.start()
    box = Node(redis.node.world, tmp_path / "cli", "redis", name="cli", address="172.18.0.4")

    async def cli(*words: str, stdin: bytes = b"") -> tuple[int, str, str]:
        return await box.run("redis-cli", "-h", "redis", *words, stdin=stdin)

    assert await cli("SET", "a", "b c") == (0, "OK\n", "")
    assert await cli("GET", "a") == (0, "b c\n", "")
    assert await cli("--no-raw", "GET", "a") == (0, '"b c"\n', "")
    assert await cli("-n", "1", "--no-raw", "GET", "a") == (0, "(nil)\n", "")
    assert await cli("-x", "SET", "b", stdin=b"from stdin") == (0, "OK\n", "")
    assert await cli("-r", "2", "INCR", "n") == (0, "1\n2\n", "")
    assert await cli(stdin=b"GET b\nnosuch\n\nexit\n") == (
        0, "from stdin\nERR unknown command 'nosuch', with args beginning with: \n\n", "",
    )  # fmt: skip
    assert await cli("nosuch") == (
        0, "ERR unknown command 'nosuch', with args beginning with: \n\n", "",
    )  # fmt: skip
    # Who has left is not counted; one may be about to leave.
    assert (await cli("CLIENT", "LIST"))[1].count("addr=") <= 2
    assert await box.run("redis-cli", "PING") == (
        1, "", "Could not connect to Redis at 127.0.0.1:6379: Connection refused\n",
    )  # fmt: skip
    assert await box.run("redis-cli", "-h", "nosuch", "PING") == (
        1, "", "Could not connect to Redis at nosuch:6379: Name or service not known\n",
    )  # fmt: skip
    assert (await cli("-p", "x"))[0] == 1
    assert await cli("SHUTDOWN") == (0, "", "")
    assert redis.running is not None
    assert (await redis.running.finish())[0] == 0
    redis.running = None


def test_replies_for_a_person() -> None:
    assert formatted([b"a", [1, None], []]) == (
        '1) "a"\n2) 1) (integer) 1\n   2) (nil)\n3) (empty array)\n'
    )
    assert formatted(b'\x00"\n') == '"\\x00\\"\\n"\n'
    assert formatted(Failure("ERR no")) == "(error) ERR no\n"


# --- the protocol itself -------------------------------------------------------------------------

_REPLIES = st.recursive(
    st.none() | st.integers(-(2**62), 2**62) | st.binary(max_size=50)
    | st.builds(Status, st.text("abc XYZ", max_size=10))
    | st.builds(Failure, st.text("abc XYZ", min_size=1, max_size=10)),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.lists(_REPLIES, max_size=4), st.integers(1, 20))
def test_replies_survive_any_splitting(replies: list[Any], size: int) -> None:
    data = b"".join(encode(reply) for reply in replies)
    reader = ReplyReader()
    found = []
    for start in range(0, len(data), size):
        reader.feed(data[start : start + size])
        while (reply := reader.next()) is not None:
            found.append(reply[0])
    assert found == replies


@given(st.lists(st.lists(st.binary(max_size=30), min_size=1, max_size=4), max_size=4))
def test_commands_survive_any_splitting(commands: list[list[bytes]]) -> None:
    data = b"".join(encode_command(command) for command in commands)
    reader = CommandReader()
    found = []
    for byte in data:
        reader.feed(bytes([byte]))
        while (command := reader.next()) is not None:
            found.append(command)
    assert found == commands


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", []),
        (b"  a  b ", [b"a", b"b"]),
        (b"a \"b c\" 'd e'", [b"a", b"b c", b"d e"]),
        (b'"\\x41\\n\\"" ""', [b'A\n"', b""]),
        (b"'it\\'s'", [b"it's"]),
    ],
)
def test_quoting(line: bytes, words: list[bytes]) -> None:
    assert split_line(line) == words


@pytest.mark.parametrize("line", [b'"a', b"'a", b'"a"b', b"'a'b"])
def test_bad_quoting(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        split_line(line)
