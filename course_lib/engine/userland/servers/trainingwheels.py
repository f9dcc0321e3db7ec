"""The application of the service-discovery lesson: counts its visits in a Redis named ``redis``."""

from __future__ import annotations

import asyncio
import html
import os
from datetime import UTC, datetime
from functools import partial

from course_lib.engine.interfaces import Process, StreamSocket
from course_lib.engine.userland import libc, signals
from course_lib.engine.userland.servers.http import HttpServer, Request, Response
from course_lib.engine.userland.servers.redis.resp import Failure, ReplyReader, encode_command
from course_lib.engine.userland.waiting import within

PORT = 5000
REDIS, REDIS_PORT = "redis", 6379
_PATIENCE = 10.0
"""Seconds for an answer of Redis; a busy machine is no reason to say that there is none."""


class CounterError(Exception):
    """The visit counter could not be reached; the message is for the page."""


class Counter:
    """Visits by host name, in a hash of the Redis that ``redis`` leads to just now."""

    def __init__(self, proc: Process) -> None:
        self._proc = proc

    async def visit(self, host: str) -> dict[str, int]:
        """Count one more visit for ``host``; all hosts with their visits.

        :raises CounterError: no Redis could be found, reached or understood.
        """
        try:
            return await within(self._proc, _PATIENCE, partial(self._visit, host))
        except TimeoutError:
            raise CounterError(f"Timeout connecting to {REDIS}:{REDIS_PORT}.") from None
        except libc.ResolveError as error:
            code, reason = (
                (-3, "Temporary failure in name resolution")
                if error.temporary
                else (-2, "Name or service not known")
            )
            raise CounterError(
                f"Error {code} connecting to {REDIS}:{REDIS_PORT}. {reason}."
            ) from None
        except OSError as error:
            raise CounterError(
                f"Error {error.errno} connecting to {REDIS}:{REDIS_PORT}. "
                f"{os.strerror(error.errno or 0)}."
            ) from None

    async def _visit(self, host: str) -> dict[str, int]:
        address = (await libc.getaddrinfo(self._proc, REDIS))[0]
        stream = await self._proc.net.connect(address, REDIS_PORT, owner=self._proc.pid)
        try:
            await self._ask(stream, b"HINCRBY", b"visits", host.encode(), b"1")
            flat = await self._ask(stream, b"HGETALL", b"visits")
        finally:
            stream.close()
        return {flat[i].decode(): int(flat[i + 1]) for i in range(0, len(flat), 2)}

    async def _ask(self, stream: StreamSocket, *words: bytes) -> list[bytes]:
        await stream.write(encode_command(words))
        reader = ReplyReader()
        while (reply := reader.next()) is None:
            data = await stream.read()
            if not data:
                raise CounterError("Redis closed the connection.")
            reader.feed(data)
        if isinstance(reply[0], Failure):
            raise CounterError(f"Redis says: {reply[0].text}")
        return reply[0] if isinstance(reply[0], list) else []


def _page(title: str, body: str) -> bytes:
    return (
        f"<!DOCTYPE html>\n<html>\n<head>\n<title>{title}</title>\n</head>\n<body>\n"
        f"<h1>{title}</h1>\n{body}</body>\n</html>\n"
    ).encode()


async def python3(proc: Process) -> int:
    """The interpreter of that image: it runs the application, and nothing else."""
    words = [w for w in proc.argv[1:] if w != "-u"]
    if words in (["--version"], ["-V"]):
        await proc.out("Python 3.6.5\n")
        return 0
    if len(words) != 1 or words[0].rpartition("/")[2] != "trainingwheels.py":
        await proc.err("python3: only trainingwheels.py is supported by the embedded engine\n")
        return 1
    if not proc.fs.access(proc.path(words[0]), os.R_OK):
        await proc.err(
            f"python3: can't open file '{words[0]}': [Errno 2] No such file or directory\n"
        )
        return 2
    return await trainingwheels(proc)


async def trainingwheels(proc: Process) -> int:
    """Serve the counting page until a signal comes."""
    app = _App(proc)
    ended: asyncio.Queue[int] = asyncio.Queue()
    for signum in (signals.SIGTERM, signals.SIGINT):
        proc.on_signal(signum, ended.put_nowait)
    try:
        listener = proc.net.listen("0.0.0.0", PORT, owner=proc.pid)
    except OSError as error:
        await proc.err(f"{error.strerror}\nPort {PORT} is in use by another program.\n")
        return 1
    await proc.err(f" * Running on http://0.0.0.0:{PORT}/ (Press CTRL+C to quit)\n")
    proc.thread(partial(app.http.serve, listener))
    return 128 + await ended.get()


class _App:
    def __init__(self, proc: Process) -> None:
        self._proc = proc
        self._counter = Counter(proc)
        self.http = HttpServer(proc, self._answer, self._refused, log=self._log, keepalive=0)

    def _refused(self, status: int) -> Response:
        return Response(status, [("Content-Type", "text/html; charset=utf-8")], b"")

    async def _answer(self, request: Request) -> Response:
        if request.path != "/":
            status, body = 404, _page("Not Found", "<p>There is one page here: <b>/</b></p>\n")
        elif request.method not in {"GET", "HEAD"}:
            status, body = 405, _page("Method Not Allowed", "")
        else:
            status, body = await self._count()
        headers = [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Server", "Werkzeug/0.14.1 Python/3.6.5"),
            ("Date", self.http.date()),
        ]
        return Response(status, headers, body, reason={405: "METHOD NOT ALLOWED"}.get(status))

    async def _count(self) -> tuple[int, bytes]:
        me = self._proc.machine.hostname
        try:
            visits = await self._counter.visit(me)
        except CounterError as error:
            await self._proc.err(f"redis.exceptions.ConnectionError: {error}\n")
            return 500, _page(
                "The visit counter is not available",
                f"<p><code>{html.escape(str(error))}</code></p>\n"
                f"<p>This application looks up the name <b>{REDIS}</b> and expects a Redis server "
                "there.</p>\n",
            )
        mine, total = visits.get(me, 0), sum(visits.values())
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{count}</td></tr>\n"
            for name, count in sorted(visits.items(), key=lambda row: -row[1])
        )
        plural = "" if mine == 1 else "s"
        return 200, _page(
            "Training wheels",
            f"<p>This request was served by <b>{html.escape(me)}</b>.</p>\n"
            f"<p>{html.escape(me)} served <b>{mine}</b> request{plural} so far, all together "
            f"<b>{total}</b>.</p>\n<table>\n{rows}</table>\n",
        )

    async def _log(self, request: Request, response: Response, sent: int) -> None:
        now = datetime.fromtimestamp(self._proc.machine.clock.time_ns() / 1e9, UTC)
        await self._proc.err(
            f'{request.peer[0]} - - [{now:%d/%b/%Y %H:%M:%S}] "{request.line}" '
            f"{response.status} -\n"
        )
