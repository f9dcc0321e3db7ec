"""Decimal numbers with a scale, as POSIX defines them for ``bc``; cut off, never rounded."""

from __future__ import annotations

import math
from dataclasses import dataclass

DIGITS = 4000
"""Digits that a number may have: what is longer keeps the engine from its other work."""

_LINE = 68
_NUMERALS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class MathError(Exception):
    """A calculation that has no result; the message is BusyBox's."""


@dataclass(frozen=True, slots=True)
class Number:
    """``value / 10 ** scale``."""

    value: int
    scale: int = 0

    def __bool__(self) -> bool:
        return self.value != 0

    def to_scale(self, scale: int) -> Number:
        """More zeros, or digits cut off."""
        if scale >= self.scale:
            return Number(self.value * 10 ** (scale - self.scale), scale)
        return Number(_divide(self.value, 10 ** (self.scale - scale)), scale)

    def integer(self) -> int:
        """Without what comes after the point."""
        return _divide(self.value, 10**self.scale)

    @property
    def length(self) -> int:
        """Digits that matter, as ``length(x)`` counts them."""
        return max(len(str(abs(self.value))), self.scale) if self.value else max(1, self.scale)


ZERO, ONE = Number(0), Number(1)


def _divide(left: int, right: int) -> int:
    quotient = abs(left) // abs(right)
    return -quotient if (left < 0) != (right < 0) else quotient


def _checked(number: Number) -> Number:
    if number.value.bit_length() > DIGITS * 10 // 3:
        raise MathError(f"numbers of the embedded engine have at most {DIGITS} digits")
    return number


def add(left: Number, right: Number) -> Number:
    """Sum; subtraction adds what :func:`negate` gives."""
    scale = max(left.scale, right.scale)
    return _checked(Number(left.to_scale(scale).value + right.to_scale(scale).value, scale))


def negate(number: Number) -> Number:
    """The number with the other sign."""
    return Number(-number.value, number.scale)


def multiply(left: Number, right: Number, scale: int) -> Number:
    """Product; ``scale`` is the variable of that name."""
    exact = Number(left.value * right.value, left.scale + right.scale)
    return _checked(exact.to_scale(min(exact.scale, max(scale, left.scale, right.scale))))


def divide(left: Number, right: Number, scale: int) -> Number:
    """Quotient with ``scale`` digits after the point."""
    if not right:
        raise MathError("divide by zero")
    top = left.value * 10 ** (scale + right.scale)
    return _checked(Number(_divide(top, right.value * 10**left.scale), scale))


def remainder(left: Number, right: Number, scale: int) -> Number:
    """What :func:`divide` leaves."""
    whole = multiply(divide(left, right, scale), right, scale + right.scale)
    return add(left, negate(whole)).to_scale(max(scale + right.scale, left.scale))


def power(base: Number, exponent: Number, scale: int) -> Number:
    """Power with an integer as exponent."""
    if exponent.to_scale(0).to_scale(exponent.scale) != exponent:
        raise MathError("not an integer")
    times = exponent.integer()
    if times < 0:
        return divide(ONE, power(base, Number(-times), base.scale * -times), scale)
    if abs(base.value) > 1 and base.value.bit_length() * times > DIGITS * 4:
        raise MathError(f"numbers of the embedded engine have at most {DIGITS} digits")
    if base.scale * times > DIGITS * 4:
        raise MathError(f"numbers of the embedded engine have at most {DIGITS} digits")
    exact = Number(base.value**times, base.scale * times)
    return _checked(exact.to_scale(min(exact.scale, max(scale, base.scale))))


def root(number: Number, scale: int) -> Number:
    """Square root."""
    if number.value < 0:
        raise MathError("negative number")
    scale = max(scale, number.scale)
    return Number(math.isqrt(number.to_scale(2 * scale).value), scale)


def compare(left: Number, right: Number) -> int:
    """-1, 0 or 1."""
    scale = max(left.scale, right.scale)
    first, second = left.to_scale(scale).value, right.to_scale(scale).value
    return (first > second) - (first < second)


def parse(text: str, base: int) -> Number:
    """A number in the input base; a single digit counts in full, others at most ``base - 1``."""
    whole, _, rest = text.partition(".")
    if len(text) > DIGITS:
        raise MathError(f"numbers of the embedded engine have at most {DIGITS} digits")
    if base == 10 and not any(c.isalpha() for c in text):
        return Number(int((whole + rest) or "0"), len(rest))
    limit = 36 if len(whole) == 1 and not rest else base - 1
    value = 0
    for digit in whole:
        value = value * base + min(_NUMERALS.index(digit), limit)
    if not rest:
        return Number(value)
    part = 0
    for digit in rest:
        part = part * base + min(_NUMERALS.index(digit), limit)
    fraction = divide(Number(part), Number(base ** len(rest)), len(rest))
    return add(Number(value), fraction)


def text(number: Number, base: int = 10) -> str:
    """The number as it is printed, on one line."""
    sign = "-" if number.value < 0 else ""
    if base == 10:
        digits = str(abs(number.value))
        if not number.scale:
            return sign + digits
        digits = digits.rjust(number.scale, "0")
        return f"{sign}{digits[: -number.scale]}.{digits[-number.scale :]}"
    whole = abs(number.value) // 10**number.scale
    out = _whole(whole, base)
    if number.scale:
        out += "." + _fraction(abs(number.value) % 10**number.scale, number.scale, base)
    return sign + out


def _whole(value: int, base: int) -> str:
    digits: list[int] = []
    while value:
        value, digit = divmod(value, base)
        digits.append(digit)
    return "".join(_digit(d, base) for d in reversed(digits or [0]))


def _fraction(value: int, scale: int, base: int) -> str:
    out, unit, reached = "", 10**scale, 1
    while reached < unit:
        digit, value = divmod(value * base, unit)
        out += _digit(digit, base)
        reached *= base
    return out


def _digit(digit: int, base: int) -> str:
    return _NUMERALS[digit] if base <= 16 else f" {digit:0{len(str(base - 1))}}"


def shown(number: Number, base: int = 10) -> str:
    """The number as programs print it: no zero before the point, as POSIX wants it."""
    if not number:
        return "0"
    line = text(number, base)
    return line.replace("0.", ".", 1) if line.startswith(("0.", "-0.")) else line


def wrapped(line: str, width: int = _LINE) -> str:
    r"""A long line broken with ``\``, as output is; not at all for a ``width`` of 0."""
    if not width or len(line) <= width + 1:
        return line
    pieces = [line[start : start + width] for start in range(0, len(line), width)]
    return "\\\n".join(pieces)
