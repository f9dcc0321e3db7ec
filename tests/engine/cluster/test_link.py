"""Questions, notes and streams over a link; what becomes of them when it goes."""

from __future__ import annotations

import asyncio
import errno
import random
from functools import partial

import pytest

from course_lib.engine.cluster.channel import WINDOW, Channel
from course_lib.engine.cluster.frames import Frame, Kind, Message
from course_lib.engine.cluster.link import HEARTBEAT, SILENCE, Link, LinkLost
from course_lib.engine.errdefs import Forbidden, NotImplementedByEngine
from tests.engine.cluster.conftest import Ends, until


async def echo(_: Link, message: Message) -> Message:
    return Message({"said": message.fields["say"]}, message.body[::-1])


async def test_both_sides_ask(ends: Ends) -> None:
    ends.near_methods.on_call("echo", echo)
    ends.far_methods.on_call("echo", echo)
    for side in (ends.near, ends.far):
        answers = await asyncio.gather(*(side.call("echo", {"say": n}, b"ab") for n in range(50)))
        assert [(a.fields["said"], a.body) for a in answers] == [(n, b"ba") for n in range(50)]


async def test_what_the_other_side_raises_is_raised_here(ends: Ends) -> None:
    errors: list[Exception] = [
        Forbidden("not for you"),
        NotImplementedByEngine("flying"),
        ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
    ]

    async def fail(_: Link, message: Message) -> Message:
        raise errors[message.fields["which"]]

    ends.far_methods.on_call("fail", fail)
    for which, error in enumerate(errors):
        with pytest.raises(type(error)) as caught:
            await ends.near.call("fail", {"which": which})
        if not isinstance(error, OSError):
            assert str(caught.value) == str(error)
    with pytest.raises(Exception, match="no engine answers 'unheard'"):
        await ends.near.call("unheard")
    assert not ends.near.closed


async def test_a_question_is_only_answered_on_links_it_is_meant_for(ends: Ends) -> None:
    ends.far_methods.on_call("manage", echo, frozenset({"manager"}))
    with pytest.raises(Exception, match="no engine answers 'manage'"):
        await ends.near.call("manage", {"say": 1})


async def test_an_answer_that_does_not_come(ends: Ends) -> None:
    async def never(_: Link, __: Message) -> Message:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    ends.far_methods.on_call("never", never)
    ends.far_methods.on_call("echo", echo)
    asked = asyncio.create_task(ends.near.call("never", seconds=3))
    await ends.near.call("echo", {"say": 1})
    await ends.clock.advance(2.9)
    assert not asked.done()
    await ends.clock.advance(0.2)
    with pytest.raises(TimeoutError):
        await asked
    gone = asyncio.create_task(ends.near.call("never"))
    await ends.near.call("echo", {"say": 1})
    ends.far.close()
    with pytest.raises(LinkLost):
        await gone


async def test_notes_come_in_order(ends: Ends) -> None:
    seen: list[int] = []
    ends.near_methods.on_note("count", lambda _, note: seen.append(note.fields["n"]))
    for n in range(100):
        ends.far.note("count", {"n": n})
    await until(lambda: len(seen) == 100)
    assert seen == list(range(100))


async def open_pair(ends: Ends) -> tuple[Channel, Channel]:
    granted: list[Channel] = []

    async def grant(_: Link, message: Message, channel: Channel) -> Message:
        granted.append(channel)
        return Message({"granted": message.fields["name"]})

    ends.far_methods.on_open("stream", grant)
    near, answer = await ends.near.open("stream", {"name": "x"})
    assert answer.fields == {"granted": "x"}
    return near, granted[0]


async def read_all(channel: Channel) -> bytes:
    parts = []
    while part := await channel.read():
        parts.append(part)
    return b"".join(parts)


async def test_a_stream_carries_megabytes_both_ways_at_once(ends: Ends) -> None:
    near, far = await open_pair(ends)
    there = random.Random(1).randbytes(3_000_001)
    back = random.Random(2).randbytes(2_000_003)

    async def send(channel: Channel, data: bytes) -> None:
        await channel.write(data)
        channel.shutdown_write()

    _, _, came, went = await asyncio.gather(
        send(near, there), send(far, back), read_all(near), read_all(far)
    )
    assert (came, went) == (back, there)
    near.close()
    far.close()


async def test_a_writer_waits_for_its_reader_and_holds_nobody_else_up(ends: Ends) -> None:
    near, far = await open_pair(ends)
    ends.far_methods.on_call("echo", echo)
    writing = asyncio.create_task(near.write(bytes(WINDOW + 1)))
    await ends.near.call("echo", {"say": 1})
    assert not writing.done()
    read = 0
    while read < WINDOW + 1:
        read += len(await far.read())
    await writing
    near.close()
    assert await far.read() == b""
    far.close()


