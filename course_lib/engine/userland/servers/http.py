"""An HTTP/1.1 server over a container's network; h11 parses, this file moves the bytes."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from course_lib.engine.interfaces import Listener, Process, StreamSocket

if TYPE_CHECKING:
    import h11

MAX_HEAD = 32 * 1024
"""Bytes of a request's head beyond which it is refused, as nginx's default buffers do."""


@dataclass(slots=True)
class Request:
    """A request as it came, with its body already read.

    :ivar headers: lower-case name → value; repeated ones joined with a comma.
    """

    method: str
    target: str
    version: str
    headers: dict[str, str]
    body: bytes
    peer: tuple[str, int]
    local: tuple[str, int]

    @property
    def path(self) -> str:
        """The target without its query, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """What follows the question mark."""
        return self.target.partition("?")[2]

    @property
    def line(self) -> str:
        """``GET / HTTP/1.1``."""
        return f"{self.method} {self.target} HTTP/{self.version}"


@dataclass(slots=True)
class Response:
    """What to answer. ``Content-Length`` is added for a body of bytes.

    :ivar body: the content, or its pieces as they come (then ``length`` says how long they are
        together, None sends them chunked).
    :ivar close: end the connection after this.
    """

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | AsyncIterator[bytes] = b""
    length: int | None = None
    reason: str | None = None
    close: bool = False


Handler = Callable[[Request], Awaitable[Response]]
Logger = Callable[[Request, Response, int], Awaitable[None]]

REASONS = {
    100: "Continue", 200: "OK", 201: "Created", 202: "Accepted", 204: "No Content",
    206: "Partial Content", 301: "Moved Permanently", 302: "Moved Temporarily", 303: "See Other",
    304: "Not Modified", 307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request",
    401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Not Allowed",
    408: "Request Time-out", 409: "Conflict", 410: "Gone", 411: "Length Required",
    413: "Request Entity Too Large", 414: "Request-URI Too Large",
    416: "Requested Range Not Satisfiable", 418: "", 429: "Too Many Requests",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway",
    503: "Service Temporarily Unavailable", 504: "Gateway Time-out",
}  # fmt: skip
"""Reason phrases as nginx words them."""


class HttpServer:
    """Serves connections of any number of listeners with one handler.

    :param refused: makes the answer to a request that cannot be read (400, 413, 431).
    :param arrange: puts the headers of an answer in the order that the server is known for.
    :param keepalive: seconds after which an idle connection is closed; 0 closes after each
        answer.
    """

    def __init__(
        self,
        proc: Process,
        handler: Handler,
        refused: Callable[[int], Response],
        *,
        log: Logger | None = None,
        arrange: Callable[[list[tuple[str, str]]], list[tuple[str, str]]] | None = None,
        keepalive: float = 65.0,
        max_body: int = 1 << 20,
    ) -> None:
        self.proc = proc
        self.handler = handler
        self.refused = refused
        self.log = log
        self.arrange = arrange
        self.keepalive = keepalive
        self.max_body = max_body
        self.draining = False
        self._connections: dict[_Connection, asyncio.Task[None]] = {}
        self._reaper: asyncio.Task[Any] | None = None
        self._date = (0, "")

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    def date(self) -> str:
        """The ``Date`` header of this second."""
        now = self.proc.machine.clock.time_ns() // 1_000_000_000
        if now != self._date[0]:
            self._date = (now, formatdate(now, usegmt=True))
        return self._date[1]

    async def serve(self, listener: Listener) -> None:
        """Accept connections until the listener is closed."""
        while True:
            try:
                stream = await listener.accept()
            except OSError as error:
                if error.errno in {errno.EBADF, errno.EINVAL}:
                    return
                if error.errno in {errno.ECONNABORTED, errno.EINTR}:
                    continue
                await self.proc.sleep(0.5)  # out of descriptors: nginx waits as well
                continue
            connection = _Connection(self, stream)
            task = self.proc.thread(connection.run)
            self._connections[connection] = task
            task.add_done_callback(lambda _task, c=connection: self._connections.pop(c, None))  # type: ignore[misc]
            if self._reaper is None and self.keepalive:
                self._reaper = self.proc.thread(self._reap)

    async def _reap(self) -> None:
        """Close connections that have been idle too long, while there are any."""
        clock = self.proc.machine.clock
        step = max(1.0, self.keepalive / 4)
        while self._connections:
            await self.proc.sleep(step)
            limit = clock.monotonic() - self.keepalive
            for connection in list(self._connections):
                if connection.idle_since is not None and connection.idle_since <= limit:
                    connection.stream.close()
                    self._connections[connection].cancel()
        self._reaper = None

    async def drain(self) -> None:
        """Close idle connections, and wait until the others have had their answer."""
        self.draining = True
        for connection, task in list(self._connections.items()):
            if connection.idle_since is not None:
                connection.stream.close()
                task.cancel()
        await asyncio.gather(*self._connections.values(), return_exceptions=True)

    def close(self) -> None:
        """Break all connections off."""
        for connection, task in list(self._connections.items()):
            connection.stream.close()
            task.cancel()


