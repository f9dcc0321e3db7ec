"""Pipes: order, limits, ends."""

from __future__ import annotations

import asyncio

import pytest

from course_lib.engine.userland.pipe import CAPACITY, pipe
from tests.engine.conftest import settle


async def test_bytes_come_out_in_order_and_end_when_the_writer_closes() -> None:
    reader, writer = pipe()
    await writer.write(b"abc")
    await writer.write(b"def")
    assert await reader.read(2) == b"ab"
    assert await reader.read() == b"cdef"
    writer.close()
    assert await reader.read() == b""


async def test_a_duplicate_keeps_the_end_open() -> None:
    reader, writer = pipe()
    twin = writer.dup()
    writer.close()
    waiting = asyncio.create_task(reader.read())
    await settle()
    assert not waiting.done()
    twin.close()
    assert await waiting == b""


async def test_a_full_pipe_makes_the_writer_wait() -> None:
    reader, writer = pipe()
    writing = asyncio.create_task(writer.write(bytes(CAPACITY + 10)))
    await settle()
    assert not writing.done()
    total = len(await reader.read(20))
    await settle()
    assert writing.done()
    writer.close()
    while chunk := await reader.read():
        total += len(chunk)
    assert total == CAPACITY + 10


async def test_nobody_reading_breaks_the_pipe_also_for_one_who_waits() -> None:
    reader, writer = pipe()
    writing = asyncio.create_task(writer.write(bytes(2 * CAPACITY)))
    await settle()
    reader.close()
    with pytest.raises(BrokenPipeError):
        await writing
    with pytest.raises(BrokenPipeError):
        await writer.write(b"x")


async def test_each_end_refuses_what_it_cannot_do() -> None:
    reader, writer = pipe()
    with pytest.raises(OSError, match="Bad file descriptor"):
        await writer.read()
    with pytest.raises(OSError, match="Bad file descriptor"):
        await reader.write(b"x")
    with pytest.raises(OSError, match="Illegal seek"):
        reader.seek(0)
    reader.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        await reader.read()
