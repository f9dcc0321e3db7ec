"""Commands that the shell runs itself.

A builtin is ``async def cd(shell, argv) -> int``; ``argv[0]`` is its name. Special ones (POSIX
2.14) come before functions, and their errors end a script.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING, cast

from course_lib.engine.userland.shell.errors import ShellError
from course_lib.engine.userland.shell.variables import ENTRY

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.dash import Script, SyntaxFault
    from course_lib.engine.userland.shell.shell import Shell

__all__ = [
    "ASSIGNING", "ENTRY", "Builtin", "all_names", "find", "is_special", "run_lines", "run_script",
    "run_string", "run_text",
]  # fmt: skip

Builtin = Callable[["Shell", list[str]], Awaitable[int]]

_TABLE: dict[str, str] = {
    ".": "control:source", ":": "control:colon", "[": "conditions:test", "[[": "conditions:test",
    "alias": "names:alias",
    "bg": "jobs:bg", "break": "control:break_", "cd": "directory:cd", "chdir": "directory:cd",
    "command": "names:command", "continue": "control:continue_", "echo": "output:echo",
    "eval": "control:eval_", "exec": "control:exec_", "exit": "control:exit_",
    "export": "variables:export", "false": "control:false", "fg": "jobs:fg",
    "getopts": "arguments:getopts", "hash": "names:hash_", "help": "names:help_",
    "history": "names:history", "jobs": "jobs:jobs", "kill": "jobs:kill", "let": "variables:let",
    "local": "variables:local", "printf": "output:printf", "pwd": "directory:pwd",
    "read": "reading:read", "readonly": "variables:readonly", "return": "control:return_",
    "set": "arguments:set_", "shift": "arguments:shift", "source": "control:source",
    "test": "conditions:test", "times": "limits:times", "trap": "traps:trap",
    "true": "control:true",
    "type": "names:type_", "ulimit": "limits:ulimit", "umask": "limits:umask",
    "unalias": "names:unalias", "unset": "variables:unset", "wait": "jobs:wait",
}  # fmt: skip
_BASH_ONLY: dict[str, str] = {
    "builtin": "names:builtin", "declare": "declare:declare", "enable": "enabling:enable",
    "local": "declare:declare",
    "mapfile": "declare:mapfile", "readarray": "declare:mapfile", "shopt": "declare:shopt",
    "typeset": "declare:declare",
}  # fmt: skip
_SPECIAL = frozenset(
    [".", ":", "break", "continue", "eval", "exec", "exit", "export", "local", "readonly",
     "return", "set", "shift", "source", "times", "trap", "unset"]
)  # fmt: skip
ASSIGNING = frozenset(["alias", "declare", "export", "local", "readonly", "typeset"])
"""Builtins whose arguments of the form ``name=value`` are not split."""


def find(name: str, shell: Shell) -> Builtin | None:
    """The builtin of that name."""
    if name in shell.disabled:
        return None
    entry = (_BASH_ONLY.get(name) if shell.bash else None) or _TABLE.get(name)
    if entry is None:
        return None
    module, _, function = entry.partition(":")
    return cast("Builtin", getattr(import_module(f"{__name__}.{module}"), function))


def is_special(name: str) -> bool:
    """Whether it is one of POSIX's special builtins."""
    return name in _SPECIAL


def all_names(shell: Shell) -> list[str]:
    """All that a shell has, sorted."""
    return sorted(_TABLE.keys() | _BASH_ONLY.keys() if shell.bash else _TABLE.keys())


async def run_script(shell: Shell, script: Script, *, last: bool = False) -> int:
    """Run parsed commands; the parser's error is raised when it is reached."""
    from course_lib.engine.userland.shell import interpreter

    final = len(script.commands) - 1
    status = 0
    for number, node in enumerate(script.commands):
        ends = number == final and script.fault is None
        status = await interpreter.run(shell, node, last=last and ends)
    if script.fault is not None:
        shell.line = script.fault.line + shell.line_base
        raise ShellError(_in_bashs_words(script.fault) if shell.bash else script.fault.message)
    return status


def _in_bashs_words(fault: SyntaxFault) -> str:
    match = re.match(r'syntax error: unexpected "(.*?)"', fault.message)
    if match:
        return f"syntax error near unexpected token `{match[1]}'"
    if "unexpected end of file" in fault.message:
        return "syntax error: unexpected end of file"
    return fault.message


async def run_text(shell: Shell, text: str, *, last: bool = False) -> int:
    """Parse and run a whole text.

    Where ash may define an alias it is read command by command, since an alias holds from the
    next line on; bash takes aliases at a terminal only.
    """
    from course_lib.engine.userland.shell import dash

    if shell.bash or "alias" not in text:
        return await run_script(shell, dash.parse(text, shell.aliases, bash=shell.bash), last=last)
    lines = text.splitlines(keepends=True)
    lines.reverse()

    async def next_line() -> str:
        return lines.pop() if lines else ""

    return await run_lines(shell, next_line)


async def run_lines(shell: Shell, next_line: Callable[[], Awaitable[str]]) -> int:
    """Run commands as their lines come; an empty one is the end of the file."""
    from course_lib.engine.userland.shell import dash

    base = shell.line_base
    text = ""
    number = first = 0
    while True:
        line = await next_line()
        number += 1
        text += line
        if not line and not text:
            return shell.status
        if line and line.endswith("\\\n"):
            continue
        script = dash.parse(text, shell.aliases, bash=shell.bash)
        waits = script.fault is not None and script.fault.incomplete
        if line and (waits or dash.open_here_document(text)):
            continue
        shell.line_base = base + first
        text, first = "", number
        await run_script(shell, script)
        if not line:
            return shell.status


async def run_string(shell: Shell, text: str) -> int:
    """Parse and run text in this shell (``eval``, traps)."""
    line, base = shell.line, shell.line_base
    shell.line_base = line - 1
    try:
        return await run_text(shell, text)
    finally:
        shell.line, shell.line_base = line, base
