"""nginx's worker process: it answers the requests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from course_lib.engine.interfaces import Listener, Process
from course_lib.engine.userland import signals
from course_lib.engine.userland.servers.http import HttpServer, Request, Response
from course_lib.engine.userland.servers.nginx import pages
from course_lib.engine.userland.servers.nginx.logs import Logs
from course_lib.engine.userland.servers.nginx.model import Configuration, Settings
from course_lib.engine.userland.servers.nginx.proxy import Proxy
from course_lib.engine.userland.servers.nginx.site import Site
from course_lib.engine.userland.servers.nginx.variables import Context, compile_log
from course_lib.engine.userland.waiting import cancel

_ORDER = {
    "server": 0, "date": 1, "content-type": 2, "content-length": 3, "location": 4,
    "last-modified": 5, "connection": 6, "etag": 7,
}  # fmt: skip


def _arrange(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(headers, key=lambda header: _ORDER.get(header[0].lower(), 8))


class Worker:
    """Serves the listeners of the master until it is told to stop.

    :param proxy: with the addresses that the master looked up.
    :param logs: open with the rights of the master.
    """

    def __init__(
        self,
        proc: Process,
        configuration: Configuration,
        listeners: Sequence[Listener],
        proxy: Proxy,
        version: str,
        logs: Logs,
    ) -> None:
        self._proc = proc
        self._configuration = configuration
        self._listeners = listeners
        self._logs = logs
        self._site = Site(proc, configuration, proxy, version, self._error)
        self._contexts: dict[int, tuple[Context, Settings, float]] = {}
        self._stop = asyncio.Event()
        self._graceful = False
        settings = configuration.http
        self._http = HttpServer(
            proc,
            self._answer,
            self._refused,
            log=self._access,
            arrange=_arrange,
            keepalive=min(
                [s.settings.keepalive for s in configuration.servers] or [settings.keepalive]
            ),
            max_body=max(
                [s.settings.max_body for s in configuration.servers] or [settings.max_body]
            ),
        )

    async def run(self) -> int:
        """Serve; the exit code of the process."""
        proc = self._proc
        proc.on_signal(signals.SIGQUIT, lambda _s: self._end(graceful=True))
        proc.on_signal(signals.SIGTERM, lambda _s: self._end(graceful=False))
        proc.on_signal(signals.SIGINT, lambda _s: self._end(graceful=False))
        proc.on_signal(signals.NUMBERS["USR1"], lambda _s: self._logs.close())
        proc.on_signal(signals.SIGHUP, "ignore")
        accepting = [proc.thread(partial(self._http.serve, each)) for each in self._listeners]
        try:
            await self._stop.wait()
            await cancel(*accepting)
            if self._graceful:
                await self._notice("gracefully shutting down")
                await self._http.drain()
            else:
                self._http.close()
            await self._notice("exiting")
            await self._notice("exit")
        finally:  # also when killed: the container's output ends with its last open handle
            self._logs.close()
        return 0

    def _end(self, *, graceful: bool) -> None:
        self._graceful = graceful
        self._stop.set()

    async def _notice(self, message: str) -> None:
        await self._logs.error(self._configuration.error_log, "notice", message)

    async def _error(self, context: Context, message: str) -> None:
        request = context.request
        level = "error"
        host = f', host: "{request.headers["host"]}"' if "host" in request.headers else ""
        settings = self._site.server_for(request.local[1], context.host).settings
        await self._logs.error(
            settings.error_log, level,
            f"*{context.connection} {message}, client: {request.peer[0]}, server: "
            f'{context.server_name}, request: "{request.line}"{host}',
        )  # fmt: skip

    async def _answer(self, request: Request) -> Response:
        clock = self._proc.machine.clock
        context = self._site.context(request, clock.time_ns())
        began = clock.monotonic()
        response, settings = await self._site.answer(request, context)
        response.headers = [
            ("Server", self._site.server_header(settings)),
            ("Date", self._http.date()),
            *response.headers,
        ]
        self._contexts[id(request)] = (context, settings, began)
        return response

    def _refused(self, status: int) -> Response:
        settings = self._configuration.http
        shown = 400 if status == 431 else status
        signature = self._site.server_header(settings)
        headers = [
            ("Server", signature),
            ("Date", self._http.date()),
            ("Content-Type", "text/html"),
        ]
        return Response(shown, headers, pages.status_page(shown, signature))

    async def _access(self, request: Request, response: Response, sent: int) -> None:
        context, settings, began = self._contexts.pop(id(request))
        context.status, context.sent = response.status, sent
        if not settings.access_logs:
            return
        clock = self._proc.machine.clock
        context.time_ns = clock.time_ns()
        context.elapsed = clock.monotonic() - began
        for log in settings.access_logs:
            await self._logs.write(log.path, compile_log(log.format)(context))
