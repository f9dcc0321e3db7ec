"""Clients that misbehave leave nothing behind: no descriptor, no task, no line in the log.

The engine is asked by SIGUSR1 for its tasks, and ``/proc`` for its descriptors, before and after.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from course_lib.engine.api.table import REFUSED, ROUTES
from tests.engine.test_main import DEADLINE, ask, running

CALLS = sorted({(method, path) for method, path, *_ in (*ROUTES, *REFUSED)})


class Watched:
    """A running engine, and what it holds."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.socket = folder / "s"
        self.state = folder / "state"
        self.pid = process.pid
        self.before: list[tuple[list[str], list[str]]] = []

    def held(self) -> tuple[list[str], list[str]]:
        """Its tasks and its descriptors, without names that are different every time."""
        dump = self.state / "tasks.log"
        dump.unlink(missing_ok=True)
        os.kill(self.pid, signal.SIGUSR1)
        deadline = time.monotonic() + DEADLINE
        while not dump.exists():
            assert time.monotonic() < deadline, "no dump of tasks"
        tasks = [line.partition(" at 0x")[0] for line in dump.read_text().splitlines()]
        folder = Path(f"/proc/{self.pid}/fd")
        kinds = []
        for name in os.listdir(folder):
            with suppress(FileNotFoundError):
                kinds.append(os.readlink(folder / name).partition(":[")[0])
        return sorted(tasks), sorted(kinds)

    def settles(self) -> None:
        """It comes to hold what it held at first: that without the last client's connection."""
        deadline = time.monotonic() + DEADLINE
        while True:
            now = self.held()
            if not self.before and not any("Connection.serve" in task for task in now[0]):
                self.before.append(now)
            if self.before == [now]:
                break
            old = self.before[0] if self.before else ([], [])
            more = [Counter(new) - Counter(one) for one, new in zip(old, now, strict=True)]
            less = [Counter(one) - Counter(new) for one, new in zip(old, now, strict=True)]
            assert time.monotonic() < deadline, f"more: {more}, less: {less}"
        assert ask(self.socket, "GET", "/_ping") == (200, "OK")

    def connect(self) -> socket.socket:
        stream = socket.socket(socket.AF_UNIX)
        stream.settimeout(DEADLINE)
        stream.connect(str(self.socket))
        return stream


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """An engine with a running container, all routes loaded by a first call of each."""
    folder = tmp_path_factory.mktemp("leaks")
    with running(folder) as process:
        watched = Watched(folder, process)
        ask(watched.socket, "POST", "/images/create?fromImage=alpine&tag=latest")
        body = {
            "Image": "alpine",
            "Cmd": ["sh", "-c", "while read -r x; do echo $x; done; sleep 999"],
        }
        ask(watched.socket, "POST", "/containers/create?name=web", {**body, "OpenStdin": True})
        assert ask(watched.socket, "POST", "/containers/web/start")[0] == 204
        assert ask(watched.socket, "POST", "/volumes/create", {"Name": "data"})[0] == 201
        for method, path in CALLS:
            _send(watched, _request(method, _named(path, "no-such-one"), b"{}"))
        watched.settles()
        yield watched
        log = watched.state / "engine.log"
        assert not log.exists() or "Traceback" not in log.read_text(), log.read_text()[-3000:]


def _named(path: str, name: str) -> str:
    for word in ("{name}", "{id}"):
        path = path.replace(word, name)
    return path


