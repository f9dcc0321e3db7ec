"""Commands that bash has and ash has not: its assignments, ``(( ))``, ``for (( ))``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from course_lib.engine.userland.shell import arrays, bashtext, builtins, commands, xtrace
from course_lib.engine.userland.shell.arrays import Assignment
from course_lib.engine.userland.shell.nodes import Arithmetic, Command, For, Text, Word
from course_lib.engine.userland.shell.redirect import RedirectFailed, Redirections

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell


def is_arithmetic(node: Command) -> bool:
    """Whether it is ``((expression))``."""
    return node.words[:1] == ((Text(bashtext.ARITHMETIC),),)


async def arithmetic(shell: Shell, node: Command) -> int:
    """``((expression))``: fails where the value is 0."""
    try:
        async with Redirections(shell, node.redirects):
            return int(await _value(shell, node.words[1]) == 0)
    except RedirectFailed as error:
        await shell.complain(str(error))
        return 1


async def _value(shell: Shell, word: Word) -> int:
    part = word[0]
    assert isinstance(part, Arithmetic)
    return await shell.expander.arithmetic(part.expression)


def loop_parts(shell: Shell, node: For) -> tuple[Word, Word, Word] | None:
    """The three expressions of ``for ((a; b; c))``."""
    if shell.bash and node.name == bashtext.LOOP:
        first, test, step = node.words
        return first, test, step
    return None


async def evaluate(shell: Shell, word: Word) -> bool:
    """Whether the value of one of those is not 0."""
    return await _value(shell, word) != 0


def assignments(shell: Shell, node: Command) -> tuple[list[Assignment], tuple[Word, ...]] | None:
    """What a command assigns in bash's ways, and its other words; None for one of POSIX's."""
    given = [Assignment(name, None, False, value) for name, value in node.assignments]
    rest = node.words
    while rest and (one := arrays.assignment(rest[0])):
        given.append(one)
        rest = rest[1:]
    if rest == node.words and not any(
        arrays.literal(one.value) is not None or _is_integer(shell, one.name) for one in given
    ):
        return None
    return given, rest


def _is_integer(shell: Shell, name: str) -> bool:
    found = shell.variables.find(name)
    return found is not None and found.integer


async def assign(
    shell: Shell, node: Command, given: list[Assignment], rest: tuple[Word, ...], *, tested: bool
) -> int:
    """Assign; before a command only for it, where the value is one string."""
    if rest:
        plain = []
        for one in given:
            if arrays.literal(one.value) is None and one.index is None:
                before = (shell.variables.get(one.name) or "") if one.append else ""
                value = before + await shell.expander.string(one.value, assignment=True)
                plain.append((one.name, (Text(value, True),)))
        node = replace(node, assignments=tuple(plain), words=rest)
        return await commands.simple(shell, node, tested=tested, last=False)
    try:
        async with Redirections(shell, node.redirects) as scope:
            traced = [await arrays.assign(shell, one) for one in given]
            if shell.options["xtrace"]:
                await xtrace.show(shell, traced, [], scope.before(2))
    except RedirectFailed as error:
        await shell.complain(str(error))
        return 1
    return shell.substitution_status or 0


def declared_arrays(node: Command) -> tuple[Command, list[Assignment]] | None:
    """``declare m=(…)`` as a declaration of names, and what is assigned to them afterwards."""
    first = node.words[0] if node.words else ()
    if len(first) != 1 or not isinstance(first[0], Text):
        return None
    if first[0].text not in builtins.ASSIGNING:
        return None
    words: list[Word] = []
    given: list[Assignment] = []
    for word in node.words:
        one = arrays.assignment(word)
        if one is not None and arrays.literal(one.value) is not None:
            given.append(one)
            words.append((Text(one.name),))
        else:
            words.append(word)
    return (replace(node, words=tuple(words)), given) if given else None


async def declare(shell: Shell, node: Command, given: list[Assignment], *, tested: bool) -> int:
    """Run a declaration, then fill its arrays."""
    status = await commands.simple(shell, node, tested=tested, last=False)
    for one in given:
        await arrays.assign(shell, one)
    return status
