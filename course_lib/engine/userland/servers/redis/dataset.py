"""The data of one server: fakeredis, woken when the first command needs it.

fakeredis and the client library it stands on take a noticeable part of a second and some 25 MB
when first imported; a server that nobody talks to does not pay that.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Sequence
from typing import Any

from course_lib import lean
from course_lib.engine.userland.servers.redis.propagate import absolute
from course_lib.engine.userland.servers.redis.rdb import Entry, Value
from course_lib.engine.userland.servers.redis.resp import Failure, Status

DATABASES = 16
NO_KEY = -2
_LONG = 10 * 365 * 86_400_000  # ms

# Commands whose answer is a simple string; fakeredis gives the text alone.
_STATUS = frozenset(
    b"auth discard flushall flushdb hmset lset ltrim mset multi pfmerge ping psetex quit rename "
    b"restore select set setex swapdb type unwatch watch".split()
)
_QUEUED = b"QUEUED"

# First words of errors that redis-py leaves where they are.
_CODES = frozenset(
    {"WRONGTYPE", "WRONGPASS", "BUSYGROUP", "NOGROUP", "UNBLOCKED", "BUSYKEY", "MISCONF", "OOM",
     "CROSSSLOT", "NOPROTO", "NOAUTH"}
)  # fmt: skip


def load_fakeredis() -> Any:
    """Import it without numpy, where it does without, too: half the time, and 20 MB less.

    numpy is for the sets of vectors of Redis 8, which no release emulated here has.
    """
    with lean.without("numpy"):
        return importlib.import_module("fakeredis")


class Dataset:
    """Keys and values of all databases.

    :param version: of the Redis that is emulated, ``(2, 8)``.
    """

    def __init__(self, version: tuple[int, int]) -> None:
        self._version = version
        self._pending: list[Entry] = []
        self._server: Any = None
        self._ready = False
        self._waking: asyncio.Lock | None = None
        self.dirty = 0

    def load(self, entries: Sequence[Entry]) -> None:
        """What there is to begin with; before the first session."""
        self._pending = list(entries)

    async def session(self, database: int = 0) -> Session:
        """A new client's view."""
        await self._wake()
        return Session(self, self._connect(database), database)

    def _connect(self, database: int) -> Any:
        import fakeredis

        # Without a time-out nothing waits between a command and its answer: the order of the
        # answers is that in which the commands were run, and a dump is one moment's.
        return fakeredis.FakeAsyncRedisConnection(
            server=self._server, db=database, protocol=2, socket_timeout=None
        )

    async def _wake(self) -> None:
        if self._ready:
            return
        if self._waking is None:
            self._waking = asyncio.Lock()
        async with self._waking:
            await self._load()

    async def _load(self) -> None:
        if not self._ready:
            # Its import is long: other containers go on meanwhile.
            fakeredis = await asyncio.to_thread(load_fakeredis)
            self._server = fakeredis.FakeServer(version=self._version)
            await self._restore(self._pending)
            self._ready = True
            self._pending = []

    async def _restore(self, entries: Sequence[Entry]) -> None:
        links: dict[int, Session] = {}
        for entry in entries:
            link = links.get(entry.database)
            if link is None:
                link = links[entry.database] = Session(
                    self, self._connect(entry.database), entry.database
                )
            await link.call(*restoring(entry))
            if entry.expires_ms is not None:
                await link.call(b"PEXPIREAT", entry.key, b"%d" % entry.expires_ms)
        for link in links.values():
            await link.close()
        self.dirty = 0

    async def replay(self, commands: Sequence[list[bytes]]) -> None:
        """Do what an append only file says was done.

        Meanwhile no key ends, as in Redis: what was done to it before it ended comes first.

        :raises ValueError: a command that there is not, by its name.
        """
        session = await self.session()
        now = await session.now_ms()
        ended: set[tuple[int, bytes]] = set()
        for told in (each for command in commands for each in absolute(command, now)):
            name, words = told[0].lower(), told
            if name == b"pexpireat" and int(words[2]) <= now:
                ended.add((session.database, words[1]))
                words = [*words[:2], b"%d" % (now + _LONG)]
            try:
                await session.call(*words)
            except Exception as error:
                if "unknown command" in str(error):
                    raise ValueError(name.decode(errors="replace")) from None
                continue  # it did nothing then either
            if name == b"select":
                session.database = int(words[1])
        for database, key in ended:
            await session.call(b"SELECT", b"%d" % database)
            if await session.deadline(key) == now + _LONG:
                await session.call(b"DEL", key)
        await session.close()

    async def entries(self) -> list[Entry]:
        """Everything, for the dump file.

        :raises ValueError: a value of a kind that the file cannot hold.
        """
        if not self._ready:
            return list(self._pending)
        found: list[Entry] = []
        for database in range(DATABASES):
            session = Session(self, self._connect(database), database)
            if await session.call(b"DBSIZE"):
                for key in sorted(await session.call(b"KEYS", b"*")):
                    found.append(await entry_of(session, database, key))
            await session.close()
        return found

    async def sizes(self) -> dict[int, tuple[int, int]]:
        """Keys, and keys with an end, of each database that has any."""
        if not self._ready:
            counted: dict[int, tuple[int, int]] = {}
            for entry in self._pending:
                keys, ending = counted.get(entry.database, (0, 0))
                counted[entry.database] = (keys + 1, ending + (entry.expires_ms is not None))
            return counted
        result = {}
        for database in range(DATABASES):
            session = Session(self, self._connect(database), database)
            keys = await session.call(b"DBSIZE")
            if keys:
                names = await session.call(b"KEYS", b"*")
                ending = sum([int(await session.call(b"PTTL", name)) >= 0 for name in names])
                result[database] = (keys, ending)
            await session.close()
        return result


