"""``test``, ``[`` and ash's ``[[``, which is an ordinary command; that of bash is syntax."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from course_lib.engine.interfaces import Process
from course_lib.engine.userland.applets import testing
from course_lib.engine.userland.shell import arrays, patterns

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell


class _Bashs(testing.Condition):
    """``-v NAME`` as well."""

    unary = testing.Condition.unary | {"v"}

    def __init__(self, shell: Shell, proc: Process, words: list[str]) -> None:
        super().__init__(proc, words)
        self._shell = shell

    def one(self, letter: str, operand: str) -> bool:
        if letter == "v":
            return is_set(self._shell, operand)
        return super().one(letter, operand)


class _Double(testing.Condition):
    """``[[ ]]``: with patterns, ``&&`` and ``||``.

    Its words are split and become file names before, and what was quoted is a pattern too
    (BusyBox 1.37).
    """

    ands = ("&&",)
    ors = ("||",)

    def two(self, left: str, operator: str, right: str) -> bool:
        if operator in ("=", "==", "!="):
            return patterns.matches(right, left) != (operator == "!=")
        if operator == "=~":
            return patterns.search(right, left) is not None
        return super().two(left, operator, right)


def is_set(shell: Shell, name: str) -> bool:
    """Whether a parameter, or an element of an array, has a value (bash's ``-v``)."""
    if "[" not in name:
        return shell.parameter(name) is not None
    array, index = arrays.reference(name)
    if index in ("@", "*"):
        return bool(shell.variables.elements(array))
    return arrays.read(shell, name) is not None


async def test(shell: Shell, argv: list[str]) -> int:
    """Evaluate a condition."""
    words = argv[1:]
    if argv[0] != "test":
        end = "]" * len(argv[0])
        if words[-1:] != [end]:
            await shell.proc.err(f"{shell.arg0_name()}: missing {end}\n")
            return 2
        words = words[:-1]
    condition: testing.Make | None = partial(_Bashs, shell) if shell.bash else None
    if argv[0] == "[[":
        condition = _Double
    return await testing.run_test(shell.proc, words, shell.arg0_name(), condition)
