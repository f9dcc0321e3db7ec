"""Line editing at a terminal: keys, history, completion, as BusyBox's ``lineedit`` has them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from course_lib.engine.interfaces import OpenFile
from course_lib.engine.userland.tty import PseudoTerminal

Complete = Callable[[str], tuple[int, list[str]]]
"""From the text before the cursor: where the word to complete begins, and what it can become."""

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_CSI = {
    "A": "up", "B": "down", "C": "right", "D": "left", "H": "home", "F": "end",
    "1~": "home", "7~": "home", "4~": "end", "8~": "end", "3~": "delete",
    "1;5C": "word-right", "1;5D": "word-left", "1;3C": "word-right", "1;3D": "word-left",
}  # fmt: skip
_CONTROL = {
    0x01: "home", 0x02: "left", 0x03: "interrupt", 0x04: "eof", 0x05: "end", 0x06: "right",
    0x08: "backspace", 0x09: "complete", 0x0A: "enter", 0x0B: "kill-end", 0x0C: "clear",
    0x0D: "enter", 0x0E: "down", 0x10: "up", 0x12: "search", 0x14: "transpose", 0x15: "kill-start",
    0x17: "kill-word", 0x7F: "backspace",
}  # fmt: skip
_META = {"b": "word-left", "f": "word-right", "d": "kill-next-word", "\x7f": "kill-word"}


class EditInterrupted(Exception):
    """Ctrl-C."""


def width_of(text: str) -> int:
    """Columns that a text takes, without escape sequences."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in _ESCAPE.sub("", text)
    )


@dataclass(slots=True)
class _Screen:
    """Where the cursor is, relative to the beginning of the prompt."""

    row: int = 0


