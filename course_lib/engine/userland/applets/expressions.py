"""``expr``."""

from __future__ import annotations

import re

from course_lib.engine.userland import regex
from course_lib.engine.userland.applets.common import Fail
from course_lib.engine.userland.process import ContainerProcess


async def expr(proc: ContainerProcess) -> int:
    """Evaluate the arguments as an expression."""
    words = proc.argv[1:]
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        await proc.err("expr: too few arguments\n")
        return 2
    try:
        value = _Expression(words).whole()
    except Fail as error:
        await proc.err(f"expr: {error}\n")
        return error.code
    await proc.out(f"{value}\n")
    return int(value in ("", "0") or bool(re.fullmatch(r"-?0+", value)))


class _Expression:
    """``expr``'s grammar, from ``|`` down to ``:`` and keywords."""

    _LEVELS = (("|",), ("&",), ("<", "<=", "=", "==", "!=", ">=", ">"), ("+", "-"),
               ("*", "/", "%"), (":",))  # fmt: skip

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._position = 0

    def whole(self) -> str:
        value = self._level(0)
        if self._position < len(self._words):
            raise Fail("syntax error", 2)
        return value

    def _peek(self) -> str | None:
        return self._words[self._position] if self._position < len(self._words) else None

    def _next(self) -> str:
        word = self._peek()
        if word is None:
            raise Fail("syntax error", 2)
        self._position += 1
        return word

    def _level(self, number: int) -> str:
        if number == len(self._LEVELS):
            return self._primary()
        value = self._level(number + 1)
        while self._peek() in self._LEVELS[number]:
            operator = self._next()
            value = _apply(operator, value, self._level(number + 1))
        return value

    def _primary(self) -> str:
        word = self._next()
        if word == "(":
            value = self._level(0)
            if self._next() != ")":
                raise Fail("syntax error", 2)
            return value
        if word == "+" and self._peek() is not None:
            return self._next()
        if word == "length" and self._peek() is not None:
            return str(len(self._primary()))
        if word == "match" and self._peek() is not None:
            return _match(self._primary(), self._primary())
        if word == "index" and self._peek() is not None:
            text, chars = self._primary(), self._primary()
            return str(next((n for n, c in enumerate(text, 1) if c in chars), 0))
        if word == "substr" and self._peek() is not None:
            text, start, length = self._primary(), self._primary(), self._primary()
            first = int(start) if _is_number(start) else 0
            count = int(length) if _is_number(length) else 0
            return text[first - 1 : first - 1 + count] if first > 0 and count > 0 else ""
        return word


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+", text) is not None


def _match(text: str, pattern: str) -> str:
    try:
        expression = regex.basic(pattern)
    except regex.RegexError as error:
        raise Fail(f"bad regex '{pattern}': {error}", 2) from None
    found = expression.match(text)
    if expression.groups:
        return (found[1] or "") if found else ""
    return str(found.end() if found else 0)


def _truth(text: str) -> bool:
    return text != "" and not re.fullmatch(r"-?0+", text)


def _apply(operator: str, left: str, right: str) -> str:
    if operator == "|":
        return left if _truth(left) else right
    if operator == "&":
        return left if _truth(left) and _truth(right) else "0"
    if operator == ":":
        return _match(left, right)
    if operator in ("<", "<=", "=", "==", "!=", ">=", ">"):
        numbers = _is_number(left) and _is_number(right)
        order = (
            (int(left) > int(right)) - (int(left) < int(right))
            if numbers
            else ((left > right) - (left < right))
        )
        return str(int({"<": order < 0, "<=": order <= 0, "=": order == 0, "==": order == 0,
                        "!=": order != 0, ">=": order >= 0, ">": order > 0}[operator]))  # fmt: skip
    if not (_is_number(left) and _is_number(right)):
        raise Fail("non-numeric argument", 2)
    a, b = int(left), int(right)
    if operator in ("/", "%"):
        if b == 0:
            raise Fail("division by zero", 2)
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        return str(quotient if operator == "/" else a - b * quotient)
    return str({"+": a + b, "-": a - b, "*": a * b}[operator])
