"""Two connections made one."""

from __future__ import annotations

import asyncio
import random

import pytest

from course_lib.engine.network.relay import relay
from course_lib.engine.network.stack import Stack
from course_lib.engine.network.stream import MemoryStream


def pair() -> tuple[MemoryStream, MemoryStream]:
    stack = Stack()
    return MemoryStream.pair(
        (stack, ("127.0.0.1", 1), None, None), (stack, ("127.0.0.1", 2), None, None)
    )


async def read_all(stream: MemoryStream) -> bytes:
    parts = []
    while part := await stream.read():
        parts.append(part)
    return b"".join(parts)


async def test_bytes_both_ways_and_half_closing() -> None:
    (client, near), (far, server) = pair(), pair()
    relaying = asyncio.create_task(relay(near, far))
    data = random.Random(4).randbytes(300_000)

    async def send() -> None:
        await client.write(data)
        client.shutdown_write()

    _, received = await asyncio.gather(send(), read_all(server))
    assert received == data
    await server.write(b"answer")
    assert await client.read() == b"answer"
    assert not relaying.done()
    server.close()
    assert await client.read() == b""
    await relaying
    client.close()


async def test_a_reset_is_passed_on() -> None:
    (client, near), (far, server) = pair(), pair()
    relaying = asyncio.create_task(relay(near, far))
    client.abort()
    await relaying
    with pytest.raises(ConnectionResetError):
        await server.read()


async def test_cancelling_closes_both() -> None:
    (client, near), (far, server) = pair(), pair()
    relaying = asyncio.create_task(relay(near, far))
    await asyncio.sleep(0)
    relaying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await relaying
    assert await client.read() == b""
    assert await server.read() == b""
