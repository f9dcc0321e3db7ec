"""``less``: a pager."""

from __future__ import annotations

from collections.abc import Iterator

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
from course_lib.engine.userland.regex import RegexError, extended
from course_lib.engine.userland.tty import terminal_of


@program("EFIMmNSRXerqs", "[-EFIMmNSRX] [FILE]...", "View FILE (or stdin) one screenful at a time")
async def less(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Show files page by page; without a terminal just print them."""
    text = ""
    for name in words or ["-"]:
        try:
            text += decode(await read_file(proc, name))
        except OSError as error:
            raise Fail(f"can't open '{name}': {reason(error)}") from None
    if terminal_of(proc.stdout) is None:
        await proc.out(encode(text))
        return 0
    keys = next((f for f in (proc.stdin, proc.stderr) if terminal_of(f)), None)
    if keys is None:
        await proc.out(encode(text))
        return 0
    pager = _Pager(proc, keys, text, words[0] if words else "standard input", options)
    return await pager.run()


class _Pager:
    def __init__(
        self, proc: ContainerProcess, keys: OpenFile, text: str, title: str, options: Options
    ) -> None:
        self._proc = proc
        self._keys = keys
        terminal = terminal_of(proc.stdout)
        assert terminal is not None
        self._terminal = terminal
        self._options = options
        lines = text.split("\n")
        if lines and not lines[-1]:
            lines.pop()
        self._numbers = len(lines)
        self._rows = list(self._folded(lines))
        self._title = title
        self._top = 0
        self._pattern = ""
        self._backwards = False
        self._message = ""

    def _folded(self, lines: list[str]) -> Iterator[tuple[int, str]]:
        """Rows of the screen with the numbers of their lines; long lines take several."""
        width = self._terminal.size[1] or 80
        if "N" in self._options:
            width -= 8
        for number, line in enumerate(lines, 1):
            text = line.expandtabs()
            yield number, text[:width]
            if "S" not in self._options:
                for start in range(width, len(text), width):
                    yield number, text[start : start + width]

    @property
    def _height(self) -> int:
        return max(1, (self._terminal.size[0] or 24) - 1)

    async def run(self) -> int:
        before = self._terminal.attributes
        self._terminal.set_attributes(before.raw())
        try:
            while True:
                await self._draw()
                key = await self._key()
                if key in (b"q", b"Q", b""):
                    return 0
                if key == b"\x03":
                    return 130
                await self._press(key)
        finally:
            await self._proc.out("\r\x1b[K")
            self._terminal.set_attributes(before)

    async def _key(self) -> bytes:
        """One key; those that send an escape sequence as that."""
        key = await self._keys.read(1)
        if key == b"\x1b":
            key += await self._keys.read(1)
            while not 0x40 <= key[-1] <= 0x7E or key in (b"\x1b[", b"\x1bO"):
                key += await self._keys.read(1)
        return key

    def _last_top(self) -> int:
        # Two rows are left free behind the last one.
        return max(0, len(self._rows) - self._height + 2)

    def _at_end(self) -> bool:
        return self._top > len(self._rows) - self._height

    async def _press(self, key: bytes) -> None:
        page, end = self._height, len(self._rows)
        moves = {
            b" ": page, b"f": page, b"z": page, b"\x1b[6~": page, b"b": -page, b"w": -page,
            b"\x1b[5~": -page, b"j": 1, b"e": 1, b"\n": 1, b"\x1b[B": 1, b"k": -1, b"y": -1,
            b"\x1b[A": -1, b"d": page // 2, b"u": -(page // 2), b"g": -end, b"p": -end, b"%": -end,
            b"<": -end, b"\x1b[H": -end, b"G": end, b">": end, b"\x1b[F": end,
        }  # fmt: skip
        self._message = ""
        if key in moves:
            self._go(self._top + moves[key])
        elif key.isdigit():
            await self._count(key)
        elif key in (b"/", b"?"):
            self._backwards = key == b"?"
            self._pattern = await self._ask(key.decode()) or self._pattern
            self._search(-1 if self._backwards else 1, from_top=True)
        elif key in (b"n", b"N"):
            self._search(-1 if self._backwards != (key == b"N") else 1)
        elif key == b"=":
            self._message = self._place()

    def _go(self, row: int) -> None:
        self._top = min(max(0, row), self._last_top())

    async def _count(self, first: bytes) -> None:
        """A number, and what it counts: lines, or the line to go to."""
        digits = first
        while True:
            await self._proc.out(f"\r\x1b[K:{decode(digits)}")
            key = await self._key()
            if not key.isdigit():
                break
            digits += key
        number = int(digits)
        if key in (b"g", b"G", b"<", b">"):
            self._go(next((n for n, row in enumerate(self._rows) if row[0] >= number), 0))
        elif key in (b"p", b"%"):
            self._go(len(self._rows) * min(number, 100) // 100)
        elif key in (b"j", b"e", b" ", b"z", b"f", b"d", b"\n", b"\x1b[B"):
            self._go(self._top + number)
        elif key in (b"k", b"y", b"b", b"w", b"u", b"\x1b[A"):
            self._go(self._top - number)

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

    def _search(self, step: int, *, from_top: bool = False) -> None:
        try:
            expression = extended(self._pattern)
        except RegexError as error:
            self._message = str(error)
            return
        place = self._top if from_top else self._top + step
        while 0 <= place < len(self._rows):
            if expression.search(self._rows[place][1]):
                self._go(place)
                return
            place += step
        self._message = "No matches found"

    def _place(self) -> str:
        """Which lines are seen, as with ``-m``."""
        rows = self._rows[self._top : self._top + self._height] or [(1, "")]
        first, last = rows[0][0], rows[-1][0]
        text = f"{self._title} lines {first}-{last}/{self._numbers}"
        if self._at_end():
            return f"{text} (END)"
        return f"{text} {(100 * last + self._numbers // 2) // max(1, self._numbers)}%"

    def _status(self) -> str:
        if self._message:
            return f"\x1b[7m{self._message}\x1b[m"
        if "m" in self._options or "M" in self._options:
            return f"\x1b[7m{self._place()}\x1b[m"
        if self._top == 0:
            return f"\x1b[7m{self._title}\x1b[m"
        return "\x1b[7m(END)\x1b[m" if self._at_end() else ":"

    async def _draw(self) -> None:
        shown = self._rows[self._top : self._top + self._height]
        texts = [f"{row[0]:>7} {row[1]}" if "N" in self._options else row[1] for row in shown]
        texts += ["", *["~"] * self._height][: self._height - len(texts)]
        body = "".join(f"\r\x1b[K{text}\n" for text in texts)
        await self._proc.out(encode(f"\x1b[H{body}\r\x1b[K{self._status()}"))
