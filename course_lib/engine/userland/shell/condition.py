"""bash's ``[[ ... ]]``: its words are not split, and its patterns are no file names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from course_lib.engine.userland.applets import testing
from course_lib.engine.userland.shell import patterns
from course_lib.engine.userland.shell.builtins.conditions import is_set
from course_lib.engine.userland.shell.nodes import Text, Word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from course_lib.engine.userland.shell.shell import Shell

_PATTERNS = ("=", "==", "!=", "=~")
_OPERATORS = frozenset(
    [*_PATTERNS, "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef"]
)


async def evaluate(shell: Shell, words: Sequence[Word]) -> int:
    """0 if the condition holds, 1 if not, 2 after a message."""
    if not words or _literal(words[-1]) != "]]":
        await shell.proc.err(f"{shell.arg0_name()}: missing ]]\n")
        return 2
    run = _Condition(shell, list(words[:-1]))
    try:
        return int(not await run.whole())
    except testing.TestError as error:
        await shell.proc.err(f"{shell.arg0_name()}: {error}\n")
        return 2


def _literal(word: Word) -> str | None:
    if len(word) == 1 and isinstance(word[0], Text) and not word[0].quoted:
        return word[0].text
    return None


class _Condition:
    def __init__(self, shell: Shell, words: list[Word]) -> None:
        self._shell = shell
        self._words = words
        self._position = 0

    async def whole(self) -> bool:
        if not self._words:
            return False
        value = await self._or(True)
        if self._position < len(self._words):
            raise testing.TestError(f"{self._peek()}: unknown operand")
        return value

    def _peek(self, ahead: int = 0) -> str | None:
        index = self._position + ahead
        return _literal(self._words[index]) if index < len(self._words) else None

    async def _or(self, wanted: bool) -> bool:
        value = await self._and(wanted)
        while self._peek() == "||":
            self._position += 1
            right = await self._and(wanted and not value)
            value = value or right
        return value

    async def _and(self, wanted: bool) -> bool:
        value = await self._not(wanted)
        while self._peek() == "&&":
            self._position += 1
            right = await self._not(wanted and value)
            value = value and right
        return value

    async def _not(self, wanted: bool) -> bool:
        if self._peek() == "!":
            self._position += 1
            return not await self._not(wanted)
        return await self._primary(wanted)

    async def _primary(self, wanted: bool) -> bool:
        if self._peek() == "(":
            self._position += 1
            value = await self._or(wanted)
            if self._peek() != ")":
                raise testing.TestError("closing paren expected")
            self._position += 1
            return value
        if self._position >= len(self._words):
            raise testing.TestError("argument expected")
        operator = self._peek(1)
        if operator in _OPERATORS and self._position + 2 < len(self._words):
            left, right = self._words[self._position], self._words[self._position + 2]
            self._position += 3
            return await self._binary(left, operator or "", right) if wanted else False
        return await self._simple(wanted)

    async def _simple(self, wanted: bool) -> bool:
        """A string, or a unary operator with its operand."""
        first = self._peek()
        count = 1
        unary = first is not None and re.fullmatch("-[a-zA-Z]", first)
        if unary and self._position + 1 < len(self._words):
            count = 2
        words = self._words[self._position : self._position + count]
        self._position += count
        if not wanted:
            return False
        values = [await self._shell.expander.string(word) for word in words]
        if count == 1:
            return bool(values[0])
        if values[0] == "-v":
            return is_set(self._shell, values[1])
        return await testing.run_test(self._shell.proc, values, self._shell.arg0_name()) == 0

    async def _binary(self, left: Word, operator: str, right: Word) -> bool:
        expander = self._shell.expander
        value = await expander.string(left)
        if operator == "=~":
            found = patterns.search(await expander.string(right), value)
            groups = [found[0], *found.groups("")] if found else []
            self._shell.variables.set_elements("BASH_REMATCH", dict(enumerate(groups)))
            return found is not None
        if operator in _PATTERNS:
            matched = patterns.matches(await expander.pattern(right), value)
            return matched != (operator == "!=")
        words = [value, operator, await expander.string(right)]
        return await testing.run_test(self._shell.proc, words, self._shell.arg0_name()) == 0
