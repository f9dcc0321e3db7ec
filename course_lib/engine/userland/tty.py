"""Pseudo-terminals: the line discipline between a client and the programs on a terminal.

Models what ``termios(3)`` calls canonical mode with ECHO, ECHOE, ECHOCTL, ISIG, ICRNL and
OPOST|ONLCR, and raw mode as line editors set it. Not modelled: speeds, parity, XON/XOFF.
"""

from __future__ import annotations

import asyncio
import errno
import stat
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from course_lib.engine.interfaces import FileStat, OpenFile
from course_lib.engine.userland import signals
from course_lib.engine.userland.files import os_error
from course_lib.engine.userland.gate import pass_turn

if TYPE_CHECKING:
    from course_lib.engine.userland.machine import ContainerMachine

_BUFFER = 65536
_LINE = 4096


@dataclass(frozen=True, slots=True)
class Attributes:
    """The flags of ``termios`` that programs change.

    :ivar unusual: flags without an effect here that are not as a new terminal has them.
    """

    icanon: bool = True
    echo: bool = True
    isig: bool = True
    icrnl: bool = True
    opost: bool = True
    intr: int = 0x03
    quit: int = 0x1C
    erase: int = 0x7F
    kill: int = 0x15
    eof: int = 0x04
    susp: int = 0x1A
    werase: int = 0x17
    lnext: int = 0x16
    unusual: frozenset[str] = frozenset()

    def raw(self) -> Attributes:
        """As a line editor wants it: byte by byte, no echo, no signals; the rest unchanged."""
        return replace(self, icanon=False, echo=False, isig=False)