async def test_ends_of_a_stream(ends: Ends) -> None:
    near, far = await open_pair(ends)
    await near.write(b"last words")
    near.close()
    assert await far.read() == b"last words"
    assert await far.read() == b""
    with pytest.raises(BrokenPipeError):
        await far.write(b"too late")
    with pytest.raises(OSError, match="Bad file descriptor"):
        await near.read()
    far.close()

    near, far = await open_pair(ends)
    await near.write(b"unread")
    await until(lambda: far._chunks)
    far.close()
    with pytest.raises(ConnectionResetError):
        await near.read()

    near, far = await open_pair(ends)
    await near.write(b"read first")
    near.die(errno.ETIMEDOUT)
    assert await far.read() == b"read first"
    with pytest.raises(TimeoutError):
        await far.read()

    near, far = await open_pair(ends)
    near.shutdown_write()
    assert await far.read() == b""
    await far.write(b"half open")
    assert await near.read() == b"half open"
    reading = asyncio.create_task(near.read())
    ends.far.close()
    with pytest.raises(ConnectionResetError):
        await reading
    assert not ends.near._channels
    assert not ends.far._channels


async def test_a_stream_that_is_refused(ends: Ends) -> None:
    async def refuse(_: Link, __: Message, ___: Channel) -> Message:
        raise ConnectionRefusedError(errno.ECONNREFUSED, "no")

    ends.far_methods.on_open("stream", refuse)
    with pytest.raises(ConnectionRefusedError):
        await ends.near.open("stream")
    assert not ends.near._channels
    await until(lambda: not ends.far._channels)


def heard_since(link: Link, moment: float) -> bool:
    return link._heard > moment


async def test_silence_ends_a_link(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(10):  # signs of life keep it
        heard = ends.near._heard
        await ends.clock.advance(HEARTBEAT)
        await until(partial(heard_since, ends.near, heard))
        assert not ends.near.closed
    monkeypatch.setattr(ends.far, "send", lambda _: None)
    await ends.clock.advance(SILENCE + 2 * HEARTBEAT)
    await until(lambda: ends.near.closed)
    assert ends.near.reason == "it gives no sign of life"


@pytest.mark.parametrize(
    "hostile",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x04\x00\x00\x00\x00\xff\xff\xff\xff",
        Frame(Kind.CALL, 2, Message({"method": "echo"}).pack()).pack(),
        Frame(Kind.CALL, 1, b"\x00\x00\x00\x02{]").pack(),
        Frame(Kind.CALL, 1, b"\x00\x00\x00\x99{}").pack(),
        Frame(Kind.CALL, 1, b"\x00").pack(),
        Frame(Kind.CALL, 1, b"\x00\x00\x00\x02[]").pack(),
        Frame(Kind.CALL, 1, b"\x00\x00\xff\xff" + b"[" * 0xFFFF).pack(),
        Frame(Kind.NOTE, 0, Message({"method": "unheard"}).pack()).pack(),
        Frame(Kind.NOTE, 0, Message({"method": "count"}).pack()).pack(),
        b"\x63\x00\x00\x00\x00\x00\x00\x00\x00",
    ],
)
async def test_who_breaks_the_rules_is_hung_up_on(ends: Ends, hostile: bytes) -> None:
    ends.far_methods.on_note("count", lambda _, note: note.fields["n"])
    ends.near._writer.write(hostile)
    await until(lambda: ends.far.closed)
    assert "does not speak as an engine does" in ends.far.reason
    await until(lambda: ends.near.closed)


@pytest.mark.parametrize("number", [WINDOW + 1, 0xFFFFFFFF])
async def test_more_credit_than_there_is(ends: Ends, number: int) -> None:
    near, _ = await open_pair(ends)
    ends.near.send(Frame(Kind.CREDIT, near.number, number.to_bytes(4, "big")))
    await until(lambda: ends.far.closed)


async def test_more_bytes_than_there_is_room_for(ends: Ends) -> None:
    near, _ = await open_pair(ends)
    ends.near.send(Frame(Kind.DATA, near.number, bytes(WINDOW + 1)))
    await until(lambda: ends.far.closed)


async def test_hundreds_of_hostile_peers_leave_nothing_behind(ends: Ends) -> None:
    """Random bytes, and random changes of what an engine would say, from peers that are let in."""
    rng = random.Random(6)
    ends.far_methods.on_call("echo", echo)
    ends.far_methods.on_note("count", lambda _, note: note.fields["n"])
    good = [
        Frame(Kind.CALL, 1, Message({"method": "echo", "say": 1}).pack()).pack(),
        Frame(Kind.OPEN, 3, Message({"method": "stream"}).pack()).pack(),
        Frame(Kind.NOTE, 0, Message({"method": "count", "n": 1}).pack()).pack(),
        Frame(Kind.DATA, 3, b"data").pack(),
        Frame(Kind.RESET, 3, bytes(4)).pack(),
        Frame(Kind.PING).pack(),
    ]
    for number in range(200):
        link = await ends.dial()
        said = bytearray(rng.randbytes(50) if number % 4 == 0 else b"".join(rng.choices(good, k=8)))
        for _ in range(rng.randrange(4)):
            said[rng.randrange(len(said))] = rng.randrange(256)
        link._writer.write(bytes(said))
        link.close()
        await link.wait_closed()
    await until(lambda: len(ends.listener._links) == 1)
    assert (await ends.near.call("echo", {"say": 1})).fields == {"said": 1}
