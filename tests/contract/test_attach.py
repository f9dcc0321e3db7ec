"""Attach: framed and raw streams, standard input and its end, detaching, replaying logs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.harness import Bench, until
from tests.contract.hijack import hijacked, joined

ALL = "stream=1&stdin=1&stdout=1&stderr=1"
INTERACTIVE: dict[str, Any] = {
    "OpenStdin": True,
    "StdinOnce": True,
    "AttachStdin": True,
    "AttachStdout": True,
    "AttachStderr": True,
}


def test_attach_before_start_sees_everything(bench: Bench) -> None:
    container = bench.create(command=["sh", "-c", "echo out; echo err >&2"])
    with hijacked(bench.engine.socket, f"/containers/{container}/attach?{ALL}") as stream:
        assert stream.status == 101
        assert stream.headers["upgrade"] == "tcp"
        assert stream.headers["connection"] == "Upgrade"
        kind = "application/vnd.docker.multiplexed-stream"
        assert stream.headers["content-type"] == kind
        bench.start(container)
        frames = stream.frames()
    assert joined(frames, 1) == b"out\n"
    assert joined(frames, 2) == b"err\n"


def test_attach_without_upgrade(bench: Bench) -> None:
    """Old clients do not ask for an upgrade and get a 200 with the stream behind it."""
    container = bench.create(command=["echo", "out"])
    target = f"/containers/{container}/attach?stream=1&stdout=1"
    with hijacked(bench.engine.socket, target, upgrade=False) as stream:
        assert stream.status == 200
        assert stream.headers["content-type"] == "application/vnd.docker.raw-stream"
        bench.start(container)
        assert stream.frames() == [(1, b"out\n")]


def test_standard_input_reaches_the_program(bench: Bench) -> None:
    container = bench.create(command=["cat"], **INTERACTIVE)
    with hijacked(bench.engine.socket, f"/containers/{container}/attach?{ALL}") as stream:
        bench.start(container)
        stream.send(b"hello\n")
        stream.read_until(b"hello\n")
        stream.send(b"more\n")
        stream.read_until(b"more\n")
        stream.half_close()
        assert stream.read_all() == b""
    assert bench.finish(container) == 0


def test_half_close_ends_standard_input(bench: Bench) -> None:
    container = bench.create(command=["sh", "-c", "wc -c; echo over"], **INTERACTIVE)
    with hijacked(bench.engine.socket, f"/containers/{container}/attach?{ALL}") as stream:
        bench.start(container)
        stream.send(b"12345")
        stream.half_close()
        assert joined(stream.frames(), 1) == b"5\nover\n"


def test_binary_and_long_input_comes_through(bench: Bench) -> None:
    payload = bytes(range(256)) * 4096  # 1 MB
    container = bench.create(command=["sh", "-c", "sha256sum | cut -c1-64"], **INTERACTIVE)
    with hijacked(bench.engine.socket, f"/containers/{container}/attach?{ALL}") as stream:
        bench.start(container)
        stream.send(payload)
        stream.half_close()
        digest = joined(stream.frames(), 1).decode().strip()
    import hashlib

    assert digest == hashlib.sha256(payload).hexdigest()


def test_terminal_stream_is_raw_and_echoes(bench: Bench) -> None:
    container = bench.create(command=["cat"], Tty=True, **INTERACTIVE)
    with hijacked(bench.engine.socket, f"/containers/{container}/attach?{ALL}") as stream:
        assert stream.headers["content-type"] == "application/vnd.docker.raw-stream"
        bench.start(container)
        stream.send(b"hello\n")
        stream.read_until(b"hello\r\nhello\r\n")
        stream.send(b"\x04")  # end of file as typed
        assert stream.read_all() == b""
    assert bench.finish(container) == 0


def test_terminal_interrupt(bench: Bench) -> None:
    """Control-C reaches the program in the foreground as SIGINT."""
    script = "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.05; done"
    container = bench.create(command=["sh", "-c", script], Tty=True, **INTERACTIVE)
    with hijacked(bench.engine.socket, f"/containers/{container}/attach?{ALL}") as stream:
        bench.start(container)
        stream.read_until(b"ready\r\n")
        stream.send(b"\x03")
        assert b"caught" in stream.read_all()
    assert bench.finish(container) == 9


def test_terminal_is_one(bench: Bench) -> None:
    container = bench.run(
        command=["sh", "-c", "test -t 0 && test -t 1 && tty; echo $TERM"], Tty=True
    )
    assert bench.finish(container) == 0
    assert bench.logs(container) == "/dev/pts/0\r\nxterm\r\n"


def test_terminal_has_the_size_of_the_client(bench: Bench) -> None:
    script = "while ! stty size | grep -q '33 99'; do sleep 0.05; done; stty size"
    container = bench.run(command=["sh", "-c", script], Tty=True, OpenStdin=True)
    params = {"h": "33", "w": "99"}
    assert bench.raw.post(f"/containers/{container}/resize", params=params).status == 200
    assert bench.finish(container) == 0
    assert bench.logs(container).endswith("33 99\r\n")


def test_detach_keys_leave_the_container_running(bench: Bench) -> None:
    container = bench.run(command=["cat"], Tty=True, OpenStdin=True)
    with hijacked(bench.engine.socket, f"/containers/{container}/attach?{ALL}") as stream:
        stream.send(b"abc\n")
        stream.read_until(b"abc\r\nabc\r\n")
        stream.send(b"\x10\x11")
        stream.read_all()
    assert bench.state(container)["Running"] is True


def test_detach_keys_can_be_chosen(bench: Bench) -> None:
    container = bench.run(command=["cat"], Tty=True, OpenStdin=True)
    target = f"/containers/{container}/attach?{ALL}&detachKeys=ctrl-a,z"
    with hijacked(bench.engine.socket, target) as stream:
        stream.send(b"x\n")
        stream.read_until(b"x\r\nx\r\n")
        stream.send(b"\x01z")
        stream.read_all()
    assert bench.state(container)["Running"] is True


def test_detach_keys_that_are_none(bench: Bench) -> None:
    container = bench.run(command=["cat"], Tty=True, OpenStdin=True)
    target = f"/containers/{container}/attach?{ALL}&detachKeys=zzzz"
    with hijacked(bench.engine.socket, target) as stream:
        assert stream.status == 400
        assert b"Invalid detach keys (zzzz) provided" in stream.read_all()


def test_two_clients_see_the_same(bench: Bench) -> None:
    container = bench.create(command=["echo", "shared"])
    target = f"/containers/{container}/attach?stream=1&stdout=1"
    with (
        hijacked(bench.engine.socket, target) as one,
        hijacked(bench.engine.socket, target) as two,
    ):
        bench.start(container)
        assert one.frames() == two.frames() == [(1, b"shared\n")]


def test_attach_with_logs_replays_them(bench: Bench) -> None:
    container = bench.run(command=["echo", "before"])
    bench.finish(container)
    target = f"/containers/{container}/attach?logs=1&stdout=1&stderr=1"
    with hijacked(bench.engine.socket, target) as stream:
        assert stream.frames() == [(1, b"before\n")]


@pytest.mark.parametrize(
    ("streams", "expected"), [("stdout=1", {1: b"out\n"}), ("stderr=1", {2: b"err\n"})]
)
def test_attach_to_one_stream(bench: Bench, streams: str, expected: dict[int, bytes]) -> None:
    container = bench.create(command=["sh", "-c", "echo out; echo err >&2"])
    target = f"/containers/{container}/attach?stream=1&{streams}"
    with hijacked(bench.engine.socket, target) as stream:
        bench.start(container)
        assert dict(stream.frames()) == expected


def test_client_that_goes_away_does_not_end_the_container(bench: Bench) -> None:
    container = bench.run(command=["cat"], OpenStdin=True)
    with hijacked(bench.engine.socket, f"/containers/{container}/attach?{ALL}") as stream:
        stream.send(b"abc\n")
        stream.read_until(b"abc\n")
    assert bench.state(container)["Running"] is True


def test_stdin_once_ends_input_when_the_client_goes(bench: Bench) -> None:
    container = bench.create(command=["cat"], **INTERACTIVE)
    with hijacked(bench.engine.socket, f"/containers/{container}/attach?{ALL}") as stream:
        bench.start(container)
        stream.send(b"abc\n")
        stream.read_until(b"abc\n")
    until(lambda: bench.state(container)["Status"] == "exited")
