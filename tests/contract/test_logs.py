"""Logs and top."""

from __future__ import annotations

import re
import time

import pytest

from tests.contract.harness import Bench, until
from tests.contract.hijack import hijacked, joined, unframe
from tests.contract.rawhttp import open_socket

BOTH = {"stdout": "1", "stderr": "1"}


@pytest.fixture(scope="module")
def talker(shelf: Bench) -> str:
    """A container that wrote five lines and ended."""
    script = "for i in 1 2 3 4; do echo line $i; done; sleep 0.05; echo oops >&2"
    container = shelf.run("talker", ["sh", "-c", script])
    shelf.finish(container)
    return container


def read(bench: Bench, container: str, **params: str) -> list[tuple[int, bytes]]:
    answer = bench.raw.get(f"/containers/{container}/logs", params=params)
    assert answer.status == 200, answer.body
    return list(unframe(answer.body))


def test_logs_are_framed(bench: Bench, talker: str) -> None:
    answer = bench.raw.get(f"/containers/{talker}/logs", params=BOTH)
    assert answer.headers["content-type"] == "application/vnd.docker.multiplexed-stream"
    frames = list(unframe(answer.body))
    assert joined(frames, 1) == b"line 1\nline 2\nline 3\nline 4\n"
    assert joined(frames, 2) == b"oops\n"


@pytest.mark.parametrize(("stream", "number"), [("stdout", 1), ("stderr", 2)])
def test_logs_of_one_stream(bench: Bench, talker: str, stream: str, number: int) -> None:
    frames = read(bench, talker, **{stream: "1"})
    assert frames
    assert {n for n, _ in frames} == {number}


@pytest.mark.parametrize(
    ("tail", "lines"), [("0", 0), ("1", 1), ("2", 2), ("all", 5), ("-1", 5), ("x", 5), ("99", 5)]
)
def test_logs_tail(bench: Bench, talker: str, tail: str, lines: int) -> None:
    frames = read(bench, talker, **BOTH, tail=tail)
    assert len(frames) == lines
    if lines:
        assert frames[-1] == (2, b"oops\n")


def test_logs_timestamps(bench: Bench, talker: str) -> None:
    frames = read(bench, talker, stdout="1", timestamps="1")
    stamps = []
    for _, line in frames:
        match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) line \d\n", line.decode())
        assert match
        stamps.append(match[1])
    assert stamps == sorted(stamps)


def test_logs_since_and_until(bench: Bench, talker: str) -> None:
    now = int(time.time())
    assert read(bench, talker, **BOTH, since=str(now + 1000)) == []
    assert read(bench, talker, **BOTH, until=str(now - 100000)) == []
    assert len(read(bench, talker, **BOTH, since=str(now - 100000))) == 5
    assert len(read(bench, talker, **BOTH, until=str(now + 1000))) == 5


def test_logs_since_a_moment_between(bench: Bench, talker: str) -> None:
    """``since`` takes seconds and nanoseconds."""
    (line,) = [c for n, c in read(bench, talker, **BOTH, timestamps="1") if n == 2]
    stamp = line.decode().split()[0]
    whole = time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S")
    import calendar

    since = f"{calendar.timegm(whole)}.{stamp[20:29]}"
    assert read(bench, talker, **BOTH, since=since) == [(2, b"oops\n")]


def test_logs_need_a_stream(bench: Bench, talker: str) -> None:
    answer = bench.raw.get(f"/containers/{talker}/logs")
    assert answer.status == 400
    assert answer.message == "Bad parameters: you must choose at least one stream"


def test_logs_of_a_container_that_never_ran(bench: Bench) -> None:
    assert read(bench, bench.create(), **BOTH) == []


def test_logs_of_a_terminal_are_raw(bench: Bench) -> None:
    container = bench.run(command=["sh", "-c", "echo a; echo b >&2"], Tty=True)
    bench.finish(container)
    answer = bench.raw.get(f"/containers/{container}/logs", params=BOTH)
    assert answer.headers["content-type"] == "application/vnd.docker.raw-stream"
    assert answer.body == b"a\r\nb\r\n"


