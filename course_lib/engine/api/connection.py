"""One client connection: requests in, answers out, keep-alive, and the hand-over to raw bytes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar
from urllib.parse import unquote

import h11

from course_lib.engine.api import wire
from course_lib.engine.api.errors import BodyTooLarge, status_of
from course_lib.engine.api.hijack import Hijacked
from course_lib.engine.api.incoming import Body, ClientGone, Incoming
from course_lib.engine.api.messages import (
    AnyResponse,
    Headers,
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

_BODYLESS = frozenset({204, 304})

T = TypeVar("T")


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

    :param common: headers of every answer of a known route (``Server`` …), as bytes.
    """

    def __init__(
        self,
        router: Router,
        protocol: ClientProtocol,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        common: bytes,
        clock: Clock,
    ) -> None:
        self._router = router
        self._protocol = protocol
        self._reader = reader
        self._writer = writer
        self._common = common
        self._clock = clock
        self._incoming = Incoming(reader, writer)
        self._old = False

    async def serve(self) -> None:
        """Answer until the client leaves or the connection is taken over."""
        try:
            while await self._serve_one():
                self._incoming.start_next()
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
            event = await self._incoming.next_request()
        except h11.RemoteProtocolError as error:
            await self._refuse(error)
            return False
        if event is None:
            return False
        body = Body(self._incoming)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        self._old = event.http_version != b"1.1"
        keep_alive = not self._old and headers.get("connection", "").lower() != "close"
        response, known = await self._dispatch(event, headers, body)
        common = self._common if known else b""
        if isinstance(response, Upgrade):
            await body.discard()
            await self._hand_over(response, common, upgrade="upgrade" in headers)
            return False
        if isinstance(response, StreamResponse):
            await self._send_stream(response, common)
        else:
            keep_alive = keep_alive and not response.last
            await self._send(response, common, head=event.method == b"HEAD", keep=keep_alive)
        await body.discard()
        return keep_alive

    async def _dispatch(
        self, event: h11.Request, headers: dict[str, str], body: Body
    ) -> tuple[AnyResponse, bool]:
        """Run the handler; also tells whether a route was found (dockerd adds headers then)."""
        method = event.method.decode("latin-1")
        target, _, query = event.target.decode("latin-1").partition("?")
        if "%" in target:
            target = unquote(target, errors="surrogateescape")
        version_text, path = split_version(target)
        match = self._router.find(method, path)
        if match is None:
            return json_response({"message": "page not found"}, 404), False
        try:
            request = Request(
                method, path, NEWEST, parse_query(query), headers, body, match.variables
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
        response = json_response({"message": f"malformed HTTP request: {error}"}, 400)
        response.status = error.error_status_hint
        await self._send(response, b"", head=False, keep=False)

    async def _send(self, response: Response, common: bytes, *, head: bool, keep: bool) -> None:
        headers = self._headers(response.headers, response.content_type)
        if response.status not in _BODYLESS and not response.sized:
            headers.append(("Content-Length", str(len(response.body))))
        if not keep:
            headers.append(("Connection", "close"))
        data = wire.head(response.status, common, headers, old=self._old)
        if not head and response.status not in _BODYLESS:
            data += response.body
        await self._write(data)

    async def _send_stream(self, response: StreamResponse, common: bytes) -> None:
        headers = self._headers(response.headers, response.content_type)
        if not self._old:  # for HTTP/1.0 the end of the connection is the end of the body
            headers.append(("Transfer-Encoding", "chunked"))
        try:
            await self._write(wire.head(response.status, common, headers, old=self._old))
            iterator = aiter(response.chunks)
            while (data := await self._unless_gone(_next_chunk(iterator))) is not None:
                if data:
                    await self._write(data if self._old else wire.chunk(data))
            if not self._old:
                await self._write(wire.LAST_CHUNK)
        except EngineError as error:
            # The status has gone out already: cutting the stream short is all that is left.
            log.warning("stream ended early: %s", error)
            raise ClientGone from None
        finally:
            close = getattr(response.chunks, "aclose", None)
            if close is not None:
                await close()

    async def _hand_over(self, response: Upgrade, common: bytes, *, upgrade: bool) -> None:
        headers: Headers = (("Content-Type", "application/vnd.docker.raw-stream"),)
        if upgrade:
            headers = (
                ("Content-Type", response.content_type),
                ("Connection", "Upgrade"),
                ("Upgrade", "tcp"),
            )
        await self._write(wire.head(101 if upgrade else 200, common, headers))
        await until_read(self._writer)
        left_over = self._incoming.left_over
        await response.run(Hijacked(self._reader, self._writer, left_over, self._protocol.lost))

    def _headers(self, headers: Headers, content_type: str | None) -> list[tuple[str, str]]:
        result = list(headers)
        if content_type:
            result.append(("Content-Type", content_type))
        result.append(("Date", wire.http_date(self._clock.time_ns() // 1_000_000_000)))
        return result

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()


async def _next_chunk(iterator: AsyncIterator[bytes]) -> bytes | None:
    try:
        return await anext(iterator)
    except StopAsyncIteration:
        return None
