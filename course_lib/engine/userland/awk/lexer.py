"""Tokens of an AWK program."""

from __future__ import annotations

import re
from dataclasses import dataclass

KEYWORDS = frozenset(
    ["BEGIN", "END", "function", "func", "if", "else", "while", "for", "do", "break", "continue",
     "next", "nextfile", "exit", "return", "delete", "in", "getline", "print", "printf"]
)  # fmt: skip
FUNCTIONS = frozenset(
    ["length", "substr", "index", "split", "sub", "gsub", "match", "sprintf", "sin", "cos",
     "atan2", "exp", "log", "sqrt", "int", "rand", "srand", "tolower", "toupper", "system",
     "close", "fflush", "and", "or", "xor", "lshift", "rshift", "compl", "strftime", "systime",
     "gensub"]
)  # fmt: skip
_OPERATORS = (
    "**=", "+=", "-=", "*=", "/=", "%=", "^=", "**", "==", "<=", ">=", "!=", "++", "--", "&&",
    "||", ">>", "{", "}", "(", ")", "[", "]", ";", ",", "+", "-", "*", "/", "%", "^", "!", ">",
    "<", "|", "?", ":", "~", "$", "=",
)  # fmt: skip
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPES = {
    "n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "/": "/", "a": "\a", "b": "\b",
    "f": "\f", "v": "\v",
}  # fmt: skip


class AwkError(Exception):
    """A program that makes no sense, or one that fails; the text follows ``awk:``."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token.

    :ivar kind: ``number``, ``string``, ``regex``, ``name``, ``call`` (a name with ``(`` right
        behind it), ``function`` (a built-in one), ``keyword``, ``operator``, ``newline``, ``end``.
    """

    kind: str
    text: str
    line: int


def tokens(source: str) -> list[Token]:
    """All tokens of a program.

    :raises AwkError: text that is none.
    """
    return _Lexer(source).run()


class _Lexer:
    def __init__(self, source: str) -> None:
        self._source = source
        self._position = 0
        self._line = 1
        self._found: list[Token] = []

    def _add(self, kind: str, text: str) -> None:
        self._found.append(Token(kind, text, self._line))

    def run(self) -> list[Token]:
        source = self._source
        while self._position < len(source):
            char = source[self._position]
            if char in " \t\r":
                self._position += 1
            elif char == "\n":
                self._add("newline", "\n")
                self._line += 1
                self._position += 1
            elif char == "\\" and source.startswith(("\\\n", "\\\r\n"), self._position):
                self._position = source.index("\n", self._position) + 1
                self._line += 1
            elif char == "#":
                end = source.find("\n", self._position)
                self._position = len(source) if end < 0 else end
            elif char == '"':
                self._add("string", self._quoted('"'))
            elif char == "/" and self._expects_operand():
                self._add("regex", self._quoted("/"))
            elif not self._word():
                self._operator()
        self._add("newline", "\n")
        self._add("end", "")
        return self._found

    def _expects_operand(self) -> bool:
        """Whether a slash here begins a regular expression and is no division."""
        if not self._found:
            return True
        last = self._found[-1]
        if last.kind in ("number", "string", "regex", "name", "function"):
            return False
        if last.kind == "keyword":
            return last.text != "getline"
        return last.text not in (")", "]", "$", "++", "--")

    def _quoted(self, quote: str) -> str:
        source = self._source
        position = self._position + 1
        out = ""
        brackets = False
        while True:
            if position >= len(source) or source[position] == "\n":
                raise AwkError(f"cmd. line:{self._line}: Unexpected end of string")
            char = source[position]
            if char == quote and not (quote == "/" and brackets):
                break
            if char == "\\" and position + 1 < len(source):
                text, position = self._escape(position + 1, quote)
                out += text
                continue
            if quote == "/" and char == "[":
                brackets = source.find("]", position + 2) >= 0
            elif char == "]":
                brackets = False
            out += char
            position += 1
        self._position = position + 1
        return out

    def _escape(self, position: int, quote: str) -> tuple[str, int]:
        source = self._source
        char = source[position]
        if quote == "/":
            # The regular expression keeps its own escapes.
            return ("/" if char == "/" else "\\" + char), position + 1
        if char == "\n":
            self._line += 1
            return "", position + 1
        octal = re.compile("[0-7]{1,3}").match(source, position)
        if octal:
            return chr(int(octal[0], 8) & 0xFF), octal.end()
        digits = re.compile("x[0-9a-fA-F]{1,2}").match(source, position)
        if digits:
            return chr(int(digits[0][1:], 16)), digits.end()
        return _ESCAPES.get(char, "\\" + char), position + 1

    def _word(self) -> bool:
        number = _NUMBER.match(self._source, self._position)
        if number:
            self._position = number.end()
            # A constant that begins with 0 is octal, as to strtoull.
            octal = re.fullmatch("0[0-7]+", number[0])
            self._add("number", str(int(number[0], 8)) if octal else number[0])
            return True
        name = _NAME.match(self._source, self._position)
        if not name:
            return False
        self._position = name.end()
        text = name[0]
        if text in KEYWORDS:
            self._add("keyword", "function" if text == "func" else text)
        elif text in FUNCTIONS:
            self._add("function", text)
        elif self._source.startswith("(", self._position):
            self._add("call", text)
        else:
            self._add("name", text)
        return True

    def _operator(self) -> None:
        for operator in _OPERATORS:
            if self._source.startswith(operator, self._position):
                self._position += len(operator)
                text = operator.replace("**", "^")
                self._add("operator", text)
                return
        raise AwkError(f"cmd. line:{self._line}: Unexpected token")
