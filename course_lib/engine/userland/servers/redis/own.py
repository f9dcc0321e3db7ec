"""Redis' commands that concern the server itself: saving, its settings, its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from course_lib.engine.userland.servers.redis.config import ConfigError, apply
from course_lib.engine.userland.servers.redis.resp import OK, Failure, Status, Text

if TYPE_CHECKING:
    from course_lib.engine.userland.servers.redis.server import Server


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


async def _bgrewriteaof(server: Server, words: list[bytes]) -> Any:
    if server.recorder is None:
        return Failure(
            "ERR BGREWRITEAOF without an append only file is not supported by the embedded engine"
        )
    await server.journal.note("Background append only file rewriting started")
    server.proc.thread(server.recorder.rewrite)
    return Status("Background append only file rewriting started")


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
        if name in {"port", "bind", "requirepass", "appendfilename", "appenddirname"}:
            return Failure(f"ERR CONFIG SET {name} is not supported by the embedded engine")
        try:
            if name == "save":
                server.config.save = ()
            apply(server.config, [name, value], f"{name} {value}", 0)
        except ConfigError as error:
            return Failure(
                f"ERR CONFIG SET failed (possibly related to argument '{name}') - {error}"
            )
        return await _follow(server) if name == "appendonly" else OK
    if verb == "resetstat":
        server.commands = server.connections = 0
        return OK
    return Failure("ERR wrong number of arguments for 'config' command")


async def _follow(server: Server) -> Any:
    """``CONFIG SET appendonly``: begin or end the file, as is now configured."""
    if not server.config.appendonly:
        server.stop_recording()
    elif server.recorder is None:
        trouble = await server.start_recording()
        if trouble is not None:
            server.config.appendonly = False
            await server.journal.note(f"Unable to turn on the append only file: {trouble}", "#")
            return Failure("ERR Unable to turn on AOF. Check server logs.")
    return OK


async def _role(server: Server, words: list[bytes]) -> Any:
    return ["master", 0, []]


_Own = Callable[["Server", list[bytes]], Awaitable[Any]]

OWN: dict[bytes, _Own] = {
    b"ping": _ping, b"info": _info, b"save": _save, b"bgsave": _bgsave,
    b"bgrewriteaof": _bgrewriteaof, b"lastsave": _lastsave,
    b"shutdown": _shutdown, b"config": _config, b"role": _role,
}  # fmt: skip
