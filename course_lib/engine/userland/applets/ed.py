"""``ed``: the line editor, with the commands that BusyBox has."""

from __future__ import annotations

import os
import re

from course_lib.engine.userland import regex
from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    byte_lines,
    decode,
    encode,
    program,
    read_file,
    reason,
)
from course_lib.engine.userland.process import ContainerProcess


@program("p:s", "[-p PROMPT] [-s] [FILE]", "Edit FILE line by line", most=1)
async def ed(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Edit a file by commands that are read from standard input."""
    editor = _Editor(proc, words[0] if words else "", options.get("p", ""), "s" in options)
    return await editor.run()


class _Wrong(Exception):
    """A command that cannot be done; the text is said on standard error."""


class _Editor:
    """The buffer, the line that is current (from 1; 0 where there is none), the marks."""

    def __init__(self, proc: ContainerProcess, name: str, prompt: str, silent: bool) -> None:
        self._proc = proc
        self._name = name
        self._prompt = prompt
        self._silent = silent
        self._lines: list[str] = []
        self._current = 0
        self._dirty = False
        self._marks: dict[str, int] = {}
        self._pattern = ""
        self._input = byte_lines(proc, proc.stdin)

    async def run(self) -> int:
        """Commands until the end of input or ``q``."""
        if self._name:
            try:
                await self._read(self._name, 0)
            except _Wrong as error:
                await self._proc.err(f"ed: {error}\n")
            self._dirty = False
        while True:
            await self._proc.err(self._prompt)
            line = await self._line()
            if line is None:
                return 0
            try:
                if await self._command(line.strip()):
                    return 0
            except (_Wrong, Fail) as error:
                await self._proc.err(f"ed: {error}\n")

    async def _line(self) -> str | None:
        raw = await anext(self._input, None)
        return None if raw is None else decode(raw.removesuffix(b"\n"))

    # --- addresses ---------------------------------------------------------------------------

    def _addresses(self, text: str) -> tuple[list[int], str]:
        found: list[int] = []
        if text.startswith("%"):
            return [1, len(self._lines)], text[1:].lstrip()
        while True:
            number, text = self._address(text.lstrip())
            if number is not None:
                found.append(number)
            if not text.startswith((",", ";")):
                return found[-2:], text
            found = found or [1]
            text = text[1:]
            if not re.match(r"\s*[\d.$'/?+-]", text):
                found.append(len(self._lines))

    def _address(self, text: str) -> tuple[int | None, str]:
        number: int | None = None
        if match := re.match(r"\d+", text):
            number, text = int(match[0]), text[match.end() :]
        elif text[:1] == ".":
            number, text = self._current, text[1:]
        elif text[:1] == "$":
            number, text = len(self._lines), text[1:]
        elif text[:1] == "'" and len(text) > 1:
            if text[1] not in self._marks:
                raise _Wrong("undefined mark name")
            number, text = self._marks[text[1]], text[2:]
        elif text[:1] == "/":
            pattern, _, text = text[1:].partition("/")
            number = self._search(pattern)
        while match := re.match(r"\s*([+-])\s*(\d*)", text):
            step = int(match[2] or 1) * (1 if match[1] == "+" else -1)
            number = (self._current if number is None else number) + step
            text = text[match.end() :]
        return number, text.lstrip()

    def _search(self, pattern: str) -> int:
        self._pattern = pattern or self._pattern
        expression = _compiled(self._pattern)
        count = len(self._lines)
        for step in range(1, count + 1):
            number = (self._current - 1 + step) % count + 1
            if expression.search(self._lines[number - 1]):
                return number
        raise _Wrong(f'can\'t find string "{self._pattern}"')

    # --- commands ----------------------------------------------------------------------------

    async def _command(self, line: str) -> bool:
        """Do one; tells whether it was the last."""
        given, rest = self._addresses(line)
        name, words = rest[:1], rest[1:]
        last = given[-1] if given else self._current
        first = given[0] if given else self._current
        if name and name in "efEwr" and words and not words.startswith(" "):
            raise _Wrong("bad file command")
        match name:
            case "":
                await self._print_one(last if given else self._current + 1)
            case "p" | "l":
                await self._print(first, last, visible=name == "l")
            case "a" | "i":
                await self._insert(last if name == "a" else max(0, last - 1))
            case "c":
                self._delete(first, last)
                await self._insert(first - 1)
            case "d":
                self._delete(first, last)
            case "s":
                await self._substitute(first, last, words)
            case "=":
                await self._proc.out(f"{last if given else len(self._lines)}\n")
            case "k":
                self._marks[words.strip()[:1]] = last
            case "r":
                await self._read(words.strip() or self._name, last if given else self._current)
            case "w":
                if not given:
                    first, last = 1, len(self._lines)
                await self._write(words.strip() or self._name, first, last)
            case "f":
                if words.strip():
                    self._name = words.strip()
                else:
                    await self._proc.out(f'"{self._name}"\n' if self._name else "No file name\n")
            case "e" | "E":
                await self._edit(words.strip(), forced=name == "E")
            case "q":
                return await self._quit()
            case _:
                raise _Wrong("unimplemented command")
        return False

    def _check(self, first: int, last: int, what: str) -> None:
        if not 1 <= first <= last <= len(self._lines):
            raise _Wrong(f"bad line range for {what}")

    async def _print_one(self, number: int) -> None:
        if number > len(self._lines):
            raise _Wrong("bad line number")
        await self._print(number, number)

    async def _print(self, first: int, last: int, *, visible: bool = False) -> None:
        self._check(first, last, "print")
        for line in self._lines[first - 1 : last]:
            await self._proc.out(encode((_visible(line) + "$" if visible else line) + "\n"))
        self._current = last

    async def _insert(self, after: int) -> None:
        if after > len(self._lines):
            raise _Wrong("bad line number")
        while (line := await self._line()) is not None and line != ".":
            self._lines.insert(after, line)
            after += 1
            self._current = after
            self._dirty = True

    def _delete(self, first: int, last: int) -> None:
        self._check(first, last, "delete")
        del self._lines[first - 1 : last]
        self._dirty = True
        self._current = min(first, len(self._lines))

    async def _substitute(self, first: int, last: int, text: str) -> None:
        self._check(first, last, "substitution")
        delimiter = text[:1]
        parts = re.split(rf"(?<!\\){re.escape(delimiter)}", text[1:]) if delimiter else []
        if len(parts) < 2:
            raise _Wrong("bad delimiter for substitute")
        pattern, replacement, flags = parts[0], parts[1], "".join(parts[2:])
        if set(flags) - set("gp"):
            raise _Wrong("unknown option for substitute")
        self._pattern = pattern or self._pattern
        expression = _compiled(self._pattern)
        template = re.sub(r"\\(.)|&", lambda m: m[1] or r"\g<0>", replacement.replace("\\&", "&"))
        count = 0 if "g" in flags else 1
        changed = 0
        for number in range(first, last + 1):
            line, times = expression.subn(template, self._lines[number - 1], count)
            if times:
                changed = number
                self._lines[number - 1] = line
        if not changed:
            raise _Wrong(f'no substitutions found for "{self._pattern}"')
        self._dirty = True
        self._current = changed
        if "p" in flags:
            await self._print(changed, changed)

    # --- files -------------------------------------------------------------------------------

    async def _read(self, name: str, after: int) -> None:
        try:
            data = await read_file(self._proc, name)
        except OSError as error:
            raise _Wrong(f"{name}: {reason(error)}") from None
        lines = decode(data).removesuffix("\n").split("\n") if data else []
        self._lines[after:after] = lines
        self._current = after + len(lines)
        self._dirty = True
        await self._say(len(data))

    async def _write(self, name: str, first: int, last: int) -> None:
        if not name:
            raise _Wrong("no file name specified")
        data = encode("".join(f"{line}\n" for line in self._lines[first - 1 : last]))
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            file = self._proc.fs.open(self._proc.path(name), flags, 0o666 & ~self._proc.umask)
        except OSError as error:
            raise _Wrong(f"{name}: {reason(error)}") from None
        await file.write(data)
        file.close()
        self._dirty = False
        await self._say(len(data))

    async def _edit(self, name: str, *, forced: bool) -> None:
        if self._dirty and not forced and not await self._sure("edit"):
            return
        self._lines.clear()
        self._name = name or self._name
        await self._read(self._name, 0)
        self._dirty = False

    async def _quit(self) -> bool:
        return not self._dirty or await self._sure("quit")

    async def _sure(self, what: str) -> bool:
        await self._proc.err(f"Really {what}? ")
        return (await self._line() or "y").strip().lower().startswith("y")

    async def _say(self, count: int) -> None:
        if not self._silent:
            await self._proc.out(f"{count}\n")


def _compiled(pattern: str) -> re.Pattern[str]:
    if not pattern:
        raise _Wrong("no previous search string")
    try:
        return regex.basic(pattern)
    except regex.RegexError as error:
        raise _Wrong(f"bad regex '{pattern}': {error}") from None


def _visible(text: str) -> str:
    return "".join(char if char.isprintable() else f"^{chr(ord(char) ^ 64)}" for char in text)