def test_logs_follow_ends_with_the_container(bench: Bench) -> None:
    script = "echo first; while [ ! -e /go ]; do sleep 0.05; done; echo second"
    container = bench.run(command=["sh", "-c", script])
    with open_socket(bench.engine.socket) as stream:
        stream.sendall(
            f"GET /v1.45/containers/{container}/logs?follow=1&stdout=1 HTTP/1.0\r\n\r\n".encode()
        )
        data = b""
        while b"first\n" not in data:
            data += stream.recv(65536)
        assert bench.sh(container, "touch /go").code == 0
        while piece := stream.recv(65536):
            data += piece
    assert data.endswith(b"second\n")


def test_logs_follow_of_a_stopped_container_ends(bench: Bench, talker: str) -> None:
    assert len(read(bench, talker, **BOTH, follow="1")) == 5


def test_logs_without_newline_at_the_end(bench: Bench) -> None:
    container = bench.run(command=["printf", "no newline"])
    bench.finish(container)
    assert read(bench, container, stdout="1") == [(1, b"no newline")]


def test_logs_keep_bytes_that_are_no_text(bench: Bench) -> None:
    """The JSON file holds text: what is not UTF-8 becomes the replacement character."""
    container = bench.run(command=["printf", r"a\377b\n"])
    bench.finish(container)
    assert read(bench, container, stdout="1") == [(1, "a\ufffdb\n".encode())]


def test_logs_of_a_long_line(bench: Bench) -> None:
    container = bench.run(command=["sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x; echo"])
    bench.finish(container)
    assert joined(read(bench, container, stdout="1"), 1) == b"x" * 100000 + b"\n"


def test_logs_of_nginx_show_requests(bench: Bench) -> None:
    container = bench.run(image="nginx")
    until(lambda: bench.sh(container, "curl -sf http://127.0.0.1/marker.txt").code == 22)
    until(lambda: '"GET /marker.txt HTTP/1.1" 404' in bench.logs(container))


def test_top_titles_and_processes(bench: Bench) -> None:
    container = bench.run()
    table = bench.raw.get(f"/containers/{container}/top").json()
    assert table["Titles"] == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    (row,) = table["Processes"]
    assert row[-1] == "sleep 1000"
    assert row[0] == "root"
    assert int(row[1]) == bench.state(container)["Pid"]


def test_top_with_words_for_ps(bench: Bench) -> None:
    container = bench.run()
    params = {"ps_args": "-o pid,comm"}
    table = bench.raw.get(f"/containers/{container}/top", params=params).json()
    assert table["Titles"] == ["PID", "COMMAND"]
    assert [row[1] for row in table["Processes"]] == ["sleep"]
    params = {"ps_args": "aux"}
    table = bench.raw.get(f"/containers/{container}/top", params=params).json()
    assert table["Titles"][:2] == ["USER", "PID"]
    assert table["Titles"][-1] == "COMMAND"


def test_top_sees_exec_processes(bench: Bench) -> None:
    container = bench.run()
    made = bench.sdk.api.exec_create(container, ["sleep", "77"])["Id"]
    bench.sdk.api.exec_start(made, detach=True)

    def seen() -> list[str]:
        rows = bench.raw.get(f"/containers/{container}/top").json()["Processes"]
        return sorted(row[-1] for row in rows)

    # (A program that is just being started has no words yet for `ps`.)
    until(lambda: seen() == ["sleep 1000", "sleep 77"])


def test_attach_stream_is_also_logged(bench: Bench) -> None:
    container = bench.create(command=["echo", "both"])
    target = f"/containers/{container}/attach?stream=1&stdout=1"
    with hijacked(bench.engine.socket, target) as stream:
        bench.start(container)
        assert stream.frames() == [(1, b"both\n")]
    assert bench.logs(container) == "both\n"
