"""The functions that the language brings along."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import TYPE_CHECKING

from course_lib.engine.userland.awk import nodes as n
from course_lib.engine.userland.awk.lexer import AwkError
from course_lib.engine.userland.awk.values import Input, Value, number, sprintf, text

if TYPE_CHECKING:
    from course_lib.engine.userland.awk.interpreter import Interpreter

Function = Callable[["Interpreter", list[n.Expression]], Awaitable[Value]]


def _check(arguments: list[n.Expression], least: int, most: int) -> None:
    if not least <= len(arguments) <= most:
        raise AwkError("Too few arguments")


async def _length(awk: Interpreter, arguments: list[n.Expression]) -> Value:
    if not arguments:
        return float(len(awk.record))
    first = arguments[0]
    if isinstance(first, n.Variable) and awk.is_array(first.name):
        return float(len(awk.array(first.name)))
    return float(len(text(await awk.evaluate(first))))


async def _substr(awk: Interpreter, arguments: list[n.Expression]) -> Value:
    _check(arguments, 2, 3)
    string = text(await awk.evaluate(arguments[0]))
    start = _round(number(await awk.evaluate(arguments[1])))
    start = max(start, 1) - 1  # (as BusyBox has it: what lies before the text takes no length)
    if len(arguments) == 2:
        return string[start:]
    return string[start : start + max(0, _round(number(await awk.evaluate(arguments[2]))))]


def _round(value: float) -> int:
    return math.floor(value + 0.5) if math.isfinite(value) else 1 << 30


async def _index(awk: Interpreter, arguments: list[n.Expression]) -> Value:
    _check(arguments, 2, 2)
    string = text(await awk.evaluate(arguments[0]))
    return float(string.find(text(await awk.evaluate(arguments[1]))) + 1)


async def _split(awk: Interpreter, arguments: list[n.Expression]) -> Value:
    _check(arguments, 2, 3)
    string = text(await awk.evaluate(arguments[0]))
    target = arguments[1]
    if not isinstance(target, n.Variable):
        raise AwkError("split: second argument must be an array")
    if len(arguments) == 3:
        third = arguments[2]
        if isinstance(third, n.Regex):
            pattern = awk.regex(third.source)
            parts = pattern.split(string) if string else []
        else:
            parts = awk.split(string, text(await awk.evaluate(third)))
    else:
        parts = awk.split(string, awk.string("FS"))
    array = awk.array(target.name)
    array.clear()
    for place, part in enumerate(parts, 1):
        array[str(place)] = Input(part or "")
    return float(len(parts))


async def _match(awk: Interpreter, arguments: list[n.Expression]) -> Value:
    _check(arguments, 2, 2)
    string = text(await awk.evaluate(arguments[0]))
    found = (await awk.pattern(arguments[1])).search(string)
    awk.variables["RSTART"] = float(found.start() + 1 if found else 0)
    awk.variables["RLENGTH"] = float(len(found[0]) if found else -1)
    return awk.variables["RSTART"]


async def substitute(awk: Interpreter, node: n.Call) -> Value:
    """``sub`` and ``gsub``: replace in ``$0`` or a variable; how many were replaced."""
    _check(node.arguments, 2, 3)
    pattern = await awk.pattern(node.arguments[0])
    replacement = text(await awk.evaluate(node.arguments[1]))
    target = node.arguments[2] if len(node.arguments) == 3 else n.FieldOf(n.Number(0.0))
    while isinstance(target, n.Group):
        target = target.inner
    subject = text(await awk.evaluate(target))
    result, replaced = pattern.subn(
        lambda m: _filled(replacement, m[0]), subject, count=0 if node.name == "gsub" else 1
    )
    if replaced and isinstance(target, n.Variable | n.FieldOf | n.Element):
        await awk.store(target, result)
    return float(replaced)


async def _gensub(awk: Interpreter, arguments: list[n.Expression]) -> Value:
    """What comes of a text in which the match of a number, or every one, is replaced."""
    _check(arguments, 3, 4)
    pattern = await awk.pattern(arguments[0])
    replacement = text(await awk.evaluate(arguments[1]))
    wanted = int(number(await awk.evaluate(arguments[2])))
    subject = awk.record if len(arguments) == 3 else text(await awk.evaluate(arguments[3]))
    matches = count(1)

    def one(match: re.Match[str]) -> str:
        if wanted > 0 and next(matches) != wanted:
            return match[0]
        groups = [match[0], *match.groups("")]
        return _filled(replacement, match[0], groups)

    return pattern.sub(one, subject)


def _filled(template: str, matched: str, groups: Sequence[str] = ()) -> str:
    r"""``&`` is what matched, ``\&`` a plain ampersand, ``\1`` the first of ``groups``."""
    out = ""
    position = 0
    while position < len(template):
        char, after = template[position], template[position + 1 : position + 2]
        if char == "\\" and after in ("&", "\\"):
            position += 1
            out += after
        elif groups and char == "\\" and "0" <= after <= "9":
            position += 1
            out += groups[int(after)] if int(after) < len(groups) else ""
        else:
            out += matched if char == "&" else char
        position += 1
    return out


async def _sprintf(awk: Interpreter, arguments: list[n.Expression]) -> Value:
    _check(arguments, 1, 1000)
    values = [await awk.evaluate(argument) for argument in arguments]
    return sprintf(text(values[0]), values[1:])


def _numeric(function: Callable[[float], float]) -> Function:
    async def run(awk: Interpreter, arguments: list[n.Expression]) -> Value:
        _check(arguments, 1, 1)
        try:
            return float(function(number(await awk.evaluate(arguments[0]))))
        except (ValueError, OverflowError):
            return math.nan

    return run


async def _atan2(awk: Interpreter, arguments: list[n.Expression]) -> Value:
    _check(arguments, 2, 2)
    first, second = [number(await awk.evaluate(argument)) for argument in arguments]
    return math.atan2(first, second)


async def _rand(awk: Interpreter, _arguments: list[n.Expression]) -> Value:
    return awk.random.random()


async def _srand(awk: Interpreter, arguments: list[n.Expression]) -> Value:
    import random

    seed = number(await awk.evaluate(arguments[0])) if arguments else 0.0
    before = awk.seed
    awk.seed = seed
    awk.random = random.Random(seed)
    return before


def _cased(change: Callable[[str], str]) -> Function:
    async def run(awk: Interpreter, arguments: list[n.Expression]) -> Value:
        _check(arguments, 1, 1)
        return change(text(await awk.evaluate(arguments[0])))

    return run


async def _system(awk: Interpreter, arguments: list[n.Expression]) -> Value:
    _check(arguments, 1, 1)
    command = text(await awk.evaluate(arguments[0]))
    try:
        child = await awk.proc.spawn(["sh", "-c", command], fds=awk.proc.fds)
    except OSError:
        return -1.0
    return float(await child.wait())


async def _close(awk: Interpreter, arguments: list[n.Expression]) -> Value:
    _check(arguments, 1, 2)
    return float(await awk.streams.close(text(await awk.evaluate(arguments[0]))))


async def _fflush(_awk: Interpreter, _arguments: list[n.Expression]) -> Value:
    return 0.0


async def _systime(awk: Interpreter, _arguments: list[n.Expression]) -> Value:
    return float(awk.proc.machine.clock.time_ns() // 1_000_000_000)


async def _strftime(awk: Interpreter, arguments: list[n.Expression]) -> Value:
    from course_lib.engine.userland.applets.dates import format_date
    from course_lib.engine.userland.timezones import zone_of

    form = text(await awk.evaluate(arguments[0])) if arguments else "%a %b %e %H:%M:%S %Z %Y"
    when = awk.proc.machine.clock.time_ns()
    if len(arguments) > 1:
        when = int(number(await awk.evaluate(arguments[1]))) * 1_000_000_000
    return format_date(when, form, zone_of(awk.proc))


def _bits(function: Callable[[int, int], int]) -> Function:
    async def run(awk: Interpreter, arguments: list[n.Expression]) -> Value:
        _check(arguments, 2, 2)
        first, second = [int(number(await awk.evaluate(argument))) for argument in arguments]
        return float(function(first, second) & 0xFFFFFFFF)

    return run


async def _compl(awk: Interpreter, arguments: list[n.Expression]) -> Value:
    _check(arguments, 1, 1)
    return float(~int(number(await awk.evaluate(arguments[0]))) & 0xFFFFFFFF)


BUILTINS: dict[str, Function] = {
    "length": _length, "substr": _substr, "index": _index, "split": _split, "match": _match,
    "sprintf": _sprintf, "sin": _numeric(math.sin), "cos": _numeric(math.cos),
    "exp": _numeric(math.exp), "log": _numeric(lambda x: math.log(x) if x else -math.inf),
    "sqrt": _numeric(math.sqrt), "int": _numeric(math.trunc), "atan2": _atan2, "rand": _rand,
    "srand": _srand, "tolower": _cased(str.lower), "toupper": _cased(str.upper),
    "system": _system, "close": _close, "fflush": _fflush, "systime": _systime,
    "strftime": _strftime, "and": _bits(lambda a, b: a & b), "or": _bits(lambda a, b: a | b),
    "xor": _bits(lambda a, b: a ^ b), "lshift": _bits(lambda a, b: a << (b & 31)),
    "rshift": _bits(lambda a, b: a >> (b & 31)), "compl": _compl, "gensub": _gensub,
}  # fmt: skip