def _request(method: str, target: str, body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return (
        f"{method} /v1.45{target} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    ).encode() + body


def _send(engine: Watched, data: bytes) -> bytes:
    """What comes back within reach: a stream without end is hung up after its first bytes."""
    with closing(engine.connect()) as stream, suppress(ConnectionError):
        stream.sendall(data)
        return stream.recv(65536)
    return b""


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_every_call_with_nonsense(engine: Watched, method: str, path: str) -> None:
    """Unknown names, bodies that are none, queries that mean nothing: never an internal error."""
    queries = (
        "",
        "?filters=%7B",
        "?filters=%7B%22no-such%22%3A%7B%22x%22%3Atrue%7D%7D",
        "?all=x&limit=x&t=x&h=x&w=-1&since=x&until=0&tail=-9&signal=NOPE&condition=x&path=%00",
        "?name=" + "x" * 3000,
    )
    for name in ("no-such-one", "%00", "a%2Fb", "..", "%ff%fe", "x" * 5000):
        for body in (b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 20_000):
            query = queries[len(body) % len(queries)]
            answer = _send(engine, _request(method, _named(path, name) + query, body))
            if answer:
                assert b" 500 " not in answer.split(b"\r\n")[0] or b"internal error" not in answer
    engine.settles()


def test_connections_that_break_off_everywhere(engine: Watched) -> None:
    """In the head, in the body, before the answer, in the answer: of every call."""
    rng = random.Random(1)
    for method, path in CALLS:
        if (method, path) in (("POST", "/containers/prune"), ("DELETE", "/containers/{name}")):
            continue
        whole = _request(method, _named(path, "web"), b'{"Cmd":["sleep","0"]}', 100)
        for cut in (rng.randrange(1, 40), whole.index(b"\r\n\r\n") + 4, len(whole)):
            with closing(engine.connect()) as stream:
                stream.sendall(whole[:cut])
        if path in ("/swarm/leave",):
            continue
    ask(engine.socket, "POST", "/containers/web/start")
    assert ask(engine.socket, "GET", "/containers/web/json")[0] == 200
    engine.settles()


@pytest.mark.parametrize(
    "tail",
    [
        b'5\r\n{"Im',
        b"zz\r\nxx\r\n0\r\n\r\n",
        b"-1\r\nx\r\n0\r\n\r\n",
        b"ffffffffffffffffff\r\nx",
        b'5\r\n{"Image":1}\r\n0\r\n\r\n',
        b"0\r\nTrailer: x",
        b"5;ext=" + b"y" * 200_000,
    ],
)
def test_chunks_that_are_none(engine: Watched, tail: bytes) -> None:
    head = (
        b"POST /v1.45/containers/create HTTP/1.1\r\nHost: d\r\n"
        b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with closing(engine.connect()) as stream, suppress(ConnectionError):
        stream.sendall(head + tail)
        stream.shutdown(socket.SHUT_WR)
        answer = stream.recv(65536)
        assert not answer or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431")), answer
    engine.settles()


def test_pipelined_requests_are_answered_in_order(engine: Watched) -> None:
    one = b"GET /v1.45/containers/%b/json HTTP/1.1\r\nHost: d\r\n\r\n"
    names = [b"web", b"no-such-one", b"web", b"none"] * 20
    with closing(engine.connect()) as stream:
        stream.sendall(b"".join(one % name for name in names))
        stream.shutdown(socket.SHUT_WR)
        data = b"".join(iter(lambda: stream.recv(65536), b""))
    statuses = [part[:3] for part in data.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200" if name == b"web" else b"404" for name in names]
    engine.settles()


def test_streams_whose_client_goes(engine: Watched) -> None:
    """Attach, exec, logs, events, stats and wait, each left in the middle, again and again."""
    _, made = ask(engine.socket, "GET", "/containers/web/json")
    assert made["State"]["Running"]
    calls = (
        "POST /v1.45/containers/web/attach?stream=1&stdin=1&stdout=1&stderr=1",
        "GET /v1.45/containers/web/logs?follow=1&stdout=1",
        "GET /v1.45/events",
        "GET /v1.45/containers/web/stats",
        "POST /v1.45/containers/web/wait",
    )
    upgrade = "Upgrade: tcp\r\nConnection: Upgrade\r\n"
    for number in range(60):
        call = calls[number % len(calls)]
        more = upgrade if "attach" in call else ""
        with closing(engine.connect()) as stream:
            stream.sendall(f"{call} HTTP/1.1\r\nHost: d\r\n{more}\r\n".encode())
            if "wait" not in call:
                assert stream.recv(8) == b"HTTP/1.1"
            if "attach" in call:
                stream.sendall(b"half a line")
    for number in range(20):
        body = {"AttachStdin": True, "AttachStdout": True, "Cmd": ["cat"], "Tty": number % 2 == 0}
        status, made = ask(engine.socket, "POST", "/containers/web/exec", body)
        assert status == 201
        with closing(engine.connect()) as stream:
            start = _request("POST", f"/exec/{made['Id']}/start", b"{}")
            stream.sendall(start.replace(b"Connection: close\r\n", upgrade.encode()))
            assert stream.recv(8) == b"HTTP/1.1"
            stream.sendall(b"x" * 100_000)
    # Programs go on when the client goes, as with dockerd: these end with their container.
    ask(engine.socket, "POST", "/containers/web/restart?t=0")
    engine.settles()


def test_a_thousand_clients_at_once(engine: Watched) -> None:
    streams = [engine.connect() for _ in range(1000)]
    try:
        for number, stream in enumerate(streams):
            what = "/_ping" if number % 2 else "/containers/json?all=1"
            stream.sendall(_request("GET", what, b""))
        for stream in streams:
            assert stream.recv(12) == b"HTTP/1.1 200"
    finally:
        for stream in streams:
            stream.close()
    engine.settles()
