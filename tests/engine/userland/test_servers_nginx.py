"""nginx: files, locations, proxying, logs, signals, its command line."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from course_lib.engine.userland.servers.nginx.program import VERSION
from tests.engine.userland.net_world import Node, Running, World, until

ADDRESS = "172.18.0.2"
HTML = "/usr/share/nginx/html"


class Web:
    """A container with nginx, and a client that speaks plain HTTP to it."""

    def __init__(self, folder: Path, world: World | None = None) -> None:
        self.node = Node(world or World(), folder, "nginx", name="web", address=ADDRESS)
        self.node.fs.write_bytes("/etc/passwd", b"root:x:0:0::/:\nnginx:x:101:101::/:\n")
        self.node.fs.write_bytes("/etc/group", b"root:x:0:\nnginx:x:101:\n")
        self.running: Running | None = None

    def configure(self, server: str, around: str = "") -> None:
        text = f"{around}\nserver {{\n    listen 80;\n    root {HTML};\n{server}\n}}\n"
        self.node.fs.write_bytes("/etc/nginx/conf.d/default.conf", text.encode())

    def put(self, path: str, text: str) -> None:
        self.node.fs.write_bytes(HTML + path, text.encode())

    async def start(self) -> None:
        self.running = await self.node.start("nginx", "-g", "daemon off;")
        running = self.running
        await until(lambda: "start worker process " in running.err or running.process.exit_code)
        assert running.process.exit_code is None, running.err

    async def command(self, *words: str) -> tuple[int, str, str]:
        return await (await self.node.start("nginx", *words, first=False)).finish()

    @property
    def log(self) -> str:
        assert self.running is not None
        return self.running.out

    @property
    def errors(self) -> str:
        assert self.running is not None
        return self.running.err

    async def ask(
        self, target: str, *headers: str, method: str = "GET", port: int = 80, body: bytes = b"",
        host: str = "web",
    ) -> tuple[int, dict[str, str], str]:  # fmt: skip
        """Status, headers and body of one request."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        stream = await self.node.net.connect(ADDRESS, port)
        await stream.write("\r\n".join([*lines, "", ""]).encode() + body)
        data = b""
        while chunk := await asyncio.wait_for(stream.read(), 60):
            data += chunk
        stream.close()
        head, _, rest = data.partition(b"\r\n\r\n")
        first, *others = head.decode().split("\r\n")
        pairs = dict(line.split(": ", 1) for line in others)
        return int(first.split()[1]), pairs, rest.decode()

    async def stop(self, signum: int = 15) -> tuple[int, str, str]:
        assert self.running is not None
        self.running.process.kill(signum)
        return await self.running.finish()


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    web = Web(tmp_path / "web")
    yield web
    if web.running is not None:
        web.running.process.kill(9)
        await web.running.finish()


# --- files -------------------------------------------------------------------------------------


async def test_the_welcome_page(web: Web) -> None:
    await web.start()
    status, headers, body = await web.ask("/")
    assert status == 200
    assert "<title>Welcome to nginx!</title>" in body
    assert list(headers) == [
        "Server", "Date", "Content-Type", "Content-Length", "Last-Modified", "Connection", "ETag",
        "Accept-Ranges",
    ]  # fmt: skip
    assert headers["Server"] == f"nginx/{VERSION}"
    assert headers["Content-Type"] == "text/html"
    assert re.fullmatch(
        r'172\.18\.0\.2 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET / HTTP/1\.1" 200 '
        rf'{len(body)} "-" "-" "-"\n',
        web.log,
    )


async def test_status_pages(web: Web) -> None:
    web.node.fs.mkdir(f"{HTML}/d")
    web.put("/secret.txt", "x")
    web.node.fs.chmod(f"{HTML}/secret.txt", 0o000)
    await web.start()
    for target, method, status, title in (
        ("/nosuch", "GET", 404, "404 Not Found"),
        ("/d/", "GET", 403, "403 Forbidden"),
        ("/", "POST", 405, "405 Not Allowed"),
        ("/", "FOO", 405, "405 Not Allowed"),
        ("/../x", "GET", 400, "400 Bad Request"),
    ):
        found, headers, body = await web.ask(target, method=method)
        assert found == status
        assert headers["Content-Type"] == "text/html"
        assert body == (
            f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}"
            f"</h1></center>\r\n<hr><center>nginx/{VERSION}</center>\r\n</body>\r\n</html>\r\n"
        )
    assert (
        f'open() "{HTML}/nosuch" failed (2: No such file or directory), client: {ADDRESS}, server: '
        'localhost, request: "GET /nosuch HTTP/1.1", host: "web"'
    ) in web.errors
    assert f'directory index of "{HTML}/d/" is forbidden' in web.errors


