"""A user at a terminal: types, and waits for what shall appear."""

from __future__ import annotations

import asyncio

from course_lib.engine.interfaces import ProcessSpec
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.tty import PseudoTerminal, new_terminal
from tests.engine.userland.conftest import Box

LIMIT = 10.0


class TerminalUser:
    """Somebody who runs a program at a terminal of a container."""

    def __init__(self, box: Box, rows: int = 24, columns: int = 80) -> None:
        self._box = box
        self.terminal: PseudoTerminal = new_terminal()
        self.terminal.resize(rows, columns)
        self.process: ContainerProcess | None = None
        self.seen = ""
        self._read = 0

    async def run(self, *argv: str, env: tuple[str, ...] = ("PATH=/bin", "HOME=/root")) -> None:
        slave = self.terminal.slave
        self.process = await self._box.machine.start(
            ProcessSpec(argv, env, "/"), slave(), slave(), slave(), self.terminal
        )

    async def type(self, text: str) -> None:
        await self.terminal.feed(text.encode())

    async def sees(self, text: str) -> str:
        """Wait until ``text`` has appeared after what was seen last; tells all up to it."""
        async with asyncio.timeout(LIMIT):
            while (found := self.seen.find(text, self._read)) < 0:
                data = await self.terminal.output()
                assert data, f"ended without {text!r}: {self.seen[self._read :]!r}"
                self.seen += data.decode(errors="replace")
        start, self._read = self._read, found + len(text)
        return self.seen[start : self._read]

    async def ends(self) -> int:
        assert self.process is not None
        async with asyncio.timeout(LIMIT):
            code = await self.process.wait()
            while data := await self.terminal.output():
                self.seen += data.decode(errors="replace")
        return code
