"""Tomcat, as far as files of web applications go: ``catalina.sh run`` serves ``webapps`` at 8080.

Servlets and JSP pages need Java and are refused with 501.
"""

from __future__ import annotations

import asyncio
import errno
import html
import os
import posixpath
from datetime import UTC, datetime
from functools import partial

from course_lib.engine.interfaces import Process
from course_lib.engine.userland import signals
from course_lib.engine.userland.servers import paths, static
from course_lib.engine.userland.servers.http import HttpServer, Request, Response

VERSION = "11.0.2"
PORT = 8080

_TYPES = {
    "html": "text/html", "htm": "text/html", "txt": "text/plain", "css": "text/css",
    "js": "text/javascript", "json": "application/json", "xml": "application/xml",
    "png": "image/png", "gif": "image/gif", "jpg": "image/jpeg", "jpeg": "image/jpeg",
    "svg": "image/svg+xml", "ico": "image/x-icon", "pdf": "application/pdf",
    "zip": "application/zip", "jar": "application/java-archive",
}  # fmt: skip
_REASONS = {302: "Found", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed",
            403: "Forbidden", 501: "Not Implemented"}  # fmt: skip
_DESCRIPTIONS = {
    400: "The server cannot process the request because the client sent something malformed.",
    403: "The server understood the request and refuses to fulfil it.",
    404: "There is nothing at the requested address.",
    405: "This method is not supported for the requested address.",
    501: "Servlets and JSP pages are not supported by the embedded engine.",
}
_USAGE = """Usage: catalina.sh ( commands ... )
commands:
  run               Start Catalina in the current window
  start             Start Catalina in a separate window
  stop              Stop Catalina
  version           What version of tomcat are you running?
"""


async def catalina(proc: Process) -> int:
    """``catalina.sh``."""
    match proc.argv[1:]:
        case ["run"]:
            return await _Tomcat(proc).run()
        case ["version"]:
            await proc.out(f"Server version: Apache Tomcat/{VERSION}\n")
            return 0
        case ["start" | "stop", *_]:
            await proc.err("catalina.sh: only 'run' is supported by the embedded engine\n")
            return 1
        case _:
            await proc.out(_USAGE)
            return 1


