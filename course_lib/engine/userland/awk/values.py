"""Values of AWK: numbers, strings, and input that is both."""

from __future__ import annotations

import math
import re

from course_lib.engine.userland.applets.printing import encode
from course_lib.engine.userland.awk.lexer import AwkError

_HEXADECIMAL = re.compile(r"\s*([-+]?0[xX][0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?)")
_PREFIX = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")
_WHOLE = re.compile(r"\s*[-+]?(?:0[xX][0-9a-fA-F]+|\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*\Z")
_DIRECTIVE = re.compile(r"%([-+ 0#]*)(\*|\d+)?(?:\.(\*|\d*))?[hlL]*(.)", re.DOTALL)


class Input(str):
    """A string from outside: where it looks like a number it compares as one."""

    __slots__ = ()


class Unset:
    """A variable that was never assigned: 0 and the empty string at once."""

    __slots__ = ()


UNSET = Unset()
Value = float | str | Unset
Array = dict[str, Value]


def number(value: Value) -> float:
    """The value as a number: the longest prefix that is one."""
    if isinstance(value, float):
        return value
    if isinstance(value, Unset):
        return 0.0
    if match := _HEXADECIMAL.match(value):  # strtod's, which BusyBox asks
        return float.fromhex(match[1])
    match = _PREFIX.match(value)
    return float(match[1]) if match else 0.0


def text(value: Value, form: str = "%.6g") -> str:
    """The value as a string; whole numbers without a fraction."""
    if isinstance(value, str):
        return value
    if isinstance(value, Unset):
        return ""
    if value.is_integer() and abs(value) < 1e16:
        return str(int(value))
    if math.isnan(value):
        return "nan" if math.copysign(1, value) > 0 else "-nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return sprintf(form, [value])


def truth(value: Value) -> bool:
    """Whether a condition holds."""
    if isinstance(value, float):
        return value != 0
    if isinstance(value, Unset):
        return False
    if isinstance(value, Input) and _WHOLE.match(value):
        return number(value) != 0
    return value != ""


def numeric(value: Value) -> bool:
    """Whether it takes part in a comparison as a number."""
    if isinstance(value, float | Unset):
        return True
    return isinstance(value, Input) and _WHOLE.match(value) is not None


def compare(left: Value, right: Value, form: str) -> int:
    """-1, 0 or 1."""
    if numeric(left) and numeric(right):
        a, b = number(left), number(right)
        return (a > b) - (a < b)
    first, second = encode(text(left, form)), encode(text(right, form))
    return (first > second) - (first < second)


def sprintf(form: str, values: list[Value]) -> str:
    """``sprintf``; what is missing counts as empty."""
    rest = list(values)

    def following() -> Value:
        return rest.pop(0) if rest else UNSET

    def one(match: re.Match[str]) -> str:
        flags, width, precision, kind = match.groups()
        if kind == "%":
            return "%"
        if "*" in (width, precision):
            raise AwkError("cmd. line:1: %*x formats are not supported")
        shape = f"%{flags}{width or ''}{'' if precision is None else '.' + precision}"
        value = following()
        if kind == "c":
            char = chr(int(value) & 0x10FFFF) if isinstance(value, float) else text(value)[:1]
            return (shape + "s") % char
        if kind == "s":
            return (shape + "s") % text(value)
        try:
            if kind in "di":
                return (shape + "d") % int(number(value))
            if kind in "ouxX":
                whole = int(number(value))
                whole += (1 << 64) if whole < 0 else 0
                return (shape + ("d" if kind == "u" else kind)) % whole
            if kind in "feEgGF":
                return (shape + kind) % number(value)
        except (OverflowError, ValueError):
            return text(value)
        return match[0]

    return _DIRECTIVE.sub(one, form)
