"""``vi``: the keys are those of prompt_toolkit's vi mode, the ``:`` commands are ours."""

from __future__ import annotations

import re
from contextlib import suppress
from stat import S_ISREG

from course_lib.engine.userland import regex, signals
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


@program("c:RHn", "[-c CMD] [-R] [FILE]...", "Edit FILE")
async def vi(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Edit a file at the terminal."""
    terminal = terminal_of(proc.stdout)
    if terminal is None or terminal_of(proc.stdin) is None:
        raise Fail("standard input and output have to be a terminal")
    from course_lib.engine.userland.applets.vi_screen import run  # prompt_toolkit: not before

    file = File(proc, words[0] if words else "", read_only="R" in options)
    text = await file.open()
    before = terminal.attributes
    terminal.set_attributes(before.raw())
    try:
        await run(proc, terminal, file, text, options.all("c"))
    finally:
        terminal.set_attributes(before)
        proc.on_signal(signals.SIGWINCH, None)
    return 0


class File:
    """The file that is edited.

    :ivar saved: its text as it was last read or written.
    :ivar message: what is to be said of that.
    """

    def __init__(self, proc: ContainerProcess, name: str, *, read_only: bool) -> None:
        self.proc = proc
        self.name = name
        self.read_only = read_only
        self.saved = ""
        self.message = ""

    async def open(self) -> str:
        """Its text as the editor starts with it: there is nothing to be said of a file."""
        text = await self.read()
        self.message = ""
        with suppress(OSError):
            if self.name and not S_ISREG(self.proc.fs.stat(self.proc.path(self.name)).mode):
                self.message = f"'{self.name}' is not a regular file"
        return text

    async def read(self) -> str:
        """Its text, without the end of the last line."""
        self.saved = ""
        if not self.name:
            return ""
        try:
            data = await read_file(self.proc, self.name)
        except FileNotFoundError:
            self.message = f"'{self.name}' [New file]"
            return ""
        except OSError as error:
            self.message = f"'{self.name}' {reason(error)}"
            return ""
        self.saved = decode(data).removesuffix("\n")
        self.message = _size_of(self.name, data)
        return self.saved

    async def write(self, text: str, name: str = "", *, forced: bool = False) -> bool:
        """Write the text to a file, its own where none is named; tells whether that went well."""
        target = name or self.name
        if not target:
            self.message = "No current filename"
            return False
        if self.read_only and not name and not forced:
            self.message = f"'{target}' is read only"
            return False
        data = encode(text + "\n") if text else b""
        try:
            self.proc.fs.write_bytes(self.proc.path(target), data, 0o666 & ~self.proc.umask)
        except OSError as error:
            self.message = f"'{target}' {reason(error)}"
            return False
        if not name or not self.name or name == self.name:
            self.name, self.saved = target, text
        self.message = _size_of(target, data)
        return True


def _size_of(name: str, data: bytes) -> str:
    lines = data.count(b"\n")
    return f"'{name}' {lines}L, {len(data)}C"


class Refused(Exception):
    """A ``:`` command that is not done; the text is for the last line of the screen."""


class Commands:
    """The ``:`` commands."""

    def __init__(self, file: File) -> None:
        self._file = file

    async def run(self, line: str, text: str, row: int) -> tuple[str, int, bool]:
        """Do one command.

        :param line: what was typed behind the colon.
        :param text: of the buffer; ``row`` of the cursor, from 0.
        :returns: text and row afterwards, and whether the editor ends.
        :raises Refused: with what is to be said.
        """
        lines = text.split("\n")
        first, last, rest = self._range(line.strip(), len(lines), row)
        match = re.match(r"([a-zA-Z=]*)(!?)\s*(.*)", rest, re.DOTALL)
        assert match
        name, forced, words = match[1], bool(match[2]), match[3]
        if rest[:1] == "s" and re.match(r"s[^\w\s!]", rest):
            return self._substitute(lines, first, last, rest[1:])
        if forced and not name:
            raise Refused("Programs are not run from here")
        match name:
            case "":
                return text, last, False
            case "w" | "wq" | "x" | "write":
                return await self._write(name, forced, words, text, row)
            case "q" | "quit":
                if text != self._file.saved and not forced:
                    raise Refused(f"No write since last change (:{name}! overrides)")
                return text, row, True
            case "e" | "edit":
                if text != self._file.saved and not forced:
                    raise Refused(f"No write since last change (:{name}! overrides)")
                self._file.name = words or self._file.name
                return await self._file.read(), 0, False
            case "r" | "read":
                return await self._read(words, lines, last), last + 1, False
            case "d" | "delete":
                del lines[first : last + 1]
                return "\n".join(lines), min(first, max(0, len(lines) - 1)), False
            case "=":
                raise Refused(str(last + 1))
            case "set" | "se":
                self._set(words)
                return text, row, False
        raise Refused(f"'{name}' is not implemented")

    def _range(self, line: str, count: int, row: int) -> tuple[int, int, str]:
        if line.startswith("%"):
            return 0, count - 1, line[1:].lstrip()
        place = r"\s*(\d+|\.|\$)?\s*([+-]\d+)?\s*"
        match = re.match(rf"{place}(,)?(?:{place})", line)
        assert match

        def number(base: str | None, offset: str | None) -> int:
            start = {None: row, ".": row, "$": count - 1}.get(base)
            start = int(base or 0) - 1 if start is None else start
            return min(max(0, start + int(offset or 0)), count - 1)

        first = number(match[1], match[2])
        last = number(match[4], match[5]) if match[3] else first
        if last < first:
            raise Refused("Invalid range")
        return first, last, line[match.end() :]

    async def _write(
        self, name: str, forced: bool, words: str, text: str, row: int
    ) -> tuple[str, int, bool]:
        if name == "x" and not words and text == self._file.saved:
            return text, row, True
        if not await self._file.write(text, words, forced=forced):
            raise Refused(self._file.message)
        return text, row, name in ("wq", "x")

    async def _read(self, name: str, lines: list[str], after: int) -> str:
        other = File(self._file.proc, name, read_only=True)
        text = await other.read()
        if not text and "[New" in other.message:
            raise Refused(other.message)
        return "\n".join([*lines[: after + 1], *text.split("\n"), *lines[after + 1 :]])

    def _substitute(
        self, lines: list[str], first: int, last: int, words: str
    ) -> tuple[str, int, bool]:
        delimiter = re.escape(words[0])
        parts = re.split(rf"(?<!\\){delimiter}", words[1:])
        pattern, replacement, flags = (*parts, "", "")[:3]
        try:
            expression = regex.basic(pattern, re.IGNORECASE if "i" in flags else 0)
        except regex.RegexError as error:
            raise Refused(f"Bad search pattern '{pattern}': {error}") from None
        template = re.sub(r"\\(.)|&", lambda m: f"\\{m[1]}" if m[1] else r"\g<0>", replacement)
        row, made, changes = -1, 0, 0
        try:
            for number in range(first, last + 1):
                changed, times = expression.subn(template, lines[number], 0 if "g" in flags else 1)
                if times:
                    lines[number], row = changed, number
                    made, changes = made + 1, changes + times
        except (re.error, IndexError):
            raise Refused(f"Bad replacement '{replacement}'") from None
        if row < 0:
            raise Refused("No match")
        self._file.message = f"{changes} substitutions on {made} lines"
        return "\n".join(lines), row, False

    def _set(self, words: str) -> None:
        for word in words.split():
            if word.removeprefix("no") not in ("ai", "autoindent", "ic", "ignorecase", "sm",
                                                  "showmatch", "flash", "fl"):  # fmt: skip
                raise Refused(f"bad option: {word}")
