"""The functions of ``bc -l``: ``s``, ``c``, ``a``, ``l``, ``e`` and ``j``."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Context, Decimal, localcontext

from course_lib.engine.userland.bc.numbers import DIGITS, MathError, Number


def _decimal(number: Number) -> Decimal:
    return Decimal(number.value).scaleb(-number.scale)


def _number(value: Decimal, scale: int) -> Number:
    return Number(int(value.scaleb(scale).to_integral_value(ROUND_DOWN)), scale)


def _precision(number: Number, scale: int) -> Context:
    digits = number.length + 2 * scale + 30
    if digits > DIGITS:
        raise MathError(f"numbers of the embedded engine have at most {DIGITS} digits")
    return Context(prec=digits, Emax=999999, Emin=-999999)


def exponential(number: Number, scale: int) -> Number:
    """``e(x)``."""
    if number.integer() > DIGITS * 2:
        raise MathError(f"numbers of the embedded engine have at most {DIGITS} digits")
    with localcontext(_precision(Number(max(0, number.integer())), scale)) as context:
        context.prec += max(0, number.integer())
        return _number(_decimal(number).exp(), scale)


def logarithm(number: Number, scale: int) -> Number:
    """``l(x)``; of what is not positive the most negative number that fits the scale."""
    with localcontext(_precision(number, scale)):
        if number.value <= 0:
            return Number(-(10 ** (scale + max(scale, 1))) + 1, max(scale, 1)).to_scale(scale)
        return _number(_decimal(number).ln(), scale)


def sine(number: Number, scale: int) -> Number:
    """``s(x)``."""
    with localcontext(_precision(number, scale)):
        return _number(_sine(_decimal(number)), scale)


def cosine(number: Number, scale: int) -> Number:
    """``c(x)``."""
    with localcontext(_precision(number, scale)):
        return _number(_sine(_decimal(number) + _pi() / 2), scale)


def arctangent(number: Number, scale: int) -> Number:
    """``a(x)``."""
    with localcontext(_precision(number, scale)):
        return _number(_arctangent(_decimal(number)), scale)


def bessel(order: Number, number: Number, scale: int) -> Number:
    """``j(n, x)``: Bessel's function of the first kind."""
    n = abs(order.integer())
    if n > 1000 or abs(number.integer()) > 1000:
        raise MathError("argument too large for the embedded engine")
    with localcontext(_precision(number, scale + abs(number.integer()))) as context:
        half = _decimal(number) / 2
        term = Decimal(1)
        for step in range(1, n + 1):
            term *= half / step
        total, step = term, 0
        while term and term.adjusted() > -context.prec:
            step += 1
            term *= -half * half / (step * (step + n))
            total += term
        return _number(-total if order.value < 0 and n % 2 else total, scale)


def _sine(angle: Decimal) -> Decimal:
    angle %= 2 * _pi()
    term = total = angle
    step = 1
    while term and term.adjusted() > -_digits():
        term *= -angle * angle / ((step + 1) * (step + 2))
        total += term
        step += 2
    return total


def _arctangent(value: Decimal) -> Decimal:
    if value < 0:
        return -_arctangent(-value)
    if value > 1:
        return _pi() / 2 - _arctangent(1 / value)
    halvings = 0
    while value > Decimal("0.1"):
        value /= 1 + (1 + value * value).sqrt()
        halvings += 1
    power = total = value
    step = 1
    while power and power.adjusted() > -_digits():
        power *= -value * value
        step += 2
        total += power / step
    return total * (1 << halvings)


def _digits() -> int:
    from decimal import getcontext

    return getcontext().prec


def _pi() -> Decimal:
    """By Machin's formula, to the precision of the context."""

    def inverse(of: int) -> Decimal:
        power = total = 1 / Decimal(of)
        step = 1
        while power.adjusted() > -_digits() - 5:
            power /= -of * of
            step += 2
            total += power / step
        return total

    return 4 * (4 * inverse(5) - inverse(239))


FUNCTIONS: dict[str, Callable[[Number, int], Number]] = {
    "s": sine, "c": cosine, "a": arctangent, "l": logarithm, "e": exponential,
}  # fmt: skip