class _TooLarge(Exception):
    """A request beyond a limit; ``status`` is the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _Connection:
    """One client's connection, request after request."""

    __slots__ = ("_h11", "idle_since", "server", "stream")

    def __init__(self, server: HttpServer, stream: StreamSocket) -> None:
        self.server = server
        self.stream = stream
        self.idle_since: float | None = server.proc.machine.clock.monotonic()
        self._h11: h11.Connection | None = None

    async def run(self) -> None:
        """Answer requests until one side has had enough."""
        import h11

        try:
            while True:
                if self._h11 is None:
                    self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
                else:
                    self._h11.start_next_cycle()
                if not await self._exchange(self._h11):
                    break
                self.idle_since = self.server.proc.machine.clock.monotonic()
        except (OSError, h11.LocalProtocolError):
            self.stream.abort()  # the client hung up
        finally:
            self.stream.close()

    async def _event(self, connection: h11.Connection) -> h11.Event | None:
        import h11

        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                if connection.they_are_waiting_for_100_continue:
                    interim = h11.InformationalResponse(status_code=100, headers=[])
                    await self.stream.write(connection.send(interim) or b"")
                data = await self.stream.read()
                self.idle_since = None
                connection.receive_data(data)
                continue
            return event if isinstance(event, h11.Event) else None

    async def _request(self, connection: h11.Connection) -> Request | None:
        import h11

        event = await self._event(connection)
        if not isinstance(event, h11.Request):
            return None
        self.idle_since = None
        if len(event.target) + sum(len(n) + len(v) + 4 for n, v in event.headers) > MAX_HEAD:
            raise _TooLarge(431)
        headers: dict[str, str] = {}
        for raw_name, raw_value in event.headers:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        parts: list[bytes] = []
        size = 0
        announced = headers.get("content-length", "")
        if announced.isdigit() and int(announced) > self.server.max_body:
            raise _TooLarge(413)
        while True:
            more = await self._event(connection)
            if isinstance(more, h11.Data):
                size += len(more.data)
                if size > self.server.max_body:
                    raise _TooLarge(413)
                parts.append(bytes(more.data))
            elif isinstance(more, h11.EndOfMessage):
                break
            else:
                return None
        return Request(
            event.method.decode("latin-1"), event.target.decode("latin-1"),
            event.http_version.decode(), headers, b"".join(parts), self.stream.peer,
            self.stream.local,
        )  # fmt: skip

    async def _exchange(self, connection: h11.Connection) -> bool:
        """One request and its answer; whether another may follow."""
        import h11

        server = self.server
        try:
            request = await self._request(connection)
        except h11.RemoteProtocolError as error:
            await self._answer(connection, None, server.refused(error.error_status_hint))
            return False
        except _TooLarge as error:
            await self._answer(connection, None, server.refused(error.status))
            return False
        if request is None:
            return False
        response = await server.handler(request)
        if response.status == 444:  # nginx's "hang up without a word"
            return False
        last = (
            response.close
            or server.draining
            or not server.keepalive
            or connection.their_state is h11.MUST_CLOSE
            or request.version != "1.1"
            or "close" in request.headers.get("connection", "").lower()
        )
        sent = await self._answer(connection, request, response, close=last)
        if server.log is not None:
            await server.log(request, response, sent)
        return not last and connection.our_state is h11.DONE and connection.their_state is h11.DONE

    async def _answer(
        self,
        connection: h11.Connection,
        request: Request | None,
        response: Response,
        *,
        close: bool = True,
    ) -> int:
        """Send an answer; returns the bytes of its body that went out."""
        import h11

        headers = list(response.headers)
        body = response.body
        bodiless = response.status in {204, 304}
        length = len(body) if isinstance(body, bytes) else response.length
        names = {name.lower() for name, _ in headers}
        if length is not None and not bodiless and "content-length" not in names:
            headers.append(("Content-Length", str(length)))
        if "connection" not in names:
            headers.append(("Connection", "close" if close else "keep-alive"))
        if self.server.arrange is not None:
            headers = self.server.arrange(headers)
        reason = REASONS.get(response.status, "") if response.reason is None else response.reason
        head = connection.send(
            h11.Response(status_code=response.status, headers=headers, reason=reason)
        )
        data = head or b""
        if close and self.server.arrange is not None:
            # h11 moves Connection: close to the end; it belongs where the server has it.
            data = _arranged(data, self.server.arrange)
        sent = 0
        if request is not None and request.method == "HEAD":
            bodiless = True
        if isinstance(body, bytes):
            if body and not bodiless:
                data += connection.send(h11.Data(data=body)) or b""
                sent = len(body)
            data += connection.send(h11.EndOfMessage()) or b""
            await self.stream.write(data)
            return sent
        await self.stream.write(data)
        if not bodiless:
            async for chunk in body:
                await self.stream.write(connection.send(h11.Data(data=chunk)) or b"")
                sent += len(chunk)
        ending = connection.send(h11.EndOfMessage())
        if ending:
            await self.stream.write(ending)
        return sent


def _arranged(
    head: bytes, arrange: Callable[[list[tuple[str, str]]], list[tuple[str, str]]]
) -> bytes:
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    headers = arrange([(n, v) for n, _, v in (line.partition(": ") for line in lines)])
    return "\r\n".join([first, *(f"{n}: {v}" for n, v in headers), "", ""]).encode("latin-1")
