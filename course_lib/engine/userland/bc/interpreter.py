"""Runs what :mod:`course_lib.engine.userland.bc.parser` has read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from course_lib.engine.userland.bc import numbers
from course_lib.engine.userland.bc.numbers import ONE, ZERO, MathError, Number
from course_lib.engine.userland.bc.parser import Node, Parser, is_special

_ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "q": '"', "r": "\r", "t": "\t", "\\": "\\",
    "e": "\\",
}  # fmt: skip
_DEPTH = 400


class Halt(Exception):
    """``quit`` or ``halt``."""


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class _Return(Exception):
    def __init__(self, value: Number) -> None:
        super().__init__(value)
        self.value = value


class Interpreter:
    """One run of ``bc``: its variables and functions.

    :param out: takes the output; ``read`` gives a line of standard input, ``tick`` lets others run.
    :param library: the functions of ``bc -l`` are there.
    :param width: characters of a line of output; 0 does not break them.
    """

    def __init__(
        self,
        out: Callable[[str], Awaitable[None]],
        read: Callable[[], Awaitable[str]],
        tick: Callable[[], Awaitable[None]],
        *,
        library: bool,
        width: int,
    ) -> None:
        self._out, self._read, self._tick = out, read, tick
        self._library, self._width = library, width
        self._special = {"scale": 20 if library else 0, "ibase": 10, "obase": 10}
        self._last = ZERO
        self._variables: dict[str, Any] = {}
        self._functions: dict[str, Node] = {}
        self._depth = 0

    async def run(self, node: Node) -> None:
        """Run a statement.

        :raises Halt: the program is to end; :raises MathError: there is no result.
        """
        await self._tick()
        match node[0]:
            case "define":
                self._functions[node[1]] = node
            case "block":
                for part in node[1]:
                    await self.run(part)
            case "show":
                value = await self._value(node[1])
                self._last = value
                await self._out(numbers.wrapped(self._shown(value), self._width) + "\n")
            case "value":
                await self._value(node[1])
            case "text":
                await self._out(node[1])
            case "print":
                await self._print(node[1])
            case "if":
                if await self._value(node[1]):
                    await self.run(node[2])
                elif node[3] is not None:
                    await self.run(node[3])
            case "for":
                await self._for(node)
            case "break":
                raise _Break
            case "continue":
                raise _Continue
            case "return":
                raise _Return(ZERO if node[1] is None else await self._value(node[1]))
            case "limits":
                await self._out(f"BC_DIM_MAX 65535\nBC_SCALE_MAX {numbers.DIGITS}\n")
            case _:
                raise Halt

    async def run_all(self, parser: Parser) -> None:
        """Run the statements of a text."""
        for node in parser.statements():
            await self.run_one(node)

    async def run_one(self, node: Node) -> None:
        """Run a statement of its own, which a stray ``break`` or ``return`` ends."""
        with suppress(_Break, _Continue, _Return):
            await self.run(node)

    async def _print(self, parts: list[Node]) -> None:
        for part in parts:
            if part[0] == "text":
                await self._out(_unescape(part[1]))
            else:
                self._last = await self._value(part)
                await self._out(self._shown(self._last))

    async def _for(self, node: Node) -> None:
        _, first, test, step, body = node
        if first is not None:
            await self._value(first)
        while await self._value(test):
            try:
                await self.run(body)
            except _Break:
                return
            except _Continue:
                pass
            if step is not None:
                await self._value(step)

    def _shown(self, value: Number) -> str:
        return numbers.shown(value, self._special["obase"])

    # --- expressions -------------------------------------------------------------------------

    async def _value(self, node: Node) -> Number:
        match node[0]:
            case "number":
                return numbers.parse(node[1], self._special["ibase"])
            case "group":
                return await self._value(node[1])
            case "variable" | "element":
                return self._get(node[1], await self._index(node))
            case "negative":
                return numbers.negate(await self._value(node[1]))
            case "not":
                return ZERO if await self._value(node[1]) else ONE
            case "binary":
                return await self._binary(node[1], node[2], node[3])
            case "assign":
                value = await self._value(node[3])
                index = await self._index(node[1])
                if node[2]:
                    value = self._apply(node[2], self._get(node[1][1], index), value)
                self._set(node[1][1], index, value)
                return value
            case "before" | "after":
                index = await self._index(node[1])
                old = self._get(node[1][1], index)
                new = self._apply(node[2], old, ONE)
                self._set(node[1][1], index, new)
                return new if node[0] == "before" else old
            case "builtin":
                return self._builtin(node[1], await self._value(node[2]))
            case "call":
                return await self._call(node[1], node[2])
            case "read":
                return await self._read_value()
            case _:
                raise MathError("bad expression")

    async def _binary(self, operator: str, left: Node, right: Node) -> Number:
        first = await self._value(left)
        second = await self._value(right)
        if operator == "&&":
            return ONE if first and second else ZERO
        if operator == "||":
            return ONE if first or second else ZERO
        return self._apply(operator, first, second)

    def _apply(self, operator: str, left: Number, right: Number) -> Number:
        scale = self._special["scale"]
        match operator:
            case "+":
                return numbers.add(left, right)
            case "-":
                return numbers.add(left, numbers.negate(right))
            case "*":
                return numbers.multiply(left, right, scale)
            case "/":
                return numbers.divide(left, right, scale)
            case "%":
                return numbers.remainder(left, right, scale)
            case "^":
                return numbers.power(left, right, scale)
        order = numbers.compare(left, right)
        holds = {
            "==": order == 0, "!=": order != 0, "<": order < 0, "<=": order <= 0,
            ">": order > 0, ">=": order >= 0,
        }[operator]  # fmt: skip
        return ONE if holds else ZERO

    def _builtin(self, name: str, value: Number) -> Number:
        match name:
            case "length":
                return Number(value.length)
            case "scale":
                return Number(value.scale)
            case "abs":
                return Number(abs(value.value), value.scale)
        return numbers.root(value, self._special["scale"])

    async def _read_value(self) -> Number:
        for node in Parser(await self._read()).statements():
            if node[0] in ("show", "value"):
                return await self._value(node[1])
        raise MathError("bad read() expression")

    async def _call(self, name: str, arguments: list[Node]) -> Number:
        found = self._functions.get(name)
        if found is None:
            return await self._library_call(name, arguments)
        _, _, parameters, local, body = found
        if len(parameters) != len(arguments):
            raise MathError("wrong number of parameters in function call")
        if self._depth > _DEPTH:
            raise MathError("too many calls within calls for the embedded engine")
        values: dict[str, Any] = {}
        for parameter, argument in zip(parameters, arguments, strict=True):
            if parameter.endswith("[]"):
                values[parameter] = dict(self._variables.get(f"{argument[1]}[]", {}))
            else:
                values[parameter] = await self._value(argument)
        values.update({name: {} if name.endswith("[]") else ZERO for name in local})
        before = {name: self._variables.get(name) for name in values}
        self._variables.update(values)
        self._depth += 1
        try:
            await self.run(body)
        except _Return as end:
            return end.value
        finally:
            self._depth -= 1
            for variable, value in before.items():
                if value is None:
                    self._variables.pop(variable, None)
                else:
                    self._variables[variable] = value
        return ZERO

    async def _library_call(self, name: str, arguments: list[Node]) -> Number:
        if self._library:
            from course_lib.engine.userland.bc import library

            scale = self._special["scale"]
            values = [await self._value(argument) for argument in arguments]
            if name in library.FUNCTIONS and len(values) == 1:
                return library.FUNCTIONS[name](values[0], scale)
            if name == "j" and len(values) == 2:
                return library.bessel(values[0], values[1], scale)
        raise MathError("undefined function")

    # --- variables ---------------------------------------------------------------------------

    async def _index(self, node: Node) -> int | None:
        if node[0] == "variable":
            return None
        index = (await self._value(node[2])).integer()
        if not 0 <= index < 65536:
            raise MathError("array index out of range")
        return index

    def _get(self, name: str, index: int | None) -> Number:
        if index is not None:
            found: Number = self._variables.get(f"{name}[]", {}).get(index, ZERO)
            return found
        if name == "last":
            return self._last
        if is_special(name):
            return Number(self._special[name])
        value: Number = self._variables.get(name, ZERO)
        return value

    def _set(self, name: str, index: int | None, value: Number) -> None:
        if index is not None:
            self._variables.setdefault(f"{name}[]", {})[index] = value
        elif name == "last":
            self._last = value
        elif is_special(name):
            self._set_special(name, value.integer())
        else:
            self._variables[name] = value

    def _set_special(self, name: str, value: int) -> None:
        low, high = {"scale": (0, numbers.DIGITS // 4), "ibase": (2, 16), "obase": (2, 999)}[name]
        if not low <= value <= high:
            raise MathError(f"bad {name}; must be [{low}, {high}]")
        self._special[name] = value


def _unescape(text: str) -> str:
    out = []
    position = 0
    while position < len(text):
        char = text[position]
        position += 1
        if char == "\\" and position < len(text):
            letter = text[position]
            position += 1
            char = _ESCAPES.get(letter, "\\" + letter)
        out.append(char)
    return "".join(out)
