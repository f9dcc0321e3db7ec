"""Starting and ending containers, and what follows from their end.

Order of steps, events and texts as in dockerd (``daemon/start.go``, ``stop.go``, ``kill.go``,
``monitor.go``).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal as signals
from collections.abc import Awaitable, Callable

from course_lib.engine.clock import Clock
from course_lib.engine.container.assembly import Assembler, StartError
from course_lib.engine.container.container import Container, NotRunning, Restarting, Runtime
from course_lib.engine.container.execs import Execs
from course_lib.engine.container.networking import ContainerNetworks
from course_lib.engine.container.signals import parse_signal
from course_lib.engine.errdefs import Conflict, EngineError, NotModified, SystemFailure
from course_lib.engine.events import Events
from course_lib.engine.store import Store

log = logging.getLogger(__name__)

DEFAULT_STOP_TIMEOUT = 10
_UNKNOWN_FAILURE = 128
_LOST = 255

Remove = Callable[[Container], Awaitable[None]]


class Lifecycle:
    """Moves containers from state to state; keeps their records up to date.

    :ivar auto_remove: called for a container with ``--rm`` that has ended.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        events: Events,
        assembler: Assembler,
        networks: ContainerNetworks,
        execs: Execs,
    ) -> None:
        self._store = store
        self._clock = clock
        self._events = events
        self._assembler = assembler
        self._networks = networks
        self._execs = execs
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self.auto_remove: Remove | None = None

    def save(self, container: Container) -> None:
        """Write down what the container is; its state by :meth:`save_state`."""
        self._store.write("containers", container.id, container.to_record())

    def save_state(self, container: Container) -> None:
        """Write down in which state it is: small, because it changes with every start and end."""
        self._store.write("container-states", container.id, container.state_record())

    def publish(self, container: Container, action: str, **attributes: str) -> None:
        """Publish an event about a container."""
        self._events.publish(
            "container", action, container.id, {**container.event_attributes(), **attributes}
        )

    # --- start ---------------------------------------------------------------------------

    async def start(self, container: Container) -> None:
        """Start a container on a user's behalf.

        :raises NotModified: it runs. :raises Conflict: it is paused or being removed.
        :raises StartError: its program cannot be executed. :raises EngineError: a network,
            port, mount … is not to be had.
        """
        self.check_startable(container)
        try:
            async with container.lock:
                if container.state.running:
                    return
                self._refuse_removal(container)
                container.restart.reset()
                container.stopped_by_hand = False
                await self._run(container)
        except BaseException:
            await self._remove_automatically(container)
            raise

    def check_startable(self, container: Container) -> None:
        """Refuse a start that cannot be."""
        if container.state.paused:
            raise Conflict("cannot start a paused container, try unpause instead")
        if container.state.running:
            raise NotModified("container is already running")
        self._refuse_removal(container)

    @staticmethod
    def _refuse_removal(container: Container) -> None:
        if container.state.removing or container.state.dead:
            raise Conflict("container is marked for removal and cannot be started")

    async def _run(self, container: Container) -> None:
        try:
            sandbox = await self._networks.attach(container)
            linked = self._networks.linking.environment(container)
            runtime = await self._assembler.run(container, sandbox, linked)
        except Exception as error:
            await self._start_failed(container, error)
            if isinstance(error, EngineError):
                raise
            if isinstance(error, OSError):
                raise SystemFailure(f"{error.strerror or error}: {error.filename}") from None
            raise
        container.runtime = runtime
        container.state.set_running(self._assembler.new_host_pid(), self._clock.time_ns())
        self._begin_probing(container, anew=True)
        self.save_state(container)
        self.publish(container, "start")
        runtime.watcher = self._spawn(self._watch(container, runtime))

    async def _start_failed(self, container: Container, error: Exception) -> None:
        state = container.state
        state.error = str(error)
        if isinstance(error, StartError):
            state.exit_code = error.exit_code
        elif state.exit_code == 0:
            state.exit_code = _UNKNOWN_FAILURE
        container.streams.abort()
        await self._networks.release(container)
        if state.running:  # a restart that failed
            state.set_stopped(state.exit_code, self._clock.time_ns())
        self.save_state(container)

    # --- end -----------------------------------------------------------------------------

    async def _watch(self, container: Container, runtime: Runtime) -> None:
        exit_code = await runtime.process.wait()
        async with container.lock:
            await self._ended(container, runtime, exit_code)
        await self._remove_automatically(container)

    async def _ended(self, container: Container, runtime: Runtime, exit_code: int) -> None:
        state = container.state
        await container.streams.end(self._clock)
        self._end_probing(container)
        container.runtime = None
        await self._networks.release(container)
        self._assembler.take_apart(container, runtime)
        now = self._clock.time_ns()
        ran_for = (now - state.started_ns) / 1e9
        delay = (
            None
            if self._closing
            else container.restart.next_delay(exit_code, container.stopped_by_hand, ran_for)
        )
        if delay is None:
            state.set_stopped(exit_code, now)
        else:
            state.set_restarting(exit_code, now)
        self.save_state(container)
        self.publish(container, "die", exitCode=str(exit_code), execDuration=str(int(ran_for)))
        if delay is not None:
            container.restart_task = self._spawn(self._restart_later(container, delay))

    async def _restart_later(self, container: Container, delay: float) -> None:
        await self._clock.sleep(delay)
        async with container.lock:
            container.restart_task = None
            if not container.state.restarting or container.state.removing:
                return
            with contextlib.suppress(EngineError):  # kept in State.Error, as dockerd does
                await self._run(container)

    async def _remove_automatically(self, container: Container) -> None:
        """Remove a container with ``--rm`` that does not run any more."""
        state = container.state
        if not container.host_config.auto_remove or state.running or self._closing:
            return
        if self.auto_remove is None or state.removed or state.removing:
            return
        try:
            await self.auto_remove(container)
        except EngineError as error:
            log.error("cannot remove container %s: %s", container.id, error)

    def _cancel_restart(self, container: Container) -> bool:
        """End the wait for the next start, if the container is in one."""
        if container.restart_task is None:
            return False
        container.restart_task.cancel()
        container.restart_task = None
        container.state.set_stopped(container.state.exit_code, self._clock.time_ns())
        self.save_state(container)
        return True

    # --- signals -------------------------------------------------------------------------

    def signal(self, container: Container, signum: int) -> None:
        """Send a signal to PID 1 and note what it means for the restart policy.

        :raises NotRunning: nothing runs.
        """
        if not container.state.running:
            raise NotRunning(container)
        stop_signal = container.config.stop_signal
        final = not stop_signal or signum == signals.SIGKILL or parse_signal(stop_signal) == signum
        if final:
            container.restart.cancelled = True
        if not container.stopped_by_hand:
            container.stopped_by_hand = True
            if container.restart.policy.name != "no":  # what a restart of the engine goes by
                self.save_state(container)
        if self._cancel_restart(container) or container.runtime is None:
            return
        machine = container.runtime.machine
        # A frozen process takes a signal only when it is thawed.
        thaw = container.state.paused and final
        with contextlib.suppress(ProcessLookupError):
            machine.signal(1, signum)
        if thaw:
            machine.unpause()
            container.state.paused = False
        self.publish(container, "kill", signal=str(int(signum)))

    async def kill(self, container: Container, signum: int = signals.SIGKILL) -> None:
        """``docker kill``: after SIGKILL the container has ended when this returns."""
        async with container.lock:  # a restart that is under way gets it too
            self.signal(container, signum)
        if signum == signals.SIGKILL:
            await container.state.wait("not-running")

    async def stop(
        self, container: Container, timeout: int | None = None, signal_name: str = ""
    ) -> None:
        """Ask PID 1 to end, and end it after ``timeout`` seconds (negative: wait for ever).

        :raises NotModified: it does not run.
        """
        if not container.state.running:
            raise NotModified("container is already stopped")
        await self.stop_if_running(container, timeout, signal_name)

    async def stop_if_running(
        self, container: Container, timeout: int | None = None, signal_name: str = ""
    ) -> None:
        """As :meth:`stop`, without complaint where nothing runs."""
        config = container.config
        signum = parse_signal(signal_name or config.stop_signal or "SIGTERM")
        if timeout is None:
            timeout = DEFAULT_STOP_TIMEOUT if config.stop_timeout is None else config.stop_timeout
        async with container.lock:
            if not container.state.running:
                return
            self.signal(container, signum)
        if not await self._ends_within(container, timeout):
            with contextlib.suppress(NotRunning):
                await self.kill(container)
        self.publish(container, "stop")

    async def _ends_within(self, container: Container, timeout: int) -> bool:
        if not container.state.running:
            return True
        ended = asyncio.ensure_future(container.state.wait("not-running"))
        waits: set[asyncio.Future[object]] = {ended}  # type: ignore[arg-type]
        if timeout >= 0:
            waits.add(asyncio.ensure_future(self._clock.sleep(timeout)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return ended.done()
        finally:
            for task in waits:
                task.cancel()

    async def restart(
        self, container: Container, timeout: int | None = None, signal_name: str = ""
    ) -> None:
        """Stop it if it runs, and start it."""
        if container.state.running:
            automatic, container.host_config.auto_remove = container.host_config.auto_remove, False
            try:
                await self.stop_if_running(container, timeout, signal_name)
                async with container.lock:
                    pass  # its watcher has put everything away
            finally:
                container.host_config.auto_remove = automatic
        await self.start(container)
        self.publish(container, "restart")

    # --- freezing ------------------------------------------------------------------------

    def pause(self, container: Container) -> None:
        """Freeze all processes."""
        runtime = self._running(container)
        if container.state.paused:
            raise Conflict(f"Container {container.id} is already paused")
        if container.state.restarting:
            raise Restarting(container)
        self._end_probing(container)
        runtime.machine.pause()
        container.state.paused = True
        self.publish(container, "pause")
        self.save_state(container)

    def unpause(self, container: Container) -> None:
        """Let them run on."""
        if not container.state.paused:
            raise EngineError(f"Container {container.id} is not paused")
        self._running(container).machine.unpause()
        container.state.paused = False
        self._begin_probing(container, anew=False)
        self.publish(container, "unpause")
        self.save_state(container)

    @staticmethod
    def _running(container: Container) -> Runtime:
        if container.runtime is None:
            raise NotRunning(container)
        return container.runtime

    # --- health --------------------------------------------------------------------------

    def _begin_probing(self, container: Container, *, anew: bool) -> None:
        """Run the container's health check, if it has one, from now on."""
        if not container.config.healthcheck:
            return
        from course_lib.engine.container.health import Health, Monitor, has_check

        runtime = container.runtime
        if runtime is None or not has_check(container):
            return
        health = container.state.health = container.state.health or Health()
        if anew:
            health.status, health.failing_streak = "starting", 0
        monitor = Monitor(container, self._execs, self._clock, self.publish)
        runtime.probing = self._spawn(monitor.run(health))

    def _end_probing(self, container: Container) -> None:
        """Nobody looks any more: as good as unhealthy (Moby: ``CloseMonitorChannel``)."""
        runtime, health = container.runtime, container.state.health
        if runtime is not None and runtime.probing is not None and health is not None:
            runtime.probing.cancel()
            runtime.probing = None
            health.status = "unhealthy"

    # --- the engine's own start and end --------------------------------------------------

    def recover(self, container: Container) -> bool:
        """After the engine has come up again: what ran is over.

        :returns: whether its restart policy wants it started.
        """
        state = container.state
        lost = state.running
        if lost:
            state.set_stopped(_LOST, self._clock.time_ns())
            self.save_state(container)
        policy = container.restart.policy.name
        if policy == "always":
            return bool(state.started_ns)
        if policy == "unless-stopped":
            return bool(state.started_ns) and not container.stopped_by_hand
        return policy == "on-failure" and lost and state.exit_code != 0

    async def start_again(self, container: Container) -> None:
        """Start a container because of its policy; a failure stays in its state."""
        async with container.lock:
            if not container.state.running:
                with contextlib.suppress(EngineError):
                    await self._run(container)

    async def close(self, containers: list[Container], grace: float) -> None:
        """The engine ends: so do all containers, asked first, and made to after ``grace`` s."""
        self._closing = True
        running = []
        for container in containers:
            if self._cancel_restart(container) or container.runtime is None:
                continue
            running.append(container)
            machine = container.runtime.machine
            with contextlib.suppress(ProcessLookupError, EngineError):
                machine.signal(1, parse_signal(container.config.stop_signal or "SIGTERM"))
            machine.unpause()
        waits = [asyncio.ensure_future(c.state.wait("not-running")) for c in running]
        if waits:
            await asyncio.wait(waits, timeout=grace)
        for container in running:
            if container.runtime is not None:
                with contextlib.suppress(ProcessLookupError):
                    container.runtime.machine.signal(1, signals.SIGKILL)
        if waits:
            await asyncio.wait(waits, timeout=grace)
        for task in [*waits, *self._tasks]:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1)

    def _spawn(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        assert isinstance(task, asyncio.Task)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("container task failed", exc_info=task.exception())
