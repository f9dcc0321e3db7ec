"""``$((...))``: C's integer expressions on 64 bits, with the shell's variables."""

from __future__ import annotations

import re
from collections.abc import Callable

from course_lib.engine.userland.shell.errors import ShellError

_TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]+#[0-9A-Za-z@_]+|0[xX][0-9a-fA-F]*|[0-9][0-9A-Za-z]*)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\[[^\]]*\])?)"
    r"|(?P<sign>\+\+|--|<<=|>>=|\*\*|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[-+*/%&|^~!<>=?:(),]))"
)
_BINARY: tuple[frozenset[str], ...] = (
    frozenset(["|"]), frozenset(["^"]), frozenset(["&"]), frozenset(["==", "!="]),
    frozenset(["<", ">", "<=", ">="]), frozenset(["<<", ">>"]), frozenset(["+", "-"]),
    frozenset(["*", "/", "%"]),
)  # fmt: skip
_ASSIGN = frozenset(["=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="])
_DEPTH = 64

Get = Callable[[str], str | None]
Set = Callable[[str, str], None]


def evaluate(text: str, get: Get, put: Set, depth: int = 0, *, bash: bool = True) -> int:
    """The value of an expression.

    :param bash: there are arrays, and ``&&`` and ``||`` leave out a right side that does not
        count. BusyBox has neither.
    :raises ShellError: ``arithmetic syntax error``, ``divide by zero`` and the like.
    """
    if depth > _DEPTH:
        raise ShellError("expression recursion loop detected")
    if not bash and "[" in text:
        raise ShellError("arithmetic syntax error")
    return _Evaluation(_tokens(text), get, put, depth, bash).whole()


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ShellError("arithmetic syntax error")
        tokens.append(match[match.lastgroup or 0])
        position = match.end()
    return tokens


def _wrap(value: int) -> int:
    value &= 0xFFFFFFFFFFFFFFFF
    return value - (1 << 64) if value >> 63 else value


def _number(token: str, bash: bool) -> int:
    try:
        if "#" in token:
            base, _, digits = token.partition("#")
            return _in_base(digits, int(base))
        if token[:2] in ("0x", "0X"):
            return _wrap(int(token[2:] or ("0" if bash else ""), 16))
        return _wrap(int(token, 8 if token.startswith("0") else 10))
    except ValueError:
        raise ShellError("arithmetic syntax error") from None


def _in_base(digits: str, base: int) -> int:
    order = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ@_"
    if not 2 <= base <= 64:
        raise ValueError
    value = 0
    for digit in digits:
        number = order.index(digit if base > 36 else digit.lower())
        if number >= base:
            raise ValueError
        value = value * base + number
    return _wrap(value)


class _Evaluation:
    """Recursive descent; ``dry`` skips side effects of the branch not taken."""

    def __init__(self, tokens: list[str], get: Get, put: Set, depth: int, bash: bool) -> None:
        self._tokens = tokens
        self._position = 0
        self._get = get
        self._put = put
        self._depth = depth
        self._bash = bash
        self._dry = 0

    def whole(self) -> int:
        if not self._tokens:
            return 0
        value = self._comma()
        if self._position < len(self._tokens):
            raise ShellError("arithmetic syntax error")
        return value

    def _peek(self, ahead: int = 0) -> str:
        index = self._position + ahead
        return self._tokens[index] if index < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._position += 1
        return token

    def _accept(self, token: str) -> bool:
        if self._peek() == token:
            self._position += 1
            return True
        return False

    def _comma(self) -> int:
        value = self._assignment()
        while self._accept(","):
            value = self._assignment()
        return value

    def _assignment(self) -> int:
        name = self._peek()
        if _is_name(name) and self._peek(1) in _ASSIGN:
            self._position += 1
            operator = self._next()
            value = self._assignment()
            if operator != "=":
                value = self._apply(operator[:-1], self._variable(name), value)
            self._store(name, value)
            return value
        return self._conditional()

    def _conditional(self) -> int:
        test = self._or()
        if not self._accept("?"):
            return test
        yes = self._branch(not test, self._comma)
        if not self._accept(":"):
            raise ShellError("arithmetic syntax error")
        no = self._branch(bool(test), self._conditional)
        return yes if test else no

    def _branch(self, dry: bool, part: Callable[[], int]) -> int:
        self._dry += dry
        try:
            return part()
        finally:
            self._dry -= dry

    def _or(self) -> int:
        value = self._and()
        while self._accept("||"):
            right = self._branch(bool(value) and self._bash, self._and)
            value = int(bool(value) or bool(right))
        return value

    def _and(self) -> int:
        value = self._binary(0)
        while self._accept("&&"):
            right = self._branch(not value and self._bash, lambda: self._binary(0))
            value = int(bool(value) and bool(right))
        return value

    def _binary(self, level: int) -> int:
        if level == len(_BINARY):
            return self._power()
        value = self._binary(level + 1)
        while self._peek() in _BINARY[level]:
            operator = self._next()
            value = self._apply(operator, value, self._binary(level + 1))
        return value

    def _power(self) -> int:
        value = self._unary()
        if self._accept("**"):
            exponent = self._power()
            if exponent < 0:
                raise ShellError("exponent less than 0")
            return _wrap(pow(value, exponent, 1 << 64))
        return value

    def _unary(self) -> int:
        token = self._peek()
        if token in ("++", "--") and _is_name(self._peek(1)):
            self._position += 1
            name = self._next()
            value = self._variable(name) + (1 if token == "++" else -1)
            self._store(name, value)
            return _wrap(value)
        if token in ("++", "--"):
            self._position += 1
            return self._unary()
        if token in ("+", "-", "!", "~"):
            self._position += 1
            value = self._unary()
            return _wrap({"+": value, "-": -value, "!": int(not value), "~": ~value}[token])
        return self._primary()

    def _primary(self) -> int:
        token = self._next()
        if token == "(":
            value = self._comma()
            if not self._accept(")"):
                raise ShellError("arithmetic syntax error")
            return value
        if token[:1].isdigit():
            return _number(token, self._bash)
        if _is_name(token):
            value = self._variable(token)
            if self._peek() in ("++", "--"):
                self._store(token, value + (1 if self._next() == "++" else -1))
            return value
        raise ShellError("arithmetic syntax error")

    def _variable(self, name: str) -> int:
        text = self._get(name)
        if text is None or not text.strip() or self._dry:
            return 0
        return evaluate(text, self._get, self._put, self._depth + 1, bash=self._bash)

    def _store(self, name: str, value: int) -> None:
        if not self._dry:
            self._put(name, str(_wrap(value)))

    def _apply(self, operator: str, left: int, right: int) -> int:
        if operator in ("/", "%"):
            if right == 0:
                if self._dry:
                    return 0
                raise ShellError("divide by zero")
            quotient = abs(left) // abs(right)
            if (left < 0) != (right < 0):
                quotient = -quotient
            return _wrap(quotient if operator == "/" else left - right * quotient)
        if operator in ("<<", ">>"):
            shift = right & 63
            return _wrap(left << shift if operator == "<<" else left >> shift)
        return _wrap(int(_SIMPLE[operator](left, right)))


_SIMPLE: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b,
    "&": lambda a, b: a & b, "|": lambda a, b: a | b, "^": lambda a, b: a ^ b,
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b,
    ">": lambda a, b: a > b, "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b,
}  # fmt: skip


def _is_name(token: str) -> bool:
    return token[:1].isalpha() or token[:1] == "_"
