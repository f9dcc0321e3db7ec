"""One client of a Redis server: its commands in turn, and what others publish in between."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from course_lib.engine.interfaces import StreamSocket
from course_lib.engine.userland.servers.redis.dataset import Session
from course_lib.engine.userland.servers.redis.own import OWN
from course_lib.engine.userland.servers.redis.resp import (
    OK,
    CommandReader,
    Failure,
    ProtocolError,
    Status,
    encode,
)
from course_lib.engine.userland.waiting import cancel

if TYPE_CHECKING:
    from course_lib.engine.userland.servers.redis.server import Server

_SUBSCRIBING = {b"subscribe", b"psubscribe", b"ssubscribe"}
_PUSHED = {
    b"subscribe", b"psubscribe", b"ssubscribe", b"unsubscribe", b"punsubscribe", b"sunsubscribe",
    b"message", b"pmessage", b"smessage",
}  # fmt: skip
_UNSUPPORTED = {
    b"slaveof", b"replicaof", b"psync", b"sync", b"cluster", b"monitor", b"migrate",
    b"module", b"failover", b"debug",
}  # fmt: skip


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
            own = OWN.get(name)
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
        recorder = None
        if self._server.recorder is not None and session.will_write(name):
            recorder = self._server.recorder
            if recorder.failed and not await recorder.flush():
                await self._say(
                    Failure(f"MISCONF Errors writing to the AOF file: {recorder.failed}")
                )
                return
            await recorder.before(session.database)
        await session.send(words)
        if name in _SUBSCRIBING and self._listening is None:
            # From now on what others publish comes between the answers.
            self._listening = self._server.proc.thread(partial(self._listen, session))
        if self._listening is not None:
            return
        reply = await session.receive(name)
        if isinstance(reply, Failure) and reply.text.startswith("ERR unknown command"):
            reply = _unknown(self._server.release, words)
        if name == b"select" and reply == OK:
            session.database = int(words[1])
        if recorder is not None:
            await recorder.after(session, words, reply)
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
