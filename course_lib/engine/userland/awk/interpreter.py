"""Runs an AWK program over records."""

from __future__ import annotations

import math
import re

from course_lib.engine.userland import regex
from course_lib.engine.userland.awk import nodes as n
from course_lib.engine.userland.awk.functions import BUILTINS, substitute
from course_lib.engine.userland.awk.lexer import AwkError
from course_lib.engine.userland.awk.streams import Streams
from course_lib.engine.userland.awk.values import (
    UNSET,
    Array,
    Input,
    Unset,
    Value,
    compare,
    number,
    sprintf,
    text,
    truth,
)
from course_lib.engine.userland.process import ContainerProcess

MAX_DEPTH = 200
"""Calls within calls: each takes a few frames of Python's stack."""


class _Jump(Exception):
    """``break``, ``continue``, ``next``, ``nextfile``, ``exit`` or ``return``."""

    def __init__(self, kind: str, value: Value = UNSET) -> None:
        super().__init__(kind)
        self.kind = kind
        self.value = value


class _Scope:
    """Parameters of a running function; an unused one can become an array."""

    __slots__ = ("arrays", "values")

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self.arrays: dict[str, Array] = {}


class Interpreter:
    """One run of a program.

    :ivar variables: global variables, with ``NR``, ``FS`` and their kind among them.
    """

    def __init__(self, proc: ContainerProcess, program: n.Program) -> None:
        self.proc = proc
        self._program = program
        self.variables: dict[str, Value] = {
            "FS": " ", "OFS": " ", "ORS": "\n", "RS": "\n", "SUBSEP": "\x1c", "CONVFMT": "%.6g",
            "OFMT": "%.6g", "NR": 0.0, "FNR": 0.0, "NF": 0.0, "RSTART": 0.0, "RLENGTH": -1.0,
            "FILENAME": UNSET,
        }  # fmt: skip
        self.arrays: dict[str, Array] = {}
        self._record = ""
        self._fields: list[str] | None = None
        self._scopes: list[_Scope] = []
        self._status = 0
        self.streams = Streams(self)
        self.random = proc.machine.ids.random
        self.seed = 0.0

    # --- running -----------------------------------------------------------------------------

    async def run(self, files: list[str]) -> int:
        """Run all of it; tells the exit code."""
        program = self._program
        self.arrays["ENVIRON"] = {name: Input(value) for name, value in self.proc.env.items()}
        self.arrays["ARGV"] = {str(i): Input(w) for i, w in enumerate(["awk", *files])}
        self.variables["ARGC"] = float(len(files) + 1)
        try:
            for block in program.begin:
                await self._statement(block)
            if program.rules or program.end:
                await self._records()
        except _Jump as jump:
            if jump.kind != "exit":
                raise AwkError(f"{jump.kind} not allowed here") from None
            self._exit(jump)
        try:
            for block in program.end:
                await self._statement(block)
        except _Jump as jump:
            self._exit(jump)
        await self.streams.close_all()
        return self._status

    def _exit(self, jump: _Jump) -> None:
        if jump.value is not UNSET:
            self._status = int(number(jump.value)) & 0xFF

    async def _records(self) -> None:
        while (line := await self.streams.next_record()) is not None:
            await self.proc.tick()
            self.set_record(line)
            try:
                for rule in self._program.rules:
                    if await self._applies(rule):
                        if rule.action is None:
                            await self._print_record()
                        else:
                            await self._statement(rule.action)
            except _Jump as jump:
                if jump.kind == "nextfile":
                    self.streams.skip_file()
                elif jump.kind != "next":
                    raise

    async def _print_record(self) -> None:
        await self.streams.write("", "", self.record + self.string("ORS"))

    async def _applies(self, rule: n.Rule) -> bool:
        if rule.pattern is None:
            return True
        if rule.end is None:
            return truth(await self.evaluate(rule.pattern))
        if not rule.active:
            if not truth(await self.evaluate(rule.pattern)):
                return False
            rule.active = True
        if truth(await self.evaluate(rule.end)):
            rule.active = False
        return True

    # --- records and fields ------------------------------------------------------------------

    @property
    def record(self) -> str:
        """``$0``."""
        return self._record

    def set_record(self, line: str) -> None:
        """A new ``$0``."""
        self._record = line
        self._fields = None

    def fields(self) -> list[str]:
        """``$1`` and so on, split when first asked for."""
        if self._fields is None:
            self._fields = self.split(self._record, self.string("FS"))
            self.variables["NF"] = float(len(self._fields))
        return self._fields

    def split(self, line: str, separator: str) -> list[str]:
        """A string cut at a separator as ``FS`` means it."""
        if separator == " ":
            return line.split()
        if not line:
            return []
        if separator == "":
            return list(line)
        if len(separator) == 1 and separator != "\\":
            return line.split(separator)
        return [part or "" for part in self.regex(separator).split(line)]

    def _rejoin(self) -> None:
        assert self._fields is not None
        self._record = self.string("OFS").join(self._fields)

    def set_field(self, index: int, value: str) -> None:
        """Assign ``$index``; ``$0`` or ``NF`` follow."""
        if index < 0:
            raise AwkError("cmd. line:1: Access to negative field")
        if index == 0:
            self.set_record(value)
            return
        fields = self.fields()
        while len(fields) < index:
            fields.append("")
        fields[index - 1] = value
        self.variables["NF"] = float(len(fields))
        self._rejoin()

    def field(self, index: int) -> Value:
        """``$index``."""
        if index < 0:
            raise AwkError("cmd. line:1: Access to negative field")
        if index == 0:
            return Input(self._record)
        fields = self.fields()
        return Input(fields[index - 1]) if index <= len(fields) else UNSET

    # --- variables ---------------------------------------------------------------------------

    def string(self, name: str) -> str:
        """A global variable as a string."""
        return text(self.variables.get(name, UNSET))

    def get(self, name: str) -> Value:
        """The value of a variable."""
        if self._scopes and name in self._scopes[-1].values:
            return self._scopes[-1].values[name]
        if name == "NF":
            self.fields()
        return self.variables.get(name, UNSET)

    def set(self, name: str, value: Value) -> None:
        """Assign a variable; ``NF`` cuts or extends the record."""
        if self._scopes and name in self._scopes[-1].values:
            self._scopes[-1].values[name] = value
            return
        if name == "NF":
            fields = self.fields()
            count = max(0, int(number(value)))
            del fields[count:]
            fields += [""] * (count - len(fields))
            self._rejoin()
            value = float(count)
        self.variables[name] = value

    def array(self, name: str) -> Array:
        """An array, made when first used."""
        if self._scopes:
            scope = self._scopes[-1]
            if name in scope.arrays:
                return scope.arrays[name]
            if name in scope.values:
                scope.arrays[name] = {}
                return scope.arrays[name]
        return self.arrays.setdefault(name, {})

    async def _subscript(self, parts: list[n.Expression]) -> str:
        form = self.string("CONVFMT")
        values = [text(await self.evaluate(part), form) for part in parts]
        return self.string("SUBSEP").join(values)

    def regex(self, source: str) -> re.Pattern[str]:
        """A compiled extended regular expression.

        :raises AwkError: it is none.
        """
        try:
            return regex.extended(source)
        except regex.RegexError as error:
            raise AwkError(f"bad regex '{source}': {error}") from None

    async def pattern(self, expression: n.Expression) -> re.Pattern[str]:
        """The expression to match with: ``/re/`` or any string."""
        if isinstance(expression, n.Regex):
            return self.regex(expression.source)
        return self.regex(text(await self.evaluate(expression)))

    # --- expressions -------------------------------------------------------------------------

    async def evaluate(self, node: n.Expression) -> Value:
        """The value of an expression."""
        match node:
            case n.Number() | n.String():
                return node.value
            case n.Variable():
                return self.get(node.name)
            case n.FieldOf():
                return self.field(int(number(await self.evaluate(node.index))))
            case n.Element():
                key = await self._subscript(node.subscripts)
                return self.array(node.array).setdefault(key, UNSET)
            case n.Binary():
                return await self._binary(node)
            case n.Assign():
                return await self._assign(node)
            case n.Group():
                return await self.evaluate(node.inner)
            case n.Regex():
                return float(self.regex(node.source).search(self._record) is not None)
            case n.Unary():
                value = await self.evaluate(node.operand)
                if node.operator == "!":
                    return float(not truth(value))
                return -number(value) if node.operator == "-" else number(value)
            case n.Step():
                before = number(await self.evaluate(node.target))
                await self._store(node.target, before + node.by)
                return before + node.by if node.before else before
            case n.Conditional():
                chosen = node.yes if truth(await self.evaluate(node.test)) else node.no
                return await self.evaluate(chosen)
            case n.Membership():
                key = await self._subscript(node.subscripts)
                return float(key in self.array(node.array))
            case n.Call():
                return await self._call(node)
            case n.Getline():
                return await self._getline(node)

    async def _binary(self, node: n.Binary) -> Value:
        operator = node.operator
        if operator in ("&&", "||"):
            left = truth(await self.evaluate(node.left))
            if left == (operator == "||"):
                return float(left)
            return float(truth(await self.evaluate(node.right)))
        if operator in ("~", "!~"):
            subject = text(await self.evaluate(node.left))
            found = (await self.pattern(node.right)).search(subject) is not None
            return float(found == (operator == "~"))
        first = await self.evaluate(node.left)
        second = await self.evaluate(node.right)
        if operator == " ":
            form = self.string("CONVFMT")
            return text(first, form) + text(second, form)
        if operator in _COMPARE:
            return float(_COMPARE[operator](compare(first, second, self.string("CONVFMT"))))
        return arithmetic(operator, number(first), number(second))

    async def _assign(self, node: n.Assign) -> Value:
        value = await self.evaluate(node.value)
        if node.operator:
            before = number(await self.evaluate(node.target))
            value = arithmetic(node.operator, before, number(value))
        await self._store(node.target, value)
        return value

    async def _store(self, target: n.Expression, value: Value) -> None:
        match target:
            case n.Variable():
                self.set(target.name, value)
            case n.FieldOf():
                index = int(number(await self.evaluate(target.index)))
                self.set_field(index, text(value, self.string("CONVFMT")))
            case n.Element():
                self.array(target.array)[await self._subscript(target.subscripts)] = value
            case _:
                raise AwkError("syntax error")

    async def store(self, target: n.Expression, value: Value) -> None:
        """Assign to a variable, field or element (``sub``, ``getline``)."""
        await self._store(target, value)

    async def _getline(self, node: n.Getline) -> Value:
        if node.source is None:
            line = await self.streams.next_record()
            status = 1 if line is not None else 0
        else:
            name = text(await self.evaluate(node.source))
            status, line = await self.streams.read(name, command=node.command)
        if line is None:
            return float(status)
        if node.target is not None:
            await self._store(node.target, Input(line))
        else:
            self.set_record(line)
        if node.source is not None and (node.command or node.target is None):
            self.variables["NR"] = number(self.variables["NR"]) + (1.0 if node.command else 0.0)
        return 1.0

    async def _call(self, node: n.Call) -> Value:
        if node.builtin:
            if node.name in ("sub", "gsub"):
                return await substitute(self, node)
            return await BUILTINS[node.name](self, node.arguments)
        function = self._program.functions.get(node.name)
        if function is None:
            raise AwkError("cmd. line:1: Call to undefined function")
        if len(node.arguments) > len(function.parameters):
            raise AwkError(f"too many arguments for {node.name}")
        if len(self._scopes) > MAX_DEPTH:
            raise AwkError("function calls nest too deep")
        scope = _Scope()
        for index, name in enumerate(function.parameters):
            scope.values[name] = UNSET
            if index < len(node.arguments):
                await self._bind(scope, name, node.arguments[index])
        self._scopes.append(scope)
        try:
            await self._statement(function.body)
        except _Jump as jump:
            if jump.kind != "return":
                raise
            return jump.value
        finally:
            self._scopes.pop()
        return UNSET

    async def _bind(self, scope: _Scope, name: str, argument: n.Expression) -> None:
        """Values are copied, arrays shared; what is neither yet may become an array."""
        if isinstance(argument, n.Variable):
            value = self.get(argument.name)
            known = self.is_array(argument.name)
            if known or isinstance(value, Unset):
                scope.arrays[name] = self.array(argument.name)
                return
            scope.values[name] = value
            return
        scope.values[name] = await self.evaluate(argument)

    def is_array(self, name: str) -> bool:
        """Whether the name is known as an array."""
        if self._scopes and name in self._scopes[-1].values:
            return name in self._scopes[-1].arrays
        return name in self.arrays

    # --- statements --------------------------------------------------------------------------

    async def _statement(self, node: n.Statement) -> None:
        match node:
            case n.Block():
                for part in node.body:
                    await self._statement(part)
            case n.Evaluate():
                await self.evaluate(node.expression)
            case n.Print():
                await self._print(node)
            case n.If():
                if truth(await self.evaluate(node.test)):
                    await self._statement(node.then)
                elif node.otherwise is not None:
                    await self._statement(node.otherwise)
            case n.While():
                await self._while(node)
            case n.For():
                await self._for(node)
            case n.ForIn():
                for key in list(self.array(node.array)):
                    self.set(node.name, Input(key))
                    if not await self._round(node.body):
                        break
            case n.Delete():
                if node.subscripts is None:
                    self.array(node.array).clear()
                else:
                    self.array(node.array).pop(await self._subscript(node.subscripts), None)
            case n.Jump():
                value = UNSET if node.value is None else await self.evaluate(node.value)
                raise _Jump(node.kind, value)

    async def _round(self, body: n.Statement) -> bool:
        """One round of a loop; false if it was left."""
        await self.proc.tick()
        try:
            await self._statement(body)
        except _Jump as jump:
            if jump.kind == "break":
                return False
            if jump.kind != "continue":
                raise
        return True

    async def _while(self, node: n.While) -> None:
        if node.first and not await self._round(node.body):
            return
        while truth(await self.evaluate(node.test)):
            if not await self._round(node.body):
                return

    async def _for(self, node: n.For) -> None:
        if node.start is not None:
            await self._statement(node.start)
        while node.test is None or truth(await self.evaluate(node.test)):
            if not await self._round(node.body):
                return
            if node.step is not None:
                await self._statement(node.step)

    async def _print(self, node: n.Print) -> None:
        values = [await self.evaluate(argument) for argument in node.arguments]
        if node.formatted:
            line = sprintf(text(values[0]), values[1:])
        elif values:
            form = self.string("OFMT")
            line = self.string("OFS").join(text(value, form) for value in values)
            line += self.string("ORS")
        else:
            line = self._record + self.string("ORS")
        target = "" if node.target is None else text(await self.evaluate(node.target))
        await self.streams.write(node.redirect, target, line)


_COMPARE = {
    "<": lambda order: order < 0, "<=": lambda order: order <= 0, "==": lambda order: order == 0,
    "!=": lambda order: order != 0, ">": lambda order: order > 0, ">=": lambda order: order >= 0,
}  # fmt: skip


def arithmetic(operator: str, left: float, right: float) -> float:
    """``+ - * / % ^`` on floating-point numbers.

    :raises AwkError: ``Division by zero``.
    """
    if operator in "/%" and right == 0:
        raise AwkError("cmd. line:1: Division by zero")
    try:
        match operator:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "/":
                return left / right
            case "%":
                return math.fmod(left, right)
            case _:
                return float(left**right)
    except (OverflowError, ZeroDivisionError, TypeError, ValueError):
        return math.inf
