"""Builtins that change what runs next."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from course_lib.engine.userland import loader
from course_lib.engine.userland.files import os_error
from course_lib.engine.userland.shell import builtins
from course_lib.engine.userland.shell.errors import (
    BreakLoop,
    ContinueLoop,
    ReturnFunction,
    ShellError,
    ShellExit,
)

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell


async def true(_shell: Shell, _argv: list[str]) -> int:
    """Succeed."""
    return 0


async def false(_shell: Shell, _argv: list[str]) -> int:
    """Fail."""
    return 1


async def colon(_shell: Shell, _argv: list[str]) -> int:
    """Do nothing, after the expansions."""
    return 0


def number(argv: list[str], default: int) -> int:
    """The optional number after a builtin's name."""
    if len(argv) < 2:
        return default
    if not argv[1].isdigit():
        raise ShellError(f"Illegal number: {argv[1]}", command=argv[0])
    return int(argv[1])


async def break_(shell: Shell, argv: list[str]) -> int:
    """Leave loops."""
    depth = number(argv, 1)
    if depth < 1:
        raise ShellError(f"Illegal number: {argv[1]}", command=argv[0])
    if shell.loops:
        raise BreakLoop(depth)
    return 0


async def continue_(shell: Shell, argv: list[str]) -> int:
    """Go on with the next round of a loop."""
    depth = number(argv, 1)
    if depth < 1:
        raise ShellError(f"Illegal number: {argv[1]}", command=argv[0])
    if shell.loops:
        raise ContinueLoop(depth)
    return 0


async def return_(shell: Shell, argv: list[str]) -> int:
    """Leave a function or a sourced file; elsewhere the shell."""
    if shell.bash and not shell.functions_depth and not shell.sourced:
        await shell.complain("can only `return' from a function or sourced script", "return")
        return 2
    status = number(argv, shell.status)
    if shell.functions_depth or shell.sourced:
        raise ReturnFunction(status & 0xFF)
    raise ShellExit(status)


async def exit_(shell: Shell, argv: list[str]) -> int:
    """End the shell."""
    if shell.interactive:
        from course_lib.engine.userland.shell.builtins import jobs

        if await jobs.stopped_jobs(shell):
            return 0
        if shell.bash:
            await shell.proc.err("exit\n")
    raise ShellExit(number(argv, shell.status))


async def eval_(shell: Shell, argv: list[str]) -> int:
    """Run the arguments as a command."""
    text = " ".join(argv[1:])
    if not text.strip():
        return 0
    return await builtins.run_string(shell, text)


async def source(shell: Shell, argv: list[str]) -> int:
    """Run a file in this shell."""
    if len(argv) < 2:
        if shell.bash:
            await shell.complain("filename argument required", argv[0])
        return 2
    try:
        path = _find_script(shell, argv[1])
        text = shell.proc.fs.read_bytes(path).decode("utf-8", "surrogateescape")
    except OSError as error:
        reason = error.strerror
        if shell.bash:
            await shell.complain(f"{argv[1]}: {reason}")
            return 1
        if error.errno == errno.EISDIR:
            return 0  # to ash what cannot be read is empty
        message = f"can't open '{argv[1]}': {reason}"
        if "/" not in argv[1] and error.errno == errno.ENOENT:
            message = f"{argv[1]}: not found"
        raise ShellError(message, 2, command=argv[0]) from None
    before = (shell.command_name, shell.line, shell.line_base, shell.positional)
    shell.command_name, shell.line_base = argv[1], 0
    shell.sourced += 1
    if len(argv) > 2:
        shell.positional = argv[2:]
    try:
        return await builtins.run_text(shell, text)
    except ReturnFunction as end:
        return end.status
    except ShellError as error:
        await shell.report(error)
        raise
    finally:
        shell.sourced -= 1
        positional = before[3] if len(argv) > 2 else shell.positional
        shell.command_name, shell.line, shell.line_base = before[:3]
        shell.positional = positional


def _find_script(shell: Shell, name: str) -> str:
    if "/" in name:
        return shell.proc.path(name)
    fs = shell.proc.fs
    for folder in (shell.variables.get("PATH") or loader.DEFAULT_PATH).split(":"):
        candidate = f"{shell.proc.path(folder or '.').rstrip('/')}/{name}"
        try:
            fs.stat(candidate)
        except OSError:
            continue
        return candidate
    if not shell.bash:
        raise os_error(errno.ENOENT)  # bash alone also looks in the working directory
    return shell.proc.path(name)


async def exec_(shell: Shell, argv: list[str]) -> int:
    """Become another program; without one, keep the redirections."""
    words = argv[1:]
    if words[:1] == ["--"]:
        words = words[1:]
    name = None
    if words[:1] == ["-a"] and len(words) > 2:
        name, words = words[1], words[2:]
    if not words:
        return 0
    env = shell.variables.environment()
    try:
        path = loader.search(shell.proc.fs, words[0], shell.variables.get("PATH"), shell.proc.cwd)
        arguments = [name if name is not None else words[0], *words[1:]]
        for signum, action in list(shell.traps.items()):
            if action and signum:
                shell.proc.on_signal(signum, None)
        await shell.proc.execute(arguments, env=env, path=path)
    except OSError as error:
        missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
        reason = "not found" if missing else error.strerror
        await shell.complain(f"{words[0]}: {reason}", argv[0])
        status = 127 if missing else 126
        if shell.interactive:
            return status
        raise ShellExit(status) from None