class LineEditor:
    """Reads edited lines from one terminal.

    :param history: lines typed before, oldest first; the caller appends to it.
    """

    def __init__(
        self,
        terminal: PseudoTerminal,
        file: OpenFile,
        history: list[str],
        complete: Complete,
    ) -> None:
        self._terminal = terminal
        self._file = file
        self._history = history
        self._complete = complete
        self._bytes = bytearray()
        self._text = ""
        self._cursor = 0
        self._prompt = ""
        self._screen = _Screen()
        self._place = 0
        self._draft = ""
        self._tabs = 0

    async def line(self, prompt: str) -> str | None:
        """The next line without its end; None at end of file.

        :raises EditInterrupted: Ctrl-C.
        """
        before = self._terminal.attributes
        self._terminal.set_attributes(before.raw())
        self._text, self._cursor = "", 0
        self._place = len(self._history)
        self._draft = ""
        # Only the last line of a prompt is drawn again.
        head, newline, self._prompt = prompt.rpartition("\n")
        self._screen = _Screen()
        try:
            await self._write(head + newline + self._prompt)
            while True:
                key = await self._key()
                if key is None:
                    return None
                action, char = key
                self._tabs = self._tabs + 1 if action == "complete" else 0
                if action == "enter":
                    await self._end()
                    return self._text
                if action == "interrupt":
                    await self._write("^C")
                    await self._end()
                    raise EditInterrupted
                if action == "eof":
                    if not self._text:
                        return None
                    action = "delete"
                await self._act(action, char)
        finally:
            self._terminal.set_attributes(before)

    # --- keys --------------------------------------------------------------------------------

    async def _byte(self) -> int | None:
        if not self._bytes:
            chunk = await self._file.read(4096)
            if not chunk:
                return None
            self._bytes += chunk
        return self._bytes.pop(0)

    async def _key(self) -> tuple[str, str] | None:
        byte = await self._byte()
        if byte is None:
            self._terminal.set_attributes(self._terminal.attributes)
            return None
        if byte == 0x1B:
            return await self._escape()
        if byte in _CONTROL:
            if byte in (0x0A, 0x0D):
                self._give_back()
            return _CONTROL[byte], ""
        if byte < 0x20:
            return "nothing", ""
        return "insert", await self._character(byte)

    def _give_back(self) -> None:
        """What was typed ahead belongs to the next reader, which may be another program."""
        if self._bytes:
            self._terminal.unread(bytes(self._bytes))
            self._bytes.clear()

    async def _character(self, first: int) -> str:
        data = bytes((first,))
        missing = 1 if first >> 5 == 6 else 2 if first >> 4 == 14 else 3 if first >> 3 == 30 else 0
        for _ in range(missing):
            byte = await self._byte()
            if byte is None:
                break
            data += bytes((byte,))
        return data.decode("utf-8", "surrogateescape")

    async def _escape(self) -> tuple[str, str]:
        byte = await self._byte()
        if byte is None:
            return "nothing", ""
        if byte not in (0x5B, 0x4F):
            return _META.get(chr(byte), "nothing"), ""
        sequence = ""
        while len(sequence) < 16:
            byte = await self._byte()
            if byte is None:
                break
            sequence += chr(byte)
            if 0x40 <= byte <= 0x7E:
                break
        return _CSI.get(sequence, "nothing"), ""

    # --- actions -----------------------------------------------------------------------------

    async def _act(self, action: str, char: str) -> None:
        if action == "insert":
            await self._insert(char)
            return
        if action == "complete":
            await self._completion()
            return
        if action == "clear":
            await self._write("\x1b[H\x1b[J")
            self._screen.row = 0
        elif action in ("up", "down"):
            self._recall(-1 if action == "up" else 1)
        elif action == "search":
            await self._search()
        else:
            self._edit(action)
        await self._redraw()

    async def _insert(self, char: str) -> None:
        at_end = self._cursor == len(self._text)
        self._text = self._text[: self._cursor] + char + self._text[self._cursor :]
        self._cursor += len(char)
        column = width_of(self._prompt) + width_of(self._text)
        if at_end and column % self._columns() > 1:
            await self._write(char)
        else:
            await self._redraw()

    def _edit(self, action: str) -> None:
        text, cursor = self._text, self._cursor
        if action == "left":
            self._cursor = max(0, cursor - 1)
        elif action == "right":
            self._cursor = min(len(text), cursor + 1)
        elif action == "home":
            self._cursor = 0
        elif action == "end":
            self._cursor = len(text)
        elif action == "word-left":
            self._cursor = self._word_start()
        elif action == "word-right":
            self._cursor = self._word_end()
        elif action == "backspace":
            self._cut(max(0, cursor - 1), cursor)
        elif action == "delete":
            self._cut(cursor, cursor + 1)
        elif action == "kill-end":
            self._cut(cursor, len(text))
        elif action == "kill-start":
            self._cut(0, cursor)
        elif action == "kill-word":
            self._cut(self._blank_start(), cursor)
        elif action == "kill-next-word":
            self._cut(cursor, self._word_end())
        elif action == "transpose" and cursor and len(text) > 1:
            at = min(cursor, len(text) - 1)
            self._text = text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :]
            self._cursor = at + 1

    def _cut(self, start: int, end: int) -> None:
        self._text = self._text[:start] + self._text[end:]
        self._cursor = start

    def _word_start(self) -> int:
        position = self._cursor
        while position and not self._text[position - 1].isalnum():
            position -= 1
        while position and self._text[position - 1].isalnum():
            position -= 1
        return position

    def _blank_start(self) -> int:
        position = self._cursor
        while position and self._text[position - 1].isspace():
            position -= 1
        while position and not self._text[position - 1].isspace():
            position -= 1
        return position

    def _word_end(self) -> int:
        position = self._cursor
        while position < len(self._text) and not self._text[position].isalnum():
            position += 1
        while position < len(self._text) and self._text[position].isalnum():
            position += 1
        return position

    def _recall(self, step: int) -> None:
        place = self._place + step
        if not 0 <= place <= len(self._history):
            return
        if self._place == len(self._history):
            self._draft = self._text
        self._place = place
        self._text = self._draft if place == len(self._history) else self._history[place]
        self._cursor = len(self._text)

    async def _search(self) -> None:
        """Ctrl-R: look backwards through the history for what is typed."""
        wanted = ""
        place = len(self._history)
        prompt, self._prompt = self._prompt, "(reverse-i-search)'': "
        try:
            while True:
                await self._redraw()
                key = await self._key()
                if key is None:
                    return
                action, char = key
                if action == "insert":
                    wanted += char
                    place = len(self._history)
                elif action == "backspace":
                    wanted = wanted[:-1]
                    place = len(self._history)
                elif action != "search":
                    if action in ("enter", "interrupt", "eof"):
                        byte = {"enter": 0x0D, "interrupt": 0x03, "eof": 0x04}[action]
                        self._bytes.insert(0, byte)
                    return
                self._prompt = f"(reverse-i-search)'{wanted}': "
                found = self._find(wanted, place)
                if found is not None:
                    place = found
                    self._text = self._history[found]
                    self._cursor = len(self._text)
        finally:
            self._prompt = prompt

    def _find(self, wanted: str, before: int) -> int | None:
        for place in range(before - 1, -1, -1):
            if wanted in self._history[place]:
                return place
        return None

    async def _completion(self) -> None:
        start, choices = self._complete(self._text[: self._cursor])
        if not choices:
            return
        common = choices[0]
        for choice in choices[1:]:
            while not choice.startswith(common):
                common = common[:-1]
        if len(choices) == 1 and not common.endswith("/"):
            common += " "
        typed = self._text[start : self._cursor]
        if len(common) > len(typed):
            self._text = self._text[:start] + common + self._text[self._cursor :]
            self._cursor = start + len(common)
            await self._redraw()
        elif self._tabs > 1 and len(choices) > 1:
            await self._list(choices)

    async def _list(self, choices: list[str]) -> None:
        shown = [choice.rstrip("/").rsplit("/", 1)[-1] + "/" * choice.endswith("/")
                 for choice in choices]  # fmt: skip
        width = max(width_of(name) for name in shown) + 2
        per_row = max(1, self._columns() // width)
        rows = -(-len(shown) // per_row)
        lines = []
        for row in range(rows):
            names = shown[row::rows]
            lines.append("".join(name.ljust(width) for name in names).rstrip())
        await self._write("\n" + "\n".join(lines) + "\n")
        self._screen.row = 0
        await self._redraw()

    # --- drawing -----------------------------------------------------------------------------

    def _columns(self) -> int:
        return self._terminal.size[1] or 80

    async def _redraw(self) -> None:
        """Draw prompt and line from the prompt's first column on."""
        columns = self._columns()
        up = f"\x1b[{self._screen.row}A" if self._screen.row else ""
        total = width_of(self._prompt) + width_of(self._text)
        here = width_of(self._prompt) + width_of(self._text[: self._cursor])
        # A full last column leaves the cursor on it; a newline brings it down.
        wrap = "\n" if total and total % columns == 0 else ""
        down = total // columns - here // columns
        back = f"\x1b[{down}A" if down else ""
        across = f"\r\x1b[{here % columns}C" if here % columns else "\r"
        await self._write(f"{up}\r\x1b[J{self._prompt}{self._text}{wrap}{back}{across}")
        self._screen.row = here // columns

    async def _end(self) -> None:
        """Leave the line: the cursor goes to the row after it."""
        self._cursor = len(self._text)
        total = width_of(self._prompt) + width_of(self._text)
        down = total // self._columns() - self._screen.row
        await self._write((f"\x1b[{down}B" if down > 0 and self._screen.row else "") + "\n")

    async def _write(self, text: str) -> None:
        await self._file.write(text.encode("utf-8", "surrogateescape"))
