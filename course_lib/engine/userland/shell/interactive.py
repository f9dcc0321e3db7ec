"""The shell at a terminal: prompt, history, job messages."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from course_lib.engine.userland import signals, tty
from course_lib.engine.userland.shell import (
    bashversion,
    builtins,
    completion,
    dash,
    interpreter,
    lineedit,
    prompts,
)
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
                if await job_builtins.stopped_jobs(shell):
                    continue
                await shell.proc.err("exit\n" if shell.bash else "\n")
                return shell.status
            await _run(shell, text)
        except (Interrupted, InterruptedError):
            shell.interrupted = False
            shell.status = 130
            await shell.proc.out("\n")
        except lineedit.EditInterrupted:
            await _interrupted_line(shell)


async def _interrupted_line(shell: Shell) -> None:
    """Ctrl-C while a line is typed: the shell sends itself the signal."""
    action = shell.traps.get(signals.SIGINT)
    if action is None:
        shell.status = 130
        if not shell.bash:
            await shell.proc.err("\n")
    elif action:
        shell.on_trap_signal(signals.SIGINT)


def _bash_prompt(shell: Shell) -> None:
    found = shell.variables.find("PS1")
    if found is None or not found.exported:
        shell.variables.set("PS1", bashversion.prompt(shell.machine.fs))


async def _run(shell: Shell, text: str) -> None:
    script = dash.parse(text, shell.aliases, bash=shell.bash)
    shell.line_base = -1
    shell.interrupted = False
    if shell.options["verbose"]:
        await shell.proc.err(text)
    try:
        await builtins.run_script(shell, script)
    except ShellError as error:
        await shell.report(error)
        shell.status = error.status
    except (BreakLoop, ContinueLoop, ReturnFunction):
        pass
    shell.loops = 0
    shell.warned = max(0, shell.warned - 1)


async def _announce(shell: Shell) -> None:
    """Tell of jobs that have ended or were stopped since the last prompt."""
    shell.reap()
    for job in shell.jobs.listed(newest_first=not shell.bash):
        if (job.done or job.stopped) and job.told != job.state:
            await shell.proc.err(job_builtins.line(shell, job))
        job.told = job.state
        await job_builtins.forget(shell)
    if shell.pending:
        await interpreter.handle_signals(shell)


class _Reader:
    """Reads complete commands: asks for more lines as long as one is open."""

    def __init__(self, shell: Shell, terminal: tty.PseudoTerminal | None) -> None:
        self._shell = shell
        self._terminal = terminal
        self._editor = None
        if terminal is not None:
            complete = partial(completion.completions, shell)
            self._editor = lineedit.LineEditor(terminal, shell.proc.stdin, shell.history, complete)

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

    def _echoes(self) -> bool:
        """What is typed is edited only where it is shown: not after ``stty -echo``."""
        return self._terminal is not None and self._terminal.attributes.echo

    def _remember(self, line: str) -> None:
        history = self._shell.history
        if line and history[-1:] != [line]:
            history.append(line)
            del history[:-_HISTORY]

    async def _line(self, variable: str) -> str | None:
        shell = self._shell
        template = shell.variables.get(variable) or ""
        text = await prompts.expand(shell, template, keep_escapes=True)
        prompt = prompts.unescape(shell, text)
        shell.waiting = True
        try:
            if self._editor is not None and self._echoes():
                # Its own handler takes SIGWINCH, so that a trap does not see it.
                shell.trapping_resize = False
                return await self._editor.line(prompt)
            from course_lib.engine.userland.shell.main import read_line

            await shell.proc.err(prompt)
            line = await read_line(shell.proc.stdin)
            return line.removesuffix("\n") if line else None
        finally:
            shell.waiting = False
            shell.trapping_resize = True
