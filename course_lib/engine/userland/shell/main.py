"""The shell as a program: ``sh``, ``ash`` and ``bash``."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from course_lib.engine.interfaces import Process
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.shell import bashversion, builtins, environment, interpreter
from course_lib.engine.userland.shell.builtins.arguments import set_letter, set_option
from course_lib.engine.userland.shell.errors import (
    BreakLoop,
    ContinueLoop,
    ReturnFunction,
    ShellError,
    ShellExit,
)
from course_lib.engine.userland.shell.options import OPTIONS
from course_lib.engine.userland.shell.shell import Shell

if TYPE_CHECKING:
    from course_lib.engine.interfaces import OpenFile


_BLOCK = 1023
"""Bytes that ash reads of a script at once (``IBUFSIZ``)."""


async def sh(proc: Process) -> int:
    """BusyBox's ash."""
    return await _run(cast(ContainerProcess, proc), bash=False)


async def bash(proc: Process) -> int:
    """The same interpreter with bash's manners."""
    return await _run(cast(ContainerProcess, proc), bash=True)


@dataclass(slots=True)
class _Invocation:
    """What the arguments of the shell ask for."""

    command: str | None = None
    from_stdin: bool = False
    login: bool = False
    interactive: bool = False
    letters: list[tuple[str, bool]] = field(default_factory=list)
    names: list[tuple[str, bool]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


_BASH_WORDS = {"--norc", "--noprofile", "--posix", "--noediting"}


def _parse(argv: list[str], *, bash: bool) -> _Invocation:
    """:raises ShellError: an option there is not."""
    found = _Invocation(login=argv[0].startswith("-"))
    words = argv[1:]
    wants_command = False
    while words and words[0][:1] in ("-", "+") and len(words[0]) > 1:
        word = words.pop(0)
        if word == "--":
            break
        if word == "--login":
            found.login = True
            continue
        if word in _BASH_WORDS and bash:
            continue
        if word.startswith("--"):
            raise ShellError(f"illegal option {word}" if not bash else f"{word}: invalid option")
        on = word[0] == "-"
        for letter in word[1:]:
            if letter == "c":
                wants_command = True
            elif letter == "s":
                found.from_stdin = True
            elif letter == "l":
                found.login = True
            elif letter == "i":
                found.interactive = True
            elif letter == "o":
                found.names.append((words.pop(0) if words else "", on))
            else:
                found.letters.append((letter, on))
    if words[:1] == ["-"]:
        words = words[1:]
    if wants_command:
        if not words:
            raise ShellError("-c requires an argument")
        found.command = words.pop(0)
    found.words = words
    return found


async def _run(proc: ContainerProcess, *, bash: bool) -> int:
    name = proc.argv[0]
    shell = Shell(proc, name, bash=bash)
    if bash and proc.argv[1:2] == ["--version"]:
        await proc.out(bashversion.text(proc.fs))
        return 0
    try:
        asked = _parse(proc.argv, bash=bash)
        for letter, on in asked.letters:
            set_letter(shell, letter, on, None)
        for option, on in asked.names:
            if option not in OPTIONS:
                raise ShellError(f"illegal option -o {option}")
            set_option(shell, option, on)
    except ShellError as error:
        await proc.err(f"{name}: {error.message}\n")
        return 2
    environment.take_over(shell, proc.env)
    if bash:
        bashversion.tell(shell)
    shell.positional = asked.words
    try:
        status = await _start(shell, asked)
    except ShellExit as end:
        status = end.status
    except ShellError as error:
        await shell.report(error)
        status = error.status
    except (ReturnFunction, BreakLoop, ContinueLoop):
        status = shell.status
    return await interpreter.run_exit_trap(shell, status)


async def _start(shell: Shell, asked: _Invocation) -> int:
    words = asked.words
    if asked.command is not None:
        shell.flags = "c"
        if words:
            shell.arg0 = shell.command_name = words[0]
            shell.positional = words[1:]
        if asked.interactive:
            shell.interactive = True
        if asked.login:
            await _profile(shell)
        shell.line_base = 0 if shell.bash else -1
        return await builtins.run_text(shell, asked.command, last=True)
    if words and not asked.from_stdin:
        return await _script(shell, words)
    stdin = shell.proc.stdin
    if asked.interactive or (stdin.isatty() and shell.proc.stderr.isatty()):
        from course_lib.engine.userland.shell import interactive

        if asked.login:
            await _profile(shell)
        return await interactive.loop(shell)
    if asked.login:
        await _profile(shell)
    shell.flags = "s"
    return await _from_stdin(shell, stdin)


async def _script(shell: Shell, words: list[str]) -> int:
    path = words[0]
    try:
        text = shell.proc.fs.read_bytes(shell.proc.path(path)).decode("utf-8", "surrogateescape")
    except OSError as error:
        if shell.bash:
            await shell.proc.err(f"{shell.arg0}: {path}: {error.strerror}\n")
            return 127
        if error.errno == errno.EISDIR:
            return 0  # to ash what cannot be read is empty
        await shell.proc.err(f"{shell.arg0}: can't open '{path}': {error.strerror}\n")
        return 2
    shell.arg0 = shell.command_name = path
    shell.positional = words[1:]
    return await builtins.run_text(shell, text, last=True)


async def _profile(shell: Shell) -> None:
    """What a login shell reads first."""
    home = shell.variables.get("HOME") or ""
    for path in ("/etc/profile", f"{home}/.profile"):
        if shell.proc.fs.access(path, os.R_OK):
            await builtins.run_string(shell, f". {path}")


async def _from_stdin(shell: Shell, stdin: OpenFile) -> int:
    """Run commands from standard input as they come.

    With bash they may read what follows; ash has read up to a block of it.
    """
    if shell.bash:
        return await builtins.run_lines(shell, lambda: read_line(stdin))
    rest = bytearray()

    async def next_line() -> str:
        while b"\n" not in rest and (block := await stdin.read(_BLOCK)):
            rest.extend(block)
        end = rest.find(b"\n") + 1 or len(rest)
        line = bytes(rest[:end])
        del rest[:end]
        return line.decode("utf-8", "surrogateescape")

    return await builtins.run_lines(shell, next_line)


async def read_line(file: OpenFile) -> str:
    """A line with its end, read so that what follows stays in the file."""
    data = bytearray()
    if file.kind == "file":
        start = file.seek(0, os.SEEK_CUR)
        while chunk := await file.read(4096):
            end = chunk.find(b"\n")
            data += chunk if end < 0 else chunk[: end + 1]
            if end >= 0:
                break
        file.seek(start + len(data))
    else:
        while byte := await file.read(1):
            data += byte
            if byte == b"\n":
                break
    return data.decode("utf-8", "surrogateescape")
