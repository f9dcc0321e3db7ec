"""The json-file log: what is written, and how it is read back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.engine.clock import SystemClock
from course_lib.engine.container.logs import MAX_LINE, JsonLog, LogLine
from tests.engine.conftest import ManualClock, settle


@pytest.fixture
def log(tmp_path: Path, clock: ManualClock) -> JsonLog:
    log = JsonLog(tmp_path / "folder" / "x-json.log", clock)
    log.begin()
    return log


async def read(log: JsonLog, **options: int) -> list[str]:
    return [line.data.decode() async for line in log.read(**options)]  # type: ignore[arg-type]


async def test_shape_of_the_file(log: JsonLog) -> None:
    log.append("stdout", b"one\n")
    log.append("stderr", 'zwei "ü"\n'.encode())
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert lines == [
        {"log": "one\n", "stream": "stdout", "time": "2023-11-14T22:13:20Z"},
        {"log": 'zwei "ü"\n', "stream": "stderr", "time": "2023-11-14T22:13:20Z"},
    ]


async def test_line_is_kept_back_until_it_is_whole(log: JsonLog) -> None:
    log.append("stdout", b"half")
    assert await read(log) == []
    log.append("stderr", b"other\n")
    log.append("stdout", b" line\nand")
    assert await read(log) == ["other\n", "half line\n"]
    log.end()
    assert await read(log) == ["other\n", "half line\n", "and"]


async def test_long_line_comes_in_pieces(log: JsonLog) -> None:
    log.append("stdout", b"x" * (2 * MAX_LINE + 10) + b"\n")
    assert [len(line) for line in await read(log)] == [MAX_LINE, MAX_LINE, 11]


@pytest.mark.parametrize(
    ("tail", "expected"), [(0, 0), (1, 1), (3, 3), (99, 99), (100, 100), (1000, 100)]
)
async def test_tail(log: JsonLog, tail: int, expected: int) -> None:
    for number in range(100):
        log.append("stdout", f"{number} {'x' * 2000}\n".encode())
    lines = await read(log, tail=tail)
    assert [line.split()[0] for line in lines] == [str(n) for n in range(100 - expected, 100)]


async def test_since_and_until(log: JsonLog, clock: ManualClock) -> None:
    marks = []
    for number in range(4):
        marks.append(clock.time_ns())
        log.append("stdout", f"{number}\n".encode())
        await clock.advance(1.5)
    assert await read(log, since_ns=marks[1]) == ["1\n", "2\n", "3\n"]
    assert await read(log, until_ns=marks[2]) == ["0\n", "1\n", "2\n"]
    assert await read(log, since_ns=marks[1], until_ns=marks[2]) == ["1\n", "2\n"]


async def test_missing_file_is_an_empty_log(log: JsonLog) -> None:
    assert await read(log) == []
    assert await read(log, tail=5) == []


async def test_follow_sees_what_comes_and_ends_with_the_container(log: JsonLog) -> None:
    got: list[LogLine] = []

    async def follow() -> None:
        async for line in log.read(follow=True, tail=1):
            got.append(line)

    log.append("stdout", b"old\nlast\n")
    task = asyncio.create_task(follow())
    await settle()
    log.append("stdout", b"new\n")
    await settle()
    assert [line.data for line in got] == [b"last\n", b"new\n"]
    log.append("stdout", b"unfinished")
    log.end()
    await task
    assert got[-1].data == b"unfinished"


async def test_follow_until_a_time(log: JsonLog, clock: ManualClock) -> None:
    got: list[bytes] = []

    async def follow() -> None:
        async for line in log.read(follow=True, until_ns=clock.time_ns() + 3 * 10**9):
            got.append(line.data)

    task = asyncio.create_task(follow())
    await settle()
    log.append("stdout", b"in time\n")
    await clock.advance(4)
    await task
    log.append("stdout", b"too late\n")
    assert got == [b"in time\n"]


@given(st.lists(st.binary(max_size=60)))
def test_no_byte_is_lost(chunks: list[bytes]) -> None:
    """Whatever the chunks, the lines joined are what was written (as far as it is UTF-8)."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        log = JsonLog(Path(folder) / "log", SystemClock())
        for chunk in chunks:
            log.append("stdout", chunk)
        log.end()
        text = "".join(asyncio.run(read(log)))
    lines = b"".join(chunks).splitlines(keepends=True)
    assert text.encode().count(b"\n") == b"".join(chunks).count(b"\n")
    if all(chunk.isascii() for chunk in chunks):
        assert text.encode() == b"".join(lines)
