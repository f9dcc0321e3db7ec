"""Creates, runs and remembers exec instances (Moby: ``daemon/exec.go``)."""

from __future__ import annotations

import asyncio
import errno
import stat
from collections.abc import Awaitable, Callable, Sequence

from course_lib.engine.clock import Clock
from course_lib.engine.container.assembly import environment
from course_lib.engine.container.container import Container, NotRunning, Restarting, Runtime
from course_lib.engine.container.exec import Exec, ExecSpec, start_failure
from course_lib.engine.container.merge import replace_or_append
from course_lib.engine.container.stdio import Streams
from course_lib.engine.errdefs import Conflict, InvalidParameter, NotFound, SystemFailure
from course_lib.engine.events import Events
from course_lib.engine.ids import Identities
from course_lib.engine.interfaces import ProcessSpec

_REMEMBERED_S = 600
"""How long an ended instance can still be inspected."""
_AFTERWARDS_NS = 1_000_000_000
"""The same where its container has been removed. Dockerd takes a moment to remove one, in which the
client of ``docker exec`` asks what came of its program."""
_FAILED = 126

Spawn = Callable[[Awaitable[None]], object]


class NoSuchExec(NotFound):
    """``No such exec instance: ID``."""

    def __init__(self, exec_id: str) -> None:
        super().__init__(f"No such exec instance: {exec_id}")


class Execs:
    """All exec instances of the engine."""

    def __init__(
        self,
        clock: Clock,
        ids: Identities,
        events: Events,
        new_host_pid: Callable[[], int],
        link_environment: Callable[[Container], Sequence[str]],
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._events = events
        self._new_host_pid = new_host_pid
        self._link_environment = link_environment
        self._all: dict[str, Exec] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def create(self, container: Container, reference: str, spec: ExecSpec) -> Exec:
        """Register an instance; nothing runs yet.

        :param reference: what the client called the container, for error texts.
        :raises Conflict: the container does not run, or is paused.
        :raises SystemFailure: it is linked to a container that does not run.
        """
        state = container.state
        if not state.running:
            raise NotRunning(container)
        if state.paused:
            raise Conflict(f"Container {reference} is paused, unpause the container before exec")
        if state.restarting:
            raise Restarting(container)
        self._forget_old()
        spec.user = spec.user or container.config.user
        spec.working_dir = spec.working_dir or container.config.working_dir
        spec.env = replace_or_append(
            environment(container, tty=spec.tty, linked=self._link_environment(container)), spec.env
        )
        streams = Streams(None, tty=spec.tty, open_stdin=spec.attach_stdin, stdin_once=True)
        instance = Exec(self._ids.new_id(), container, spec, streams)
        self._all[instance.id] = instance
        if container.execs is None:
            container.execs = {}
        container.execs[instance.id] = instance
        self._publish(instance, f"exec_create: {instance.title}")
        return instance

    def get(self, exec_id: str) -> Exec:
        """An instance by its full ID.

        :raises NotFound: there is none, or its container is gone.
        """
        instance = self._all.get(exec_id)
        if instance is None or self._is_gone(instance):
            raise NoSuchExec(exec_id)
        return instance

    def get_startable(self, exec_id: str) -> Exec:
        """As :meth:`get`, for an instance that is about to be started or resized."""
        instance = self.get(exec_id)
        container = instance.container
        if not container.state.running:
            raise NotRunning(container)
        if container.state.paused:
            raise Conflict(f"Container {container.id} is paused, unpause the container before exec")
        if container.state.restarting:
            raise Restarting(container)
        return instance

    async def start(self, instance: Exec, console_size: tuple[int, int] | None = None) -> None:
        """Run it; returns when it runs.

        :raises Conflict: it has been started before. :raises InvalidParameter: it cannot be
            executed; the text is runc's.
        """
        if instance.exit_code is not None:
            raise Conflict(f"Error: Exec command {instance.id} has already run")
        if instance.running:
            raise Conflict(f"Error: Exec command {instance.id} is already running")
        runtime = self.get_startable(instance.id).container.runtime
        if runtime is None:
            raise NotRunning(instance.container)
        instance.running = True
        self._publish(instance, f"exec_start: {instance.title}")
        size = console_size or instance.spec.console_size
        if size is not None:
            instance.streams.resize(*size)
        try:
            await self._execute(instance, runtime)
        except BaseException:
            instance.running = False
            self._over(instance, _FAILED)
            instance.streams.abort()
            raise
        task = asyncio.create_task(self._watch(instance))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _execute(self, instance: Exec, runtime: Runtime) -> None:
        spec = instance.spec
        self._check_directory(instance, runtime)
        process = ProcessSpec(
            argv=tuple(spec.argv),
            env=tuple(spec.env),
            cwd=spec.working_dir or "/",
            user=spec.user,
            groups=tuple(instance.container.host_config.group_add or ()),
            tty=spec.tty,
            privileged=spec.privileged,
        )
        handles = instance.streams.begin()
        try:
            instance.process = await runtime.machine.start(
                process, *handles, instance.streams.terminal
            )
        except (OSError, KeyError) as error:
            if isinstance(error, KeyError):
                raise SystemFailure(str(error.args[0])) from None
            if error.errno == errno.ESRCH:  # PID 1 has just ended
                raise NotRunning(instance.container) from None
            raise InvalidParameter(
                start_failure(spec.argv[0], error, during_exec=True)[0]
            ) from None
        finally:
            if instance.process is None:
                for handle in handles:
                    handle.close()
        instance.pid = self._new_host_pid()

    @staticmethod
    def _check_directory(instance: Exec, runtime: Runtime) -> None:
        path = instance.spec.working_dir
        prefix = "OCI runtime exec failed: exec failed: "
        if path and not path.startswith("/"):
            raise InvalidParameter(prefix + "Cwd must be an absolute path: unknown")
        try:
            if path and not stat.S_ISDIR(runtime.fs.stat(path).mode):
                raise NotADirectoryError(errno.ENOTDIR, "Not a directory")
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise InvalidParameter(
                f'{prefix}unable to start container process: chdir to cwd ("{path}") set in '
                f"config.json failed: {reason}: unknown"
            ) from None

    async def _watch(self, instance: Exec) -> None:
        assert instance.process is not None
        exit_code = await instance.process.wait()
        instance.running = False
        self._over(instance, exit_code)
        await instance.streams.end(self._clock)
        self._publish(instance, "exec_die", exitCode=str(exit_code))

    def _over(self, instance: Exec, exit_code: int) -> None:
        instance.exit_code = exit_code
        instance.ended_ns = self._clock.time_ns()
        if instance.container.execs is not None:
            instance.container.execs.pop(instance.id, None)

    def _publish(self, instance: Exec, action: str, **attributes: str) -> None:
        container = instance.container
        self._events.publish(
            "container",
            action,
            container.id,
            {**container.event_attributes(), "execID": instance.id, **attributes},
        )

    def _is_gone(self, instance: Exec) -> bool:
        """Whether it went with its container."""
        if not instance.container.state.removed:
            return False
        ended_ns = instance.ended_ns if instance.exit_code is not None else 0
        return self._clock.time_ns() - ended_ns >= _AFTERWARDS_NS

    def _forget_old(self) -> None:
        limit = self._clock.time_ns() - _REMEMBERED_S * 1_000_000_000
        for exec_id, instance in list(self._all.items()):
            if self._is_gone(instance) or (
                instance.exit_code is not None and instance.ended_ns < limit
            ):
                del self._all[exec_id]
            elif instance.exit_code is None or instance.ended_ns >= limit:
                break  # in order of creation: the rest is younger
