"""One client connection: HTTP/1.1 by h11, keep-alive, streams, and the hand-over to raw bytes."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import unquote

import h11

from course_lib.engine.api.errors import BodyTooLarge, status_of
from course_lib.engine.api.messages import (
    AnyResponse,
    Request,
    Response,
    StreamResponse,
    Upgrade,
    json_response,
    parse_query,
)
from course_lib.engine.api.outqueue import until_read
from course_lib.engine.api.router import Match, Router, split_version
from course_lib.engine.api.version import NEWEST, negotiate
from course_lib.engine.clock import Clock
from course_lib.engine.errdefs import EngineError

log = logging.getLogger("course_lib.engine.api")

_HEAD_LIMIT = 128 * 1024
_DRAIN_LIMIT = 512 * 1024 * 1024
_CHUNK = 256 * 1024
_REASONS = {status.value: status.phrase for status in HTTPStatus} | {101: "UPGRADED"}

T = TypeVar("T")


class ClientGone(Exception):
    """The client closed the connection; nobody is left to answer."""


class ClientProtocol(asyncio.StreamReaderProtocol):
    """Stream protocol that also tells when the client has finished or gone."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        connected: Callable[[asyncio.StreamReader, asyncio.StreamWriter], None],
    ) -> None:
        super().__init__(reader, connected)
        self.finished = asyncio.Event()
        """Set once the client sends no more."""
        self.lost = asyncio.Event()
        """Set once the connection is gone altogether."""

    def eof_received(self) -> bool | None:
        self.finished.set()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self.finished.set()
        self.lost.set()
        super().connection_lost(exc)


