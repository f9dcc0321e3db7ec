"""Line editing at a terminal: history, completion, drawing, as BusyBox's ``lineedit`` has them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

from course_lib.engine.interfaces import OpenFile
from course_lib.engine.userland.shell.edits import CUTS, MOVES
from course_lib.engine.userland.shell.keys import Key, KeyReader
from course_lib.engine.userland.tty import PseudoTerminal

Complete = Callable[[str], tuple[str, Sequence[str]]]
"""From the text before the cursor: the beginning of a name in it, and the names it can become."""

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_SPECIAL = re.compile(r"[ `'\"\\#$~?*\[{()&;|<>]")
"""What completion puts a backslash before."""


class EditInterrupted(Exception):
    """Ctrl-C."""


def width_of(text: str) -> int:
    """Columns that a text takes, without escape sequences."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in _ESCAPE.sub("", text)
    )


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
        self._keys = KeyReader(terminal, file)
        self._history = history
        self._complete = complete
        self._text = ""
        self._cursor = 0
        self._prompt = ""
        self._prompt_width = 0
        # Cells from the prompt's beginning to the terminal's cursor, and to the end of the line.
        self._drawn = self._end = 0
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
        self._prompt_width = self._drawn = self._end = width_of(self._prompt)
        try:
            await self._write(head + newline + self._prompt)
            while True:
                key = await self._keys.key()
                if key is None:
                    return None
                action, char = key
                if action == "enter":
                    await self._next_row()
                    return self._text
                if action == "interrupt":
                    await self._write("^C\n")
                    raise EditInterrupted
                if action == "eof":
                    if not self._text:
                        return None
                    action = "delete"
                await self._act((action, char))
                if action != "complete":
                    self._tabs = 0
        finally:
            self._keys.give_back()
            self._terminal.set_attributes(before)

    # --- actions -----------------------------------------------------------------------------

    async def _act(self, key: Key) -> None:
        action, char = key
        if action == "insert":
            await self._replace(self._cursor, self._cursor, char)
        elif action == "complete":
            await self._completion()
        elif action == "clear":
            await self._write("\x1b[H\x1b[J")
            await self._redraw(from_here=True)
        elif action in ("up", "down"):
            if self._recall(-1 if action == "up" else 1):
                await self._redraw()
        elif action == "search":
            await self._search()
            await self._redraw()
        elif action == "transpose":
            await self._transpose()
        elif action in MOVES:
            self._cursor = MOVES[action](self._text, self._cursor)
            await self._write(self._way(self._cell(self._cursor)))
        elif action in CUTS:
            start, end = CUTS[action](self._text, self._cursor)
            if start < end:
                await self._replace(start, end, "")

    async def _replace(self, start: int, end: int, text: str) -> None:
        """Put ``text`` where the line had something from ``start`` to ``end``; cursor behind it."""
        self._text = self._text[:start] + text + self._text[end:]
        self._cursor = start + len(text)
        await self._draw_from(start)

    async def _transpose(self) -> None:
        text, cursor = self._text, self._cursor
        if cursor and len(text) > 1:
            at = min(cursor, len(text) - 1)
            await self._replace(at - 1, at + 1, text[at] + text[at - 1])

    def _recall(self, step: int) -> bool:
        place = self._place + step
        if not 0 <= place <= len(self._history):
            return False
        if self._place == len(self._history):
            self._draft = self._text
        self._place = place
        self._text = self._draft if place == len(self._history) else self._history[place]
        self._cursor = len(self._text)
        return True

    async def _search(self) -> None:
        """Ctrl-R: look backwards through the history for what is typed."""
        wanted = ""
        place = len(self._history)
        prompt = self._prompt
        self._prompt = "(reverse-i-search)'': "
        try:
            while True:
                await self._redraw()
                key = await self._keys.key()
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
                        self._keys.again({"enter": 0x0D, "interrupt": 0x03, "eof": 0x04}[action])
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

    # --- completion --------------------------------------------------------------------------

    async def _completion(self) -> None:
        """Complete what all choices begin with; a second Tab shows them."""
        self._tabs += 1
        prefix, choices = self._complete(self._text[: self._cursor])
        if not choices:
            return
        if self._tabs > 1:
            await self._list(choices)
            return
        common = _beginning(choices)
        end = ""
        if len(choices) == 1:
            self._tabs = 0
            end = "" if common.endswith("/") else " "
        added = _quoted(common)[len(_quoted(prefix)) :] + end
        if added:
            await self._replace(self._cursor, self._cursor, added)

    async def _list(self, choices: Sequence[str]) -> None:
        cursor = self._cursor
        await self._next_row()
        width = max(width_of(name) for name in choices) + 2
        per_row = max(1, self._columns() // width)
        rows = -(-len(choices) // per_row)
        lines = [
            "".join(name.ljust(width) for name in choices[row::rows]).rstrip()
            for row in range(rows)
        ]
        await self._write("\n".join(lines) + "\n")
        self._cursor = cursor
        await self._redraw(from_here=True)

    # --- drawing -----------------------------------------------------------------------------

    def _columns(self) -> int:
        return self._terminal.size[1] or 80

    def _cell(self, index: int) -> int:
        return self._prompt_width + width_of(self._text[:index])

    async def _redraw(self, *, from_here: bool = False) -> None:
        """Draw prompt and line anew.

        :param from_here: the terminal's cursor is where the prompt begins.
        """
        up = 0 if from_here else self._drawn // self._columns()
        back = (f"\x1b[{up}A" if up else "") + ("" if from_here else "\r")
        self._prompt_width = self._drawn = self._end = width_of(self._prompt)
        await self._draw_from(0, f"{back}\x1b[J{self._prompt}")

    async def _draw_from(self, index: int, before: str = "") -> None:
        """Draw the line from ``index`` on, and bring the terminal's cursor to the line's.

        It moves as far as it has to and no further: what a program left before the prompt stays.

        :param before: written first.
        """
        out = before + self._way(self._cell(index)) + self._text[index:]
        total = self._cell(len(self._text))
        if self._text[index:] and total % self._columns() == 0:
            out += "\n"  # a full last column leaves the cursor on it
        if total < self._end:
            out += "\x1b[J"
        self._drawn = self._end = total
        await self._write(out + self._way(self._cell(self._cursor)))

    def _way(self, cell: int) -> str:
        """Moves of the terminal's cursor to a cell."""
        columns = self._columns()
        down = cell // columns - self._drawn // columns
        across = cell % columns - self._drawn % columns
        self._drawn = cell
        if down:
            rows = f"\x1b[{down}B" if down > 0 else f"\x1b[{-down}A"
            return f"{rows}\r" + (f"\x1b[{cell % columns}C" if cell % columns else "")
        if across:
            return f"\x1b[{across}C" if across > 0 else f"\x1b[{-across}D"
        return ""

    async def _next_row(self) -> None:
        """Leave the line: the cursor goes to the row after it."""
        self._cursor = len(self._text)
        end = self._way(self._cell(self._cursor))
        await self._write(end + ("\n" if self._drawn % self._columns() else ""))

    async def _write(self, text: str) -> None:
        if text:
            await self._file.write(text.encode("utf-8", "surrogateescape"))


def _quoted(name: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", name)


def _beginning(names: Sequence[str]) -> str:
    """What all names begin with."""
    first, last = min(names), max(names)
    same = next((n for n, char in enumerate(first) if char != last[n]), len(first))
    return first[:same]
