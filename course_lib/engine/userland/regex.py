"""POSIX regular expressions, basic and extended, on Python's engine.

Leftmost matches as POSIX wants; of alternatives Python takes the first that fits where POSIX
takes the longest, which the programs here do not depend on.
"""

from __future__ import annotations

import re
from functools import lru_cache

_CLASSES = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "blank": " \\t", "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9", "graph": "\\x21-\\x7e", "lower": "a-z", "print": "\\x20-\\x7e",
    "punct": "!-/:-@\\[-`{-~", "space": " \\t\\n\\r\\f\\v", "upper": "A-Z", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_GNU = {
    "w": "[A-Za-z0-9_]", "W": "[^A-Za-z0-9_]", "s": "[ \\t\\n\\r\\f\\v]",
    "S": "[^ \\t\\n\\r\\f\\v]",
    "b": "\\b", "B": "\\B", "<": "\\b(?=\\w)", ">": "\\b(?<=\\w)", "`": "\\A", "'": "\\Z",
    "n": "\\n", "t": "\\t",
}  # fmt: skip


class RegexError(ValueError):
    """An expression that cannot be compiled; the text is what ``regerror(3)`` says."""


@lru_cache(maxsize=256)
def basic(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """A compiled basic regular expression (``grep``, ``sed``)."""
    return _compile(pattern, flags, is_extended=False)


@lru_cache(maxsize=256)
def extended(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """A compiled extended regular expression (``grep -E``, ``awk``)."""
    return _compile(pattern, flags, is_extended=True)


def _compile(pattern: str, flags: int, *, is_extended: bool) -> re.Pattern[str]:
    source = _Translator(pattern, is_extended).translate()
    try:
        return re.compile(source, flags)
    except re.error as error:
        raise RegexError(_message(str(error))) from None
    except (OverflowError, RecursionError):
        raise RegexError("Regular expression too big") from None


def _message(text: str) -> str:
    if "parenthesis" in text:
        return "Unmatched ( or \\("
    if "group reference" in text:
        return "Invalid back reference"
    if "range" in text or "repeat" in text:
        return "Invalid range end" if "character" in text else "Invalid content of \\{\\}"
    return "Invalid preceding regular expression"


class _Translator:
    def __init__(self, pattern: str, is_extended: bool) -> None:
        self._pattern = pattern
        self._extended = is_extended
        self._position = 0
        self._out: list[str] = []
        self._depth = 0

    def translate(self) -> str:
        pattern = self._pattern
        while self._position < len(pattern):
            char = pattern[self._position]
            if char == "\\":
                self._escape()
            elif char == "[":
                self._bracket()
            elif self._extended:
                self._extended_char(char)
            else:
                self._basic_char(char)
        if self._depth:
            raise RegexError("Unmatched ( or \\(")
        return "".join(self._out)

    def _emit(self, text: str, length: int = 1) -> None:
        self._out.append(text)
        self._position += length

    def _at_start(self) -> bool:
        return not self._out or self._out[-1] in ("(", "|", "(?:^)")

    def _repeat(self, operator: str, length: int) -> None:
        """A repetition; of a repetition it must not become Python's lazy or possessive form."""
        if (self._out and self._out[-1] in ("*", "+", "?")) or (
            self._out and self._out[-1].startswith("{")
        ):
            last = self._out.pop()
            atom = self._take_atom()
            self._out.append(f"(?:{atom}{last})")
        self._emit(operator, length)

    def _take_atom(self) -> str:
        depth = 0
        taken: list[str] = []
        while self._out:
            piece = self._out.pop()
            taken.append(piece)
            depth += (piece == ")") - (piece in ("(", "(?:"))
            if depth == 0:
                break
        return "".join(reversed(taken))

    def _escape(self) -> None:
        pattern = self._pattern
        if self._position + 1 >= len(pattern):
            raise RegexError("Trailing backslash")
        char = pattern[self._position + 1]
        if char.isdigit() and char != "0":
            self._emit(f"(?:\\{char})", 2)
        elif char in _GNU:
            self._emit(_GNU[char], 2)
        elif self._extended:
            self._emit(re.escape(char), 2)
        elif char in "()|":
            self._depth += (char == "(") - (char == ")")
            if self._depth < 0:
                raise RegexError("Unmatched ) or \\)")
            self._emit(char, 2)
        elif char in "+?":
            if self._at_start():
                self._emit(re.escape(char), 2)
            else:
                self._repeat(char, 2)
        elif char == "{":
            end = pattern.find("\\}", self._position)
            if end < 0:
                raise RegexError("Unmatched \\{")
            self._interval(pattern[self._position + 2 : end], end + 2)
        else:
            self._emit(re.escape(char), 2)

    def _interval(self, body: str, end: int) -> None:
        if not re.fullmatch(r"\d+(,\d*)?|,\d+", body):
            raise RegexError("Invalid content of \\{\\}")
        low, comma, high = body.partition(",")
        if comma and high and int(low or 0) > int(high):
            raise RegexError("Invalid content of \\{\\}")
        self._repeat(f"{{{low or '0'}{comma}{high}}}", end - self._position)

    def _basic_char(self, char: str) -> None:
        pattern = self._pattern
        if char == "*":
            if self._at_start() or self._out[-1] == "^":
                self._emit("\\*")
            else:
                self._repeat("*", 1)
        elif char == "^":
            anchor = self._at_start() or self._out[-1] == "("
            self._emit("^" if anchor else "\\^")
        elif char == "$":
            rest = pattern[self._position + 1 :]
            anchor = not rest or rest.startswith(("\\)", "\\|"))
            self._emit("(?!\\n)$" if anchor else "\\$")
        elif char == ".":
            self._emit(".")
        else:
            self._emit(re.escape(char))

    def _extended_char(self, char: str) -> None:
        if char in "*+?":
            if self._at_start() or self._out[-1] == "^":
                self._position += 1  # of nothing: glibc takes no notice of it
            else:
                self._repeat(char, 1)
        elif char == "{":
            match = re.compile(r"\{(\d*(?:,\d*)?)\}").match(self._pattern, self._position)
            if match and match[1] and not self._at_start():
                self._interval(match[1], match.end())
            else:
                self._emit("\\{")
        elif char == "(":
            self._depth += 1
            self._emit("(")
        elif char == ")":
            if self._depth:
                self._depth -= 1
                self._emit(")")
            else:
                self._emit("\\)")
        elif char == "$":
            self._emit("(?!\\n)$")
        elif char in "|^.":
            self._emit(char)
        else:
            self._emit(re.escape(char))

    def _bracket(self) -> None:
        pattern = self._pattern
        position = self._position + 1
        negate = pattern[position : position + 1] == "^"
        position += negate
        items: list[str] = []
        first = True
        while True:
            if position >= len(pattern):
                raise RegexError("Unmatched [, [^, [:, [., or [=")
            char = pattern[position]
            if char == "]" and not first:
                break
            first = False
            if char == "[" and pattern[position + 1 : position + 2] in (":", "=", "."):
                kind = pattern[position + 1]
                end = pattern.find(kind + "]", position + 2)
                if end < 0:
                    raise RegexError("Unmatched [, [^, [:, [., or [=")
                name = pattern[position + 2 : end]
                if kind == ":":
                    if name not in _CLASSES:
                        raise RegexError("Invalid character class name")
                    items.append(_CLASSES[name])
                else:
                    items.append(re.escape(name))
                position = end + 2
                continue
            follows = pattern[position + 1 : position + 2]
            after = pattern[position + 2 : position + 3]
            if follows == "-" and after not in ("", "]"):
                if char > after:
                    raise RegexError("Invalid range end")
                items.append(f"{_in_set(char)}-{_in_set(after)}")
                position += 3
                continue
            items.append(_in_set(char))
            position += 1
        body = "".join(items)
        self._emit(f"[{'^' if negate else ''}{body}]", position + 1 - self._position)


def _in_set(char: str) -> str:
    return f"\\{char}" if char in "\\]^-[&~|" else char
