"""The server by itself: HTTP on a Unix socket, with a handful of made-up routes."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from course_lib.engine.api.bodies import JSON_LIMIT, read_json
from course_lib.engine.api.messages import (
    AnyResponse,
    RawStream,
    Request,
    Response,
    StreamResponse,
    Upgrade,
    json_response,
    no_content,
)
from course_lib.engine.api.router import Route, Router
from course_lib.engine.api.schemas import NETWORK_CONNECT
from course_lib.engine.api.server import ApiServer, SocketError
from course_lib.engine.clock import SystemClock
from course_lib.engine.errdefs import Conflict, NotFound, NotModified

DEADLINE = 30


class Routes:
    """Routes that do one odd thing each, and note what happened."""

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.finished = asyncio.Event()
        self.go_on = asyncio.Event()
        self.started = asyncio.Event()
        self.body = 0

    def table(self) -> list[Route]:
        def route(
            method: str, path: str, handler: Callable[[Request], Awaitable[AnyResponse]]
        ) -> Route:
            return Route(method, path, handler)

        return [
            route("GET", "/things/{name}/json", self.get),
            route("HEAD", "/things", self.head),
            route("POST", "/things/create", self.create),
            route("POST", "/things/upload", self.upload),
            route("GET", "/missing", self.missing),
            route("GET", "/same", self.same),
            route("GET", "/broken", self.broken),
            route("GET", "/stream", self.stream),
            Route("GET", "/wait", self.wait, cancellable=True),
            route("GET", "/work", self.work),
            route("POST", "/raw", self.raw),
            route("DELETE", "/things/{name}", self.delete),
        ]

    async def get(self, request: Request) -> Response:
        return json_response({"name": request.variables["name"], "version": request.version})

    async def head(self, request: Request) -> Response:
        return Response(200, b"not shown")

    async def create(self, request: Request) -> Response:
        return json_response(await read_json(request, NETWORK_CONNECT), 201)

    async def upload(self, request: Request) -> Response:
        async for chunk in request.body:
            self.body += len(chunk)
        return json_response(self.body)

    async def missing(self, request: Request) -> Response:
        raise NotFound("No such thing: x")

    async def same(self, request: Request) -> Response:
        raise NotModified("already so")

    async def broken(self, request: Request) -> Response:
        raise ZeroDivisionError("oops")

    async def stream(self, request: Request) -> StreamResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"one\n"
            await self.go_on.wait()
            yield b"two\n"

        return StreamResponse(chunks())

    async def wait(self, request: Request) -> Response:
        self.started.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return no_content()

    async def work(self, request: Request) -> Response:
        self.started.set()
        await self.go_on.wait()
        self.finished.set()
        return no_content()

    async def raw(self, request: Request) -> Upgrade:
        async def run(stream: RawStream) -> None:
            while data := await stream.read():
                await stream.write(data.upper())
            await stream.write(b"BYE")

        return Upgrade(run, "application/vnd.docker.multiplexed-stream")

    async def delete(self, request: Request) -> Response:
        raise Conflict("in use")


@pytest.fixture
def routes() -> Routes:
    return Routes()


@pytest.fixture
async def path(routes: Routes, tmp_path: Path) -> AsyncIterator[Path]:
    server = ApiServer(Router(routes.table()), (("Server", "Test"),), SystemClock())
    await server.start(tmp_path / "s")
    yield tmp_path / "s"
    await server.close()
    assert server.connections == 0
    assert not (tmp_path / "s").exists()


class Client:
    """Raw bytes to and from the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> str:
        async with asyncio.timeout(DEADLINE):
            return (await self.reader.readuntil(b"\r\n\r\n")).decode()

    async def answer(self) -> tuple[str, bytes]:
        head = await self.head()
        length = next(
            (
                int(line.split(":")[1])
                for line in head.splitlines()
                if line.lower().startswith("content-length:")
            ),
            0,
        )
        async with asyncio.timeout(DEADLINE):
            return head, await self.reader.readexactly(length)

    async def rest(self) -> bytes:
        async with asyncio.timeout(DEADLINE):
            return await self.reader.read()