async def test_directories_and_types(web: Web) -> None:
    web.node.fs.mkdir(f"{HTML}/d")
    web.put("/d/index.htm", "inside")
    web.put("/a.css", "p {}")
    web.put("/noextension", "?")
    await web.start()
    status, headers, _ = await web.ask("/d", host="web:81")
    assert (status, headers["Location"]) == (301, "http://web/d/")
    assert (await web.ask("/d/"))[2] == "inside"
    assert (await web.ask("/a.css"))[1]["Content-Type"] == "text/css"
    assert (await web.ask("/noextension"))[1]["Content-Type"] == "application/octet-stream"
    assert (await web.ask("/a.css/"))[0] == 404


async def test_parts_and_conditions(web: Web) -> None:
    web.put("/x.txt", "12345\n")
    await web.start()
    _, headers, _ = await web.ask("/x.txt")
    status, part, body = await web.ask("/x.txt", "Range: bytes=1-2")
    assert (status, body, part["Content-Range"]) == (206, "23", "bytes 1-2/6")
    assert (await web.ask("/x.txt", "Range: bytes=-2"))[2] == "5\n"
    assert (await web.ask("/x.txt", "Range: bytes=4-"))[2] == "5\n"
    status, part, _ = await web.ask("/x.txt", "Range: bytes=10-20")
    assert (status, part["Content-Range"]) == (416, "bytes */6")
    status, part, body = await web.ask("/x.txt", "Range: bytes=0-1,3-3")
    assert status == 206
    assert "Content-Range: bytes 0-1/6\r\n\r\n12\r\n" in body
    assert (await web.ask("/x.txt", "Range: lines=1"))[0] == 200
    for condition, expected in (
        (f"If-None-Match: {headers['ETag']}", 304),
        ('If-None-Match: "other"', 200),
        (f"If-Modified-Since: {headers['Last-Modified']}", 304),
        ("If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT", 200),
    ):
        status, answer, body = await web.ask("/x.txt", condition)
        assert status == expected
        if expected == 304:
            assert body == ""
            assert "Content-Length" not in answer


async def test_a_page_follows_its_file(web: Web) -> None:
    web.put("/index.html", "one")
    await web.start()
    assert (await web.ask("/"))[2] == "one"
    web.put("/index.html", "two!")
    assert (await web.ask("/"))[2] == "two!"


async def test_a_large_file_comes_whole(web: Web) -> None:
    text = "".join(f"{number}\n" for number in range(200_000))
    web.put("/big.txt", text)
    await web.start()
    assert (await web.ask("/big.txt"))[2] == text
    assert (await web.ask("/big.txt", "Range: bytes=1000-400000"))[2] == text[1000:400001]


# --- configuration -----------------------------------------------------------------------------


async def test_locations_in_nginx_order(web: Web) -> None:
    web.configure(
        "default_type text/plain;\n"
        'location / { return 200 "prefix"; }\n'
        'location = /exact { return 200 "exact"; }\n'
        'location ^~ /final/ { return 200 "final"; }\n'
        'location /long/prefix/ { return 200 "long"; }\n'
        r'location ~ \.php$ { return 200 "regex"; }'
        '\nlocation ~* \\.PNG$ { return 200 "caseless"; }\n'
    )
    await web.start()
    for uri, expected in (
        ("/a", "prefix"), ("/exact", "exact"), ("/exact/", "prefix"), ("/final/a.php", "final"),
        ("/long/prefix/x", "long"), ("/long/prefix/x.php", "regex"), ("/A.png", "caseless"),
    ):  # fmt: skip
        assert (await web.ask(uri))[2] == expected, uri


async def test_alias_try_files_error_pages_and_headers(web: Web) -> None:
    web.configure(
        "location /docs/ { alias /srv/; }\n"
        "location /app/ { try_files $uri $uri/ /app.html; }\n"
        "location /none/ { try_files $uri =410; }\n"
        "location /forbidden { deny all; }\n"
        "error_page 404 /missing.html;\n"
        "add_header X-From $hostname always;\n"
        "location /old { return 302 /new; }\n"
    )
    web.node.fs.write_bytes("/srv/a.txt", b"aliased")
    web.put("/app.html", "application")
    web.put("/missing.html", "my own 404")
    await web.start()
    assert (await web.ask("/docs/a.txt"))[2] == "aliased"
    assert (await web.ask("/app/x/y"))[2] == "application"
    assert (await web.ask("/none/x"))[0] == 410
    assert (await web.ask("/forbidden"))[0] == 403
    status, headers, body = await web.ask("/nosuch")
    assert (status, body, headers["X-From"]) == (404, "my own 404", "web")
    status, headers, _ = await web.ask("/old")
    assert (status, headers["Location"]) == (302, "http://web/new")


