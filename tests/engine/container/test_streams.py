"""Standard streams and the clients attached to them."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest

from course_lib.engine.container.attach import (
    DEFAULT_DETACH,
    Detached,
    _Escape,
    attach,
    detach_keys,
)
from course_lib.engine.container.stdio import LIMIT, Attachment, Streams
from tests.engine.conftest import ManualClock, settle
from tests.engine.container.conftest import Bench


class FakeClient:
    """A connection whose other end is the test."""

    def __init__(self) -> None:
        self.received = b""
        self._input: deque[bytes] = deque()
        self._more = asyncio.Event()
        self.gone = False

    def send(self, data: bytes) -> None:
        """``b""`` is the end of the input."""
        self._input.append(data)
        self._more.set()

    async def read(self, size: int = 65536) -> bytes:
        while not self._input:
            self._more.clear()
            await self._more.wait()
        return self._input.popleft()

    async def write(self, data: bytes) -> None:
        if self.gone:
            raise ConnectionResetError
        self.received += data


def plain(stream: str, data: bytes) -> bytes:
    return stream[3:].encode() + b":" + data


async def test_input_reaches_the_program_and_its_end_too(bench: Bench) -> None:
    container = await bench.create("cat", open_stdin=True, stdin_once=True)
    client = FakeClient()
    attachment = container.streams.attach(stdout=True, stderr=True)
    task = asyncio.create_task(attach(container.streams, attachment, client, plain, stdin=True))
    client.send(b"before the start ")
    await settle()
    await bench.service.start(container)
    client.send(b"after it")
    await settle()
    assert client.received == b"out:before the start out:after it"
    client.send(b"")
    await task
    assert container.state.exit_code == 0


async def test_input_of_several_clients_stays_open(bench: Bench) -> None:
    container = await bench.run("cat", open_stdin=True)
    clients = [FakeClient(), FakeClient()]
    tasks = [
        asyncio.create_task(
            attach(
                container.streams,
                container.streams.attach(stdout=True, stderr=True),
                client,
                plain,
                stdin=True,
            )
        )
        for client in clients
    ]
    clients[0].send(b"one\n")
    clients[1].send(b"two\n")
    await settle()
    assert clients[0].received == clients[1].received
    assert clients[0].received.replace(b"out:", b"") == b"one\ntwo\n"
    clients[0].send(b"")
    await tasks[0]  # the first leaves, the program goes on
    assert container.state.running
    clients[1].send(b"three\n")
    await settle()
    assert clients[1].received.endswith(b"three\n")
    tasks[1].cancel()


async def test_output_and_errors_are_told_apart(bench: Bench) -> None:
    container = await bench.create("sh", "-c", "echo a; echo b >&2")
    client = FakeClient()
    attachment = container.streams.attach(stdout=True, stderr=True)
    task = asyncio.create_task(attach(container.streams, attachment, client, plain, stdin=False))
    await bench.service.start(container)
    await task
    assert client.received == b"out:a\nerr:b\n"
    assert bench.log(container) == "a\nb\n"


async def test_only_the_stream_that_was_asked_for(bench: Bench) -> None:
    container = await bench.create("sh", "-c", "echo a; echo b >&2")
    client = FakeClient()
    attachment = container.streams.attach(stdout=False, stderr=True)
    task = asyncio.create_task(attach(container.streams, attachment, client, plain, stdin=False))
    await bench.service.start(container)
    await task
    assert client.received == b"err:b\n"


async def test_client_that_vanishes_harms_nobody(bench: Bench) -> None:
    container = await bench.run("sh", "-c", "while :; do echo x; sleep 1; done")
    client = FakeClient()
    attachment = container.streams.attach(stdout=True, stderr=True)
    task = asyncio.create_task(attach(container.streams, attachment, client, plain, stdin=False))
    await bench.clock.advance(2)
    client.gone = True
    await bench.clock.advance(2)
    await task
    await bench.clock.advance(2)
    assert container.state.running
    assert bench.log(container).count("x") >= 6


async def test_terminal_echoes_and_is_resized(bench: Bench) -> None:
    container = await bench.create("sh", tty=True, open_stdin=True)
    container.streams.resize(33, 99)
    client = FakeClient()
    attachment = container.streams.attach(stdout=True, stderr=True)
    task = asyncio.create_task(
        attach(container.streams, attachment, client, lambda _, data: data, stdin=True)
    )
    await bench.service.start(container)
    client.send(b"stty size\r")
    await settle(60)
    assert b"33 99\r\n" in client.received
    client.send(b"exit 4\r")
    await task
    assert container.state.exit_code == 4


async def test_detach_keys_leave_the_program_alone(bench: Bench) -> None:
    container = await bench.run("sh", tty=True, open_stdin=True)
    client = FakeClient()
    attachment = container.streams.attach(stdout=True, stderr=True)
    task = asyncio.create_task(
        attach(container.streams, attachment, client, lambda _, data: data, stdin=True)
    )
    client.send(b"\x10")
    client.send(b"\x11")
    with pytest.raises(Detached):
        await task
    assert container.state.running


@pytest.mark.parametrize(
    ("typed", "passed"),
    [
        ([b"abc"], b"abc"),
        ([b"a\x10b"], b"a\x10b"),
        ([b"a\x10", b"b"], b"a\x10b"),
        ([b"\x10\x10b"], b"\x10\x10b"),
    ],
)
def test_half_of_the_detach_keys_is_passed_on(typed: list[bytes], passed: bytes) -> None:
    escape = _Escape(DEFAULT_DETACH)
    assert b"".join(escape.filter(data) for data in typed) == passed


def test_detach_keys_within_other_input() -> None:
    escape = _Escape(DEFAULT_DETACH)
    assert escape.filter(b"x\x10") == b"x"
    # As Moby's ``term.EscapeProxy``: the key that breaks off a sequence does not begin another one.
    assert escape.filter(b"\x10\x11y") == b"\x10\x10\x11y"
    with pytest.raises(Detached):
        escape.filter(b"y\x10\x11z")


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("ctrl-p,ctrl-q", b"\x10\x11"),
        ("a", b"a"),
        ("ctrl-a,a", b"\x01a"),
        ("ctrl-\\", b"\x1c"),
        ("ctrl-@,ctrl-_", b"\x00\x1f"),
    ],
)
def test_detach_keys_are_read(text: str, keys: bytes) -> None:
    assert detach_keys(text) == keys


@pytest.mark.parametrize("text", ["", "ctrl-", "ctrl-1", "ab", "ctrl-p,", "é"])
def test_bad_detach_keys(text: str) -> None:
    with pytest.raises(ValueError, match="no such key"):
        detach_keys(text)


async def test_slow_client_holds_the_writer_up() -> None:
    attachment = Attachment(stdout=True, stderr=True)
    writer = asyncio.create_task(_write(attachment))
    await settle()
    assert not writer.done()
    while (item := await attachment.next()) is not None and item[1] != b"end":
        pass
    await writer


async def _write(attachment: Attachment) -> None:
    for _ in range(4):
        await attachment.put("stdout", bytes(LIMIT // 2 + 1))
    await attachment.put("stdout", b"end")


async def test_closing_lets_a_waiting_writer_go() -> None:
    attachment = Attachment(stdout=True, stderr=True)
    writer = asyncio.create_task(_write(attachment))
    await settle()
    attachment.close()
    await writer


async def test_children_may_write_a_little_longer(clock: ManualClock) -> None:
    streams = Streams(None, tty=False, open_stdin=False, stdin_once=False)
    _, stdout, stderr = streams.begin()
    child = stdout.dup()
    stdout.close()
    stderr.close()
    attachment = streams.attach(stdout=True, stderr=True)
    end = asyncio.create_task(streams.end(clock))
    await settle()
    await child.write(b"late")
    assert await attachment.next() == ("stdout", b"late")
    child.close()
    await end
    assert await attachment.next() is None


async def test_children_that_never_end_are_not_waited_for(clock: ManualClock) -> None:
    streams = Streams(None, tty=False, open_stdin=False, stdin_once=False)
    _, stdout, _ = streams.begin()
    stdout.dup()
    end = asyncio.create_task(streams.end(clock))
    await clock.advance(3)
    await end