class _Tomcat:
    def __init__(self, proc: Process) -> None:
        self._proc = proc
        self._home = proc.env.get("CATALINA_HOME", "/usr/local/tomcat")
        self._http = HttpServer(proc, self._answer, self._error, log=self._access, keepalive=20.0)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._proc.machine.clock.time_ns() / 1e9, UTC)

    async def _append(self, name: str, line: str) -> None:
        """Append to a file of ``logs``; a log that cannot be written stops nobody."""
        path = f"{self._home}/logs/{name}"
        try:
            file = self._proc.fs.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        except OSError:
            return
        try:
            await file.write(f"{line}\n".encode())
        except OSError:
            return
        finally:
            file.close()

    async def _note(self, source: str, message: str) -> None:
        now = self._now()
        stamp = now.strftime("%d-%b-%Y %H:%M:%S.") + f"{now.microsecond // 1000:03}"
        line = f"{stamp} INFO [main] org.apache.{source} {message}"
        await self._proc.err(f"{line}\n")
        await self._append(f"catalina.{now:%Y-%m-%d}.log", line)

    async def run(self) -> int:
        """Serve until a signal comes."""
        proc = self._proc
        began = proc.machine.clock.monotonic()
        ended: asyncio.Queue[int] = asyncio.Queue()
        for signum in (signals.SIGTERM, signals.SIGINT, signals.SIGHUP):
            proc.on_signal(signum, ended.put_nowait)
        startup = "catalina.startup.VersionLoggerListener.log"
        await self._note(startup, f"Server version name:   Apache Tomcat/{VERSION}")
        await self._note(startup, f"CATALINA_HOME:         {self._home}")
        try:
            listener = proc.net.listen("0.0.0.0", PORT, owner=proc.pid)
        except OSError as error:
            await proc.err(
                "org.apache.catalina.LifecycleException: Protocol handler initialization failed: "
                f"java.net.BindException: {error.strerror}\n"
            )
            return 1
        await self._note(
            "coyote.AbstractProtocol.init", f'Initializing ProtocolHandler ["http-nio-{PORT}"]'
        )
        for name in self._applications():
            await self._note(
                "catalina.startup.HostConfig.deployDirectory",
                f"Deployment of web application directory [{self._home}/webapps/{name}] has "
                "finished",
            )
        await self._note(
            "coyote.AbstractProtocol.start", f'Starting ProtocolHandler ["http-nio-{PORT}"]'
        )
        took = round((proc.machine.clock.monotonic() - began) * 1000)
        await self._note(
            "catalina.startup.Catalina.start", f"Server startup in [{took}] milliseconds"
        )
        proc.thread(partial(self._http.serve, listener))
        signum = await ended.get()
        await self._note(
            "coyote.AbstractProtocol.pause", f'Pausing ProtocolHandler ["http-nio-{PORT}"]'
        )
        listener.close()
        self._http.close()
        return 128 + signum

    def _applications(self) -> list[str]:
        root = f"{self._home}/webapps"
        fs = self._proc.fs
        try:
            names = sorted(fs.listdir(root))
            return [name for name in names if static.is_directory(fs.stat(f"{root}/{name}"))]
        except OSError:
            return []

    def _error(self, status: int) -> Response:
        title = f"HTTP Status {status} – {_REASONS.get(status, '')}"
        body = (
            f'<!doctype html><html lang="en"><head><title>{title}</title></head><body>'
            f"<h1>{title}</h1><hr><p><b>Description</b> "
            f"{html.escape(_DESCRIPTIONS.get(status, ''))}</p><hr>"
            f"<h3>Apache Tomcat/{VERSION}</h3></body></html>"
        ).encode()
        headers = [
            ("Content-Type", "text/html;charset=utf-8"),
            ("Content-Language", "en"),
            ("Date", self._http.date()),
        ]
        return Response(status, headers, body, reason="")

    async def _answer(self, request: Request) -> Response:
        uri = paths.normalise(request.path)
        if uri is None:
            return self._error(400)
        if request.method not in {"GET", "HEAD", "POST"}:
            return self._error(405)
        parts = [part for part in uri.split("/") if part]
        if {"WEB-INF", "META-INF"} & set(parts):
            return self._error(404)
        webapps = f"{self._home}/webapps"
        context = parts[0] if parts and parts[0] in self._applications() else "ROOT"
        inside = parts[1:] if context != "ROOT" else parts
        path = posixpath.join(webapps, context, *inside)
        fs = self._proc.fs
        try:
            file = static.open_file(self._proc, path)
            if file.kind == "directory":
                file.close()
                if not uri.endswith("/"):
                    response = self._error(302)
                    response.headers.append(("Location", f"{uri}/"))
                    response.body = b""
                    return response
                path = next(
                    candidate
                    for candidate in (f"{path}/{n}" for n in ("index.html", "index.htm"))
                    if fs.access(candidate, os.F_OK)
                )
                file = static.open_file(self._proc, path)
            elif path.endswith((".jsp", ".jspx")):
                file.close()
                return self._error(501)
            kind = static.content_type(path, _TYPES, "application/octet-stream", None)
            response = await static.serve_file(request, file, kind)
        except StopIteration:
            return self._error(404)
        except OSError as error:
            return self._error(403 if error.errno == errno.EACCES else 404)
        response.headers.append(("Date", self._http.date()))
        response.reason = ""
        return response

    async def _access(self, request: Request, response: Response, sent: int) -> None:
        now = self._now()
        line = (
            f"{request.peer[0]} - - [{now:%d/%b/%Y:%H:%M:%S +0000}] "
            f'"{request.line}" {response.status} {sent or "-"}'
        )
        await self._append(f"localhost_access_log.{now:%Y-%m-%d}.txt", line)
