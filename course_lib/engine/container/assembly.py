"""Puts a container together: files, network, machine, streams, and its first process."""

from __future__ import annotations

import errno
import itertools
import logging
import stat
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from course_lib.engine.clock import Clock
from course_lib.engine.container.container import Container, Runtime
from course_lib.engine.container.exec import RUNC_FAILURE, start_failure
from course_lib.engine.container.merge import DEFAULT_PATH, replace_or_append
from course_lib.engine.container.mounting import INIT, ContainerMounts
from course_lib.engine.errdefs import EngineError, InvalidParameter, SystemFailure
from course_lib.engine.ids import Identities
from course_lib.engine.interfaces import (
    Environment,
    OpenFile,
    Process,
    ProcessSpec,
    Sandbox,
)

if TYPE_CHECKING:
    from course_lib.engine.fs.containerfs import ContainerFs
    from course_lib.engine.userland.machine import ContainerMachine

log = logging.getLogger(__name__)

_FIRST_HOST_PID = 1000
_MAX_HOSTNAME = 64
"""Bytes that Linux takes (``__NEW_UTS_LEN``)."""


class StartError(InvalidParameter):
    """PID 1 cannot be executed; ``exit_code`` is what dockerd shows then (126, 127, 128)."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Assembler:
    """Builds what runs."""

    def __init__(
        self,
        clock: Clock,
        ids: Identities,
        environment: Environment,
        mounts: ContainerMounts,
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._environment = environment
        self._mounts = mounts
        self._pids = itertools.count(_FIRST_HOST_PID)

    def new_host_pid(self) -> int:
        """A number for a process as seen from the host; never given twice."""
        return next(self._pids)

    async def run(
        self, container: Container, sandbox: Sandbox, linked: Sequence[str] = ()
    ) -> Runtime:
        """Execute the container's program as PID 1.

        :param linked: variables that its links add.
        :raises StartError: it cannot be executed.
        :raises EngineError: a mount cannot be made.
        """
        fs = self._mounts.file_system(container)
        try:
            machine = self._machine(container, fs, sandbox)
            process = await self._first_process(container, machine, fs, linked)
        except BaseException:
            fs.close()
            self._mounts.unmount(container)
            raise
        return Runtime(fs, machine, process, sandbox)

    def take_apart(self, container: Container, runtime: Runtime) -> None:
        """Its last process has ended: what is in memory goes."""
        runtime.fs.close()
        self._mounts.unmount(container)

    def _machine(self, container: Container, fs: ContainerFs, sandbox: Sandbox) -> ContainerMachine:
        from course_lib.engine.userland.machine import ContainerMachine

        config = container.config
        if len(config.hostname.encode()) > _MAX_HOSTNAME:
            raise SystemFailure(
                f"{RUNC_FAILURE}error during container init: sethostname: invalid argument: unknown"
            )
        passive = container.host_config.passive
        return ContainerMachine(
            container.id,
            config.hostname,
            fs,
            sandbox,
            self._clock,
            self._ids.of(container.id),
            self._environment,
            config.domainname,
            passive.get("PidsLimit"),
            _open_files(passive.get("Ulimits") or ()),
        )

    async def _first_process(
        self,
        container: Container,
        machine: ContainerMachine,
        fs: ContainerFs,
        linked: Sequence[str],
    ) -> Process:
        config = container.config
        argv: Sequence[str] = [container.path, *container.args]
        if container.host_config.init:
            argv = [INIT, "--", *argv]
        working_dir = config.working_dir or "/"
        _require_directory(fs, working_dir)
        spec = ProcessSpec(
            argv=tuple(argv),
            env=tuple(environment(container, tty=config.tty, linked=linked)),
            cwd=working_dir,
            user=config.user,
            groups=tuple(container.host_config.group_add or ()),
            tty=config.tty,
            privileged=container.host_config.privileged,
        )
        stdin, stdout, stderr = container.streams.begin()
        try:
            return await machine.start(spec, stdin, stdout, stderr, container.streams.terminal)
        except (OSError, KeyError) as error:
            if isinstance(error, OSError) and error.errno == errno.ENOEXEC:
                # runc has started by then: the container runs, says so, and ends.
                await stderr.write(f"exec {argv[0]}: exec format error\n".encode())
                _close(stdin, stdout, stderr)
                return cast(Process, FailedProcess(1))
            _close(stdin, stdout, stderr)
            raise _start_error(argv[0], error) from None


def _open_files(ulimits: Sequence[Mapping[str, Any]]) -> tuple[int, int] | None:
    """The soft and the hard limit of open files; None where none is asked for.

    :raises SystemFailure: the soft one is above the hard one; the text is runc's.
    """
    for limit in ulimits:
        if limit.get("Name") == "nofile":
            soft, hard = limit.get("Soft", 0), limit.get("Hard", 0)
            if soft > hard:
                raise SystemFailure(
                    f"{RUNC_FAILURE}error during container init: error setting rlimits for ready "
                    "process: error setting rlimit type 7: invalid argument: unknown"
                )
            return soft, hard
    return None


def _start_error(argv0: str, error: Exception) -> EngineError:
    if isinstance(error, KeyError):  # dockerd itself looks users up
        return SystemFailure(str(error.args[0]))
    return StartError(*start_failure(argv0, error, during_exec=False))


def _require_directory(fs: ContainerFs, path: str) -> None:
    try:
        found = fs.stat(path)
    except OSError:
        return  # made by the machine
    if not stat.S_ISDIR(found.mode):
        raise SystemFailure(f"Cannot mkdir: {path} is not a directory")


def _close(*handles: OpenFile) -> None:
    for handle in handles:
        handle.close()


def environment(container: Container, *, tty: bool, linked: Sequence[str] = ()) -> list[str]:
    """What dockerd gives every process, overridden by the container's own variables.

    :param linked: variables that the container's links add.
    """
    defaults = [f"PATH={DEFAULT_PATH}", f"HOSTNAME={container.config.hostname}"]
    if tty:
        defaults.append("TERM=xterm")
    return replace_or_append([*defaults, *linked], container.config.env or ())


class FailedProcess:
    """Stands for a program that ended before its first instruction."""

    def __init__(self, exit_code: int) -> None:
        self.exit_code = exit_code
        self.pid = 1

    async def wait(self) -> int:
        """It is over already."""
        return self.exit_code

    def kill(self, signum: int = 0) -> None:
        """Nobody is there."""
