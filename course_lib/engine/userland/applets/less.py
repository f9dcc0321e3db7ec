"""``less``: a pager."""

from __future__ import annotations

import re

from course_lib.engine.interfaces import OpenFile
from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    decode,
    encode,
    program,
    read_file,
    reason,
)
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.tty import terminal_of


@program("EFIMmNSRXerqs", "[-EFIMmNSRX] [FILE]...", "View FILE (or stdin) one screenful at a time")
async def less(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Show files page by page; without a terminal just print them."""
    text = ""
    for name in words or ["-"]:
        try:
            text += decode(await read_file(proc, name))
        except OSError as error:
            raise Fail(f"{name}: {reason(error)}") from None
    if terminal_of(proc.stdout) is None:
        await proc.out(encode(text))
        return 0
    keys = next((f for f in (proc.stdin, proc.stderr) if terminal_of(f)), None)
    if keys is None:
        await proc.out(encode(text))
        return 0
    pager = _Pager(proc, keys, text, words[0] if words else "", numbers="N" in options)
    return await pager.run()


class _Pager:
    def __init__(
        self, proc: ContainerProcess, keys: OpenFile, text: str, title: str, *, numbers: bool
    ) -> None:
        self._proc = proc
        self._keys = keys
        terminal = terminal_of(proc.stdout)
        assert terminal is not None
        self._terminal = terminal
        lines = text.split("\n")
        if lines and not lines[-1]:
            lines.pop()
        self._lines = [f"{n:>7} {line}" for n, line in enumerate(lines, 1)] if numbers else lines
        self._title = title
        self._top = 0
        self._pattern = ""
        self._message = ""

    @property
    def _height(self) -> int:
        return max(1, (self._terminal.size[0] or 24) - 1)

    async def run(self) -> int:
        before = self._terminal.attributes
        self._terminal.set_attributes(before.raw())
        try:
            while True:
                await self._draw()
                key = await self._keys.read(16)
                if key[:1] in (b"q", b"Q", b"\x03", b"\x04", b""):
                    return 0
                await self._press(key)
        finally:
            await self._proc.out("\r\x1b[K")
            self._terminal.set_attributes(before)

    def _last_top(self) -> int:
        return max(0, len(self._lines) - self._height)

    async def _press(self, key: bytes) -> None:
        page = self._height
        moves = {
            b" ": page, b"f": page, b"\x1b[6~": page, b"b": -page, b"\x1b[5~": -page,
            b"j": 1, b"\r": 1, b"\n": 1, b"\x1b[B": 1, b"k": -1, b"\x1b[A": -1, b"y": -1,
            b"d": page // 2, b"u": -(page // 2), b"g": -len(self._lines), b"G": len(self._lines),
            b"\x1b[H": -len(self._lines), b"\x1b[F": len(self._lines), b"<": -len(self._lines),
            b">": len(self._lines),
        }  # fmt: skip
        self._message = ""
        if key in moves:
            self._top = min(max(0, self._top + moves[key]), self._last_top())
        elif key[:1] in (b"/", b"?"):
            self._pattern = await self._ask(key[:1].decode())
            self._search(1)
        elif key == b"n":
            self._search(1)
        elif key == b"N":
            self._search(-1)

    async def _ask(self, sign: str) -> str:
        await self._proc.out(f"\r\x1b[K{sign}")
        text = b""
        while True:
            key = await self._keys.read(1)
            if key in (b"\r", b"\n", b""):
                return decode(text)
            if key in (b"\x7f", b"\x08"):
                text = text[:-1]
            else:
                text += key
            await self._proc.out(f"\r\x1b[K{sign}{decode(text)}")

    def _search(self, step: int) -> None:
        try:
            expression = re.compile(self._pattern)
        except re.error:
            self._message = f"Invalid pattern: {self._pattern}"
            return
        place = self._top + step
        while 0 <= place < len(self._lines):
            if expression.search(self._lines[place]):
                self._top = min(place, self._last_top())
                return
            place += step
        self._message = f"Pattern not found: {self._pattern}"

    async def _draw(self) -> None:
        columns = self._terminal.size[1] or 80
        shown = [line[:columns] for line in self._lines[self._top : self._top + self._height]]
        shown += ["~"] * (self._height - len(shown))
        status = self._message
        if not status:
            status = "(END)" if self._top >= self._last_top() else self._title or ":"
        body = "".join(f"\r\x1b[K{line}\n" for line in shown)
        await self._proc.out(encode(f"\x1b[H{body}\r\x1b[K\x1b[7m{status}\x1b[m"))
