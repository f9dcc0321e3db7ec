"""Who is let in, and who is believed."""

from __future__ import annotations

import asyncio

import pytest

from course_lib.engine.cluster import listener as listeners
from course_lib.engine.cluster.frames import Frame, Kind, Message
from course_lib.engine.cluster.handshake import SECONDS, Refused
from tests.engine.cluster.conftest import CLUSTER, Ends, until


async def test_the_right_secret(ends: Ends) -> None:
    assert (ends.far.peer.purpose, ends.far.peer.node, ends.far.peer.key) == ("node", "one", 1)


@pytest.mark.parametrize("node", ["one", "ghost", ""])
async def test_a_wrong_secret_or_node(ends: Ends, node: str) -> None:
    with pytest.raises(Refused) as caught:
        await ends.dial(b"wrong", node=node)
    assert caught.value.reason == "secret"
    assert len(ends.accepted) == 1


async def test_another_cluster_is_not_told_anything(ends: Ends) -> None:
    with pytest.raises(Refused, match=r"remote CA does not match fingerprint\. Expected: beef"):
        await ends.dial(cluster="beef")
    assert len(ends.accepted) == 1


async def test_a_listener_that_does_not_know_the_secret(ends: Ends) -> None:
    async def pretend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = Message({"version": 1, "cluster": CLUSTER, "challenge": "0"})
        writer.write(Frame(Kind.NOTE, 0, said.pack()).pack())
        await reader.read(100)
        writer.write(Frame(Kind.NOTE, 0, Message({"proof": "0" * 64}).pack()).pack())
        writer.close()

    server = await asyncio.start_server(pretend, "127.0.0.1", 0)
    ends.listener.address = server.sockets[0].getsockname()
    with pytest.raises(Refused, match="does not know the secret"):
        await ends.dial()
    server.close()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        bytes(100),
        Frame(Kind.NOTE, 0, Message({"purpose": "node", "node": 1}).pack()).pack(),
        Frame(Kind.NOTE, 0, Message({"purpose": "nöde", "node": ""}).pack()).pack(),
        Frame(Kind.CALL, 0, Message({}).pack()).pack(),
        Frame(Kind.NOTE, 0, Message({"x": "y" * 5000}).pack()).pack(),
    ],
)
async def test_strangers(ends: Ends, said: bytes) -> None:
    reader, writer = await asyncio.open_connection(*ends.listener.address)
    await reader.readexactly(9)
    writer.write(said)
    writer.write_eof()
    while await reader.read(1000):
        pass  # until it hangs up
    writer.close()
    await until(lambda: not ends.listener._strangers)
    assert len(ends.accepted) == 1


async def test_a_stranger_that_says_nothing_is_hung_up_on(ends: Ends) -> None:
    reader, writer = await asyncio.open_connection(*ends.listener.address)
    await reader.readexactly(9)
    await ends.clock.advance(SECONDS + 1)
    while await reader.read(1000):
        pass
    writer.close()
    await until(lambda: not ends.listener._strangers)


async def test_too_many_strangers(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "MAX_STRANGERS", 2)
    waiting = [await asyncio.open_connection(*ends.listener.address) for _ in range(2)]
    for reader, _ in waiting:
        await reader.readexactly(9)
    reader, writer = await asyncio.open_connection(*ends.listener.address)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(9)
    for _, other in [*waiting, (reader, writer)]:
        other.close()
    await until(lambda: not ends.listener._strangers)
    link = await ends.dial()  # there is room again
    link.close()
    await link.wait_closed()
