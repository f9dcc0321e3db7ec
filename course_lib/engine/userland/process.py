"""A process of a container."""

from __future__ import annotations

import asyncio
import errno
import os
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Protocol, runtime_checkable

from course_lib.engine.interfaces import FileSystem, OpenFile, ProcessInfo, Sandbox, SignalHandler
from course_lib.engine.userland import loader, signals
from course_lib.engine.userland.files import ClosedFile, os_error
from course_lib.engine.userland.gate import Gate, pass_turn

if TYPE_CHECKING:
    from course_lib.engine.userland.machine import ContainerMachine

Disposition = SignalHandler | Literal["ignore"]

OPEN_FILES = (1 << 20, 1 << 20)
"""What dockerd gives a container: the soft and the hard limit of open files."""

_TICKS = 512
"""Steps without waiting after which a process lets the others run, whatever the time."""
_SLICE = 0.002
"""Seconds without waiting after which it does."""


class ProcessExit(BaseException):
    """Raised inside a process to end it from any depth (``exit(3)``)."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class ReplaceImage(BaseException):
    """Raised inside a process by ``execve``: go on as another program."""

    def __init__(self, program: loader.Program) -> None:
        super().__init__(program.path)
        self.program = program


@runtime_checkable
class ControllingTerminal(Protocol):
    """A terminal that can send signals to the processes on it.

    :ivar foreground: process group that gets the signals of the keyboard.
    """

    foreground: int

    def control(self, machine: ContainerMachine, pgid: int) -> None:
        """Become the controlling terminal of a session whose first group is ``pgid``."""

    def session_ended(self) -> None:
        """The session leader has ended."""


class ContainerProcess:
    """One process: identity, descriptors, signals, children and the task that runs it.

    Implements :class:`course_lib.engine.interfaces.Process`.

    :ivar pgid: its process group, :ivar sid: its session.
    :ivar terminal: controlling terminal, if any.
    :ivar dying: it has been killed and only its clean-up still runs.
    :ivar open_files: soft and hard limit of open files; a shell's redirections keep to the first.
    :ivar cpu: seconds that it ran; ``children_cpu``: the same of the children it waited for.
    :ivar killed_by: the signal that ended it, 0 if none did.
    """

    __slots__ = (
        "_done", "_exit_code", "_files", "_handlers", "_interrupting", "_machine", "_pending",
        "_task", "_thaw", "_threads", "_ticks", "_watchers", "argv", "children", "children_cpu",
        "comm", "cpu", "cwd", "dying", "env", "exe", "fds", "gid", "groups", "killed_by",
        "open_files", "parent", "pgid", "pid", "sid", "slice_started", "started",
        "stopped", "stopped_by", "terminal", "uid", "umask", "waiting",
    )  # fmt: skip

    def __init__(
        self,
        machine: ContainerMachine,
        pid: int,
        *,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: str,
        fds: dict[int, OpenFile],
        uid: int = 0,
        gid: int = 0,
        groups: tuple[int, ...] = (),
        umask: int = 0o022,
        parent: ContainerProcess | None = None,
    ) -> None:
        self._machine = machine
        self.pid = pid
        self.parent = parent
        self.argv = list(argv)
        self.comm = ""
        self.exe = ""
        self.env = dict(env)
        self.cwd = cwd
        self.umask = umask
        self.open_files: tuple[int, int] = (parent or machine).open_files
        self.uid, self.gid, self.groups = uid, gid, groups
        self.fds = fds
        self.pgid: int = parent.pgid if parent else pid
        self.sid: int = parent.sid if parent else pid
        self.terminal: ControllingTerminal | None = parent.terminal if parent else None
        self.children: dict[int, ContainerProcess] = {}
        self.started = machine.clock.monotonic()
        self.cpu = self.children_cpu = 0.0
        self.slice_started = 0.0
        self.stopped = False
        self.stopped_by = 0
        self.dying = False
        self.killed_by = 0
        self.waiting = False
        self._handlers: dict[int, Disposition] = {}
        self._pending: deque[int] = deque()
        self._exit_code: int | None = None
        self._done = False
        self._interrupting = False
        self._files: tuple[tuple[int, int, tuple[int, ...]], FileSystem] | None = None
        self._thaw: asyncio.Future[None] | None = None
        self._task: asyncio.Task[int] | None = None
        self._threads: set[asyncio.Task[Any]] | None = None
        self._watchers: list[asyncio.Future[None]] = []
        self._ticks = 0

    # --- what the program sees ---------------------------------------------------------------

    @property
    def ppid(self) -> int:
        """PID of the parent; 0 where it is outside the container."""
        return self.parent.pid if self.parent else 0

    @property
    def machine(self) -> ContainerMachine:
        return self._machine

    @property
    def fs(self) -> FileSystem:
        who = (self.uid, self.gid, self.groups)
        if self._files is None or self._files[0] != who:
            self._files = (who, self._machine.fs.as_user(*who))
        return self._files[1]

    @property
    def net(self) -> Sandbox:
        return self._machine.net

    @property
    def stdin(self) -> OpenFile:
        return self.fds.get(0) or ClosedFile()

    @property
    def stdout(self) -> OpenFile:
        return self.fds.get(1) or ClosedFile()

    @property
    def stderr(self) -> OpenFile:
        return self.fds.get(2) or ClosedFile()

    @property
    def exit_code(self) -> int | None:
        return self._exit_code if self._done else None

    def path(self, path: str) -> str:
        return loader.absolute(self.cwd, path)

    async def out(self, text: str | bytes) -> None:
        await self.write(self.stdout, text)

    async def err(self, text: str | bytes) -> None:
        await self.write(self.stderr, text)

    async def write(self, file: OpenFile, text: str | bytes) -> None:
        """Write to an open file; nobody reading a pipe means ``SIGPIPE``, as on Linux."""
        data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        await self.tick()
        try:
            await file.write(data)
        except BrokenPipeError:
            await self.broken_pipe()
            raise

    async def broken_pipe(self) -> None:
        """Deliver ``SIGPIPE``; returns only where that does not end the process."""
        self.kill(signals.SIGPIPE)
        if self.dying:
            await pass_turn()

    async def tick(self) -> None:
        """Called in every loop that may go round without waiting: lets others run in time."""
        self._ticks += 1
        if self._ticks >= _TICKS or (
            not self._ticks & 31 and self._machine.clock.monotonic() - self.slice_started > _SLICE
        ):
            self._ticks = 0
            await pass_turn()

    async def sleep(self, seconds: float) -> None:
        await self._machine.clock.sleep(max(0.0, seconds))

    def exit(self, code: int) -> NoReturn:
        """End this process from wherever its program is."""
        raise ProcessExit(code & 0xFF)

    # --- children ----------------------------------------------------------------------------

    async def spawn(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        fds: Mapping[int, OpenFile] | None = None,
        new_group: bool = False,
        path: str | None = None,
        reset: Collection[int] = (),
    ) -> ContainerProcess:
        """See the protocol.

        :param path: the file to execute, where it is already known.
        :param reset: signals that the child does not ignore even if this process does.
        """
        environment = self.env if env is None else env
        where = self.cwd if cwd is None else cwd
        if path is None:
            path = loader.search(self.fs, argv[0], environment.get("PATH"), where)
        program = await loader.load(self.fs, self._machine.root, path, argv, where)
        child = self._child(environment, where, fds, new_group, reset)
        child.run(program)
        return child

    def fork(
        self,
        body: Callable[[ContainerProcess], Coroutine[Any, Any, int]],
        *,
        fds: Mapping[int, OpenFile] | None = None,
        new_group: bool = False,
        reset: Collection[int] = (),
    ) -> ContainerProcess:
        """A child that runs ``body`` instead of a program (a shell's subshell)."""
        source = fds if fds is not None else self.fds
        child = self._child(self.env, self.cwd, source, new_group, reset)
        child.comm, child.exe, child.argv = self.comm, self.exe, list(self.argv)
        child.launch(body)
        return child

    def _child(
        self,
        env: Mapping[str, str],
        cwd: str,
        fds: Mapping[int, OpenFile] | None,
        new_group: bool,
        reset: Collection[int],
    ) -> ContainerProcess:
        self._machine.check_limit()
        source = {n: f for n, f in self.fds.items() if n < 3} if fds is None else fds
        child = ContainerProcess(
            self._machine,
            self._machine.new_pid(),
            argv=(),
            env=env,
            cwd=cwd,
            fds={number: file.dup() for number, file in source.items()},
            uid=self.uid,
            gid=self.gid,
            groups=self.groups,
            umask=self.umask,
            parent=self,
        )
        child._handlers = {
            n: "ignore" for n, h in self._handlers.items() if h == "ignore" and n not in reset
        }
        if new_group:
            child.pgid = child.pid
        self.children[child.pid] = child
        return child

    async def execute(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        path: str | None = None,
    ) -> NoReturn:
        """Become another program, keeping PID and descriptors (``execvpe(3)``).

        :raises OSError: it cannot be executed; the process goes on as it is.
        """
        environment = self.env if env is None else env
        if path is None:
            path = loader.search(self.fs, argv[0], environment.get("PATH"), self.cwd)
        program = await loader.load(self.fs, self._machine.root, path, argv, self.cwd)
        self.env = dict(environment)
        raise ReplaceImage(program)

    def run(self, program: loader.Program) -> None:
        """Start the task that executes ``program``."""
        self._become(program)
        self.launch(program.applet)

    def launch(self, body: Callable[[Any], Awaitable[int]]) -> None:
        """Start the task that runs ``body`` behind this process's gate."""
        self._machine.add(self)
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._drive(body))
        self._task.add_done_callback(self._task_done)

    def thread(self, make: Callable[[], Coroutine[Any, Any, Any]]) -> asyncio.Task[Any]:
        """Run a coroutine beside the program as part of this process.

        It is frozen and killed with the process. Its errors are the caller's to collect.
        """
        task = asyncio.get_running_loop().create_task(self._gated(make))
        if self._threads is None:
            self._threads = set()
        self._threads.add(task)
        task.add_done_callback(self._threads.discard)
        return task

    async def _gated(self, make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        return await Gate(self, make)

    def _become(self, program: loader.Program) -> None:
        self.argv = list(program.argv)
        self.exe = program.path
        self.comm = program.path.rsplit("/", 1)[-1][:15]

    async def _drive(self, body: Callable[[Any], Awaitable[int]]) -> int:
        async def main() -> int:
            current = body
            while True:
                try:
                    return await current(self)
                except ReplaceImage as image:
                    self._become(image.program)
                    self._handlers = {n: h for n, h in self._handlers.items() if h == "ignore"}
                    current = image.program.applet

        try:
            return int(await Gate(self, main)) & 0xFF
        except ProcessExit as end:
            return end.code
        except BrokenPipeError:
            return 128 + signals.SIGPIPE
        except OSError as error:
            await self._last_words(error.strerror or str(error))
            return 1
        except RecursionError:
            await self._last_words("stack overflow")
            self.killed_by = signals.NUMBERS["SEGV"]
            return 128 + self.killed_by
        except Exception as error:
            self._machine.report(self, error)
            await self._last_words(f"internal error: {error}")
            return 128 + signals.NUMBERS["ABRT"]

    async def _last_words(self, message: str) -> None:
        name = self.argv[0].rsplit("/", 1)[-1] if self.argv else "?"
        try:
            await self.stderr.write(f"{name}: {message}\n".encode("utf-8", "surrogateescape"))
        except OSError:
            return

    # --- the end -----------------------------------------------------------------------------

    def _task_done(self, task: asyncio.Task[int]) -> None:
        if self._exit_code is None:
            self._exit_code = 128 + signals.SIGKILL if task.cancelled() else task.result()
        elif not task.cancelled():
            task.exception()  # killed: how its coroutine ended does not matter
        self._done = True
        for thread in list(self._threads or ()):
            thread.cancel()
        for number in list(self.fds):
            self.fds.pop(number).close()
        self._machine.ended(self)

    def finish(self) -> None:
        """Tell those who wait; called by the machine once the end may be seen."""
        for waiter in self._watchers:
            if not waiter.done():
                waiter.set_result(None)
        self._watchers.clear()

    async def wait(self) -> int:
        while not self._machine.seen_ended(self):
            await self._watch()
        self._machine.reap(self)
        return self._exit_code or 0

    async def wait_event(self) -> int | None:
        """Wait until this process ends (its exit code) or is stopped (None)."""
        while not self._machine.seen_ended(self):
            if self.stopped:
                return None
            await self._watch()
        return await self.wait()

    async def _watch(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watchers.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self._watchers:
                self._watchers.remove(waiter)

    def terminate(self, code: int, killed_by: int = 0) -> None:
        """End at once with that exit code."""
        if self._exit_code is not None or self._done:
            return
        self.killed_by = killed_by
        self._exit_code = code
        self.dying = True
        if self._task is not None:
            self._task.cancel()
        for thread in list(self._threads or ()):
            thread.cancel()

    # --- signals -----------------------------------------------------------------------------

    def on_signal(self, signum: int, handler: Disposition | None) -> None:
        if signum in (signals.SIGKILL, signals.SIGSTOP):
            raise os_error(errno.EINVAL)
        if handler is None:
            self._handlers.pop(signum, None)
        else:
            self._handlers[signum] = handler

    def disposition(self, signum: int) -> Disposition | None:
        """What :meth:`on_signal` set; None is the default action."""
        return self._handlers.get(signum)

    def kill(self, signum: int = signals.SIGTERM) -> None:
        """Deliver a signal, as from outside the container's PID namespace."""
        signum = int(signum)
        if self._exit_code is not None or signum == 0:
            return
        if signum == signals.SIGKILL:
            self.terminate(128 + signum, signum)
            return
        if signum == signals.SIGCONT:
            self._continue()
        elif self._machine.paused or (self.stopped and signals.default_action(signum) != "stop"):
            if signum not in self._pending:
                self._pending.append(signum)
            return
        self._deliver(signum)

    def _deliver(self, signum: int) -> None:
        handler = self._handlers.get(signum)
        if handler == "ignore":
            return
        if handler is not None:
            handler(signum)
            return
        action = signals.default_action(signum)
        if self.pid == 1 and signum != signals.SIGSTOP:
            return
        if action == "terminate":
            self.terminate(128 + signum, signum)
        elif action == "stop" and not self.stopped:
            self.stopped = True
            self.stopped_by = signum
            self.finish()
            if self.parent is not None:
                self.parent.kill(signals.SIGCHLD)

    def _continue(self) -> None:
        if self.stopped:
            self.stopped = False
            self.resume()

    def interrupt(self) -> None:
        """Make what the program waits for fail with ``EINTR``, as a handled signal does."""
        if self._task is not None and not self._done and not self.dying:
            self._interrupting = True
            self._task.cancel()

    def interruption(self, failure: BaseException) -> InterruptedError | None:
        """The error to raise instead of a cancellation that :meth:`interrupt` asked for."""
        task = asyncio.current_task()
        if (
            not self._interrupting
            or not isinstance(failure, asyncio.CancelledError)
            or task is None
            or task is not self._task
        ):
            return None
        self._interrupting = False
        task.uncancel()
        return InterruptedError(errno.EINTR, os.strerror(errno.EINTR))

    # --- freezing ----------------------------------------------------------------------------

    @property
    def frozen(self) -> bool:
        """Whether it must not take another step now."""
        return self.stopped or self._machine.paused

    def thawed(self) -> asyncio.Future[None]:
        """A future that is done when :attr:`frozen` should be looked at again."""
        if self._thaw is None or self._thaw.done():
            self._thaw = asyncio.get_running_loop().create_future()
        return self._thaw

    def resume(self) -> None:
        """Look at :attr:`frozen` again and deliver the signals that waited."""
        if self.frozen:
            return
        if self._thaw is not None and not self._thaw.done():
            self._thaw.set_result(None)
        while self._pending and self._exit_code is None and not self.frozen:
            self._deliver(self._pending.popleft())

    # --- ps ----------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """The letter of ``ps``."""
        if self._done:
            return "Z"
        if self.stopped:
            return "T"
        if self._machine.paused:
            return "D"
        return "R" if self._machine.current is self else "S"

    def info(self, user: str) -> ProcessInfo:
        """This process as a row of ``ps``."""
        return ProcessInfo(
            self.pid, self.ppid, user, tuple(self.argv), self.state, self.started, self.cpu,
            "?" if self.terminal is None else "pts/0",
        )  # fmt: skip
