"""``dc``: a calculator that works on a stack."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from course_lib.engine.userland.bc import numbers
from course_lib.engine.userland.bc.numbers import ZERO, MathError, Number

Value = Number | str

_NUMBER = re.compile(r"_?(?:[0-9A-F]+(?:\.[0-9A-F]*)?|\.[0-9A-F]+)")
_DEPTH = 200


class Quit(Exception):
    """``q``: leaves this many levels of macros."""

    def __init__(self, levels: int) -> None:
        super().__init__(levels)
        self.levels = levels


class Calculator:
    """Stack, registers and scale of one run."""

    def __init__(
        self, out: Callable[[str], Awaitable[None]], tick: Callable[[], Awaitable[None]]
    ) -> None:
        self._out, self._tick = out, tick
        self._stack: list[Value] = []
        self._registers: dict[str, list[Value]] = {}
        self._scale, self._ibase, self._obase = 0, 10, 10
        self._depth = 0

    async def run(self, text: str) -> None:
        """Run a program.

        :raises MathError: a command cannot be done; :raises Quit: the program is to end.
        """
        if self._depth > _DEPTH:
            raise MathError("too many macros within macros for the embedded engine")
        position = 0
        while position < len(text):
            await self._tick()
            char = text[position]
            number = _NUMBER.match(text, position)
            if number:
                position = number.end()
                value = numbers.parse(number[0].removeprefix("_"), self._ibase)
                self._stack.append(numbers.negate(value) if char == "_" else value)
            elif char == "[":
                end = _end_of_string(text, position)
                self._stack.append(text[position + 1 : end])
                position = end + 1
            elif char == "#":
                newline = text.find("\n", position)
                position = len(text) if newline < 0 else newline
            elif char in "sSlL<>=!" and text[position + 1 : position + 2]:
                position = await self._with_register(text, position)
            else:
                position += 1
                await self._command(char)

    async def macro(self, value: Value) -> None:
        """Run a string; a number just goes onto the stack."""
        if isinstance(value, Number):
            self._stack.append(value)
            return
        self._depth += 1
        try:
            await self.run(value)
        except Quit as end:
            if end.levels > 1:
                raise Quit(end.levels - 1) from None
        finally:
            self._depth -= 1

    async def _with_register(self, text: str, position: int) -> int:
        """A command that names a register; gives where the next one begins."""
        command = text[position]
        if command == "!":
            command = text[position : position + 2]
            position += 1
            if command[1] not in "<>=":
                raise MathError("running programs is not supported")
        name = text[position + 1 : position + 2]
        values = self._registers.setdefault(name, [])
        match command:
            case "s":
                values[-1:] = [self._pop()]
            case "S":
                values.append(self._pop())
            case "l":
                self._stack.append(values[-1] if values else ZERO)
            case "L":
                if not values:
                    raise MathError(f"stack register '{name}' is empty")
                self._stack.append(values.pop())
            case _:
                order = numbers.compare(self._number(), self._number())
                holds = {"<": order < 0, ">": order > 0, "=": order == 0}[command[-1]]
                if holds != command.startswith("!") and values:
                    await self.macro(values[-1])
        return position + 2

    async def _command(self, char: str) -> None:
        if char in "+-*/%^":
            right, left = self._number(), self._number()
            try:
                self._stack.append(self._apply(char, left, right))
            except MathError:
                self._stack += [left, right]
                raise
        elif char in "pnPf":
            await self._print(char)
        elif char in "kio":
            self._set(char, self._number().integer())
        elif char in "KIO":
            value = {"K": self._scale, "I": self._ibase, "O": self._obase}[char]
            self._stack.append(Number(value))
        elif char in "drRcz":
            self._shuffle(char)
        elif char == "x":
            await self.macro(self._pop())
        elif char == "q":
            raise Quit(2 if self._depth else 1)
        elif char == "Q":
            raise Quit(self._number().integer())
        elif char not in " \t\r\n":
            self._mathematics(char)

    def _mathematics(self, char: str) -> None:
        match char:
            case "~":
                right, left = self._number(), self._number()
                self._stack.append(numbers.divide(left, right, self._scale))
                self._stack.append(numbers.remainder(left, right, self._scale))
            case "|":
                modulus, exponent, base = self._number(), self._number(), self._number()
                if not modulus.integer():
                    raise MathError("divide by zero")
                if exponent.integer() < 0:
                    raise MathError("negative number")
                result = pow(base.integer(), exponent.integer(), abs(modulus.integer()))
                self._stack.append(Number(result))
            case "v":
                self._stack.append(numbers.root(self._number(), self._scale))
            case "Z":
                value = self._pop()
                size = len(value) if isinstance(value, str) else value.length
                self._stack.append(Number(size))
            case "X":
                value = self._pop()
                self._stack.append(Number(0 if isinstance(value, str) else value.scale))
            case "a":
                value = self._pop()
                letter = value[:1] if isinstance(value, str) else chr(value.integer() & 0xFF)
                self._stack.append(letter)
            case _:
                raise MathError(f"bad character '{char}'")

    def _apply(self, char: str, left: Number, right: Number) -> Number:
        match char:
            case "+":
                return numbers.add(left, right)
            case "-":
                return numbers.add(left, numbers.negate(right))
            case "*":
                return numbers.multiply(left, right, self._scale)
            case "/":
                return numbers.divide(left, right, self._scale)
            case "%":
                return numbers.remainder(left, right, self._scale)
        return numbers.power(left, right, self._scale)

    def _shuffle(self, char: str) -> None:
        if char == "d":
            self._stack.append(self._top())
        elif char == "r":
            second, first = self._pop(), self._pop()
            self._stack += [second, first]
        elif char == "R":
            self._pop()
        elif char == "c":
            self._stack.clear()
        else:
            self._stack.append(Number(len(self._stack)))

    def _set(self, char: str, value: int) -> None:
        low, high = {"k": (0, numbers.DIGITS // 4), "i": (2, 16), "o": (2, 999)}[char]
        if not low <= value <= high:
            name = {"k": "scale", "i": "ibase", "o": "obase"}[char]
            raise MathError(f"bad {name}; must be [{low}, {high}]")
        if char == "k":
            self._scale = value
        elif char == "i":
            self._ibase = value
        else:
            self._obase = value

    async def _print(self, char: str) -> None:
        if char == "f":
            for value in reversed(self._stack):
                await self._out(self._shown(value) + "\n")
        elif char == "p":
            await self._out(self._shown(self._top()) + "\n")
        elif char == "n":
            await self._out(self._shown(self._pop()) + "\n")
        else:
            value = self._pop()
            if isinstance(value, Number):
                data = abs(value.integer())
                value = data.to_bytes((data.bit_length() + 7) // 8 or 1, "big").decode("latin-1")
            await self._out(value)

    def _shown(self, value: Value) -> str:
        if isinstance(value, str):
            return value
        return numbers.wrapped(numbers.shown(value, self._obase))

    # --- the stack ---------------------------------------------------------------------------

    def _top(self) -> Value:
        if not self._stack:
            raise MathError("stack has too few elements")
        return self._stack[-1]

    def _pop(self) -> Value:
        value = self._top()
        self._stack.pop()
        return value

    def _number(self) -> Number:
        value = self._pop()
        if isinstance(value, str):
            raise MathError("variable is wrong type")
        return value


def _end_of_string(text: str, start: int) -> int:
    depth = 0
    for position in range(start, len(text)):
        depth += (text[position] == "[") - (text[position] == "]")
        if depth == 0:
            return position
    raise MathError("string end could not be found")