class Connection:
    """Serves the requests of one client, one after the other.

    :param headers: sent with every answer of a known route (``Server``, ``Api-Version`` …).
    """

    def __init__(
        self,
        router: Router,
        protocol: ClientProtocol,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        headers: tuple[tuple[str, str], ...],
        clock: Clock,
    ) -> None:
        self._router = router
        self._protocol = protocol
        self._reader = reader
        self._writer = writer
        self._headers = headers
        self._clock = clock
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_LIMIT)

    async def serve(self) -> None:
        """Answer until the client leaves or the connection is taken over."""
        try:
            while await self._serve_one():
                self._http.start_next_cycle()
        except (ClientGone, ConnectionError):
            pass
        except Exception:
            log.exception("connection failed")
        finally:
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()

    # --- one request ---------------------------------------------------------------------

    async def _serve_one(self) -> bool:
        """Answer one request; whether the connection can carry another."""
        try:
            event = await self._next_event()
        except h11.RemoteProtocolError as error:
            await self._refuse(error)
            return False
        if not isinstance(event, h11.Request):
            return False
        body = _Body(self)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        response, versioned = await self._dispatch(event, headers, body)
        extra = self._headers if versioned else ()
        if isinstance(response, Upgrade):
            await body.discard()
            await self._hand_over(response, "upgrade" in headers, extra)
            return False
        head = event.method == b"HEAD"
        if isinstance(response, StreamResponse):
            await self._send_stream(response, extra)
        else:
            await self._send(response, extra, head)
        await body.discard()
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _dispatch(
        self, event: h11.Request, headers: dict[str, str], body: _Body
    ) -> tuple[AnyResponse, bool]:
        """Run the handler; also tells whether a route was found (dockerd adds headers then)."""
        method = event.method.decode("latin-1")
        target, _, query = event.target.decode("latin-1").partition("?")
        path = unquote(target, errors="surrogateescape")
        version_text, path = split_version(path)
        match = self._router.find(method, path)
        if match is None:
            return json_response({"message": "page not found"}, 404), False
        try:
            request = Request(
                method,
                path,
                NEWEST,
                parse_query(query),
                headers,
                body,
                match.variables,
            )
            request.version = negotiate(version_text)
            return await self._run(match, request), True
        except (ClientGone, ConnectionError):
            raise
        except EngineError as error:
            status = status_of(error)
            if status == 304:
                return Response(304), True
            if isinstance(error, BodyTooLarge):
                await body.discard()
            return json_response({"message": str(error)}, status), True
        except Exception as error:
            log.exception("%s %s failed", method, path)
            message = f"internal error of the embedded engine: {type(error).__name__}: {error}"
            return json_response({"message": message}, 500), True

    async def _run(self, match: Match, request: Request) -> AnyResponse:
        if not match.route.cancellable:
            return await match.route.handler(request)
        return await self._unless_gone(match.route.handler(request))

    async def _unless_gone(self, work: Awaitable[T]) -> T:
        """Await, but cancel the work and stop when the client hangs up first."""
        task = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(self._protocol.finished.wait())
        try:
            await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ClientGone
            return task.result()
        finally:
            gone.cancel()
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task

    # --- answers -------------------------------------------------------------------------

    async def _refuse(self, error: h11.RemoteProtocolError) -> None:
        if self._http.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            response = json_response({"message": f"malformed HTTP request: {error}"}, 400)
            response.status = error.error_status_hint
            await self._send(response, (("Connection", "close"),), False)

    async def _send(
        self, response: Response, extra: tuple[tuple[str, str], ...], head: bool
    ) -> None:
        headers = self._head(extra + response.headers, response.content_type)
        if response.status not in {204, 304} and not any(
            name.lower() == "content-length" for name, _ in response.headers
        ):
            headers.append(("Content-Length", str(len(response.body))))
        out = self._start(response.status, headers)
        if response.body and not head and response.status not in {204, 304}:
            out += self._http.send(h11.Data(data=response.body)) or b""
        out += self._http.send(h11.EndOfMessage()) or b""
        await self._write(out)

    async def _send_stream(
        self, response: StreamResponse, extra: tuple[tuple[str, str], ...]
    ) -> None:
        headers = self._head(extra + response.headers, response.content_type)
        headers.append(("Transfer-Encoding", "chunked"))
        try:
            await self._write(self._start(response.status, headers))
            iterator = aiter(response.chunks)
            while True:
                chunk = await self._unless_gone(_next_chunk(iterator))
                if chunk is None:
                    break
                if chunk:
                    await self._write(self._http.send(h11.Data(data=chunk)) or b"")
            await self._write(self._http.send(h11.EndOfMessage()) or b"")
        except EngineError as error:
            # The status has gone out already: cutting the stream short is all that is left.
            log.warning("stream ended early: %s", error)
            raise ClientGone from None
        finally:
            close = getattr(response.chunks, "aclose", None)
            if close is not None:
                await close()

    async def _hand_over(
        self, response: Upgrade, upgrade: bool, extra: tuple[tuple[str, str], ...]
    ) -> None:
        status = 101 if upgrade else 200
        content_type = response.content_type if upgrade else "application/vnd.docker.raw-stream"
        lines = [f"HTTP/1.1 {status} {_REASONS[status]}", f"Content-Type: {content_type}"]
        if upgrade:
            lines += ["Connection: Upgrade", "Upgrade: tcp"]
        lines += [f"{name}: {value}" for name, value in extra + response.headers]
        await self._write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        await until_read(self._writer)
        left_over = self._http.trailing_data[0]
        stream = _Hijacked(self._protocol, self._reader, self._writer, left_over)
        await response.run(stream)

    def _head(
        self, headers: tuple[tuple[str, str], ...], content_type: str | None
    ) -> list[tuple[str, str]]:
        result = list(headers)
        if content_type:
            result.append(("Content-Type", content_type))
        result.append(("Date", _http_date(self._clock.time_ns() // 1_000_000_000)))
        return result

    def _start(self, status: int, headers: list[tuple[str, str]]) -> bytes:
        """Status line and headers; old clients get their own version back, as from Go."""
        data = self._http.send(_response(status, headers)) or b""
        if self._http.their_http_version == b"1.0":
            data = data.replace(b"HTTP/1.1", b"HTTP/1.0", 1)
        return data

    # --- bytes ---------------------------------------------------------------------------

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def _next_event(self) -> h11.Event:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                assert not isinstance(event, type)
                return event
            if self._http.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[], reason="Continue")
                await self._write(self._http.send(go_on) or b"")
            self._http.receive_data(await self._reader.read(_CHUNK))


class _Body:
    """The rest of the current request, read on demand."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._done = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self._done:
            chunk = await self._next()
            if chunk:
                yield chunk

    async def read_all(self, limit: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for chunk in self:
            size += len(chunk)
            if size > limit:
                raise BodyTooLarge(
                    f"request body too large: the embedded engine reads at most {limit} bytes here"
                )
            parts.append(chunk)
        return b"".join(parts)

    async def discard(self) -> None:
        """Read and forget what was not read, so that the client gets round to the answer."""
        size = 0
        while not self._done:
            size += len(await self._next())
            if size > _DRAIN_LIMIT:
                raise ClientGone

    async def _next(self) -> bytes:
        try:
            event = await self._connection._next_event()
        except h11.RemoteProtocolError:
            self._done = True
            raise ClientGone from None
        if isinstance(event, h11.Data):
            return bytes(event.data)
        self._done = True
        if isinstance(event, h11.ConnectionClosed):
            raise ClientGone
        return b""


class _Hijacked:
    """The raw stream after the hand-over."""

    def __init__(
        self,
        protocol: ClientProtocol,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        left_over: bytes,
    ) -> None:
        self._protocol = protocol
        self._reader = reader
        self._writer = writer
        self._left_over = left_over

    async def read(self, size: int = 65536) -> bytes:
        if self._left_over:
            data, self._left_over = self._left_over[:size], self._left_over[size:]
            return data
        return await self._reader.read(size)

    async def write(self, data: bytes) -> None:
        if self._writer.is_closing():
            raise ConnectionResetError
        self._writer.write(data)
        await self._writer.drain()

    async def wait_closed(self) -> None:
        await self._protocol.lost.wait()


@functools.lru_cache(maxsize=1)  # most answers of a second go out together
def _http_date(seconds: int) -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(seconds))


def _response(status: int, headers: list[tuple[str, str]]) -> h11.Response:
    return h11.Response(status_code=status, headers=headers, reason=_REASONS.get(status, ""))


async def _next_chunk(iterator: AsyncIterator[bytes]) -> bytes | None:
    try:
        return await anext(iterator)
    except StopAsyncIteration:
        return None
