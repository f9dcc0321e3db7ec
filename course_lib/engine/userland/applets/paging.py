"""``more``."""

from __future__ import annotations

from course_lib.engine.interfaces import OpenFile
from course_lib.engine.userland import tty
from course_lib.engine.userland.applets.common import (
    Options,
    UsageError,
    byte_lines,
    open_input,
    program,
    reason,
)
from course_lib.engine.userland.process import ContainerProcess

_HELP = "(Enter:next line Space:next page Q:quit R:show the rest)"


@program("deflsu", "[FILE]...", "View FILE (or stdin) one screenful at a time")
async def more(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Print files; at a terminal wait after each screenful."""
    terminal = tty.terminal_of(proc.stdout)
    keys = next((f for f in (proc.stderr, proc.stdin) if tty.terminal_of(f)), None)
    pager = _Pager(proc, terminal, keys) if terminal is not None and keys is not None else None
    status = 0
    for name in words or ["-"]:
        if name == "-" and proc.stdin.isatty():
            raise UsageError
        try:
            file = open_input(proc, name)
        except OSError as error:
            await proc.err(f"more: can't open '{name}': {reason(error)}\n")
            status = 1
            continue
        try:
            size = file.stat().size if file.kind == "file" else 0
            if not await _show(proc, file, size, pager):
                break
        finally:
            file.close()
    return status


async def _show(proc: ContainerProcess, file: OpenFile, size: int, pager: _Pager | None) -> bool:
    """One file; False when somebody has seen enough."""
    if pager is not None:
        pager.shown = 0
    seen = 0
    async for line in byte_lines(proc, file):
        if pager is not None and not await pager.room_for(line, seen + 1, size):
            return False
        await proc.out(line)
        seen += len(line)
    return True


class _Pager:
    """Stops when the screen is full.

    :ivar shown: rows printed since the last stop.
    """

    def __init__(
        self, proc: ContainerProcess, terminal: tty.PseudoTerminal, keys: OpenFile
    ) -> None:
        self.shown = 0
        self._proc = proc
        self._terminal = terminal
        self._keys = keys
        self._by_line = False
        self._all = False

    async def room_for(self, line: bytes, seen: int, size: int) -> bool:
        """Wait for a key if the screen is full; False for one that ends it.

        :param seen: bytes of the file read so far, of ``size``; 0 where that is not known.
        """
        rows, columns = (self._terminal.size[0] or 24) - 1, self._terminal.size[1] or 80
        if not self._all and (self.shown >= rows or (self._by_line and self.shown)):
            share = f"({seen // max(1, size // 100)}% of {size} bytes)" if size else ""
            key = await self._key(f"--More-- {share}")
            if key in (b"q", b"Q", b"\x03", b""):
                return False
            self._all = key in (b"r", b"R")
            self._by_line = key == b"\n"
            self.shown = 0
        self.shown += max(1, -(-len(line.rstrip(b"\n")) // columns))
        return True

    async def _key(self, prompt: str) -> bytes:
        before = self._terminal.attributes
        self._terminal.set_attributes(before.raw())
        try:
            while True:
                await self._proc.out(prompt)
                key = await self._keys.read(1)
                await self._proc.out(f"\r{' ' * len(prompt)}\r")
                if key.lower() in (b" ", b"\n", b"r", b"q", b"\x03", b""):
                    return key
                prompt = _HELP
        finally:
            self._terminal.set_attributes(before)
