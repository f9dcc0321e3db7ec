"""From a request to its answer: which server, which location, what it says there."""

from __future__ import annotations

import errno
import posixpath
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import quote

from course_lib.engine.interfaces import OpenFile, Process
from course_lib.engine.userland.servers import paths, static
from course_lib.engine.userland.servers.http import Request, Response
from course_lib.engine.userland.servers.nginx import pages
from course_lib.engine.userland.servers.nginx.model import (
    Configuration,
    Location,
    Settings,
    VirtualServer,
)
from course_lib.engine.userland.servers.nginx.proxy import Proxy, ProxyFailure
from course_lib.engine.userland.servers.nginx.variables import Context, compile_template

_MAX_INTERNAL = 10
_REDIRECTS = {301, 302, 303, 307, 308}


class _Status(Exception):
    """Answer with a status page; ``headers`` go with it."""

    def __init__(self, status: int, headers: list[tuple[str, str]] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers or []


ErrorLog = Callable[[Context, str], Awaitable[None]]


class Site:
    """Answers requests as a configuration says.

    :param error: writes a line about a request to the error log.
    """

    def __init__(
        self, proc: Process, configuration: Configuration, proxy: Proxy, version: str,
        error: ErrorLog,
    ) -> None:  # fmt: skip
        self._proc = proc
        self._configuration = configuration
        self._proxy = proxy
        self._version = version
        self._error = error
        self._connections = 0

    # --- choosing ----------------------------------------------------------------------------

    def server_for(self, port: int, host: str) -> VirtualServer:
        """The server block for a port and a ``Host`` header."""
        there = [
            server
            for server in self._configuration.servers
            if any(listen[1] == port for listen in server.listens)
        ]
        if not there:
            return self._configuration.servers[0]
        for fits in (_exact, _wildcard, _regex):
            for server in there:
                if any(fits(name, host) for name in server.names):
                    return server
        for server in there:
            if any(listen[1] == port and listen[2] for listen in server.listens):
                return server
        return there[0]

    @staticmethod
    def location_for(server: VirtualServer, uri: str) -> Location | None:
        """nginx's order: exact, longest prefix (final with ``^~``), first regular expression."""
        best: Location | None = None
        for location in server.locations:
            if location.modifier == "=" and location.pattern == uri:
                return location
            fits = location.modifier in {"", "^~"} and uri.startswith(location.pattern)
            if fits and (best is None or len(location.pattern) > len(best.pattern)):
                best = location
        if best is not None and best.modifier == "^~":
            return best
        for location in server.locations:
            if location.regex is not None and location.regex.search(uri):
                return location
        return best

    # --- answering ---------------------------------------------------------------------------

    def context(self, request: Request | None, time_ns: int) -> Context:
        """What variables see of a request; of none where it could not be read."""
        self._connections += 1
        request = request or Request("", "", "1.1", {}, b"", ("", 0), ("", 0))
        host = request.headers.get("host", "").partition(":")[0].lower()
        server = self.server_for(request.local[1], host)
        return Context(
            request, "", host or server.names[0], server.names[0], server.settings.root,
            self._proc.machine.hostname, self._proc.pid, self._connections, time_ns, self._version,
        )  # fmt: skip

    async def answer(self, request: Request, context: Context) -> tuple[Response, Settings]:
        """The answer, and the settings of the place that gave it (for its logs)."""
        server = self.server_for(request.local[1], context.host)
        settings = server.settings
        try:
            if request.method == "TRACE":
                raise _Status(405)
            uri = paths.normalise(request.path)
            if uri is None:
                raise _Status(400)
            context.uri = uri
            response, settings = await self._route(server, context, settings, 0)
        except _Status as status:
            response = await self._failed(server, context, settings, status)
        return response, settings

    async def _route(
        self, server: VirtualServer, context: Context, settings: Settings, depth: int
    ) -> tuple[Response, Settings]:
        if depth > _MAX_INTERNAL:
            await self._error(
                context, f'rewrite or internal redirection cycle while processing "{context.uri}"'
            )
            raise _Status(500)
        if server.settings.returns is not None:
            return self._return(server.settings, context), server.settings
        location = self.location_for(server, context.uri)
        settings = location.settings if location is not None else server.settings
        context.root = settings.root
        try:
            response = await self._content(server, location, settings, context, depth)
        except _Status as status:
            response = await self._failed(server, context, settings, status, depth)
        return self._decorated(response, settings, context), settings

    async def _content(
        self,
        server: VirtualServer,
        location: Location | None,
        settings: Settings,
        context: Context,
        depth: int,
    ) -> Response:
        if settings.returns is not None:
            return self._return(settings, context)
        if settings.denied:
            await self._error(context, "access forbidden by rule")
            raise _Status(403)
        if settings.try_files:
            return await self._try_files(server, location, settings, context, depth)
        if settings.proxy_pass is not None:
            return await self._forward(location, settings, context)
        return await self._file(server, location, settings, context, depth)

    def _decorated(self, response: Response, settings: Settings, context: Context) -> Response:
        for name, template, always in settings.headers:
            if always or response.status in {200, 201, 204, 206, 301, 302, 303, 304, 307, 308}:
                value = compile_template(template)(context)
                if value:
                    response.headers.append((name, value))
        return response

    def _signature(self, settings: Settings) -> str:
        return f"nginx/{self._version}" if settings.server_tokens else "nginx"

    def server_header(self, settings: Settings) -> str:
        """Value of the ``Server`` header."""
        return self._signature(settings)

    def status_response(self, status: int, settings: Settings) -> Response:
        """nginx's own page for a status."""
        body = pages.status_page(status, self._signature(settings))
        return Response(status, [("Content-Type", "text/html")], body)

    async def _failed(
        self,
        server: VirtualServer,
        context: Context,
        settings: Settings,
        status: _Status,
        depth: int = 0,
    ) -> Response:
        page = settings.error_pages.get(status.status)
        if page is not None and depth < _MAX_INTERNAL and page.uri.startswith("/"):
            inner = replace(context, uri=page.uri)
            inner.request = replace(
                context.request, method="GET" if context.request.method != "HEAD" else "HEAD",
                headers={k: v for k, v in context.request.headers.items() if k != "range"},
            )  # fmt: skip
            calm = replace(server, settings=replace(server.settings, returns=None, error_pages={}))
            response, _ = await self._route(calm, inner, settings, depth + 1)
            if page.status is None:
                response.status = status.status
            elif page.status:
                response.status = page.status
            response.headers += status.headers
            return response
        if page is not None and page.uri.startswith(("http://", "https://")):
            response = self.status_response(302, settings)
            response.headers.append(("Location", page.uri))
            return response
        response = self.status_response(status.status, settings)
        response.headers += status.headers
        return response

    def _return(self, settings: Settings, context: Context) -> Response:
        assert settings.returns is not None
        status, text = settings.returns
        value = compile_template(text)(context)
        if status in _REDIRECTS:
            response = self.status_response(status, settings)
            response.headers.append(("Location", self._absolute(value, settings, context)))
            return response
        if status == 444:
            return Response(444, [], b"", close=True)
        if not text:
            if status < 300:
                return Response(status, [("Content-Type", settings.default_type)])
            raise _Status(status)
        kind = static.content_type(
            context.uri, settings.types, settings.default_type, settings.charset
        )
        return Response(status, [("Content-Type", kind)], value.encode())

    def _absolute(self, target: str, settings: Settings, context: Context) -> str:
        if not target.startswith("/") or not settings.absolute_redirect:
            return target
        port = context.request.local[1]
        return f"http://{context.host}{'' if port == 80 else f':{port}'}{target}"

    # --- files -------------------------------------------------------------------------------

    @staticmethod
    def _path(location: Location | None, settings: Settings, uri: str) -> str:
        if settings.alias is not None and location is not None:
            if location.regex is not None:
                match = location.regex.search(uri)
                if match is not None:
                    groups = {str(i): g or "" for i, g in enumerate(match.groups(), 1)}
                    return re.sub(r"\$(\d)", lambda m: groups.get(m[1], ""), settings.alias)
            return settings.alias + uri[len(location.pattern) :]
        return settings.root.rstrip("/") + uri

    async def _file(
        self,
        server: VirtualServer,
        location: Location | None,
        settings: Settings,
        context: Context,
        depth: int,
    ) -> Response:
        request = context.request
        if request.method not in {"GET", "HEAD"}:
            raise _Status(405)
        path = self._path(location, settings, context.uri)
        if context.uri.endswith("/"):
            return await self._index(server, location, settings, context, path, depth)
        try:
            file = static.open_file(self._proc, path)
        except OSError as error:
            await self._error(context, f'open() "{path}" failed ({error.errno}: {error.strerror})')
            raise _Status(_status_of(error)) from None
        if file.kind == "directory":
            file.close()
            target = self._absolute(quote(context.uri) + "/", settings, context)
            raise _Status(301, [("Location", target)])
        return await self._serve(settings, context, path, file)

    async def _serve(
        self, settings: Settings, context: Context, path: str, file: OpenFile
    ) -> Response:
        kind = static.content_type(path, settings.types, settings.default_type, settings.charset)
        response = await static.serve_file(context.request, file, kind)
        if response.status == 416:
            raise _Status(416, response.headers)
        return response

    async def _index(
        self,
        server: VirtualServer,
        location: Location | None,
        settings: Settings,
        context: Context,
        path: str,
        depth: int,
    ) -> Response:
        fs = self._proc.fs
        for name in settings.index:
            candidate = posixpath.join(path, name)
            try:
                file = static.open_file(self._proc, candidate)
            except OSError as error:
                if error.errno in {errno.ENOENT, errno.ENOTDIR}:
                    if name == settings.index[-1] and not _exists(self._proc, path):
                        await self._error(
                            context,
                            f'"{candidate}" is not found ({error.errno}: {error.strerror})',
                        )
                        raise _Status(404) from None
                    continue
                await self._error(
                    context, f'"{candidate}" is forbidden ({error.errno}: {error.strerror})'
                )
                raise _Status(_status_of(error)) from None
            if file.kind == "directory":
                file.close()
                continue
            # An index file is an internal redirect: another location may serve it.
            context.uri += name
            other = self.location_for(server, context.uri)
            if other is not location:
                file.close()
                response, _ = await self._route(server, context, settings, depth + 1)
                return response
            return await self._serve(settings, context, candidate, file)
        if settings.autoindex:
            try:
                entries = []
                for entry in fs.listdir(path):
                    if entry.startswith("."):
                        continue
                    info = fs.stat(posixpath.join(path, entry), follow=True)
                    entries.append((entry, static.is_directory(info), info.size, info.mtime_ns))
            except OSError as error:
                raise _Status(_status_of(error)) from None
            return Response(
                200, [("Content-Type", "text/html")], pages.listing(context.uri, entries)
            )
        await self._error(context, f'directory index of "{path}" is forbidden')
        raise _Status(403)

    async def _try_files(
        self,
        server: VirtualServer,
        location: Location | None,
        settings: Settings,
        context: Context,
        depth: int,
    ) -> Response:
        *candidates, last = settings.try_files
        plain = replace(settings, try_files=())
        for template in candidates:
            uri = compile_template(template)(context)
            path = self._path(location, settings, uri if uri.startswith("/") else f"/{uri}")
            try:
                found = self._proc.fs.stat(path.rstrip("/") or "/")
            except OSError:
                continue
            if static.is_directory(found) != uri.endswith("/"):
                continue
            context.uri = uri
            return await self._content(server, location, plain, context, depth + 1)
        if last.startswith("="):
            raise _Status(int(last[1:]) if last[1:].isdigit() else 404)
        if last.startswith("@"):
            named = next((loc for loc in server.locations if loc.pattern == last), None)
            if named is None:
                await self._error(context, f'could not find named location "{last}"')
                raise _Status(500)
            return await self._content(server, named, named.settings, context, depth + 1)
        context.uri = compile_template(last)(context).partition("?")[0]
        response, _ = await self._route(server, context, settings, depth + 1)
        return response

    # --- proxying ----------------------------------------------------------------------------

    async def _forward(
        self, location: Location | None, settings: Settings, context: Context
    ) -> Response:
        target = settings.proxy_pass
        assert target is not None
        request = context.request
        if target.uri is None:
            path = request.target
        else:
            rest = context.uri
            if location is not None and location.regex is None:
                rest = rest[len(location.pattern) :]
            path = target.uri + quote(rest, safe="/%:@!$&'()*+,;=~-._")
            path += f"?{request.query}" if request.query else ""
        headers = [(n, compile_template(v)(context)) for n, v in settings.proxy_headers]
        try:
            response, context.upstream = await self._proxy.forward(target, request, path, headers)
        except ProxyFailure as failure:
            await self._error(context, str(failure))
            raise _Status(failure.status) from None
        return response


def _exists(proc: Process, path: str) -> bool:
    try:
        return static.is_directory(proc.fs.stat(path))
    except OSError:
        return False


def _status_of(error: OSError) -> int:
    if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP}:
        return 404
    return 403 if error.errno in {errno.EACCES, errno.EPERM} else 500


def _exact(name: str, host: str) -> bool:
    return name.lower() == host or (name.startswith(".") and host == name[1:].lower())


def _wildcard(name: str, host: str) -> bool:
    if name.startswith(("*.", ".")):
        return host.endswith("." + name.lstrip("*.").lower())
    return name.endswith(".*") and host.startswith(name[:-1].lower())


def _regex(name: str, host: str) -> bool:
    if not name.startswith("~"):
        return False
    try:
        return re.search(name[1:], host, re.IGNORECASE) is not None
    except re.error:
        return False
