"""The programs of the lessons as the lessons use them: their data, pages, logs and settings.

What they answer over a network is in ``test_applications.py``.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import redis

from tests.contract.harness import DEADLINE, Bench, host_ports, until
from tests.contract.terminal import at_terminal

pytestmark = pytest.mark.usefixtures("docker_command")


def run(bench: Bench, word: str, *words: str) -> str:
    """``docker run -d`` with a name of the test; gives that name."""
    name = bench.adopt(bench.name(word))
    done = bench.cli("run", "-d", "--name", name, *words)
    assert done.code == 0, done.err
    return name


def ask(bench: Bench, container: str, *words: str) -> str:
    """What ``redis-cli`` in the container says."""
    return bench.exec(container, ["redis-cli", *words]).out


def ready(bench: Bench, container: str) -> str:
    until(lambda: ask(bench, container, "ping") == "PONG\n")
    return container


def published(bench: Bench, container: str, port: str) -> int:
    (found,) = host_ports(bench.inspect(container), port)
    return found


def test_top_with_the_columns_asked_for(bench: Bench) -> None:
    container = bench.run("c")
    for options in (("-o", "pid,args"), ("-eo", "pid,args"), ("axo", "pid,args"), ("-opid,args",)):
        done = bench.cli("top", container, *options)
        assert done.code == 0, (options, done.err)
        header, process = done.out.splitlines()
        assert header.split() == ["PID", "COMMAND"]
        assert process.split()[0].isdigit()
        assert process.split()[1:] == ["sleep", "1000"]


# Redis -------------------------------------------------------------------------------------


def test_redis_data_moves_on_with_its_volume(bench: Bench) -> None:
    """A counter set by telnet in 2.8 is there in 3.0, counts on, and is there in today's."""
    first = ready(bench, run(bench, "redis28", "redis:2.8"))
    link = ("--link", f"{first}:redis28", "busybox")
    with at_terminal(bench, "run", "-it", "--rm", *link, "telnet", "redis28", "6379") as pair:
        user, process = pair
        user.until("Connected to redis28\r\n")
        user.type("SET counter 42\r")
        # The terminal makes of each line feed what Redis has already made of it.
        assert user.until(r"\n\+OK\r+\n") == "SET counter 42\r\n+OK\r\r\n"
        user.type("INFO server\r")
        user.until(r"\nredis_version:2\.8\.\d+\r\r\n")
        user.type("SAVE\r")
        user.until(r"\n\+OK\r\r\n")
        user.type("QUIT\r")
        user.until(r"\n\+OK\r\r\n")
        user.until("Connection closed by foreign host")
        assert process.wait(2 * DEADLINE) == 1
    assert bench.cli("stop", first).code == 0
    assert bench.state(first)["ExitCode"] == 0

    second = ready(bench, run(bench, "redis30", "--volumes-from", first, "redis:3.0"))
    assert ask(bench, second, "get", "counter") == "42\n"
    assert "\nredis_version:3.0." in ask(bench, second, "info", "server")
    assert ask(bench, second, "incr", "counter") == "43\n"
    assert bench.cli("stop", second).code == 0  # saves, as there is something to save

    third = ready(bench, run(bench, "redis-next", "--volumes-from", second, "redis"))
    assert ask(bench, third, "get", "counter") == "43\n"
    volume = {mount["Name"] for c in (first, second, third) for mount in bench.inspect(c)["Mounts"]}
    assert len(volume) == 1


def test_redis_by_netcat(bench: Bench) -> None:
    """Inline commands through a pipe: quoted, empty, wrong ones."""
    server = ready(bench, run(bench, "store", "redis:2.8"))
    words = ("SET n 42", "get n", 'SET text "two words"', "", "GET text", "FOO", "QUIT")
    # Redis drops what it has not sent when its client has nothing more to say: not before QUIT.
    script = "mkfifo in; nc redis28 6379 <in >out & exec 3>in; cat >&3; wait $!; cat out"
    link = ("--link", f"{server}:redis28", "busybox")
    typed = "".join(f"{line}\r\n" for line in words)
    done = bench.cli("run", "-i", "--rm", *link, "sh", "-c", script, stdin=typed)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "+OK", "$2", "42", "+OK", "$9", "two words", "-ERR unknown command 'FOO'", "+OK",
    ]  # fmt: skip


