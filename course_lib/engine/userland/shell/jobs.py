"""Background jobs of a shell."""

from __future__ import annotations

from dataclasses import dataclass, field

from course_lib.engine.userland import signals
from course_lib.engine.userland.process import ContainerProcess

_REMEMBERED = 64
"""Exit codes kept of jobs that were waited for."""


@dataclass(slots=True)
class Job:
    """A pipeline that runs, is stopped or has ended in the background.

    :ivar leader: PID of its first process, which is its process group under job control.
    :ivar told: the state of it that the user has seen last.
    """

    number: int
    leader: int
    text: str
    members: list[ContainerProcess] = field(default_factory=list)
    told: str = "Running"

    @property
    def state(self) -> str:
        """Running, Stopped, Done, Done(N) or what a signal is called."""
        if self.done:
            return describe(self.status)
        return signals.DESCRIPTIONS[self._alive[-1].stopped_by] if self.stopped else "Running"

    @property
    def _alive(self) -> list[ContainerProcess]:
        return [member for member in self.members if member.exit_code is None]

    @property
    def stopped(self) -> bool:
        """Whether it would go on if it were told to."""
        return bool(self._alive) and all(member.stopped for member in self._alive)

    @property
    def status(self) -> int:
        """Exit code of its last process."""
        return self.members[-1].exit_code or 0

    @property
    def done(self) -> bool:
        """Whether all its processes have ended."""
        return all(member.exit_code is not None for member in self.members)


def describe(status: int) -> str:
    """An exit code as ``jobs`` shows it."""
    if status == 0:
        return "Done"
    if status > 128 and status - 128 in signals.DESCRIPTIONS:
        return signals.DESCRIPTIONS[status - 128]
    return f"Done({status})"


class JobTable:
    """The jobs of one shell; a subshell begins with none."""

    def __init__(self) -> None:
        self._jobs: list[Job] = []
        self._ended: dict[int, int] = {}

    @property
    def all(self) -> list[Job]:
        """In order of their numbers."""
        return list(self._jobs)

    def listed(self, *, newest_first: bool) -> list[Job]:
        """In the order of ``jobs``: ash begins with the current one."""
        if not newest_first:
            return self.all
        current = self.current()
        rest = [job for job in reversed(self._jobs) if job is not current]
        return [current, *rest] if current else rest

    def add(self, members: list[ContainerProcess], text: str) -> Job:
        """A new job with the lowest number above all others."""
        number = max((job.number for job in self._jobs), default=0) + 1
        job = Job(number, members[0].pid, text, members)
        self._jobs.append(job)
        return job

    def remove(self, job: Job) -> None:
        """Forget a job."""
        if job in self._jobs:
            self._jobs.remove(job)

    def waited_for(self, job: Job) -> None:
        """Forget a job, but not how it ended: one may wait for it again."""
        self.remove(job)
        self._ended[job.members[-1].pid] = job.status
        while len(self._ended) > _REMEMBERED:
            del self._ended[next(iter(self._ended))]

    def ended(self, pid: int) -> int | None:
        """Exit code of a job that is no longer listed; None where nothing is known of it."""
        return self._ended.get(pid)

    def current(self) -> Job | None:
        """``%+``: the last stopped job, else the last one."""
        stopped = [job for job in self._jobs if job.stopped]
        if stopped:
            return stopped[-1]
        return self._jobs[-1] if self._jobs else None

    def previous(self) -> Job | None:
        """``%-``."""
        current = self.current()
        rest = [job for job in self._jobs if job is not current]
        return rest[-1] if rest else None

    def find(self, spec: str) -> Job | None:
        """The job that ``%1``, ``%%``, ``%-``, ``%text``, ``%?text`` or a PID means."""
        if spec.isdigit():
            pid = int(spec)
            for job in self._jobs:
                if any(member.pid == pid for member in job.members):
                    return job
            return None
        name = spec.removeprefix("%")
        if name in ("", "%", "+"):
            return self.current()
        if name == "-":
            return self.previous()
        if name.isdigit():
            return next((job for job in self._jobs if job.number == int(name)), None)
        if name.startswith("?"):
            return next((job for job in self._jobs if name[1:] in job.text), None)
        return next((job for job in self._jobs if job.text.startswith(name)), None)
