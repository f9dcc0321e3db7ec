"""The HTTP server that all web servers of the images share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from course_lib.engine.interfaces import StreamSocket
from course_lib.engine.userland.servers.http import HttpServer, Request, Response
from course_lib.engine.userland.servers.paths import normalise
from tests.engine.conftest import ManualClock
from tests.engine.userland.net_world import Node, World, until


class Site:
    """A server on a node, and what it was asked."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.requests: list[Request] = []
        self.sent: list[int] = []
        self.release: asyncio.Event | None = None

    async def answer(self, request: Request) -> Response:
        self.requests.append(request)
        if self.release is not None:
            await self.release.wait()
        if request.path == "/pieces":
            return Response(200, [("Content-Type", "text/plain")], self.pieces())
        if request.path == "/silent":
            return Response(444)
        return Response(200, [], b"body")

    async def pieces(self) -> AsyncIterator[bytes]:
        for piece in (b"one ", b"two ", b"three"):
            yield piece

    def refused(self, status: int) -> Response:
        return Response(status, [], b"no")

    async def log(self, request: Request, response: Response, sent: int) -> None:
        self.sent.append(sent)

    async def start(self, **options: object) -> HttpServer:
        running = await self.node.start("sleep", "100000")
        process = running.process
        server = HttpServer(process, self.answer, self.refused, log=self.log, **options)  # type: ignore[arg-type]
        listener = self.node.net.listen("0.0.0.0", 80)
        process.thread(lambda: server.serve(listener))
        return server

    async def dial(self) -> StreamSocket:
        return await self.node.net.connect("127.0.0.1", 80)


@pytest.fixture
async def site(tmp_path: Path, clock: ManualClock) -> Site:
    return Site(Node(World(), tmp_path / "box", clock=clock))


async def read_until(stream: StreamSocket, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        chunk = await asyncio.wait_for(stream.read(), 60)
        assert chunk, data
        data += chunk
    return data


async def read_all(stream: StreamSocket) -> bytes:
    data = b""
    while chunk := await asyncio.wait_for(stream.read(), 60):
        data += chunk
    return data


async def test_keep_alive_and_pipelining(site: Site) -> None:
    await site.start()
    stream = await site.dial()
    await stream.write(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n")
    data = await read_until(stream, b"body")
    while data.count(b"body") < 2:
        data += await stream.read()
    assert data.count(b"Connection: keep-alive") == 2
    assert [request.path for request in site.requests] == ["/a", "/b"]
    await stream.write(b"GET /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"Connection: close\r\n" in await read_all(stream)


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_head_has_no_body(site: Site, method: str) -> None:
    await site.start()
    stream = await site.dial()
    await stream.write(f"{method} / HTTP/1.0\r\n\r\n".encode())
    data = await read_all(stream)
    assert b"Content-Length: 4\r\n" in data
    assert data.endswith(b"\r\n\r\nbody" if method == "GET" else b"\r\n\r\n")
    await until(lambda: site.sent)
    assert site.sent == [4 if method == "GET" else 0]


async def test_a_body_without_a_length_is_chunked(site: Site) -> None:
    await site.start()
    stream = await site.dial()
    await stream.write(b"GET /pieces HTTP/1.1\r\nHost: x\r\n\r\n")
    data = await read_until(stream, b"0\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in data
    assert b"4\r\none \r\n4\r\ntwo \r\n5\r\nthree\r\n" in data
    await until(lambda: site.sent)
    assert site.sent == [13]


async def test_request_bodies(site: Site) -> None:
    await site.start(max_body=10)
    stream = await site.dial()
    await stream.write(
        b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    await read_until(stream, b"body")
    request = site.requests[0]
    assert (request.method, request.path, request.query, request.body) == (
        "POST", "/a", "b=c", b"abcde",
    )  # fmt: skip
    await stream.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n")
    assert (await read_all(stream)).startswith(b"HTTP/1.1 413 ")


async def test_a_client_may_wait_for_permission(site: Site) -> None:
    await site.start()
    stream = await site.dial()
    await stream.write(
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    )
    assert (await stream.read()).startswith(b"HTTP/1.1 100 ")
    await stream.write(b"ab")
    await read_until(stream, b"body")
    assert site.requests[0].body == b"ab"


@pytest.mark.parametrize(
    "nonsense",
    [
        b"garbage\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
async def test_what_is_not_http_gets_one_answer(site: Site, nonsense: bytes) -> None:
    await site.start()
    stream = await site.dial()
    await stream.write(nonsense)
    data = await read_all(stream)
    assert data[:10] in {b"HTTP/1.1 4"}
    assert site.requests == []


async def test_clients_that_hang_up(site: Site) -> None:
    server = await site.start()
    for words in (b"", b"GET /", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"):
        stream = await site.dial()
        await stream.write(words)
        stream.close()
    await until(lambda: server.connections == 0)
    assert site.requests == []


async def test_hanging_up_without_a_word(site: Site) -> None:
    await site.start()
    stream = await site.dial()
    await stream.write(b"GET /silent HTTP/1.1\r\nHost: x\r\n\r\n")
    assert await read_all(stream) == b""


async def test_idle_connections_are_closed(site: Site, clock: ManualClock) -> None:
    server = await site.start(keepalive=65.0)
    stream = await site.dial()
    await stream.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await read_until(stream, b"body")
    await clock.advance(60)
    assert server.connections == 1
    await clock.advance(30)
    assert server.connections == 0
    assert await stream.read() == b""


async def test_draining_lets_the_last_answer_out(site: Site) -> None:
    server = await site.start()
    idle, busy = await site.dial(), await site.dial()
    await idle.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await read_until(idle, b"body")
    site.release = asyncio.Event()
    await busy.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await until(lambda: len(site.requests) == 2)
    draining = asyncio.create_task(server.drain())
    assert await idle.read() == b""
    site.release.set()
    data = await read_all(busy)
    assert data.endswith(b"body")
    assert b"Connection: close" in data
    await draining
    assert server.connections == 0


async def test_five_hundred_at_once(site: Site) -> None:
    server = await site.start()
    streams = [await site.dial() for _ in range(500)]
    await until(lambda: server.connections == 500)
    for stream in streams:
        await stream.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    for stream in streams:
        assert (await read_until(stream, b"body")).startswith(b"HTTP/1.1 200 ")
    server.close()
    await until(lambda: server.connections == 0)


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("/", "/"),
        ("/a//b/./c", "/a/b/c"),
        ("/a/../b/", "/b/"),
        ("/a/..", "/"),
        ("/%41%20b", "/A b"),
        ("http://host/x", "/x"),
        ("http://host", "/"),
        ("/..", None),
        ("/a/../../etc/passwd", None),
        ("/%2e%2e/etc/passwd", None),
        ("/%zz", None),
        ("/%00", None),
        ("*", None),
        ("", None),
    ],
)
def test_paths_stay_below_the_root(path: str, safe: str | None) -> None:
    assert normalise(path) == safe