def test_redis_shuts_down(bench: Bench) -> None:
    server = ready(bench, run(bench, "store", "redis"))
    assert ask(bench, server, "set", "kept", "1") == "OK\n"
    bench.exec(server, ["redis-cli", "shutdown", "nosave"])
    until(lambda: not bench.state(server)["Running"])
    assert bench.state(server)["ExitCode"] == 0
    bench.start(server)
    ready(bench, server)
    assert ask(bench, server, "get", "kept") == "\n"
    assert ask(bench, server, "set", "kept", "2") == "OK\n"
    bench.exec(server, ["redis-cli", "shutdown"])
    until(lambda: not bench.state(server)["Running"])
    bench.start(server)
    ready(bench, server)
    assert ask(bench, server, "get", "kept") == "2\n"
    assert "User requested shutdown" in bench.logs(server)


def test_redis_appends_what_it_is_told(bench: Bench) -> None:
    """``--appendonly yes``: also a kill loses nothing."""
    server = ready(bench, run(bench, "store", "redis", "redis-server", "--appendonly", "yes"))
    assert ask(bench, server, "set", "n", "41") == "OK\n"
    assert ask(bench, server, "incr", "n") == "42\n"
    assert "aof_enabled:1\n" in ask(bench, server, "info", "persistence").replace("\r", "")
    assert bench.cli("kill", server).code == 0
    bench.start(server)
    ready(bench, server)
    assert ask(bench, server, "get", "n") == "42\n"


def test_redis_for_real_clients(bench: Bench) -> None:
    """The Python client at a published port."""
    server = ready(bench, run(bench, "store", "-p", "127.0.0.1::6379", "redis"))
    port = published(bench, server, "6379/tcp")
    address = bench.engine.address
    with redis.Redis(address, port, decode_responses=True, socket_timeout=DEADLINE) as client:
        until(client.ping)
        assert client.set("text", "grüß dich")
        assert client.get("text") == "grüß dich"
        assert [client.incr("n") for _ in range(3)] == [1, 2, 3]
        assert client.expire("n", 1000)
        assert client.ttl("n") in range(900, 1001)
        assert client.lpush("list", "a", "b", "c") == 3
        assert client.lrange("list", 0, -1) == ["c", "b", "a"]
        assert client.hset("hash", mapping={"one": "1", "two": "2"}) == 2
        assert client.hgetall("hash") == {"one": "1", "two": "2"}
        with client.pipeline() as pipe:  # MULTI … EXEC
            pipe.incr("n").lpop("list").hget("hash", "two").get("nothing")
            assert pipe.execute() == [4, "c", "2", None]
        with client.pipeline(transaction=False) as pipe:
            pipe.incr("text").incr("n")
            wrong, count = pipe.execute(raise_on_error=False)
        assert isinstance(wrong, redis.ResponseError)
        assert (str(wrong), count) == ("value is not an integer or out of range", 5)
        with client.pubsub() as listener:
            listener.subscribe("news")
            assert (listener.get_message(timeout=DEADLINE) or {})["type"] == "subscribe"
            assert client.publish("news", "hello") == 1
            assert (listener.get_message(timeout=DEADLINE) or {})["data"] == "hello"
        assert str(client.info("server")["redis_version"]) in bench.logs(server)
        assert client.dbsize() == 4
    assert ask(bench, server, "get", "n") == "5\n"


# Tomcat ------------------------------------------------------------------------------------

LOGS = "/usr/local/tomcat/logs"
WEBAPPS = "/usr/local/tomcat/webapps"


