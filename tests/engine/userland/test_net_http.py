"""wget and curl against nginx and against servers that misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from course_lib.engine.interfaces import StreamSocket
from tests.engine.userland.net_world import Node, World, until

PAGE = "<h1>hello</h1>\n"


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Node]:
    conf = (
        "server {\n listen 80;\n listen 8080;\n root /usr/share/nginx/html;\n"
        " location = /moved { return 301 /index.html; }\n"
        " location = /loop { return 302 /loop; }\n"
        ' location = /echo { default_type text/plain; return 200 "$request_method '
        '$http_user_agent $http_x_mine $args"; }\n}\n'
    )
    files = {
        "/usr/share/nginx/html/index.html": PAGE,
        "/usr/share/nginx/html/big.bin": "x" * 300_000,
        "/etc/nginx/conf.d/default.conf": conf,
        # The configuration of the image names the worker's user.
        "/etc/passwd": "root:x:0:0::/:\nnginx:x:101:101::/:\n",
        "/etc/group": "root:x:0:\nnginx:x:101:\n",
    }
    node = Node(World(), tmp_path / "web", "nginx", name="web", address="172.18.0.2", files=files)
    server = await node.start("nginx", "-g", "daemon off;")
    await until(lambda: "start worker process " in server.err, server.err)
    yield node
    server.process.kill(15)
    await server.finish()


@pytest.fixture
async def box(web: Node, tmp_path: Path) -> Node:
    return Node(web.world, tmp_path / "box")


@pytest.fixture
async def centos(web: Node, tmp_path: Path) -> Node:
    return Node(web.world, tmp_path / "centos", "centos", name="centos", address="172.18.0.4")


Talk = Callable[[StreamSocket], Awaitable[None]]


async def serve_once(node: Node, port: int, talk: Talk) -> asyncio.Task[None]:
    """A server on the node that treats one client as ``talk`` says."""
    listener = node.net.listen("0.0.0.0", port)

    async def run() -> None:
        stream = await listener.accept()
        await talk(stream)
        stream.close()

    return asyncio.create_task(run())


# --- wget --------------------------------------------------------------------------------------


async def test_wget_saves_a_page(box: Node) -> None:
    code, out, err = await box.run("wget", "web")
    assert (code, out) == (0, "")
    assert err == (
        "Connecting to web (172.18.0.2:80)\nsaving to 'index.html'\n"
        "index.html           100% |********************************|    15  0:00:00 ETA\n"
        "'index.html' saved\n"
    )
    assert box.fs.read_bytes("/index.html").decode() == PAGE
    code, _, err = await box.run("wget", "http://web/")
    assert (code, err) == (
        1,
        "Connecting to web (172.18.0.2:80)\nwget: can't open 'index.html': File exists\n",
    )


async def test_wget_writes_where_it_is_told(box: Node) -> None:
    assert await box.run("wget", "-qO-", "http://web/") == (0, PAGE, "")
    code, out, err = await box.run("wget", "-O", "-", "web:8080")
    assert (code, out) == (0, PAGE)
    assert err.splitlines() == [
        "Connecting to web:8080 (172.18.0.2:8080)",
        "writing to stdout",
        "-                    100% |********************************|    15  0:00:00 ETA",
        "written to stdout",
    ]
    code, _, err = await box.run("wget", "-P", "/tmp", "web/big.bin")
    assert code == 0
    assert "big.bin              100% |********************************|  292k  0:00:00 ETA" in err
    assert box.fs.stat("/tmp/big.bin").size == 300_000


async def test_wget_shows_headers_and_spiders(box: Node) -> None:
    _, _, err = await box.run("wget", "-S", "--spider", "http://web/")
    lines = err.splitlines()
    assert lines[1] == "  HTTP/1.1 200 OK"
    assert "  Content-Length: 15" in lines
    assert lines[-1] == "remote file exists"
    code, _, err = await box.run("wget", "--spider", "web/nosuch")
    assert (code, err.splitlines()[-1]) == (
        1,
        "wget: server returned error: HTTP/1.1 404 Not Found",
    )


async def test_wget_follows_redirections(box: Node) -> None:
    assert await box.run("wget", "-qO-", "web/moved") == (0, PAGE, "")
    code, _, err = await box.run("wget", "-qO-", "web/loop")
    assert (code, err) == (1, "wget: too many redirections\n")


async def test_wget_sends_what_it_is_told(box: Node) -> None:
    words = ["-qO-", "-U", "me", "--header", "X-Mine: yes", "web/echo?a=b"]
    assert (await box.run("wget", *words))[1] == "GET me yes a=b"
    assert (await box.run("wget", "-qO-", "--post-data", "q=1", "web/echo"))[1].startswith("POST ")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nosuch", "wget: bad address 'nosuch'"),
        ("web:81", "wget: can't connect to remote host (172.18.0.2): Connection refused"),
        ("http://10.9.9.9/", "wget: can't connect to remote host (10.9.9.9): Network unreachable"),
        ("gopher://x", "wget: not an http or ftp url: gopher://x"),
        ("web:99999", "wget: not an http or ftp url: http://web:99999"),
        ("https://web/", "wget: can't connect to remote host (172.18.0.2): Connection refused"),
    ],
)
async def test_wget_fails(box: Node, url: str, message: str) -> None:
    code, out, err = await box.run("wget", "-O", "/tmp/x", url)
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == message
    assert not box.fs.access("/tmp/x", 0)


async def test_wget_gives_up_on_a_silent_server(box: Node, web: Node) -> None:
    web.world.silent.add("172.18.0.77")
    code, _, err = await box.run("wget", "-T", "1", "-qO-", "http://172.18.0.77/")
    assert (code, err) == (1, "wget: download timed out\n")


async def test_wget_and_a_server_that_breaks_off(box: Node, web: Node) -> None:
    async def cut(stream: StreamSocket) -> None:
        await stream.read()
        await stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")

    task = await serve_once(web, 7001, cut)
    code, out, err = await box.run("wget", "-qO-", "web:7001")
    assert (code, out, err) == (1, "short", "wget: connection closed prematurely\n")
    await task

    async def nothing(stream: StreamSocket) -> None:
        await stream.read()

    task = await serve_once(web, 7002, nothing)
    assert (await box.run("wget", "-qO-", "web:7002"))[2] == "wget: error getting response\n"
    await task


async def test_wget_refuses_unknown_options(box: Node) -> None:
    code, _, err = await box.run("wget", "--foo", "x")
    assert code == 1
    assert err.startswith("wget: unrecognized option '--foo'\nBusyBox v1.36")


# --- curl --------------------------------------------------------------------------------------


async def test_curl_prints_the_page(centos: Node) -> None:
    assert await centos.run("curl", "-s", "web") == (0, PAGE, "")
    code, out, err = await centos.run("curl", "http://web/")
    assert (code, out) == (0, PAGE)
    lines = err.split("\n")
    assert lines[0].startswith("  % Total    % Received % Xferd  Average Speed")
    assert lines[2].split("\r")[-1].startswith("100    15  100    15    0     0  ")


async def test_curl_headers(centos: Node) -> None:
    _, out, _ = await centos.run("curl", "-sI", "web")
    lines = out.split("\r\n")
    assert [line.split(":")[0] for line in lines] == [
        "HTTP/1.1 200 OK", "Server", "Date", "Content-Type", "Content-Length", "Last-Modified",
        "Connection", "ETag", "Accept-Ranges", "", "",
    ]  # fmt: skip
    _, out, _ = await centos.run("curl", "-si", "web")
    assert out.endswith(f"\r\n\r\n{PAGE}")


async def test_curl_verbose(centos: Node) -> None:
    _, _, err = await centos.run("curl", "-sv", "-o", "/dev/null", "web")
    lines = err.splitlines()
    assert lines[:8] == [
        "*   Trying 172.18.0.2...",
        "* TCP_NODELAY set",
        "* Connected to web (172.18.0.2) port 80 (#0)",
        "> GET / HTTP/1.1",
        "> Host: web",
        "> User-Agent: curl/7.61.1",
        "> Accept: */*",
        "> ",
    ]
    assert "< HTTP/1.1 200 OK" in lines
    assert lines[-2:] == ["{ [15 bytes data]", "* Connection #0 to host web left intact"]


async def test_curl_requests(centos: Node) -> None:
    async def shown(*words: str) -> str:
        return (await centos.run("curl", "-s", *words))[1]

    assert await shown("-A", "me", "-H", "X-Mine: 1", "web/echo?q") == "GET me 1 q"
    assert (await shown("-d", "a=b", "web/echo")).startswith("POST ")
    assert (await shown("-X", "DELETE", "web/echo")).startswith("DELETE ")
    assert (await shown("-G", "-d", "a=b", "-d", "c=d", "web/echo")).endswith(" a=b&c=d")
    assert await shown("-H", "User-Agent:", "web/echo") == "GET   "
    assert await shown("-L", "web/moved") == PAGE
    assert await shown("-r", "1-2", "web/") == PAGE[1:3]
    assert await shown("--resolve", "elsewhere:80:172.18.0.2", "elsewhere") == PAGE


async def test_curl_writes_files(centos: Node) -> None:
    assert (await centos.run("curl", "-so", "/tmp/page", "web"))[0] == 0
    assert centos.fs.read_bytes("/tmp/page").decode() == PAGE
    assert (await centos.run("curl", "-sO", "web/index.html"))[0] == 0
    assert centos.fs.read_bytes("/index.html").decode() == PAGE
    code, _, err = await centos.run("curl", "-O", "http://web/")
    assert code == 23
    assert err.startswith("curl: Remote file name has no length!\n")
    assert (await centos.run("curl", "-so", "/nosuch/x", "web"))[0] == 23


async def test_curl_tells_what_it_did(centos: Node) -> None:
    form = r"%{http_code} %{size_download} %{remote_ip} %{url_effective}\n"
    _, out, _ = await centos.run("curl", "-s", "-o", "/dev/null", "-w", form, "web")
    assert out == "200 15 172.18.0.2 http://web/\n"
    _, out, _ = await centos.run("curl", "-s", "-w", "%{http_code}", "nosuch")
    assert out == "000"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("nosuch", 6, "curl: (6) Could not resolve host: nosuch"),
        ("web:81", 7, "curl: (7) Failed to connect to web port 81: Connection refused"),
        ("-f web/nosuch", 22, "curl: (22) The requested URL returned error: 404 Not Found"),
        ("foo://x", 1, 'curl: (1) Protocol "foo" not supported or disabled in libcurl'),
        ("-L --max-redirs 3 web/loop", 47, "curl: (47) Maximum (3) redirects followed"),
        ("-d @/nosuch web", 26, 'curl: (26) couldn\'t open file "/nosuch"'),
    ],
)
async def test_curl_fails(centos: Node, words: str, code: int, message: str) -> None:
    result, out, err = await centos.run("curl", "-sS", *words.split())
    assert (result, out, err) == (code, "", f"{message}\n")
    assert (await centos.run("curl", "-s", *words.split()))[2] == ""


async def test_curl_times_out(centos: Node) -> None:
    centos.world.silent.add("172.18.0.77")
    code, _, err = await centos.run("curl", "-sS", "--connect-timeout", "0.05", "172.18.0.77")
    assert code == 28
    assert err.startswith("curl: (28) Connection timed out after ")

    async def slow(stream: StreamSocket) -> None:
        await stream.read()
        await stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        await stream.read()

    web = centos
    task = await serve_once(web, 7001, slow)
    code, out, err = await centos.run("curl", "-sS", "-m", "0.05", "127.0.0.1:7001")
    assert (code, out) == (28, "abc")
    assert err.endswith("milliseconds with 3 out of 100 bytes received\n")
    await task


async def test_curl_and_broken_answers(centos: Node) -> None:
    async def nothing(stream: StreamSocket) -> None:
        await stream.read()

    task = await serve_once(centos, 7001, nothing)
    code, _, err = await centos.run("curl", "-sS", "localhost:7001")
    assert (code, err) == (52, "curl: (52) Empty reply from server\n")
    await task

    async def nonsense(stream: StreamSocket) -> None:
        await stream.read()
        await stream.write(b"+PONG\r\n\r\n")

    task = await serve_once(centos, 7002, nonsense)
    assert (await centos.run("curl", "-s", "localhost:7002"))[0] == 1
    await task

    async def cut(stream: StreamSocket) -> None:
        await stream.read()
        await stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")

    task = await serve_once(centos, 7003, cut)
    code, out, err = await centos.run("curl", "-sS", "localhost:7003")
    assert (code, out) == (18, "abc")
    assert err == "curl: (18) transfer closed with 7 bytes remaining to read\n"
    await task


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "curl: no URL specified!"),
        ("-Q web", "curl: option -Q: is unknown"),
        ("--nosuch web", "curl: option --nosuch: is unknown"),
        ("web -o", "curl: option -o: requires parameter"),
    ],
)
async def test_curl_refuses(centos: Node, words: str, message: str) -> None:
    code, _, err = await centos.run("curl", *words.split())
    assert code == 2
    assert err.splitlines()[0] == message
