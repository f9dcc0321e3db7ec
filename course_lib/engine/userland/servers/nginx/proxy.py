"""``proxy_pass``: handing a request on to another server of the container's network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from course_lib.engine.interfaces import Process, StreamSocket
from course_lib.engine.userland import libc
from course_lib.engine.userland.http_client import BadReply, Exchange, Reply
from course_lib.engine.userland.servers.http import Request, Response
from course_lib.engine.userland.servers.nginx.config import ConfigError
from course_lib.engine.userland.servers.nginx.model import Configuration, ProxyPass
from course_lib.engine.userland.waiting import within

_HOP = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te"}
_HIDDEN = {"date", "server", "x-pad", "connection", "keep-alive", "transfer-encoding"}
_CONNECT_TIMEOUT = 60.0


class ProxyFailure(Exception):
    """The other side did not answer: status to give, and what the error log says."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Proxy:
    """Addresses of the servers that a configuration hands requests on to.

    Names are looked up once, when the configuration is read, as nginx does.
    """

    def __init__(self, proc: Process) -> None:
        self._proc = proc
        self._addresses: dict[tuple[str, int], list[tuple[str, int]]] = {}
        self._turn: dict[tuple[str, int], int] = {}

    async def resolve(self, configuration: Configuration) -> None:
        """Look every name up.

        :raises ConfigError: ``host not found in upstream``.
        """
        passes = [
            place.proxy_pass
            for server in configuration.servers
            for place in (server.settings, *(loc.settings for loc in server.locations))
            if place.proxy_pass is not None
        ]
        for target in passes:
            key = (target.host, target.port)
            group = configuration.upstreams.get(target.host)
            servers = group.servers if group else (key,)
            found: list[tuple[str, int]] = []
            for host, port in servers:
                try:
                    found += [(a, port) for a in await libc.getaddrinfo(self._proc, host)]
                except libc.ResolveError:
                    raise ConfigError(
                        f'host not found in upstream "{host}{"" if port == 80 else f":{port}"}" in '
                        f"{target.where.file}:{target.where.line}"
                    ) from None
            self._addresses[key] = found

    def _order(self, target: ProxyPass) -> list[tuple[str, int]]:
        """Addresses to try, the next in turn first."""
        key = (target.host, target.port)
        addresses = self._addresses[key]
        turn = self._turn.get(key, 0)
        self._turn[key] = turn + 1
        start = turn % len(addresses)
        return addresses[start:] + addresses[:start]

    async def forward(
        self,
        target: ProxyPass,
        request: Request,
        path: str,
        headers: Sequence[tuple[str, str]],
    ) -> tuple[Response, str]:
        """Ask the other server; returns its answer and its address.

        :param headers: those that the configuration sets, in place of the client's own.
        :raises ProxyFailure: nobody answered.
        """
        failure = ProxyFailure(502, "no live upstreams")
        for address, port in self._order(target):
            url = f'upstream: "http://{address}:{port}{path}"'
            try:
                stream = await within(
                    self._proc,
                    _CONNECT_TIMEOUT,
                    lambda a=address, p=port: self._connect(a, p),  # type: ignore[misc]
                )
            except TimeoutError:
                failure = ProxyFailure(
                    504,
                    "upstream timed out (110: Connection timed out) while connecting to "
                    f"upstream, {url}",
                )
                continue
            except OSError as error:
                reason = f"({error.errno}: {error.strerror})"
                failure = ProxyFailure(
                    502, f"connect() failed {reason} while connecting to upstream, {url}"
                )
                continue
            try:
                reply = await Exchange(stream).request(
                    request.method, path, _headers(request, target, headers), request.body
                )
            except (BadReply, OSError) as error:
                stream.close()
                what = (
                    "upstream prematurely closed connection"
                    if isinstance(error, OSError) or error.empty
                    else "upstream sent invalid header"
                )
                raise ProxyFailure(
                    502, f"{what} while reading response header from upstream, {url}"
                ) from None
            return _response(reply, stream), f"{address}:{port}"
        raise failure

    async def _connect(self, address: str, port: int) -> StreamSocket:
        return await self._proc.net.connect(address, port, owner=self._proc.pid)


def _headers(
    request: Request, target: ProxyPass, given: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    replaced = {name.lower() for name, _ in given}
    host = target.host if target.port == 80 else f"{target.host}:{target.port}"
    headers = [] if "host" in replaced else [("Host", host)]
    headers += [("Host", v) for n, v in given if n.lower() == "host"]
    headers.append(("Connection", "close"))
    headers += [(n, v) for n, v in given if n.lower() not in {"host", "connection"} and v]
    skipped = _HOP | replaced | {"host", "content-length", "expect"}
    headers += [(n.title(), v) for n, v in request.headers.items() if n not in skipped]
    if request.body or "content-length" in request.headers:
        headers.append(("Content-Length", str(len(request.body))))
    return headers


def _response(reply: Reply, stream: StreamSocket) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        try:
            async for chunk in reply.body():
                yield chunk
        except BadReply:
            return
        finally:
            stream.close()

    headers = [(n, v) for n, v in reply.headers if n.lower() not in _HIDDEN]
    return Response(reply.status, headers, pieces(), length=reply.length, reason=reply.reason)