def test_tomcat_shares_its_logs(bench: Bench) -> None:
    """Another container with the same volumes sees a request, also as it comes in."""
    server = run(bench, "webapp", "-p", "127.0.0.1::8080", "-v", LOGS, "tomcat")
    follow = f"until cat {LOGS}/*access_log*; do usleep 50000; done; tail -f {LOGS}/*access_log*"
    reader = run(bench, "logreader", "--volumes-from", server, "alpine", "sh", "-c", follow)
    port = published(bench, server, "8080/tcp")
    bench.fetch(port)
    page = f"/{bench.prefix}-first"
    bench.fetch(port, page)
    line = f'"GET {page} HTTP/1.0" 404 '
    until(lambda: line in bench.sh(reader, f"cat {LOGS}/*access_log*").out)
    until(lambda: line in bench.logs(reader))
    second = f'"GET {page}?again HTTP/1.0" 404 '
    bench.fetch(port, f"{page}?again")
    until(lambda: second in bench.logs(reader))
    (mount,) = bench.inspect(reader)["Mounts"]
    assert (mount["Type"], mount["Destination"], mount["RW"]) == ("volume", LOGS, True)
    assert bench.inspect(server)["Mounts"] == [mount]
    started = bench.sh(reader, f"cat {LOGS}/catalina.*.log")
    assert "Server startup in [" in started.out


def test_tomcat_serves_the_students_page(bench: Bench) -> None:
    """Named volumes outlive the container, with the page in one and the log in the other."""
    webapps, logs = bench.volume("webapps"), bench.volume("logs")
    volumes = ("-v", f"{webapps}:{WEBAPPS}", "-v", f"{logs}:{LOGS}")
    server = run(bench, "tomcat1", "-p", "127.0.0.1::8080", *volumes, "tomcat")
    root = f"{WEBAPPS}/ROOT"
    write = f"mkdir -p {root}/sub; cd {root}; echo mine >index.html; echo below >sub/index.html"
    assert bench.sh(server, write).code == 0
    port = published(bench, server, "8080/tcp")
    assert bench.fetch(port) == "mine\n"
    assert bench.fetch(port, "/sub/") == "below\n"
    assert "404" in bench.fetch(port, "/nothing-there")
    assert bench.sh(server, f"mkdir {WEBAPPS}/app; echo app >{WEBAPPS}/app/index.html").code == 0
    until(lambda: bench.fetch(port, "/app/") == "app\n")
    page = bench.output("cat", "/w/ROOT/index.html", host={"Binds": [f"{webapps}:/w:ro"]})
    assert page == "mine\n"
    assert bench.cli("rm", "-f", server).code == 0
    again = run(bench, "tomcat2", "-p", "127.0.0.1::8080", *volumes, "tomcat")
    assert bench.fetch(published(bench, again, "8080/tcp"), "/?second") == "mine\n"
    seen = f"cat {LOGS}/*access_log*"
    until(lambda: '"GET /?second HTTP/1.0" 200 ' in bench.sh(again, seen).out)
    assert '"GET /sub/ HTTP/1.0" 200 ' in bench.sh(again, seen).out


# nginx -------------------------------------------------------------------------------------

HTML = "/usr/share/nginx/html"


def status(bench: Bench, container: str, path: str) -> str:
    """The status of a page and its first bytes, as ``curl`` in the container gets them."""
    script = (
        f"curl -s -o /tmp/page -w '%{{http_code}} ' http://127.0.0.1{path}; head -c 40 /tmp/page"
    )
    return bench.sh(container, script).out


