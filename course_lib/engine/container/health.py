"""Health checks: a program that is executed in the container again and again.

Follows Moby's ``daemon/health.go``: when probes run, what counts as a failure, when the status
changes. A check of ``NONE``, of nothing, or of a kind that nobody knows is no check.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from signal import SIGKILL
from typing import Any, Literal

from course_lib.engine.clock import Clock
from course_lib.engine.container.container import Container
from course_lib.engine.container.exec import Exec, ExecSpec
from course_lib.engine.container.execs import Execs
from course_lib.engine.container.stdio import Attachment
from course_lib.engine.errdefs import EngineError
from course_lib.engine.store import Record

log = logging.getLogger(__name__)

Status = Literal["starting", "healthy", "unhealthy"]

_SECOND = 1_000_000_000
_DEFAULTS = {
    "Interval": 30 * _SECOND,
    "Timeout": 30 * _SECOND,
    "StartInterval": 5 * _SECOND,
    "StartPeriod": 0,
    "Retries": 3,
}
_REMEMBERED = 5
_MAX_OUTPUT = 4096
_NOT_RUN = -1

Publish = Callable[[Container, str], None]


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One probe. Times are nanoseconds since the epoch; ``exit_code`` -1: it did not end well."""

    start_ns: int
    end_ns: int
    exit_code: int
    output: str


@dataclass(slots=True)
class Health:
    """How a container with a health check is.

    :ivar failing_streak: failures since the last success, those of the start period not counted.
    :ivar results: the newest five.
    """

    status: Status = "starting"
    failing_streak: int = 0
    results: list[ProbeResult] = field(default_factory=list)
    _turned: asyncio.Event = field(default_factory=asyncio.Event, repr=False, compare=False)

    async def turn(self) -> None:
        """Wait for the next probe that changes the status."""
        await self._turned.wait()

    def tell(self) -> None:
        """A probe has changed it: whoever waits goes on."""
        self._turned.set()
        self._turned = asyncio.Event()

    def add(self, result: ProbeResult, *, retries: int, starting_up: bool) -> None:
        """Take note of a probe.

        :param starting_up: it began within the start period of the container.
        """
        self.results = [*self.results, result][-_REMEMBERED:]
        if result.exit_code == 0:
            self.failing_streak = 0
            self.status = "healthy"
        elif self.status != "starting" or not starting_up:
            self.failing_streak += 1
            if self.failing_streak >= retries:
                self.status = "unhealthy"

    def to_record(self) -> Record:
        """What a restart of the engine should find."""
        results = [[r.start_ns, r.end_ns, r.exit_code, r.output] for r in self.results]
        return {"status": self.status, "failing_streak": self.failing_streak, "results": results}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Health:
        """The health that was kept."""
        results = [ProbeResult(*entry) for entry in record["results"]]
        return cls(record["status"], record["failing_streak"], results)


def has_check(container: Container) -> bool:
    """Whether the container is to be probed."""
    test = (container.config.healthcheck or {}).get("Test") or ["NONE"]
    if test[0] not in {"CMD", "CMD-SHELL", "NONE"}:
        log.warning("container %s: unknown health check type %r", container.id, test[0])
    return test[0] in {"CMD", "CMD-SHELL"}


class Monitor:
    """Probes one container until it is cancelled.

    :param publish: publishes an event about the container.
    """

    def __init__(self, container: Container, execs: Execs, clock: Clock, publish: Publish) -> None:
        self._container = container
        self._execs = execs
        self._clock = clock
        self._publish = publish
        check = container.config.healthcheck or {}
        self._settings = {name: check.get(name) or value for name, value in _DEFAULTS.items()}

    async def run(self, health: Health) -> None:
        """Probe at every interval, counted from the end of the probe before."""
        while True:
            await self._clock.sleep(self._interval(health) / _SECOND)
            start_ns = self._clock.time_ns()
            try:
                exit_code, output = await self._probe()
            except EngineError as error:
                exit_code, output = _NOT_RUN, str(error)
            result = ProbeResult(start_ns, self._clock.time_ns(), exit_code, output)
            before = health.status
            health.add(
                result,
                retries=self._settings["Retries"],
                starting_up=self._age(start_ns) < self._settings["StartPeriod"],
            )
            if health.status != before:
                self._publish(self._container, f"health_status: {health.status}")
                health.tell()

    def _interval(self, health: Health) -> int:
        young = self._age(self._clock.time_ns()) < self._settings["StartPeriod"]
        name = "StartInterval" if young and health.status == "starting" else "Interval"
        return self._settings[name]

    def _age(self, time_ns: int) -> int:
        return time_ns - self._container.state.started_ns

    async def _probe(self) -> tuple[int, str]:
        """Exit code and output of one probe; it leaves no process behind.

        :raises EngineError: it cannot be executed.
        """
        instance = self._execs.create(self._container, self._container.id, self._spec())
        attachment = instance.streams.attach(stdout=True, stderr=True)
        output = _Output()
        await self._execs.start(instance)
        reader = asyncio.ensure_future(output.read(attachment))
        timer = asyncio.ensure_future(self._clock.sleep(self._settings["Timeout"] / _SECOND))
        try:
            await asyncio.wait({reader, timer}, return_when=asyncio.FIRST_COMPLETED)
            if not reader.done():
                _kill(instance)
                await reader  # dying probes must not pile up
                seconds = go_duration(self._settings["Timeout"])
                text = f"Health check exceeded timeout ({seconds})"
                return _NOT_RUN, f"{text}: {output}" if output.size else text
        finally:
            timer.cancel()
            if not reader.done():
                _kill(instance)
                reader.cancel()
        return instance.exit_code or 0, str(output)

    def _spec(self) -> ExecSpec:
        config = self._container.config
        test = (config.healthcheck or {})["Test"]
        argv = list(test[1:])
        if not argv:  # (26.1 itself crashes; later releases say this)
            raise EngineError(f"healthcheck for container {self._container.id} has no command")
        if test[0] == "CMD-SHELL":
            argv = [*(config.shell or ("/bin/sh", "-c")), *argv]
        return ExecSpec(argv, attach_stdout=True, attach_stderr=True)


class _Output:
    """What a probe says, up to a limit."""

    def __init__(self) -> None:
        self.size = 0
        self._kept = bytearray()

    async def read(self, attachment: Attachment) -> None:
        while (item := await attachment.next()) is not None:
            self.size += len(item[1])
            self._kept += item[1][: _MAX_OUTPUT - len(self._kept)]

    def __str__(self) -> str:
        return self._kept.decode(errors="replace") + ("..." if self.size > _MAX_OUTPUT else "")


def _kill(instance: Exec) -> None:
    if instance.process is not None:
        instance.process.kill(SIGKILL)


def go_duration(nanoseconds: int) -> str:
    """A span of at least a millisecond as Go prints it: ``300ms``, ``1.5s``, ``1m0s``."""
    if nanoseconds < _SECOND:
        return f"{nanoseconds / 1e6:.6f}".rstrip("0").rstrip(".") + "ms"
    minutes, rest = divmod(nanoseconds, 60 * _SECOND)
    seconds = f"{rest // _SECOND}.{rest % _SECOND:09d}".rstrip("0").rstrip(".") + "s"
    if not minutes:
        return seconds
    return f"{minutes // 60}h{minutes % 60}m{seconds}" if minutes >= 60 else f"{minutes}m{seconds}"
