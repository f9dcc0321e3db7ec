"""Terminals: the line discipline."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from course_lib.engine.userland.tty import PseudoTerminal, new_terminal
from tests.engine.conftest import settle
from tests.engine.userland.conftest import Box
from tests.engine.userland.terminal_user import TerminalUser


async def shown(terminal: PseudoTerminal) -> bytes:
    return await terminal.output()


async def test_a_line_is_echoed_and_read_as_a_whole() -> None:
    terminal = new_terminal()
    slave = terminal.slave()
    reading = asyncio.create_task(slave.read())
    await terminal.feed(b"hel")
    await settle()
    assert not reading.done()
    await terminal.feed(b"lo\r")
    assert await reading == b"hello\n"
    assert await shown(terminal) == b"hello\r\n"


@pytest.mark.parametrize(
    ("typed", "line"),
    [(b"abc\x7fd\r", b"abd\n"), (b"one two\x17three\r", b"one three\n"), (b"abc\x15d\r", b"d\n"),
     (b"caf\xc3\xa9\x7fe\r", b"cafe\n"), (b"a\x16\x03b\r", b"a\x03b\n"), (b"\x7f\x7fx\r", b"x\n"),
     (b"ab\x04", b"ab"), (b"\x04", b"")],
)  # fmt: skip
async def test_editing_a_line(typed: bytes, line: bytes) -> None:
    terminal = new_terminal()
    slave = terminal.slave()
    await terminal.feed(typed)
    assert await slave.read() == line


async def test_a_long_line_is_read_in_parts() -> None:
    terminal = new_terminal()
    slave = terminal.slave()
    await terminal.feed(b"abcdef\r")
    assert await slave.read(4) == b"abcd"
    assert await slave.read(4) == b"ef\n"


async def test_raw_mode_passes_every_byte_and_shows_none() -> None:
    terminal = new_terminal()
    slave = terminal.slave()
    terminal.set_attributes(terminal.attributes.raw())
    await terminal.feed(b"\x03a\r")
    assert await slave.read() == b"\x03a\n"  # only ``stty raw`` leaves the end of a line alone
    await slave.write(b"out\n")
    assert await shown(terminal) == b"out\r\n"
    terminal.set_attributes(replace(terminal.attributes, opost=False))
    await slave.write(b"raw\n")
    assert await shown(terminal) == b"raw\n"


async def test_without_echo_nothing_of_a_password_shows() -> None:
    terminal = new_terminal()
    slave = terminal.slave()
    terminal.set_attributes(replace(terminal.attributes, echo=False))
    await terminal.feed(b"secret\r")
    assert await slave.read() == b"secret\n"
    await slave.write(b"!")
    assert await shown(terminal) == b"!"


async def test_hanging_up_ends_both_sides() -> None:
    terminal = new_terminal()
    slave = terminal.slave()
    reading = asyncio.create_task(slave.read())
    await settle()
    terminal.hangup()
    assert await reading == b""
    assert await terminal.output() == b""
    with pytest.raises(OSError, match="Input/output error"):
        await slave.write(b"x")


async def test_output_ends_when_no_program_holds_the_terminal() -> None:
    terminal = new_terminal()
    slave = terminal.slave()
    await slave.write(b"bye")
    slave.close()
    assert await terminal.output() == b"bye"
    assert await terminal.output() == b""


async def test_interrupt_goes_to_the_foreground_group(box: Box) -> None:
    user = TerminalUser(box)
    await user.run("sh", "-c", "trap 'echo caught' INT; echo ready; read x; echo rest $x")
    await user.sees("ready")
    await user.type("half\x03")
    await user.sees("^C")
    await user.sees("caught")
    await user.type("whole\r")
    assert await user.ends() == 0


async def test_a_change_of_size_is_told(box: Box) -> None:
    user = TerminalUser(box, 24, 80)
    await user.run("sh", "-c", "trap 'stty size' WINCH; stty size; while :; do sleep 0.01; done")
    await user.sees("24 80")
    user.terminal.resize(50, 132)
    await user.sees("50 132")
    assert user.process is not None
    user.process.kill(9)
    assert await user.ends() == 137
