"""Builtins that set and show variables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from course_lib.engine.userland.shell import arrays
from course_lib.engine.userland.shell.errors import ShellError
from course_lib.engine.userland.shell.variables import NAME, Variable

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell


def single_quoted(value: str) -> str:
    """A value as it can be read again: ``'it'"'"'s'`` in ash's way."""
    return "'" + value.replace("'", "'\"'\"'") + "'"


async def export(shell: Shell, argv: list[str]) -> int:
    """Mark for the environment of programs."""
    return await _mark(shell, argv, "export")


async def readonly(shell: Shell, argv: list[str]) -> int:
    """Forbid further changes."""
    return await _mark(shell, argv, "readonly")


async def _mark(shell: Shell, argv: list[str], kind: str) -> int:
    words = argv[1:]
    remove = False
    listing = False
    while words and words[0].startswith("-") and len(words[0]) > 1:
        option = words.pop(0)
        if option == "--":
            break
        for letter in option[1:]:
            if letter == "n" and kind == "export":
                remove = True
            elif letter == "p":
                listing = True
            else:
                raise ShellError(f"illegal option -{letter}", command=argv[0])
    if not words or listing:
        for name, variable in shell.variables.items():
            if variable.exported if kind == "export" else variable.readonly:
                await shell.proc.out(f"{kind} {_shown(name, variable)}\n")
        return 0
    for word in words:
        name, equals, value = word.partition("=")
        if not NAME.match(name):
            raise ShellError(f"{name}: bad variable name", command=argv[0])
        if equals:
            shell.variables.set(name, value)
        if kind == "export":
            shell.variables.mark(name, exported=not remove)
        else:
            shell.variables.mark(name, readonly=True)
    return 0


def _shown(name: str, variable: Variable) -> str:
    return name if variable.value is None else f"{name}={single_quoted(variable.value)}"


async def unset(shell: Shell, argv: list[str]) -> int:
    """Forget variables or functions."""
    words = argv[1:]
    functions = variables = False
    while words and words[0].startswith("-") and len(words[0]) > 1:
        option = words.pop(0)
        if option == "--":
            break
        for letter in option[1:]:
            if letter not in "fv":
                raise ShellError(f"illegal option -{letter}", command="unset")
            functions = functions or letter == "f"
            variables = variables or letter == "v"
    for name in words:
        if functions:
            shell.functions.pop(name, None)
            continue
        if shell.bash and (element := re.fullmatch(r"(\w+)\[(.*)\]", name, re.DOTALL)):
            arrays.remove(shell, element[1], element[2])
            continue
        if not NAME.match(name):
            raise ShellError(f"{name}: bad variable name", command="unset")
        if not variables and shell.variables.find(name) is None:
            shell.functions.pop(name, None)
        try:
            shell.variables.unset(name)
        except ShellError as error:
            error.command = "unset"
            raise
    return 0


async def local(shell: Shell, argv: list[str]) -> int:
    """Make variables local to a function."""
    if not shell.functions_depth:
        raise ShellError("not in a function", command=argv[0])
    for word in argv[1:]:
        if word.startswith("-"):
            continue
        name, equals, value = word.partition("=")
        if not NAME.match(name):
            raise ShellError(f"{name}: bad variable name", command=argv[0])
        shell.variables.make_local(name)
        if equals:
            shell.variables.set(name, value)
    return 0


async def let(shell: Shell, argv: list[str]) -> int:
    """Evaluate arithmetic; fails where the last value is 0."""
    if len(argv) < 2:
        raise ShellError("expression expected", command="let")
    value = 0
    for expression in argv[1:]:
        value = shell.expander.number(expression)
    return int(value == 0)