def test_nginx_serves_a_folder_of_the_host(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    (folder / "empty").mkdir(parents=True)
    (folder / "index.html").write_text("first\n")
    words = ("-p", "127.0.0.1::80", "-v", f"{folder}:{HTML}:ro", "nginx")
    server = run(bench, "static", *words)
    port = published(bench, server, "80/tcp")
    assert bench.fetch(port) == "first\n"
    (folder / "index.html").write_text("second, longer\n")
    (folder / "new.html").write_text("new\n")
    assert bench.fetch(port) == "second, longer\n"
    assert bench.fetch(port, "/new.html") == "new\n"
    (folder / "new.html").unlink()
    assert status(bench, server, "/new.html").startswith("404 <html>\r\n<head><title>404 Not Found")
    assert status(bench, server, "/empty/").startswith("403 ")
    assert status(bench, server, "/empty").startswith("301 ")
    refused = bench.sh(server, f"echo x >{HTML}/index.html")
    assert refused.code != 0
    assert "Read-only file system" in refused.err
    assert (folder / "index.html").read_text() == "second, longer\n"
    until(lambda: '"GET /empty HTTP' in bench.logs(server))
    logs = bench.logs(server)
    assert f'directory index of "{HTML}/empty/" is forbidden' in logs
    assert f'open() "{HTML}/new.html" failed (2: No such file or directory)' in logs
    assert '"GET /empty HTTP/1.1" 301 ' in logs


def test_nginx_shows_what_its_worker_may_read(bench: Bench, tmp_path: Path) -> None:
    """The worker is not root: what only the owner may read, or nobody, is forbidden."""
    (tmp_path / "closed").mkdir()
    for name in ("open", "mine", "nobodys", "closed/page"):
        (tmp_path / name).write_text("text\n")
    for name, mode in (("open", 0o644), ("mine", 0o600), ("nobodys", 0), ("closed", 0o700)):
        (tmp_path / name).chmod(mode)
    tmp_path.chmod(0o755)
    server = run(bench, "site", "-p", "127.0.0.1::80", "-v", f"{tmp_path}:{HTML}:ro", "nginx")
    port = published(bench, server, "80/tcp")
    assert bench.fetch(port, "/open") == "text\n"
    for path in ("/mine", "/nobodys", "/closed/page", "/closed/"):
        assert status(bench, server, path).startswith("403 "), path

    def said(line: str) -> bool:
        return line in bench.logs(server)

    for file in ("mine", "nobodys", "closed/page"):
        line = f'open() "{HTML}/{file}" failed (13: Permission denied), client: '
        until(partial(said, line))
    until(partial(said, f'"{HTML}/closed/index.html" is forbidden (13: Permission denied)'))
    # Root may read them all, and so may the master: it has opened the logs.
    assert (
        bench.sh(server, f"cat {HTML}/mine {HTML}/nobodys {HTML}/closed/page").out == "text\n" * 3
    )
    users = bench.sh(server, "for p in /proc/[0-9]*; do grep -h -e ^Name: -e ^Uid: $p/status; done")
    assert "nginx\nUid:\t101\t" in users.out, users.out


def test_nginx_takes_a_changed_configuration(bench: Bench, tmp_path: Path) -> None:
    """``nginx -t`` says what is wrong, ``nginx -s reload`` changes a running server or not."""

    def configure(answer: str) -> None:
        text = f"server {{\n  listen 80;\n  location / {{ {answer} }}\n}}\n"
        (tmp_path / "site.conf").write_text(text)

    configure('return 200 "one\\n";')
    mount = ("-v", f"{tmp_path}:/etc/nginx/conf.d:ro")
    server = run(bench, "web", "-p", "127.0.0.1::80", *mount, "nginx")
    port = published(bench, server, "80/tcp")
    assert bench.fetch(port) == "one\n"
    tested = bench.exec(server, ["nginx", "-t"])
    assert tested.code == 0
    assert tested.err.splitlines()[-2:] == [
        "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok",
        "nginx: configuration file /etc/nginx/nginx.conf test is successful",
    ]
    configure('return 200 "two\\n";')
    assert bench.fetch(port) == "one\n"  # not before it is told to
    assert bench.exec(server, ["nginx", "-s", "reload"]).code == 0
    until(lambda: bench.fetch(port) == "two\n")
    configure("retrun 200;")
    wrong = bench.exec(server, ["nginx", "-t"])
    assert wrong.code == 1
    assert 'unknown directive "retrun" in /etc/nginx/conf.d/site.conf:3' in wrong.err
    assert wrong.err.endswith("configuration file /etc/nginx/nginx.conf test failed\n")
    assert bench.exec(server, ["nginx", "-s", "reload"]).code == 1
    assert bench.fetch(port) == "two\n"
    configure('return 404 "gone";')
    assert bench.cli("kill", "-s", "HUP", server).code == 0
    until(lambda: bench.fetch(port) == "gone")
    assert bench.cli("stop", server).code == 0
    assert bench.state(server)["ExitCode"] == 0