@pytest.fixture
async def client(path: Path) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_unix_connection(path)
    yield Client(reader, writer)
    writer.close()


def get(target: str, *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: d", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


async def test_keep_alive_serves_one_request_after_the_other(client: Client) -> None:
    await client.send(get("/v1.30/things/a/json") + get("/things/b%2Fc/json"))
    head, body = await client.answer()
    assert head.startswith("HTTP/1.1 200")
    assert "Server: Test" in head
    assert body == b'{"name":"a","version":[1,30]}\n'
    assert (await client.answer())[1] == b'{"name":"b/c","version":[1,45]}\n'


@pytest.mark.parametrize(
    ("request_", "status", "message"),
    [
        (get("/nowhere"), 404, "page not found"),
        (get("/v1.45/nowhere"), 404, "page not found"),
        (get("/things/create"), 404, "page not found"),
        (get("/missing"), 404, "No such thing: x"),
        (get("/things/x", method="DELETE"), 409, "in use"),
        (
            get("/v1.99/missing"),
            400,
            "client version 1.99 is too new. Maximum supported API version is 1.45",
        ),
        (
            get("/v1.12/missing"),
            400,
            "client version 1.12 is too old. Minimum supported API version is 1.24, "
            "please upgrade your client to a newer version",
        ),
        (
            get("/things/create", "Content-Type: text/plain", method="POST", body=b"{}"),
            400,
            "unsupported Content-Type header (text/plain): must be 'application/json'",
        ),
    ],
)
async def test_refusals_have_a_status_and_a_message(
    client: Client, request_: bytes, status: int, message: str
) -> None:
    await client.send(request_)
    head, body = await client.answer()
    assert head.split()[1] == str(status)
    assert body.decode().strip() == f'{{"message":"{message}"}}'


async def test_not_modified_has_no_body(client: Client) -> None:
    await client.send(get("/same") + get("/missing"))
    assert (await client.head()).startswith("HTTP/1.1 304")
    assert (await client.head()).startswith("HTTP/1.1 404")


async def test_unexpected_exception_is_a_500_without_traceback(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    await client.send(get("/broken"))
    head, body = await client.answer()
    assert head.startswith("HTTP/1.1 500")
    assert b"Traceback" not in body
    assert "ZeroDivisionError" in body.decode()
    assert "Traceback" in caplog.text


async def test_head_sends_no_body(client: Client) -> None:
    await client.send(get("/things", method="HEAD") + get("/missing"))
    assert "200" in (await client.head())
    assert (await client.head()).startswith("HTTP/1.1 404")


async def test_json_body_is_read_and_a_huge_one_refused(client: Client) -> None:
    body = b'{"Container": "a"}'
    await client.send(
        get("/things/create", "Content-Type: application/json", method="POST", body=body)
    )
    assert (await client.answer())[1] == b'{"Container":"a"}\n'
    huge = b"[" + b"1," * (JSON_LIMIT // 2 + 10) + b"1]"
    await client.send(
        get("/things/create", "Content-Type: application/json", method="POST", body=huge)
    )
    head, message = await client.answer()
    assert head.startswith("HTTP/1.1 413")
    assert b"too large" in message
    await client.send(get("/things/a/json"))
    assert (await client.head()).startswith("HTTP/1.1 200")


async def test_chunked_body_streams(client: Client) -> None:
    await client.send(
        get("/things/upload", "Transfer-Encoding: chunked", method="POST")
        + b"4\r\nabcd\r\n3\r\nefg\r\n0\r\n\r\n"
    )
    assert (await client.answer())[1] == b"7\n"


async def test_expect_continue_is_answered(client: Client) -> None:
    await client.send(
        get("/things/upload", "Content-Length: 3", "Expect: 100-continue", method="POST")
    )
    assert (await client.head()).startswith("HTTP/1.1 100")
    await client.send(b"abc")
    assert (await client.answer())[1] == b"3\n"


async def test_truncated_body_ends_the_connection_quietly(
    client: Client, routes: Routes, caplog: pytest.LogCaptureFixture
) -> None:
    await client.send(get("/things/upload", "Content-Length: 10", method="POST") + b"abc")
    client.writer.write_eof()
    assert await client.rest() == b""
    assert caplog.text == ""


@pytest.mark.parametrize(
    "garbage", [b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nbad header\r\n\r\n"]
)
async def test_garbage_is_refused(client: Client, garbage: bytes) -> None:
    await client.send(garbage)
    head, body = await client.answer()
    assert head.startswith("HTTP/1.1 400")
    assert b"malformed HTTP request" in body
    assert await client.rest() == b""


async def test_stream_sends_headers_and_pieces_at_once(client: Client, routes: Routes) -> None:
    await client.send(get("/stream"))
    assert "chunked" in await client.head()
    assert await client.reader.readexactly(9) == b"4\r\none\n\r\n"
    routes.go_on.set()
    assert await client.reader.readexactly(14) == b"4\r\ntwo\n\r\n0\r\n\r\n"
    await client.send(get("/missing"))
    assert (await client.head()).startswith("HTTP/1.1 404")


async def test_client_that_leaves_cancels_what_it_waited_for(
    client: Client, routes: Routes
) -> None:
    await client.send(get("/wait"))
    await routes.started.wait()
    client.writer.close()
    async with asyncio.timeout(DEADLINE):
        await routes.cancelled.wait()


async def test_work_is_finished_although_the_client_left(client: Client, routes: Routes) -> None:
    await client.send(get("/work"))
    await routes.started.wait()
    client.writer.close()
    await asyncio.sleep(0)
    routes.go_on.set()
    async with asyncio.timeout(DEADLINE):
        await routes.finished.wait()


async def test_hand_over_with_upgrade_and_half_close(client: Client) -> None:
    await client.send(get("/raw", "Connection: Upgrade", "Upgrade: tcp", method="POST") + b"hello ")
    head = await client.head()
    assert head.startswith("HTTP/1.1 101 UPGRADED")
    assert "Content-Type: application/vnd.docker.multiplexed-stream" in head
    await client.send(b"world ")
    client.writer.write_eof()
    assert await client.rest() == b"HELLO WORLD BYE"


async def test_hand_over_for_old_clients(client: Client) -> None:
    await client.send(get("/raw", method="POST") + b"hello ")
    head = await client.head()
    assert head.startswith("HTTP/1.1 200 OK")
    assert "Content-Type: application/vnd.docker.raw-stream" in head
    client.writer.write_eof()
    assert await client.rest() == b"HELLO BYE"


async def test_socket_is_private(path: Path) -> None:
    mode = os.stat(path).st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


async def test_many_clients_at_once(path: Path) -> None:
    async def one(number: int) -> bytes:
        reader, writer = await asyncio.open_unix_connection(path)
        client = Client(reader, writer)
        await client.send(get(f"/things/{number}/json"))
        _, body = await client.answer()
        writer.close()
        return body

    async with asyncio.timeout(60):
        answers = await asyncio.gather(*(one(number) for number in range(300)))
    assert answers[299] == b'{"name":"299","version":[1,45]}\n'


def make_server() -> ApiServer:
    return ApiServer(Router([]), (), SystemClock())


async def test_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SocketError, match="socket path too long"):
        await make_server().start(tmp_path / ("x" * 120))


async def test_path_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("mine")
    with pytest.raises(SocketError, match="exists and is not a socket"):
        await make_server().start(tmp_path / "s")
    assert (tmp_path / "s").read_text() == "mine"


async def test_path_in_use_is_refused(path: Path) -> None:
    with pytest.raises(SocketError, match="in use by another process"):
        await make_server().start(path)


async def test_stale_socket_is_replaced(tmp_path: Path) -> None:
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(tmp_path / "s"))
    stale.close()
    server = make_server()
    await server.start(tmp_path / "s")
    _, writer = await asyncio.open_unix_connection(tmp_path / "s")
    writer.close()
    await server.close()
