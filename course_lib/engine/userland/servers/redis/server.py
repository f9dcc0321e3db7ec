"""A running Redis: its clients, its own commands, its dump file, its log."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from course_lib.engine.interfaces import Listener, Process, StreamSocket
from course_lib.engine.userland import signals
from course_lib.engine.userland.servers.redis import info, rdb
from course_lib.engine.userland.servers.redis.config import Config, ConfigError, apply
from course_lib.engine.userland.servers.redis.dataset import Dataset, Session
from course_lib.engine.userland.servers.redis.journal import Journal
from course_lib.engine.userland.servers.redis.resp import (
    OK,
    CommandReader,
    Failure,
    ProtocolError,
    Status,
    Text,
    encode,
)
from course_lib.engine.userland.waiting import cancel

_SUBSCRIBING = {b"subscribe", b"psubscribe", b"ssubscribe"}
_PUSHED = {
    b"subscribe", b"psubscribe", b"ssubscribe", b"unsubscribe", b"punsubscribe", b"sunsubscribe",
    b"message", b"pmessage", b"smessage",
}  # fmt: skip
_UNSUPPORTED = {
    b"slaveof", b"replicaof", b"psync", b"sync", b"cluster", b"monitor", b"bgrewriteaof",
    b"migrate", b"module", b"failover", b"debug",
}  # fmt: skip


class Server:
    """One ``redis-server`` process.

    :param version: ``7.4.2``.
    """

    def __init__(
        self, proc: Process, version: str, config: Config, entries: list[rdb.Entry]
    ) -> None:
        self.proc = proc
        self.version = version
        self.config = config
        major, minor = (int(part) for part in version.split(".")[:2])
        self.release = (major, minor)
        self.data = Dataset(self.release, entries)
        self.journal = Journal(proc, self.release)
        clock = proc.machine.clock
        self.started = clock.monotonic()
        self.last_save = clock.time_ns() // 1_000_000_000
        self.last_save_ok = True
        self.run_id = f"{proc.machine.ids.random.getrandbits(160):040x}"
        self.clients: dict[Client, asyncio.Task[None]] = {}
        self.connections = 0
        self.commands = 0
        self.ending: asyncio.Queue[str] = asyncio.Queue()
        self._saving = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None

    # --- life --------------------------------------------------------------------------------

    async def run(self, listener: Listener) -> int:
        """Serve until a signal or ``SHUTDOWN`` ends it."""
        for name in ("TERM", "INT"):
            self.proc.on_signal(signals.NUMBERS[name], self._signalled)
        self.proc.on_signal(signals.SIGHUP, "ignore")
        accepting = self.proc.thread(partial(self._accept, listener))
        while True:
            reason = await self.ending.get()
            if reason.startswith("SIG"):
                await self.journal.note(f"Received {reason} scheduling shutdown...", "#")
            if await self._shut_down(reason):
                break
        listener.close()
        await cancel(accepting, *self.clients.values())
        await self.journal.note("Redis is now ready to exit, bye bye...", "#")
        return 0

    def _signalled(self, signum: int) -> None:
        self.ending.put_nowait(f"SIG{signals.name_of(signum)}")

    async def _shut_down(self, reason: str) -> bool:
        """Save if it is wanted; false where that failed and the server goes on."""
        await self.journal.note("User requested shutdown...", "#")
        if reason == "nosave" or not (self.config.save or reason == "save"):
            return True
        await self.journal.note("Saving the final RDB snapshot before exiting.")
        if await self.save() is None:
            return True
        await self.journal.note("Error trying to save the DB, can't exit.", "#")
        return False

    async def _accept(self, listener: Listener) -> None:
        while True:
            try:
                stream = await listener.accept()
            except OSError:
                return
            self.connections += 1
            client = Client(self, stream)
            task = self.proc.thread(client.run)
            self.clients[client] = task
            task.add_done_callback(lambda _t, c=client: self.clients.pop(c, None))  # type: ignore[misc]

    # --- the dump file -----------------------------------------------------------------------

    @property
    def path(self) -> str:
        """Where the dump file is."""
        return posixpath.join(self.config.dir, self.config.dbfilename)

    async def save(self) -> str | None:
        """Write the dump file; what went wrong, or None.

        It is written beside and renamed, so that a reader never finds half of it.
        """
        async with self._saving:
            fs, target = self.proc.fs, self.path
            beside = posixpath.join(self.config.dir, f"temp-{self.proc.pid}.rdb")
            dirty = self.data.dirty
            try:
                content = rdb.dump(await self.data.entries())
                fs.write_bytes(beside, content)
                fs.rename(beside, target)
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                await self.journal.note(
                    f"Failed opening the temp RDB file {beside} (in server root dir "
                    f"{self.config.dir}) for saving: {reason}", "#",
                )  # fmt: skip
                self.last_save_ok = False
                return str(reason)
            self.data.dirty -= dirty
            self.last_save = self.proc.machine.clock.time_ns() // 1_000_000_000
            self.last_save_ok = True
            await self.journal.note("DB saved on disk")
            return None

    def written(self) -> None:
        """A client changed something: see to it that it is saved in time."""
        if self.config.save and (self._watch is None or self._watch.done()):
            self._watch = self.proc.thread(self._save_in_time)

    async def _save_in_time(self) -> None:
        clock = self.proc.machine.clock
        began = clock.monotonic()
        while self.data.dirty > 0:
            passed = clock.monotonic() - began
            for seconds, changes in self.config.save:
                if passed >= seconds and self.data.dirty >= changes:
                    await self.journal.note(
                        f"{self.data.dirty} changes in {seconds} seconds. Saving..."
                    )
                    await self.save()
                    began = clock.monotonic()
                    break
            else:
                due = [s - passed for s, _ in self.config.save if s > passed]
                await self.proc.sleep(min(due) if due else 60.0)

    # --- facts -------------------------------------------------------------------------------

    async def info(self, wanted: list[str]) -> bytes:
        """The text of ``INFO``."""
        return info.text(
            info.Facts(
                self.version, self.run_id, self.proc.pid, self.config.port,
                int(self.proc.machine.clock.monotonic() - self.started), self.config.file,
                len(self.clients), self.data.dirty, self.last_save, self.last_save_ok,
                self.connections, self.commands, await self.data.sizes(),
            ),
            wanted,
        ).encode()  # fmt: skip


class Client:
    """One connection: reads commands, answers each in turn."""

    def __init__(self, server: Server, stream: StreamSocket) -> None:
        self._server = server
        self._stream = stream
        self._session: Session | None = None
        self._listening: asyncio.Task[None] | None = None
        self._trusted = not server.config.requirepass
        self._protocol = 2

    async def run(self) -> None:
        """Serve the client until it leaves."""
        reader = CommandReader()
        try:
            while data := await self._stream.read():
                reader.feed(data)
                while (words := reader.next()) is not None:
                    if words and not await self._command(words):
                        return
        except ProtocolError as error:
            await self._say(Failure(f"ERR Protocol error: {error}"))
        except OSError:
            return
        finally:
            if self._listening is not None:
                await cancel(self._listening)
            if self._session is not None:
                await self._session.close()
            self._stream.close()

    async def _say(self, reply: Any, push: bool = False) -> None:
        await self._stream.write(encode(reply, self._protocol, push))

    async def _command(self, words: list[bytes]) -> bool:
        """Answer one command; false where the connection ends with it."""
        server = self._server
        server.commands += 1
        name = words[0].lower()
        if name == b"quit":
            await self._say(OK)
            return False
        if name == b"auth":
            await self._say(self._auth(words))
            return True
        if name == b"hello" and server.release >= (6, 0):
            await self._say(await self._hello(words))
            return True
        if not self._trusted:
            await self._say(Failure("NOAUTH Authentication required."))
            return True
        waits = self._session is not None and self._session.in_transaction
        if not waits and not self._listening:
            own = _OWN.get(name)
            if own is not None:
                reply = await own(server, words)
                if reply is not None:
                    await self._say(reply)
                return reply is not None
            if name in _UNSUPPORTED:
                shown = name.decode().upper()
                await self._say(Failure(f"ERR {shown} is not supported by the embedded engine"))
                return True
        await self._pass_on(await self._view(), name, words)
        return True

    async def _view(self) -> Session:
        if self._session is None:
            self._session = await self._server.data.session()
        return self._session

    async def _hello(self, words: list[bytes]) -> Any:
        """``HELLO [2|3 [AUTH user password] [SETNAME name]]``: which protocol is spoken.

        Source: redis.io/commands/hello.
        """
        if len(words) > 1 and words[1] not in {b"2", b"3"}:
            if not words[1].isdigit():
                return Failure("ERR Protocol version is not an integer or out of range")
            return Failure("NOPROTO unsupported protocol version")
        name, rest = None, words[2:]
        while rest:
            option = rest[0].lower()
            if option == b"auth" and len(rest) >= 3:
                answer = self._auth([b"auth", *rest[1:3]])
                if isinstance(answer, Failure) and self._server.config.requirepass:
                    return answer
                rest = rest[3:]
            elif option == b"setname" and len(rest) >= 2:
                name, rest = rest[1], rest[2:]
            else:
                shown = rest[0].decode(errors="replace")
                return Failure(f"ERR Syntax error in HELLO option '{shown}'")
        if not self._trusted:
            return Failure(
                "NOAUTH HELLO must be called with the client already authenticated, otherwise the "
                "HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client "
                "and select the RESP protocol version at the same time"
            )
        if len(words) > 1 and int(words[1]) != self._protocol:
            await (await self._view()).call(b"HELLO", words[1])  # answers take other shapes there
            self._protocol = int(words[1])
        if name is not None:
            await (await self._view()).call(b"CLIENT", b"SETNAME", name)
        server = self._server
        return {
            "server": "redis", "version": server.version, "proto": self._protocol,
            "id": server.connections, "mode": "standalone", "role": "master", "modules": [],
        }  # fmt: skip

    def _auth(self, words: list[bytes]) -> Status | Failure:
        """Check a password; from Redis 6 on there may be a user before it."""
        server = self._server
        modern = server.release >= (6, 0)
        if not 2 <= len(words) <= (3 if modern else 2):
            return Failure("ERR wrong number of arguments for 'auth' command")
        if not server.config.requirepass:
            if modern:
                return Failure(
                    "ERR AUTH <password> called without any password configured for the default "
                    "user. Are you sure your configuration is correct?"
                )
            return Failure("ERR Client sent AUTH, but no password is set")
        user = words[1] if len(words) == 3 else b"default"
        if user != b"default" or words[-1] != server.config.requirepass.encode():
            if modern:
                return Failure("WRONGPASS invalid username-password pair or user is disabled.")
            return Failure("ERR invalid password")
        self._trusted = True
        return OK

    async def _pass_on(self, session: Session, name: bytes, words: list[bytes]) -> None:
        """Let fakeredis answer."""
        before = self._server.data.dirty
        await session.send(words)
        if name in _SUBSCRIBING and self._listening is None:
            # From now on what others publish comes between the answers.
            self._listening = self._server.proc.thread(partial(self._listen, session))
        if self._listening is not None:
            return
        reply = await session.receive(name)
        if isinstance(reply, Failure) and reply.text.startswith("ERR unknown command"):
            reply = _unknown(self._server.release, words)
        await self._say(reply)
        if self._server.data.dirty != before:
            self._server.written()

    async def _listen(self, session: Session) -> None:
        try:
            while True:
                reply = await session.receive()
                pushed = isinstance(reply, list) and bool(reply) and reply[0] in _PUSHED
                await self._say(reply, pushed)
        except OSError:
            return


def _unknown(release: tuple[int, int], words: list[bytes]) -> Failure:
    """The words for a command that there is not, which changed with the versions."""
    name = words[0].decode(errors="replace")
    if release < (5, 0):
        return Failure(f"ERR unknown command '{name}'")
    rest = "".join(f"'{w.decode(errors='replace')}' " for w in words[1:])
    return Failure(f"ERR unknown command '{name}', with args beginning with: {rest}")


# --- commands that concern the server itself ---------------------------------------------------


async def _ping(server: Server, words: list[bytes]) -> Any:
    if len(words) > 2 or (len(words) == 2 and server.release < (3, 0)):
        return Failure("ERR wrong number of arguments for 'ping' command")
    return words[1] if len(words) == 2 else Status("PONG")


async def _info(server: Server, words: list[bytes]) -> Any:
    return Text(await server.info([word.decode(errors="replace") for word in words[1:]]))


async def _save(server: Server, words: list[bytes]) -> Any:
    trouble = await server.save()
    return OK if trouble is None else Failure("ERR")


async def _bgsave(server: Server, words: list[bytes]) -> Any:
    await server.journal.note("Background saving started")
    server.proc.thread(server.save)
    return Status("Background saving started")


async def _lastsave(server: Server, words: list[bytes]) -> Any:
    return server.last_save


async def _shutdown(server: Server, words: list[bytes]) -> Any:
    how = words[1].decode(errors="replace").lower() if len(words) > 1 else ""
    if how not in {"", "save", "nosave"} or len(words) > 2:
        return Failure("ERR syntax error")
    server.ending.put_nowait(how or "command")
    await asyncio.sleep(0)
    return None


async def _config(server: Server, words: list[bytes]) -> Any:
    texts = [word.decode(errors="replace") for word in words[1:]]
    verb = texts[0].lower() if texts else ""
    if verb == "get" and len(texts) >= 2:
        found: dict[str, str] = {}
        for pattern in texts[1:]:
            found.update(server.config.get(pattern))
        return found
    if verb == "set" and len(texts) == 3:
        name, value = texts[1].lower(), texts[2]
        if name in {"port", "bind", "requirepass"}:
            return Failure(f"ERR CONFIG SET {name} is not supported by the embedded engine")
        try:
            if name == "save":
                server.config.save = ()
            apply(server.config, [name, value], f"{name} {value}", 0)
        except ConfigError as error:
            return Failure(
                f"ERR CONFIG SET failed (possibly related to argument '{name}') - {error}"
            )
        return OK
    if verb == "resetstat":
        server.commands = server.connections = 0
        return OK
    return Failure("ERR wrong number of arguments for 'config' command")


async def _role(server: Server, words: list[bytes]) -> Any:
    return ["master", 0, []]


_Own = Callable[[Server, list[bytes]], Awaitable[Any]]

_OWN: dict[bytes, _Own] = {
    b"ping": _ping, b"info": _info, b"save": _save, b"bgsave": _bgsave, b"lastsave": _lastsave,
    b"shutdown": _shutdown, b"config": _config, b"role": _role,
}  # fmt: skip
