"""TCP connections in memory behave as Linux's do."""

from __future__ import annotations

import asyncio
import errno

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.engine.network.listener import BACKLOG, MemoryListener
from course_lib.engine.network.stack import Stack
from course_lib.engine.network.stream import WINDOW, MemoryStream
from tests.engine.conftest import settle


def pair() -> tuple[MemoryStream, MemoryStream, Stack]:
    stack = Stack()
    one, two = MemoryStream.pair(
        (stack, ("127.0.0.1", 40000), None, None), (stack, ("127.0.0.1", 80), None, None)
    )
    return one, two, stack


async def fails_with(code: int, stream: MemoryStream, *, write: bool = False) -> None:
    with pytest.raises(OSError) as caught:  # noqa: PT011  (its errno is what is looked at)
        await (stream.write(b"x") if write else stream.read())
    assert caught.value.errno == code


async def test_bytes_arrive_in_order_and_in_pieces_as_asked_for() -> None:
    one, two, _ = pair()
    await one.write(b"hello ")
    await one.write(b"world")
    assert await two.read(3) == b"hel"
    assert await two.read(100) == b"lo world"
    assert await two.read(0) == b""


async def test_reading_waits_for_bytes() -> None:
    one, two, _ = pair()
    reading = asyncio.create_task(two.read())
    await settle()
    assert not reading.done()
    await one.write(b"x")
    assert await reading == b"x"


async def test_half_close() -> None:
    one, two, _ = pair()
    await one.write(b"request")
    one.shutdown_write()
    assert await two.read() == b"request"
    assert await two.read() == b""
    await two.write(b"response")
    two.close()
    assert await one.read() == b"response"
    assert await one.read() == b""
    await fails_with(errno.EPIPE, one, write=True)


async def test_writing_waits_for_room() -> None:
    one, two, _ = pair()
    writing = asyncio.create_task(one.write(b"x" * (WINDOW + 10)))
    await settle()
    assert not writing.done()
    assert len(await two.read(WINDOW)) == WINDOW
    await writing
    assert len(await two.read()) == 10


async def test_writing_to_an_end_that_closed() -> None:
    one, two, _ = pair()
    two.close()
    await fails_with(errno.EPIPE, one, write=True)
    assert await one.read() == b""


async def test_a_writer_that_waits_hears_that_the_other_end_closed() -> None:
    one, two, _ = pair()
    writing = asyncio.create_task(one.write(b"x" * (2 * WINDOW)))
    await settle()
    two.abort()
    with pytest.raises(ConnectionResetError):
        await writing


async def test_closing_with_unread_data_resets() -> None:
    one, two, _ = pair()
    await one.write(b"never read")
    two.close()
    await fails_with(errno.ECONNRESET, one)


async def test_what_arrived_before_a_reset_can_be_read() -> None:
    one, two, _ = pair()
    await two.write(b"last words")
    two.abort()
    assert await one.read() == b"last words"
    await fails_with(errno.ECONNRESET, one)


async def test_a_closed_end_is_a_bad_descriptor() -> None:
    one, _, stack = pair()
    reading = asyncio.create_task(one.read())
    await settle()
    one.close()
    one.close()
    one.abort()
    with pytest.raises(OSError, match="Bad file descriptor"):
        await reading
    await fails_with(errno.EBADF, one)
    await fails_with(errno.EBADF, one, write=True)
    assert len(stack.connections) == 1


async def test_a_cancelled_reader_loses_nothing() -> None:
    one, two, _ = pair()
    reading = asyncio.create_task(two.read())
    other = asyncio.create_task(two.read())
    await settle()
    reading.cancel()
    await one.write(b"x")
    assert await other == b"x"


async def test_a_full_queue_takes_no_more_connections() -> None:
    stack = Stack()
    listener = MemoryListener(stack, ("0.0.0.0", 80), None, 0)
    fullness = []
    for _ in range(BACKLOG):
        fullness.append(listener.full)
        listener.offer(pair()[1])
    fullness.append(listener.full)
    await listener.accept()
    fullness.append(listener.full)
    assert fullness == [False] * BACKLOG + [True, False]
    listener.close()


@settings(deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=20), st.integers(1, 64))
async def test_every_byte_arrives_once(chunks: list[bytes], size: int) -> None:
    one, two, _ = pair()

    async def send() -> None:
        for chunk in chunks:
            await one.write(chunk)
        one.close()

    sending = asyncio.create_task(send())
    received = b""
    while data := await two.read(size):
        assert len(data) <= size
        received += data
    await sending
    assert received == b"".join(chunks)
