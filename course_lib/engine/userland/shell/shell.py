"""State of one shell: what a subshell copies and what the parts of the interpreter share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from course_lib.engine.userland import signals
from course_lib.engine.userland.machine import ContainerMachine
from course_lib.engine.userland.pipe import pipe
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.shell import environment, options
from course_lib.engine.userland.shell.errors import ShellError, ShellExit, in_bashs_words
from course_lib.engine.userland.shell.expand import Expander
from course_lib.engine.userland.shell.jobs import JobTable
from course_lib.engine.userland.shell.nodes import Command, Node, Text
from course_lib.engine.userland.shell.variables import MAX_VALUE, Variables

if TYPE_CHECKING:
    from course_lib.engine.interfaces import OpenFile
    from course_lib.engine.userland.tty import PseudoTerminal

ERR = 65
"""Stands in the table of traps for ``ERR``, behind all signals."""

_KEYBOARD = (
    signals.SIGINT, signals.SIGQUIT, signals.SIGTERM, signals.SIGTSTP, signals.SIGTTIN,
    signals.SIGTTOU,
)  # fmt: skip


class Shell:
    """A running shell.

    :ivar arg0: its name for messages and ``$0``.
    :ivar command_name: the script or ``$0`` argument, which puts line numbers into messages.
    :ivar line: line of the command that runs; ``line_base`` is added to the parser's numbers.
    :ivar tested: the command runs as a condition, so ``set -e`` does not apply.
    :ivar bash: speak and behave as bash where that differs.
    """

    def __init__(self, proc: ContainerProcess, arg0: str, *, bash: bool = False) -> None:
        self.proc = proc
        self.arg0 = arg0
        self.bash = bash
        self.command_name: str | None = None
        self.line = 0
        self.line_base = 0
        self.variables = Variables()
        self.functions: dict[str, Node] = {}
        self.aliases: dict[str, str] = {}
        self.options: dict[str, bool] = dict.fromkeys(options.OPTIONS, False)
        self.flags = ""
        self.positional: list[str] = []
        self.status = 0
        self.last_background: int | None = None
        self.root_pid = proc.pid
        self.core_limit = "unlimited"
        self.traps: dict[int, str] = {}
        self.pending: list[int] = []
        self.jobs = JobTable(reuse=not bash)
        self.history: list[str] = []
        self.disabled: frozenset[str] = frozenset()  # builtins that bash does not run itself
        self.expander = Expander(self)
        self.interactive = False
        self.subshell = False
        self.tested = False
        self.loops = 0
        self.functions_depth = 0
        self.sourced = 0
        self.substitution_status: int | None = None
        self.getopts_place = 0
        self.getopts_seen = (0, 0)
        self.warned = 0  # commands for which the shell may still be left with stopped jobs
        self.interrupted = False
        self.waiting = False
        self.trapping_resize = True
        self.counts_lines = False
        self.null_glob = False
        self.calls: list[str] = []
        self.substituted: list[int] = []
        self.pipe_statuses: list[int] = []
        self.terminal: PseudoTerminal | None = None

    @property
    def machine(self) -> ContainerMachine:
        """The machine it runs on."""
        return self.proc.machine

    def fork_state(self, proc: ContainerProcess) -> Shell:
        """A copy for a child process, as ``fork`` leaves a shell."""
        twin = Shell(proc, self.arg0, bash=self.bash)
        twin.command_name = self.command_name
        twin.line, twin.line_base = self.line, self.line_base
        twin.variables = self.variables.copy()
        environment.add_dynamic(twin)
        twin.functions = dict(self.functions)
        twin.aliases = dict(self.aliases)
        twin.options = dict(self.options)
        twin.options["monitor"] = False
        twin.flags = self.flags
        twin.positional = list(self.positional)
        twin.status = self.status
        twin.last_background = self.last_background
        twin.root_pid = self.root_pid
        twin.core_limit = self.core_limit
        twin.tested = self.tested
        twin.null_glob = self.null_glob
        twin.counts_lines = self.counts_lines
        twin.calls = list(self.calls)
        twin.loops = self.loops
        twin.functions_depth = self.functions_depth
        twin.sourced = self.sourced
        twin.history = self.history
        twin.disabled = self.disabled
        twin.subshell = True
        for signum, action in self.traps.items():
            if signum == ERR:
                if self.options["errtrace"]:
                    twin.traps[ERR] = action
            elif action == "" and signum:
                twin.traps[signum] = ""
                proc.on_signal(signum, "ignore")
        return twin

    def fork(
        self,
        body: Callable[[Shell], Coroutine[Any, Any, int]],
        *,
        fds: Mapping[int, OpenFile] | None = None,
        new_group: bool = False,
        reset: Collection[int] = (),
    ) -> ContainerProcess:
        """A child process that goes on in this shell's text, with all as it is now.

        :param body: gets the child's shell.
        :raises ShellError: there are as many processes as there may be.
        """

        async def run(_proc: ContainerProcess) -> int:
            return await body(twin)

        try:
            child = self.proc.fork(run, fds=fds, new_group=new_group, reset=reset)
        except BlockingIOError as error:
            raise ShellError(f"can't fork: {error.strerror}") from None
        twin = self.fork_state(child)  # not when the child runs: by then this shell has gone on
        return child

    # --- words -------------------------------------------------------------------------------

    def parameter(self, name: str) -> str | None:
        """Value of ``$name``, None where it is not set."""
        match name:
            case "?":
                return str(self.status)
            case "#":
                return str(len(self.positional))
            case "$":
                return str(self.root_pid)
            case "!":
                return str(self.last_background) if self.last_background is not None else None
            case "-":
                return options.letters(self)
            case "0":
                return self.arg0
            case "@" | "*":
                return " ".join(self.positional) if self.positional else None
        if name.isdigit():
            index = int(name)
            return self.positional[index - 1] if index <= len(self.positional) else None
        return self.variables.get(name)

    async def substitute(self, body: Node | None) -> str:
        """Output of a command substitution, without its last newlines."""
        from course_lib.engine.userland.shell import pipelines

        self.substitution_status = 0
        if body is None:
            return ""
        if self.bash and isinstance(body, Command) and not body.words and body.redirects:
            body = replace(body, words=((Text("cat"),),))  # ``$(< file)``
        reader, writer = pipe()
        fds = dict(self.proc.fds)
        fds[1] = writer

        # As in bash outside of POSIX mode, ``set -e`` does not hold in there.
        child = self.fork(lambda twin: pipelines.in_child(self, twin, body, errexit=False), fds=fds)
        writer.close()
        chunks = []
        total = 0
        try:
            while chunk := await reader.read():
                chunks.append(chunk)
                total += len(chunk)
                if total > MAX_VALUE:
                    raise ShellError("out of memory")
        finally:
            reader.close()
        self.substitution_status = await child.wait()
        data = b"".join(chunks).replace(b"\0", b"")
        return data.decode("utf-8", "surrogateescape").rstrip("\n")

    def arg0_name(self) -> str:
        """The name that programs built into the shell call themselves in messages."""
        return self.proc.argv[0].rsplit("/", 1)[-1].removeprefix("-") if self.proc.argv else "sh"

    def reap(self) -> None:
        """Take ended children out of the process table; jobs keep their exit codes.

        A shell that is PID 1 gets orphans as children, and its ``waitpid(-1)`` takes them too.
        """
        for child in list(self.proc.children.values()):
            if child.exit_code is not None:
                self.machine.reap(child)

    # --- messages ----------------------------------------------------------------------------

    async def complain(self, message: str, command: str | None = None) -> None:
        """Print an error with the shell's prefix, as ``ash_vmsg`` does.

        :param command: the builtin that fails.
        """
        prefix = f"{self.arg0}: "
        name = command or self.command_name
        if name is not None:
            if name != self.arg0:
                prefix += f"{name}: "
            if not self.interactive:
                prefix += f"line {self.line}: "
        if self.bash:
            prefix = self._bash_prefix(command)
        await self.proc.err(f"{prefix}{message}\n")

    async def report(self, error: ShellError) -> None:
        """Print an error, unless it was printed where it happened."""
        if not error.reported:
            error.reported = True
            if self.bash:
                in_bashs_words(error)
            await self.complain(error.message, error.command)

    def _bash_prefix(self, command: str | None) -> str:
        """bash's; in bash 4 ``-c`` has no line for programs and counts from 0 for builtins."""
        prefix = f"{self.arg0}: "
        if self.command_name is not None or (self.counts_lines and not self.interactive):
            prefix += f"line {self.line}: "
        elif command and not self.interactive:
            prefix += f"line {max(0, self.line - 1)}: "
        return prefix + (f"{command}: " if command else "")

    async def fail(self, error: ShellError) -> None:
        """Print an error and, unless interactive, end the shell."""
        await self.report(error)
        self.status = error.status
        if not self.interactive:
            raise ShellExit(error.status)

    # --- signals -----------------------------------------------------------------------------

    def on_trap_signal(self, signum: int) -> None:
        """A signal that has a trap came: it runs before the next command."""
        if signum == signals.SIGWINCH and not self.trapping_resize:
            return
        counted = self.bash and signum == signals.SIGCHLD  # one run for each child
        if counted or signum not in self.pending:
            self.pending.append(signum)
        if self.waiting:
            self.proc.interrupt()

    def on_interrupt(self, signum: int) -> None:
        """Ctrl-C at an interactive shell without a trap for it."""
        self.interrupted = True
        if self.waiting:
            self.proc.interrupt()

    def set_trap(self, signum: int, action: str | None) -> None:
        """Set (``""`` ignores) or, with None, remove a trap."""
        if action is None:
            self.traps.pop(signum, None)
        else:
            self.traps[signum] = action
        if signum in (0, ERR, signals.SIGKILL, signals.SIGSTOP):
            return
        if action is None:
            self.default_signal(signum)
        elif action == "":
            self.proc.on_signal(signum, "ignore")
        else:
            self.proc.on_signal(signum, self.on_trap_signal)

    def default_signal(self, signum: int) -> None:
        """What a signal does without a trap; an interactive shell survives some."""
        if self.interactive and signum == signals.SIGINT:
            self.proc.on_signal(signum, self.on_interrupt)
        elif self.interactive and signum in _KEYBOARD:
            self.proc.on_signal(signum, "ignore")
        else:
            self.proc.on_signal(signum, None)

    def reset_signals(self) -> Collection[int]:
        """Signals that an interactive shell ignores and its commands do not."""
        if not self.interactive:
            return ()
        return [signum for signum in _KEYBOARD if self.traps.get(signum) != ""]