class PseudoTerminal:
    """A terminal: :class:`course_lib.engine.interfaces.Terminal`.

    :ivar foreground: process group that gets the signals of the keyboard.
    """

    def __init__(self) -> None:
        self.attributes = Attributes()
        self.foreground = 0
        self._machine: ContainerMachine | None = None
        self._size = (0, 0)
        self._line = bytearray()
        self._quoted = False
        self._ready: deque[bytes] = deque()
        self._waiting = 0
        self._output = bytearray()
        self._hung_up = False
        self._slaves = 0
        self._used = False
        self._changed: deque[asyncio.Future[None]] = deque()

    # --- the client's side -------------------------------------------------------------------

    def slave(self) -> OpenFile:
        return TerminalFile(self)

    async def feed(self, data: bytes) -> None:
        for start in range(0, len(data), _LINE):
            while self._waiting > _BUFFER and not self._hung_up:
                await self._change()
            if self._hung_up:
                return
            for byte in data[start : start + _LINE]:
                self._receive(byte)
            self._notify()

    async def output(self) -> bytes:
        while not self._output:
            if self._hung_up or (self._used and not self._slaves):
                return b""
            await self._change()
        data = bytes(self._output)
        self._output.clear()
        self._notify()
        return data

    def resize(self, rows: int, columns: int) -> None:
        if (rows, columns) != self._size:
            self._size = (rows, columns)
            self._signal(signals.SIGWINCH)

    @property
    def size(self) -> tuple[int, int]:
        return self._size

    def hangup(self) -> None:
        if not self._hung_up:
            self._hung_up = True
            self._signal(signals.SIGHUP)
            self._signal(signals.SIGCONT)
            self._notify()

    # --- the machine's side ------------------------------------------------------------------

    def control(self, machine: ContainerMachine, pgid: int) -> None:
        """Become the controlling terminal of a session."""
        self._machine = machine
        self.foreground = pgid

    def session_ended(self) -> None:
        """The session leader has ended: the foreground group is told, as Linux does."""
        self._signal(signals.SIGHUP)
        self._signal(signals.SIGCONT)

    def set_attributes(self, attributes: Attributes) -> None:
        """``tcsetattr(3)``; what was typed of a line is readable at once in raw mode."""
        if self.attributes.icanon and not attributes.icanon and self._line:
            self._push(bytes(self._line))
            self._line.clear()
        self.attributes = attributes
        self._notify()

    def unread(self, data: bytes) -> None:
        """Give back what a line editor read too much."""
        self._ready.appendleft(data)
        self._waiting += len(data)

    def _signal(self, signum: int) -> None:
        if self._machine is not None and self.foreground:
            self._machine.signal_group(self.foreground, signum)

    # --- input -------------------------------------------------------------------------------

    def _receive(self, byte: int) -> None:
        mode = self.attributes
        if self._quoted:
            self._quoted = False
            self._insert(byte)
            return
        if mode.icrnl and byte == 0x0D:
            byte = 0x0A
        if mode.isig and byte in (mode.intr, mode.quit, mode.susp):
            self._line.clear()
            self._ready.clear()
            self._waiting = 0
            self._echo_control(byte)
            kinds = {
                mode.intr: signals.SIGINT, mode.quit: signals.SIGQUIT, mode.susp: signals.SIGTSTP
            }  # fmt: skip
            self._signal(kinds[byte])
            return
        if not mode.icanon:
            if mode.echo:
                self._echo(byte)
            self._push(bytes((byte,)))
            return
        if byte == mode.erase or (byte == 0x08 and mode.erase == 0x7F):
            self._erase()
        elif byte == mode.kill:
            while self._line:
                self._erase()
        elif byte == mode.werase:
            self._erase_word()
        elif byte == mode.lnext:
            self._quoted = True
        elif byte == mode.eof:
            self._push(bytes(self._line))
            self._line.clear()
        else:
            self._insert(byte)

    def _erase_word(self) -> None:
        """Up to where the last word of letters, digits and ``_`` begins, as Linux has it."""
        seen = False
        while self._line:
            char = chr(self._line[-1])
            if char.isalnum() or char == "_":
                seen = True
            elif seen:
                break
            self._erase()

    def _insert(self, byte: int) -> None:
        if byte == 0x0A:
            if self.attributes.echo:
                self._show(b"\n")
            self._push(bytes(self._line) + b"\n")
            self._line.clear()
        elif len(self._line) < _LINE - 1:
            self._line.append(byte)
            if self.attributes.echo:
                self._echo(byte)

    def _erase(self) -> None:
        if not self._line:
            return
        byte = self._line.pop()
        while self._line and byte & 0xC0 == 0x80:
            byte = self._line.pop()
        if self.attributes.echo:
            width = 2 if byte < 0x20 and byte != 0x09 else 1
            self._show(b"\b \b" * width)

    def _push(self, chunk: bytes) -> None:
        self._ready.append(chunk)
        self._waiting += len(chunk)

    def _echo(self, byte: int) -> None:
        if byte < 0x20 and byte not in (0x09, 0x0A):
            self._echo_control(byte)
        else:
            self._show(bytes((byte,)))

    def _echo_control(self, byte: int) -> None:
        if self.attributes.echo:
            self._show(bytes((0x5E, byte ^ 0x40)))

    # --- the programs' side ------------------------------------------------------------------

    async def read(self, size: int) -> bytes:
        """What a program reads: a line in canonical mode, else what there is."""
        while True:
            await self._wait_for_foreground()
            if self._ready:
                break
            if self._hung_up:
                return b""
            await self._change()
        chunk = self._ready.popleft()
        if not self.attributes.icanon:
            while self._ready and len(chunk) < size:
                chunk += self._ready.popleft()
        if len(chunk) > size:
            self._ready.appendleft(chunk[size:])
            chunk = chunk[:size]
        self._waiting -= len(chunk)
        self._notify()
        return chunk

    async def _wait_for_foreground(self) -> None:
        """Stop a background process that reads (``SIGTTIN``); EIO where it cannot be stopped."""
        while True:
            process = self._machine.current if self._machine else None
            if process is None or process.terminal is not self:
                return
            if process.pgid == self.foreground or process.dying:
                return
            if process.disposition(signals.SIGTTIN) is not None or process.pid == 1:
                raise os_error(errno.EIO)
            process.kill(signals.SIGTTIN)
            await pass_turn()

    async def write(self, data: bytes) -> None:
        """What a program writes."""
        while len(self._output) > _BUFFER and not self._hung_up:
            await self._change()
        if self._hung_up:
            raise os_error(errno.EIO)
        self._show(data)
        self._notify()

    def _show(self, data: bytes) -> None:
        self._output += data.replace(b"\n", b"\r\n") if self.attributes.opost else data

    def opened(self, change: int) -> None:
        """A slave handle was opened (1) or closed (-1)."""
        self._slaves += change
        self._used = True
        if not self._slaves:
            self._notify()

    # --- waiting -----------------------------------------------------------------------------

    async def _change(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._changed.append(waiter)
        await waiter

    def _notify(self) -> None:
        waiters, self._changed = self._changed, deque()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


class TerminalFile:
    """A handle on the side of a terminal that programs use."""

    __slots__ = ("_closed", "terminal")
    kind: Literal["tty"] = "tty"

    def __init__(self, terminal: PseudoTerminal) -> None:
        self.terminal = terminal
        self._closed = False
        terminal.opened(1)

    async def read(self, size: int = 65536, /) -> bytes:
        return await self.terminal.read(size)

    async def write(self, data: bytes, /) -> None:
        await self.terminal.write(data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        raise os_error(errno.ESPIPE)

    def truncate(self, size: int, /) -> None:
        raise os_error(errno.EINVAL)

    def stat(self) -> FileStat:
        return FileStat(stat.S_IFCHR | 0o620, 0, 5, 0, 0, 3, 1, 20, rdev=0x8800)

    def isatty(self) -> bool:
        return True

    def dup(self) -> OpenFile:
        return TerminalFile(self.terminal)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.terminal.opened(-1)


def new_terminal() -> PseudoTerminal:
    """A terminal in canonical mode, its size not yet set."""
    return PseudoTerminal()


def terminal_of(file: OpenFile) -> PseudoTerminal | None:
    """The terminal behind an open file, None if it is something else."""
    return file.terminal if isinstance(file, TerminalFile) else None
