"""The script of ``sed``: from text to commands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from course_lib.engine.userland import regex
from course_lib.engine.userland.applets.common import Fail


@dataclass(slots=True)
class Address:
    """A line number, ``$``, a pattern, ``+N`` or ``first~step``."""

    kind: str
    number: int = 0
    step: int = 0
    pattern: re.Pattern[str] | None = None


@dataclass(slots=True)
class Command:
    """One command with its addresses; what the other fields hold depends on ``name``."""

    name: str
    first: Address | None = None
    second: Address | None = None
    negate: bool = False
    text: str = ""
    pattern: re.Pattern[str] | None = None
    flags: str = ""
    occurrence: int = 1
    body: list[Command] = field(default_factory=list)
    active: bool = False
    last_line: int = 0


_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}


class Parser:
    """Reads a script into commands."""

    def __init__(self, text: str, *, extended: bool, gnu: bool) -> None:
        self._gnu = gnu
        self._text = text
        self._position = 0
        self._extended = extended
        self._last: re.Pattern[str] | None = None

    def parse(self) -> list[Command]:
        return self._block(top=True)

    def _peek(self) -> str:
        return self._text[self._position : self._position + 1]

    def _skip(self, chars: str) -> None:
        while self._peek() and self._peek() in chars:
            self._position += 1

    def _block(self, *, top: bool) -> list[Command]:
        commands: list[Command] = []
        while True:
            self._skip(" \t\n;")
            char = self._peek()
            if not char:
                if not top and self._gnu:
                    raise Fail("unmatched '{'")
                return commands
            if char == "}":
                self._position += 1
                if not top:
                    return commands
                if self._gnu:
                    raise Fail("unexpected '}'")
                continue
            if char == "#":
                self._line()
                continue
            commands.append(self._command())

    def _line(self) -> str:
        end = self._text.find("\n", self._position)
        end = len(self._text) if end < 0 else end
        line = self._text[self._position : end]
        self._position = end + 1
        return line

    def _command(self) -> Command:
        command = Command("")
        command.first = self._address()
        if command.first is not None:
            self._skip(" \t")
            if self._peek() == ",":
                self._position += 1
                self._skip(" \t")
                command.second = self._address(second=True)
                if command.second is None:
                    raise Fail("no address after comma")
        self._skip(" \t")
        while self._peek() == "!":
            command.negate = True
            self._position += 1
            self._skip(" \t")
        command.name = self._peek()
        self._position += 1
        if not command.name:
            raise Fail("missing command")
        self._arguments(command)
        return command

    def _arguments(self, command: Command) -> None:
        name = command.name
        if name == "{":
            command.body = self._block(top=False)
        elif name == "s":
            self._substitute(command)
        elif name == "y":
            self._translate(command)
        elif name in "aic":
            command.text = self._inserted()
        elif name in ":btT":
            self._skip(" \t")
            stop = "\n;" if name == ":" else "\n;}"
            label = ""
            while self._peek() and self._peek() not in stop:
                label += self._peek()
                self._position += 1
            command.text = label.strip()
        elif name in "rwR":
            self._skip(" \t")
            command.text = self._line().strip()
        elif name in "qQlL" and self._gnu:
            self._skip(" \t")
            digits = re.compile(r"\d*").match(self._text, self._position)
            assert digits
            self._position = digits.end()
            command.text = digits[0]
        elif name not in ("=dDgGhHnNpPxz" if self._gnu else "=dDgGhHlnNpPqx"):
            raise Fail(f"unsupported command {name}")
        if self._gnu and name not in ":aicrwR":  # to BusyBox, what follows is the next command
            self._skip(" \t")
            if self._peek() and self._peek() not in "\n;}#":
                raise Fail("garbage after command")

    def _address(self, *, second: bool = False) -> Address | None:
        char = self._peek()
        digits = re.compile(r"(\d+)(?:~(\d+))?").match(self._text, self._position)
        if digits:
            self._position = digits.end() if self._gnu else digits.end(1)
            if digits[2] is not None and self._gnu:
                return Address("step", int(digits[1]), int(digits[2]))
            return Address("line", int(digits[1]))
        if char == "$":
            self._position += 1
            return Address("last")
        if second and char == "+":
            plus = re.compile(r"\+(\d+)").match(self._text, self._position)
            if plus:
                self._position = plus.end()
                return Address("plus", int(plus[1]))
        if char in ("/", "\\"):
            if char == "\\":
                self._position += 1
            delimiter = self._peek()
            self._position += 1
            source = self._until(delimiter)
            flags = 0
            while self._peek() and self._peek() in "IM":
                flags |= re.IGNORECASE if self._peek() == "I" else re.MULTILINE
                self._position += 1
            return Address("pattern", pattern=self._compile(source, flags))
        return None

    def _compile(self, source: str, flags: int = 0) -> re.Pattern[str]:
        if not source:
            if self._last is None:
                raise Fail("no previous regexp")
            return self._last
        source = re.sub(r"\\(.)", lambda m: _CONTROL.get(m[1], m[0]), source, flags=re.DOTALL)
        try:
            compiler = regex.extended if self._extended else regex.basic
            self._last = compiler(source, flags)
        except regex.RegexError as error:
            raise Fail(f"bad regex '{source}': {error}") from None
        return self._last

    def _until(self, delimiter: str, *, pattern: bool = True) -> str:
        """Text up to an unescaped delimiter; ``\\delimiter`` stands for it."""
        out = ""
        brackets = False
        while True:
            char = self._peek()
            if not char:
                raise Fail(f"unmatched '{delimiter}'")
            self._position += 1
            if char == "\\" and self._peek():
                following = self._peek()
                self._position += 1
                if following == delimiter and not (pattern and delimiter in "*[].^$+?(){}|"):
                    out += (
                        following
                        if pattern
                        else f"\\{following}"
                        if following in "&\\"
                        else (following)
                    )
                else:
                    out += char + following
                continue
            if char == delimiter and not brackets:
                return out
            if pattern and char == "[" and not brackets:
                brackets = "]" in self._text[self._position + 1 :]
                rest = re.compile(r"\^?\]?").match(self._text, self._position)
                assert rest
                out += char + rest[0]
                self._position = rest.end()
                continue
            if char == "]":
                brackets = False
            out += char

    def _substitute(self, command: Command) -> None:
        delimiter = self._peek()
        if not delimiter or delimiter in "\n\\":
            raise Fail("no delimiter for s")
        self._position += 1
        source = self._until(delimiter)
        command.text = self._until(delimiter, pattern=False)
        flags = 0
        while (char := self._peek()) and char not in " \t\n;}#":
            self._position += 1
            if char.isdigit():
                digits = char
                while self._peek().isdigit():
                    digits += self._peek()
                    self._position += 1
                command.occurrence = int(digits) or 1
                if not int(digits):
                    command.flags += "g"
            elif char in "gpe":
                command.flags += char
                if char == "g" and not self._gnu:
                    command.occurrence = 1  # BusyBox takes all, whatever number was before
            elif char in "iI":
                flags |= re.IGNORECASE
            elif char in "mM":
                flags |= re.MULTILINE
            elif char == "w":
                self._skip(" \t")
                command.flags += "w"
                command.body = [Command("w", text=self._line().strip())]
                break
            else:
                raise Fail("bad option in substitution expression")
        command.pattern = self._compile(source, flags)

    def _translate(self, command: Command) -> None:
        delimiter = self._peek()
        self._position += 1
        source = _unescape(self._until(delimiter, pattern=False))
        target = _unescape(self._until(delimiter, pattern=False))
        if len(source) != len(target) and self._gnu:
            raise Fail("y command strings have different lengths")
        command.text, command.flags = source[: len(target)], target[: len(source)]

    def _inserted(self) -> str:
        self._skip(" \t")
        if self._peek() == "\\":
            self._position += 1
            blanks = re.compile(r"[ \t]*\n").match(self._text, self._position)
            self._position = blanks.end() if blanks else self._position
        text = ""
        while (char := self._peek()) and char != "\n":
            self._position += 1
            if char == "\\" and self._peek():
                char = self._peek()
                self._position += 1
            text += char
        self._position += 1
        return text + "\n"


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), text, flags=re.DOTALL)