async def test_servers_by_name_and_port(web: Web) -> None:
    web.node.fs.write_bytes(
        "/etc/nginx/conf.d/default.conf",
        b"server { listen 80; server_name one; return 200 one; }\n"
        b"server { listen 80; server_name two *.two; return 200 two; }\n"
        b"server { listen 8080 default_server; return 200 other; }\n",
    )
    await web.start()
    assert (await web.ask("/", host="one"))[2] == "one"
    assert (await web.ask("/", host="www.two:80"))[2] == "two"
    assert (await web.ask("/", host="unknown"))[2] == "one"
    assert (await web.ask("/", port=8080))[2] == "other"


async def test_autoindex(web: Web) -> None:
    web.configure("autoindex on;")
    web.node.fs.unlink(f"{HTML}/index.html")
    web.node.fs.mkdir(f"{HTML}/sub")
    await web.start()
    _, _, body = await web.ask("/")
    assert "<title>Index of /</title>" in body
    assert body.index('<a href="sub/">sub/</a>') < body.index('<a href="50x.html">50x.html</a>')


async def test_a_reverse_proxy(web: Web, tmp_path: Path) -> None:
    app = Web(tmp_path / "app", web.node.world)
    app.node = Node(web.node.world, tmp_path / "app", "nginx", name="app", address="172.18.0.9")
    app.configure(
        'location /api { default_type text/plain; return 200 "$request_uri $http_host '
        '$http_x_real_ip"; }'
    )
    await app.start()
    web.configure(
        "location /a/ { proxy_pass http://app/api/; proxy_set_header X-Real-IP $remote_addr; }\n"
        "location /api { proxy_pass http://pool; }\n",
        around="upstream pool { server app:80; server app:80 weight=2; }",
    )
    await web.start()
    assert (await web.ask("/a/b?c=d"))[2] == f"/api/b?c=d app {ADDRESS}"
    assert (await web.ask("/api/x"))[2] == "/api/x pool "
    status, headers, _ = await web.ask("/a/../api")
    assert (status, headers["Server"]) == (200, f"nginx/{VERSION}")
    await app.stop()
    status, _, body = await web.ask("/a/")
    assert status == 502
    assert "<h1>502 Bad Gateway</h1>" in body
    assert "connect() failed (111: Connection refused) while connecting to upstream" in web.errors


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("server { foo bar; }", 'unknown directive "foo" in /etc/nginx/conf.d/default.conf:1'),
        (
            "server { listen 80;",
            'unexpected end of file, expecting "}" in /etc/nginx/conf.d/default.conf:1',
        ),
        (
            "server {\n root; }",
            'invalid number of arguments in "root" directive in /etc/nginx/conf.d/default.conf:2',
        ),
        (
            "root /x;\nlisten 80;",
            '"listen" directive is not allowed here in /etc/nginx/conf.d/default.conf:2',
        ),
        (
            "server { listen 99999; }",
            'invalid port in "99999" of the "listen" directive in /etc/nginx/conf.d/default.conf:1',
        ),
        (
            "server { location / { proxy_pass http://nosuch:8000; } }",
            'host not found in upstream "nosuch:8000" in /etc/nginx/conf.d/default.conf:1',
        ),
        ("server { return 200 $nosuch; }", 'unknown "nosuch" variable'),
        (
            "server { auth_basic x; }",
            '"auth_basic" directive is not supported by the embedded engine in '
            "/etc/nginx/conf.d/default.conf:1",
        ),
        (
            "include /etc/nginx/nosuch.conf;",
            'open() "/etc/nginx/nosuch.conf" failed (2: No such file or directory)',
        ),
        ("server { access_log /x nosuch; }", 'unknown log format "nosuch"'),
        ("server { autoindex yes; }", 'it must be "on" or "off"'),
    ],
)
async def test_a_configuration_that_cannot_be_used(web: Web, text: str, message: str) -> None:
    web.node.fs.write_bytes("/etc/nginx/conf.d/default.conf", text.encode())
    code, out, err = await web.node.run("nginx", "-t")
    assert (code, out) == (1, "")
    assert err.startswith("nginx: [emerg] ")
    assert message in err.splitlines()[0]
    assert err.endswith("nginx: configuration file /etc/nginx/nginx.conf test failed\n")
    assert "/tmp" not in err
    assert (await web.node.run("nginx", "-g", "daemon off;"))[0] == 1


# --- command line, signals, logs -----------------------------------------------------------------