def restoring(entry: Entry) -> list[bytes]:
    """The command that makes an entry."""
    value: Any = entry.value
    match entry.kind:
        case "string":
            return [b"SET", entry.key, value]
        case "list":
            return [b"RPUSH", entry.key, *value]
        case "set":
            return [b"SADD", entry.key, *value]
        case "zset":
            pairs = [word for member, score in value for word in (repr(score).encode(), member)]
            return [b"ZADD", entry.key, *pairs]
        case "hash":
            return [b"HMSET", entry.key, *(word for pair in value for word in pair)]


async def entry_of(session: Session, database: int, key: bytes) -> Entry:
    """What a key holds.

    :raises ValueError: a value of a kind that the dump file cannot hold.
    """
    kind = (await session.call(b"TYPE", key)).decode()
    deadline = await session.deadline(key)
    expires = deadline if deadline >= 0 else None
    value: Value
    match kind:
        case "string":
            value = await session.call(b"GET", key)
        case "list":
            value = await session.call(b"LRANGE", key, b"0", b"-1")
        case "set":
            value = sorted(await session.call(b"SMEMBERS", key))
        case "zset":
            flat = await session.call(b"ZRANGE", key, b"0", b"-1", b"WITHSCORES")
            value = [(flat[i], float(flat[i + 1])) for i in range(0, len(flat), 2)]
        case "hash":
            flat = await session.call(b"HGETALL", key)
            value = [(flat[i], flat[i + 1]) for i in range(0, len(flat), 2)]
        case _:
            raise ValueError(f"cannot save {key!r}: a {kind} is not supported")
    return Entry(database, key, kind, value, expires)


class Session:
    """One client's connection to the data: its database, transaction, subscriptions.

    :ivar executed: the commands of the transaction whose answers came last.
    """

    def __init__(self, dataset: Dataset, connection: Any, database: int = 0) -> None:
        self._dataset = dataset
        self._connection = connection
        self.database = database
        self.in_transaction = False
        self._queued: list[Sequence[bytes]] = []
        self.executed: list[Sequence[bytes]] = []

    async def call(self, *words: bytes) -> Any:
        """Run a command of our own.

        :raises Exception: whatever fakeredis says is wrong.
        """
        await self._connection.send_command(*words)
        return await self._connection.read_response(disable_decoding=True)

    async def now_ms(self) -> int:
        """The time by which keys end, since the epoch."""
        seconds, micros = await self.call(b"TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    async def deadline(self, key: bytes) -> int:
        """When a key ends, since the epoch in ms; -1 for never, ``NO_KEY`` where there is none."""
        return int(await self.call(b"PEXPIRETIME", key))

    def will_write(self, name: bytes) -> bool:
        """Whether this command, if it comes next, may change something now."""
        from fakeredis.model import is_write_command

        if self.in_transaction:
            return name == b"exec"
        return bool(is_write_command(name))

    async def send(self, words: Sequence[bytes]) -> None:
        """Hand a client's command over; :meth:`receive` gives what comes of it."""
        from fakeredis.model import is_write_command

        name = words[0].lower()
        if is_write_command(name):
            self._dataset.dirty += 1
        if name == b"multi":
            self.in_transaction, self._queued = True, []
        elif name in {b"exec", b"discard", b"reset"}:
            self.in_transaction = False
        elif self.in_transaction:
            self._queued.append(words)
        await self._connection.send_command(*words)

    async def receive(self, name: bytes = b"") -> Any:
        """The next reply, in the types of :mod:`resp`.

        :param name: of the command that it answers.
        """
        try:
            reply = await self._connection.read_response(
                disable_decoding=True, disconnect_on_error=False
            )
        except Exception as error:
            return _failure(error)
        if name.lower() == b"exec" and isinstance(reply, list):
            self.executed = self._queued
            names = [words[0].lower() for words in self._queued] + [b""] * len(reply)
            return [_typed(item, names[index]) for index, item in enumerate(reply)]
        return _typed(reply, name.lower())

    async def close(self) -> None:
        """Forget the client."""
        socket = self._connection._sock
        await self._connection.disconnect(nowait=True)
        if socket is not None:
            socket.close()  # fakeredis drops it, but its server would go on counting it


def _typed(reply: Any, name: bytes) -> Any:
    if isinstance(reply, Exception):
        return _failure(reply)
    if isinstance(reply, list):
        return [_typed(item, b"") if isinstance(item, Exception) else item for item in reply]
    if isinstance(reply, bytes) and (name in _STATUS or reply == _QUEUED):
        return Status(reply.decode(errors="replace"))
    return reply


def _failure(error: Exception) -> Failure:
    """An error reply; redis-py takes the prefix off the common ones."""
    text = str(error)
    if text.split(" ", 1)[0] in _CODES:
        return Failure(text)
    kinds = {
        "NoScriptError": "NOSCRIPT", "ExecAbortError": "EXECABORT", "ReadOnlyError": "READONLY",
        "NoPermissionError": "NOPERM", "AuthenticationError": "NOAUTH",
        "BusyLoadingError": "LOADING",
        "AuthenticationWrongNumberOfArgsError": "ERR",
    }  # fmt: skip
    return Failure(f"{kinds.get(type(error).__name__, 'ERR')} {text}")
