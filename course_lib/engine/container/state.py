"""The state of a container and who waits for it to change (Moby: ``container/state.go``)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

from course_lib.engine.store import Record

if TYPE_CHECKING:
    from course_lib.engine.container.health import Health

Status = Literal["created", "running", "paused", "restarting", "removing", "exited", "dead"]
Condition = Literal["not-running", "next-exit", "removed"]

_KEPT = (
    "running",
    "paused",
    "restarting",
    "dead",
    "pid",
    "exit_code",
    "error",
    "started_ns",
    "finished_ns",
)


class State:
    """Flags, exit code and times. Times are nanoseconds since the epoch, 0 for never.

    As in dockerd a restarting container counts as running.

    :ivar health: of a container with a health check, once it was started.
    """

    __slots__ = (*_KEPT, "_exit_waiters", "_removal_waiters", "health", "removed", "removing")

    def __init__(self) -> None:
        self.running = False
        self.paused = False
        self.restarting = False
        self.removing = False
        self.dead = False
        self.removed = False
        self.pid = 0
        self.exit_code = 0
        self.error = ""
        self.started_ns = 0
        self.finished_ns = 0
        self.health: Health | None = None
        self._exit_waiters: list[asyncio.Future[tuple[int, str]]] | None = None
        self._removal_waiters: list[asyncio.Future[tuple[int, str]]] | None = None

    @property
    def status(self) -> Status:
        """The one word that ``docker inspect`` shows."""
        if self.running:
            if self.paused:
                return "paused"
            return "restarting" if self.restarting else "running"
        if self.removing:
            return "removing"
        if self.dead:
            return "dead"
        return "exited" if self.started_ns else "created"

    def set_running(self, pid: int, now_ns: int) -> None:
        """PID 1 runs."""
        self.running = True
        self.paused = self.restarting = False
        self.pid = pid
        self.exit_code = 0
        self.error = ""
        self.started_ns = now_ns

    def set_stopped(self, exit_code: int, now_ns: int) -> None:
        """It has ended and stays so."""
        self.running = self.paused = self.restarting = False
        self._ended(exit_code, now_ns)

    def set_restarting(self, exit_code: int, now_ns: int) -> None:
        """It has ended and will be started again."""
        self.running = self.restarting = True
        self.paused = False
        self._ended(exit_code, now_ns)

    def set_removed(self) -> None:
        """Nothing of it is left."""
        self.error = ""
        self.removed = True
        self._notify("_removal_waiters")
        self._notify("_exit_waiters")

    def _ended(self, exit_code: int, now_ns: int) -> None:
        self.pid = 0
        self.exit_code = exit_code
        self.finished_ns = now_ns
        self._notify("_exit_waiters")

    async def wait(self, condition: Condition = "not-running") -> tuple[int, str]:
        """Wait; gives the exit code and the error of a failed start, if any."""
        if (condition == "not-running" and not self.running) or (
            condition == "removed" and self.removed
        ):
            return self.exit_code, self.error
        future: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        name = "_removal_waiters" if condition == "removed" else "_exit_waiters"
        waiters = getattr(self, name)
        if waiters is None:
            waiters = []
            setattr(self, name, waiters)
        waiters.append(future)
        return await future

    def _notify(self, name: str) -> None:
        waiters: list[asyncio.Future[tuple[int, str]]] | None = getattr(self, name)
        setattr(self, name, None)
        for future in waiters or ():
            if not future.done():
                future.set_result((self.exit_code, self.error))

    def to_record(self) -> Record:
        """What a restart of the engine should find."""
        record: Record = {name: getattr(self, name) for name in _KEPT}
        if self.health is not None:
            record["health"] = self.health.to_record()
        return record

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> State:
        """The state that was kept."""
        state = cls()
        for name in _KEPT:
            setattr(state, name, record[name])
        if "health" in record:
            from course_lib.engine.container.health import Health

            state.health = Health.from_record(record["health"])
        return state
