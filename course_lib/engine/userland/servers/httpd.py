"""BusyBox's ``httpd``: files of a directory."""

from __future__ import annotations

import asyncio
import errno
from functools import partial
from typing import cast

from course_lib.engine.interfaces import Process
from course_lib.engine.userland import libc, signals
from course_lib.engine.userland.applets import net_options as opt
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.servers import paths, static
from course_lib.engine.userland.servers.http import HttpServer, Request, Response

USAGE = """
[-ifv[v]] [-c CONFFILE] [-p [IP:]PORT] [-h HOME]

Listen for incoming HTTP requests

	-f		Run in foreground
	-v[v]		Verbose
	-p [IP:]PORT	Bind to IP:PORT (default *:80)
	-h HOME		Home directory (default .)
	-c FILE		Configuration file"""

_TYPES = {
    "txt": "text/plain", "h": "text/plain", "c": "text/plain", "htm": "text/html",
    "html": "text/html", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif",
    "png": "image/png", "svg": "image/svg+xml", "css": "text/css", "js": "application/javascript",
    "json": "application/json", "wav": "audio/wav", "mp3": "audio/mpeg", "mp4": "video/mp4",
}  # fmt: skip
_REASONS = {
    302: "Found", 400: "Bad Request", 404: "Not Found", 403: "Forbidden", 501: "Not Implemented",
}  # fmt: skip
_TEXTS = {
    400: "Unsupported method",
    403: "",
    404: "The requested URL was not found",
    501: "Not Implemented",
}

_ORDER = ("date", "connection", "content-type", "accept-ranges", "last-modified", "etag")


def _arrange(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """In the order and with the letters that BusyBox's have."""
    shown = [("Content-type" if n == "Content-Type" else n, value) for n, value in headers]
    known = {name: position for position, name in enumerate(_ORDER)}
    return sorted(shown, key=lambda header: known.get(header[0].lower(), len(_ORDER)))


async def httpd(proc: Process) -> int:
    """Serve files over HTTP."""
    try:
        options = opt.parse(proc.argv[1:], "c:h:u:p:ifvr:e:d:m:", {})
        if options.words or any(o in options for o in "iredmc"):
            raise opt.UsageError
    except opt.UsageError as error:
        return await opt.refuse(proc, "httpd", error, USAGE)
    home = proc.path(options.get("h", "."))
    host, _, port_text = options.get("p", "80").rpartition(":")
    port = libc.port_number(proc, port_text)
    if port is None:
        await proc.err(f"httpd: bad port '{port_text}'\n")
        return 1
    try:
        if not static.is_directory(proc.fs.stat(home)):
            raise OSError(errno.ENOTDIR, "Not a directory")
    except OSError as error:
        await proc.err(f"httpd: can't change directory to '{home}': {libc.strerror(error)}\n")
        return 1
    server = _Httpd(proc, home, verbose=options.count("v"))
    address = host.strip("[]") or "0.0.0.0"
    if "f" in options:
        return await server.run(address, port)

    async def background(child: Process) -> int:
        return await _Httpd(child, home, verbose=0).run(address, port)

    cast(ContainerProcess, proc).fork(background, new_group=True)
    return 0


class _Httpd:
    def __init__(self, proc: Process, home: str, *, verbose: int) -> None:
        self._proc = proc
        self._home = home.rstrip("/")
        self._verbose = verbose
        self._http = HttpServer(
            proc,
            self._answer,
            self._error,
            log=self._log if verbose else None,
            arrange=_arrange,
            keepalive=0,
        )

    async def run(self, address: str, port: int) -> int:
        """Serve until a signal comes."""
        proc = self._proc
        try:
            listener = proc.net.listen(address, port, owner=proc.pid)
        except OSError as error:
            await proc.err(f"httpd: bind: {libc.strerror(error)}\n")
            return 1
        if proc.pid == 1:
            # It has no handler for SIGTERM, so the kernel ignores that for PID 1, and so do we.
            await self._http.serve(listener)
            return 0
        ended: asyncio.Queue[int] = asyncio.Queue()
        proc.on_signal(signals.SIGINT, ended.put_nowait)
        proc.thread(partial(self._http.serve, listener))
        return 128 + await ended.get()

    def _error(self, status: int) -> Response:
        title = f"{status} {_REASONS.get(status, '')}".strip()
        text = _TEXTS.get(status, "")
        body = (
            f"<HTML><HEAD><TITLE>{title}</TITLE></HEAD>\n<BODY><H1>{title}</H1>\n{text}\n"
            "</BODY></HTML>\n"
        ).encode()
        headers = [("Date", self._http.date()), ("Content-Type", "text/html")]
        return Response(status, headers, body, reason=_REASONS.get(status))

    async def _answer(self, request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return self._error(501)
        uri = paths.normalise(request.path)
        if uri is None:
            return self._error(400)
        path = self._home + uri
        try:
            file = static.open_file(self._proc, path)
            if file.kind == "directory":
                file.close()
                if not uri.endswith("/"):
                    response = self._error(302)
                    response.headers.append(("Location", f"{uri}/"))
                    return response
                path += "index.html"
                file = static.open_file(self._proc, path)
            kind = static.content_type(path, _TYPES, "application/octet-stream", None)
            response = await static.serve_file(request, file, kind)
        except OSError as error:
            return self._error(403 if error.errno == errno.EACCES else 404)
        response.headers.insert(0, ("Date", self._http.date()))
        return response

    async def _log(self, request: Request, response: Response, sent: int) -> None:
        host, port = request.peer
        await self._proc.err(f"[::ffff:{host}]:{port}: response:{response.status}\n")
