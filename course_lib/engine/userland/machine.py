"""The kernel that one container sees."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from course_lib.engine.clock import Clock
from course_lib.engine.ids import Identities
from course_lib.engine.interfaces import (
    Environment,
    FileSystem,
    OpenFile,
    ProcessInfo,
    ProcessSpec,
    Sandbox,
    Terminal,
)
from course_lib.engine.userland import loader, signals, users
from course_lib.engine.userland.files import os_error
from course_lib.engine.userland.gate import takes_steps
from course_lib.engine.userland.process import (
    OPEN_FILES,
    ContainerProcess,
    ControllingTerminal,
)
from course_lib.engine.userland.procfs import ProcFs

PROCESS_LIMIT = 500
"""Processes of a container that was given no limit of its own: all of them take turns in the
engine's one thread, and a shell that forks without end shall leave the others theirs."""


@runtime_checkable
class _ShowsProcesses(Protocol):
    """A file system whose ``/proc`` is filled by the machine."""

    proc: object


class ContainerMachine:
    """Processes, host name, files, network and time of one container.

    Implements :class:`course_lib.engine.interfaces.Machine`.

    :ivar current: the process that is taking a step right now.
    :ivar steps: how many steps all processes have taken.
    :ivar domainname: the NIS domain, which ``--domainname`` sets too.
    :ivar root: the container's files without permission checks.
    :param process_limit: how many processes there may be; :data:`PROCESS_LIMIT` at the most.
    :param open_files: soft and hard limit of open files that its first process and each one
        that is executed in it begins with.
    """

    def __init__(
        self,
        container_id: str,
        hostname: str,
        fs: FileSystem,
        net: Sandbox,
        clock: Clock,
        ids: Identities,
        environment: Environment,
        domainname: str = "",
        process_limit: int | None = None,
        open_files: tuple[int, int] | None = None,
    ) -> None:
        self.limit_processes(process_limit)
        self.container_id = container_id
        self._hostname = hostname
        self.domainname = domainname
        self.open_files = open_files or OPEN_FILES
        self._fs = fs
        self._net = net
        self.clock = clock
        self.ids = ids
        self.environment = environment
        self.root = fs.as_user(0, 0)
        self.current: ContainerProcess | None = None
        self.steps = 0
        self.paused = False
        self.table: dict[int, ContainerProcess] = {}
        self.booted = clock.monotonic()
        self._live: set[ContainerProcess] = set()
        self._last_pid = 0
        self._init: ContainerProcess | None = None
        self._idle: list[asyncio.Future[None]] = []
        if isinstance(fs, _ShowsProcesses):
            fs.proc = ProcFs(self)

    @property
    def hostname(self) -> str:
        return self._hostname

    @property
    def fs(self) -> FileSystem:
        return self._fs

    @property
    def net(self) -> Sandbox:
        return self._net

    # --- starting ----------------------------------------------------------------------------

    async def start(
        self,
        spec: ProcessSpec,
        stdin: OpenFile,
        stdout: OpenFile,
        stderr: OpenFile,
        terminal: Terminal | None = None,
    ) -> ContainerProcess:
        if self._init is not None and self._init.exit_code is not None:
            raise os_error(errno.ESRCH)
        who = users.credentials(self._fs, spec.user, spec.groups)
        env = dict(entry.split("=", 1) for entry in spec.env if "=" in entry)
        env.setdefault("HOME", who.home)
        cwd = self._working_directory(spec.cwd or "/")
        files = self._fs.as_user(who.uid, who.gid, who.groups)
        if not spec.argv:
            raise os_error(errno.ENOENT)
        path = self._search(files, spec.argv[0], env.get("PATH"), cwd)
        program = await loader.load(files, self.root, path, spec.argv, cwd)
        process = ContainerProcess(
            self,
            self.new_pid(),
            argv=spec.argv,
            env=env,
            cwd=cwd,
            fds={0: stdin, 1: stdout, 2: stderr},
            uid=who.uid,
            gid=who.gid,
            groups=who.groups,
        )
        if terminal is not None and isinstance(terminal, ControllingTerminal):
            process.terminal = terminal
            process.terminal.control(self, process.pid)
        if self._init is None:
            self._init = process
        process.run(program)
        return process

    @staticmethod
    def _search(files: FileSystem, name: str, path: str | None, cwd: str) -> str:
        """The file to execute; runc tells a directory from a file that may not be executed."""
        try:
            return loader.search(files, name, path, cwd)
        except PermissionError:
            if "/" in name and stat.S_ISDIR(files.stat(loader.absolute(cwd, name)).mode):
                raise os_error(errno.EISDIR) from None
            raise

    def _working_directory(self, path: str) -> str:
        """The directory to start in, made if it is missing (dockerd does so as root)."""
        try:
            found = self.root.stat(path)
        except FileNotFoundError:
            parent = os.path.dirname(path.rstrip("/")) or "/"
            self._working_directory(parent)
            self.root.mkdir(path, 0o755)
            return path
        if not stat.S_ISDIR(found.mode):
            raise os_error(errno.ENOTDIR)
        return self.root.realpath(path)

    def limit_processes(self, limit: int | None) -> None:
        """How many processes there may be from now on; None, 0 and less mean no limit asked for."""
        asked = limit if limit and limit > 0 else PROCESS_LIMIT
        self._process_limit = min(asked, PROCESS_LIMIT)

    def check_limit(self) -> None:
        """Whether one more process may be forked, as ``pids.max`` of Linux's control groups.

        :raises OSError: ``EAGAIN``.
        """
        if len(self.table) >= self._process_limit:
            raise os_error(errno.EAGAIN)

    def new_pid(self) -> int:
        """The next process number."""
        self._last_pid += 1
        return self._last_pid

    def add(self, process: ContainerProcess) -> None:
        """A process starts to run."""
        self.table[process.pid] = process
        self._live.add(process)

    # --- ending ------------------------------------------------------------------------------

    def ended(self, process: ContainerProcess) -> None:
        """A process's task is over: free what it held and tell who must know."""
        self._live.discard(process)
        self._net.close_owned(process.pid)
        init = self._init
        heir = init if init is not None and init is not process and init.exit_code is None else None
        for child in list(process.children.values()):
            child.parent = heir
            if heir is not None:
                heir.children[child.pid] = child
                if child.exit_code is not None:
                    heir.kill(signals.SIGCHLD)
            elif child.exit_code is not None:
                self.table.pop(child.pid, None)
        process.children.clear()
        if process.sid == process.pid and process.terminal is not None:
            process.terminal.session_ended()
        if process is init:
            for other in list(self._live):
                other.terminate(128 + signals.SIGKILL)
        parent = process.parent
        if parent is None or parent.disposition(signals.SIGCHLD) == "ignore":
            self.reap(process)
        if self.seen_ended(process):
            process.finish()
        if parent is not None:
            parent.kill(signals.SIGCHLD)
        if not self._live:
            if init is not None and init is not process:
                init.finish()
            for waiter in self._idle:
                if not waiter.done():
                    waiter.set_result(None)
            self._idle.clear()

    def seen_ended(self, process: ContainerProcess) -> bool:
        """Whether waiting for it is over: PID 1 ends for others when nothing runs any more."""
        if process.exit_code is None:
            return False
        return process is not self._init or not self._live

    def reap(self, process: ContainerProcess) -> None:
        """Remove an ended process from the table; its exit code stays with the object."""
        self.table.pop(process.pid, None)
        if process.parent is not None:
            process.parent.children.pop(process.pid, None)
            process.parent.children_cpu += process.cpu + process.children_cpu

    async def kill_all(self) -> None:
        for process in list(self._live):
            process.terminate(128 + signals.SIGKILL)
        while self._live:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._idle.append(waiter)
            await waiter

    async def come_to_rest(self, seconds: float) -> None:
        end = self.clock.monotonic() + seconds
        while self._live and self.clock.monotonic() < end and await takes_steps(self):
            pass

    # --- signals -----------------------------------------------------------------------------

    def signal(self, pid: int, signum: int) -> None:
        """Deliver a signal from outside the container; ``ESRCH`` if there is no such process."""
        process = self.table.get(pid)
        if process is None:
            raise os_error(errno.ESRCH)
        process.kill(signals.from_host(signum))

    def signal_group(self, pgid: int, signum: int) -> None:
        """Deliver a signal to every process of a group, as a terminal does."""
        for process in list(self._live):
            if process.pgid == pgid:
                process.kill(signum)

    def kill(self, sender: ContainerProcess, pid: int, signum: int) -> None:
        """``kill(2)`` from within the container.

        PID 1 cannot be killed or stopped from its own PID namespace (``pid_namespaces(7)``).

        :raises OSError: ``ESRCH``, or ``EPERM`` where none of the targets may be signalled.
        """
        if pid > 0:
            targets = [self.table[pid]] if pid in self.table else []
        elif pid == -1:
            targets = [p for p in self.table.values() if p.pid != 1 and p is not sender]
        else:
            group = sender.pgid if pid == 0 else -pid
            targets = [p for p in self.table.values() if p.pgid == group]
        if not targets:
            raise os_error(errno.ESRCH)
        allowed = [p for p in targets if sender.uid in (0, p.uid)]
        if not allowed:
            raise os_error(errno.EPERM)
        for process in allowed:
            if process.pid == 1 and signum in (signals.SIGKILL, signals.SIGSTOP):
                continue
            process.kill(signum)

    # --- freezing ----------------------------------------------------------------------------

    def pause(self) -> None:
        self.paused = True

    def unpause(self) -> None:
        self.paused = False
        for process in list(self._live):
            process.resume()

    # --- looking -----------------------------------------------------------------------------

    def processes(self) -> Sequence[ProcessInfo]:
        names: dict[int, str] = {}
        rows = []
        for process in list(self.table.values()):
            if process.uid not in names:
                names[process.uid] = users.user_name(self._fs, process.uid)
            rows.append(process.info(names[process.uid]))
        return rows

    def report(self, process: ContainerProcess, error: Exception) -> None:
        """Record a fault of our own in a program; the user has seen one line of it."""
        import logging

        logging.getLogger(__name__).error(
            "program %s of container %s failed",
            process.argv[:1], self.container_id[:12], exc_info=error,
        )  # fmt: skip
