"""The shell at a terminal: prompt, history, job messages."""

from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING

from course_lib.engine.userland import loader, signals, tty
from course_lib.engine.userland.shell import builtins, dash, interpreter, lineedit, prompts
from course_lib.engine.userland.shell.builtins import jobs as job_builtins
from course_lib.engine.userland.shell.errors import (
    BreakLoop,
    ContinueLoop,
    Interrupted,
    ReturnFunction,
    ShellError,
)

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell

_WORD = re.compile(r"[^\s;&|<>()`$\"']*\Z")
_HISTORY = 1000


async def loop(shell: Shell) -> int:
    """Read commands and run them until the end of input."""
    shell.interactive = True
    terminal = tty.terminal_of(shell.proc.stdin)
    if terminal is not None and shell.proc.terminal is terminal:
        shell.terminal = terminal
        shell.options["monitor"] = True
        shell.proc.pgid = shell.proc.pid
        terminal.foreground = shell.proc.pgid
    for signum in (
        signals.SIGINT, signals.SIGQUIT, signals.SIGTERM, signals.SIGTSTP, signals.SIGTTIN,
        signals.SIGTTOU,
    ):  # fmt: skip
        shell.default_signal(signum)
    if shell.bash:
        _bash_prompt(shell)
    reader = _Reader(shell, terminal)
    while True:
        await _announce(shell)
        try:
            text = await reader.command()
            if text is None:
                await shell.proc.err("\n")
                return shell.status
            await _run(shell, text)
        except (Interrupted, InterruptedError):
            shell.interrupted = False
            shell.status = 130
            await shell.proc.out("\n")
        except lineedit.EditInterrupted:
            shell.status = 130


def _bash_prompt(shell: Shell) -> None:
    found = shell.variables.find("PS1")
    if found is None or not found.exported:
        shell.variables.set("PS1", "[\\u@\\h \\W]\\$ ")


async def _run(shell: Shell, text: str) -> None:
    script = dash.parse(text, shell.aliases, bash=shell.bash)
    shell.line_base = -1
    shell.interrupted = False
    try:
        await builtins.run_script(shell, script)
    except ShellError as error:
        await shell.report(error)
        shell.status = error.status
    except (BreakLoop, ContinueLoop, ReturnFunction):
        pass
    shell.loops = 0


async def _announce(shell: Shell) -> None:
    """Tell of jobs that have ended since the last prompt."""
    shell.reap()
    for job in shell.jobs.all:
        if job.done and not job.announced:
            await shell.proc.err(job_builtins.line(shell, job))
            job.announced = True
    await job_builtins.forget(shell)
    if shell.pending:
        await interpreter.handle_signals(shell)


class _Reader:
    """Reads complete commands: asks for more lines as long as one is open."""

    def __init__(self, shell: Shell, terminal: tty.PseudoTerminal | None) -> None:
        self._shell = shell
        self._editor = None
        if terminal is not None:
            self._editor = lineedit.LineEditor(
                terminal, shell.proc.stdin, shell.history, lambda text: completions(shell, text)
            )

    async def command(self) -> str | None:
        """Text of one or more complete lines; None at the end of input."""
        text = ""
        while True:
            line = await self._line("PS2" if text else "PS1")
            if line is None:
                return text or None
            self._remember(line)
            text += line + "\n"
            if line.endswith("\\") and not line.endswith("\\\\"):
                continue
            script = dash.parse(text, self._shell.aliases, bash=self._shell.bash)
            if script.fault is not None and script.fault.incomplete:
                continue
            if not dash.open_here_document(text):
                return text

    def _remember(self, line: str) -> None:
        history = self._shell.history
        if line.strip() and history[-1:] != [line]:
            history.append(line)
            del history[:-_HISTORY]

    async def _line(self, variable: str) -> str | None:
        shell = self._shell
        template = shell.variables.get(variable) or ""
        text = await prompts.expand(shell, template, keep_escapes=True)
        prompt = prompts.unescape(shell, text)
        shell.waiting = True
        try:
            if self._editor is not None:
                return await self._editor.line(prompt)
            from course_lib.engine.userland.shell.main import read_line

            await shell.proc.err(prompt)
            line = await read_line(shell.proc.stdin)
            return line.removesuffix("\n") if line else None
        finally:
            shell.waiting = False


def completions(shell: Shell, text: str) -> tuple[int, list[str]]:
    """What the word before the cursor can become: commands first, files elsewhere."""
    match = _WORD.search(text)
    start = match.start() if match else len(text)
    word = text[start:]
    before = text[:start].rstrip()
    first = not before or before[-1:] in ";&|("
    if first and "/" not in word:
        return start, _commands(shell, word)
    return start, _files(shell, word, executables=first)


def _commands(shell: Shell, prefix: str) -> list[str]:
    fs = shell.proc.fs
    names = {*builtins.all_names(), *shell.functions, *shell.aliases}
    for folder in (shell.variables.get("PATH") or loader.DEFAULT_PATH).split(":"):
        try:
            names.update(fs.listdir(shell.proc.path(folder or ".")))
        except OSError:
            continue
    return sorted(name for name in names if name.startswith(prefix)) if prefix else []


def _files(shell: Shell, word: str, *, executables: bool) -> list[str]:
    fs = shell.proc.fs
    folder, slash, prefix = word.rpartition("/")
    base = shell.proc.path(folder + slash if slash else ".")
    try:
        names = fs.listdir(base)
    except OSError:
        return []
    found = []
    for name in sorted(names):
        if not name.startswith(prefix) or (name.startswith(".") and not prefix):
            continue
        try:
            mode = fs.stat(f"{base.rstrip('/')}/{name}").mode
        except OSError:
            mode = stat.S_IFREG
        if stat.S_ISDIR(mode):
            name_shown = name + "/"
        elif executables and not mode & 0o111:
            continue
        else:
            name_shown = name
        found.append(folder + slash + name_shown)
    return found