async def test_the_command_line(web: Web) -> None:
    assert await web.node.run("nginx", "-v") == (0, "", f"nginx version: nginx/{VERSION}\n")
    assert await web.node.run("nginx", "-t") == (
        0, "",
        "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\n"
        "nginx: configuration file /etc/nginx/nginx.conf test is successful\n",
    )  # fmt: skip
    _, out, _ = await web.node.run("nginx", "-T")
    assert out.startswith("# configuration file /etc/nginx/nginx.conf:\n")
    assert "# configuration file /etc/nginx/conf.d/default.conf:\n" in out
    assert (await web.node.run("nginx", "-z"))[2] == 'nginx: invalid option: "z"\n'
    assert (await web.node.run("nginx", "-s", "foo"))[2] == 'nginx: invalid option: "-s foo"\n'
    assert (await web.node.run("nginx", "-g"))[2] == 'nginx: option "-g" requires parameter\n'
    assert "Usage: nginx [-?hvVtTq]" in (await web.node.run("nginx", "-h"))[2]
    assert (await web.node.run("nginx", "-g", "foo on;"))[0] == 1
    code, _, err = await web.node.run("nginx", "-s", "stop")
    assert code == 1
    assert 'open() "/run/nginx.pid" failed (2: No such file or directory)' in err


async def test_processes_have_titles(web: Web) -> None:
    await web.start()
    titles = [" ".join(info.argv) for info in web.node.machine.processes()]
    assert titles == ["nginx: master process nginx -g daemon off;", "nginx: worker process"]


@pytest.mark.parametrize(("signum", "word"), [(3, "shutting down"), (15, "exiting")])
async def test_the_end(web: Web, signum: int, word: str) -> None:
    await web.start()
    await web.ask("/")
    code, _, err = await web.stop(signum)
    assert code == 0
    assert f"received, {word}\n" in err
    assert err.endswith("[notice] 1#1: exit\n")
    with pytest.raises(ConnectionRefusedError):
        await web.node.net.connect(ADDRESS, 80)
    assert not web.node.fs.access("/run/nginx.pid", os.F_OK)


async def test_reloading_takes_the_new_configuration(web: Web) -> None:
    await web.start()
    web.configure('return 200 "new";\nlisten 81;')
    assert (await web.command("-s", "reload"))[0] == 0
    await until(lambda: "exited with code 0" in web.errors)
    assert (await web.ask("/"))[2] == "new"
    assert (await web.ask("/", port=81))[2] == "new"
    web.configure("nonsense;")
    assert (await web.command("-s", "reload"))[0] == 1
    assert web.running is not None
    web.running.process.kill(1)
    await until(lambda: "unknown directive" in web.errors)
    assert (await web.ask("/"))[2] == "new"
    web.configure("")
    await web.command("-s", "quit")
    assert (await web.running.finish())[0] == 0


async def test_a_worker_that_dies_is_replaced(web: Web) -> None:
    await web.start()
    worker = web.node.machine.processes()[1].pid
    web.node.machine.signal(worker, 9)
    await until(lambda: web.errors.count("start worker process ") == 2)
    assert f"worker process {worker} exited on signal 9" in web.errors
    assert (await web.ask("/"))[0] == 200


async def test_a_port_that_is_taken(web: Web) -> None:
    await web.start()
    code, _, err = await web.command("-g", "daemon off;")
    assert code == 1
    assert err.startswith(
        "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)\n"
    )
    assert "nginx: [emerg] still could not bind()\n" in err


async def test_in_the_background(web: Web) -> None:
    shell = await web.node.start("sleep", "1000")
    assert (await web.command())[0] == 0
    await until(lambda: web.node.fs.access("/run/nginx.pid", os.F_OK))
    assert (await web.ask("/"))[0] == 200
    assert (await web.command("-s", "stop"))[0] == 0
    # PID 1 is a sleep, which reaps nobody: what ended stays as a zombie.
    await until(lambda: [p.pid for p in web.node.machine.processes() if p.state != "Z"] == [1])
    shell.process.kill(9)
    await shell.finish()


async def test_logs_in_files(web: Web) -> None:
    web.configure(
        "access_log /var/log/nginx/mine.log tiny;\nerror_log /var/log/nginx/mine.err;",
        around="log_format tiny '$request_method $uri $status $arg_q';",
    )
    await web.start()
    await web.ask("/a%22b?q=1", method="GET")
    await web.ask("/")
    assert web.node.fs.read_bytes("/var/log/nginx/mine.log").decode() == (
        "GET /a\\x22b 404 1\nGET /index.html 200 -\n"
    )
    assert b"No such file" in web.node.fs.read_bytes("/var/log/nginx/mine.err")
    assert web.log == ""


async def test_envsubst(web: Web) -> None:
    running = await web.node.start("envsubst", "$HOST ${PORT}", stdin=b"$HOST:${PORT} $uri $$\n")
    running.process.env.update(HOST="web", PORT="80")
    assert await running.finish() == (0, "web:80 $uri $$\n", "")
