"""Background jobs of a shell."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from course_lib.engine.userland import signals
from course_lib.engine.userland.process import ContainerProcess


@dataclass(slots=True)
class Job:
    """A pipeline that runs, is stopped or has ended in the background.

    :ivar leader: PID of its first process, which is its process group under job control.
    :ivar told: the state of it that the user has seen last.
    :ivar waited: ``wait`` has told how it ended.
    """

    number: int
    leader: int
    text: str
    members: list[ContainerProcess] = field(default_factory=list)
    told: str = "Running"
    waited: bool = False

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
    """The jobs of one shell; a subshell begins with none.

    :param reuse: as ash's: a new job gets the lowest number that is free, and without job control
        that of a job that has ended and was waited for, which is known until then. Otherwise as
        bash's: one above all others, and what was waited for is forgotten.
    """

    def __init__(self, *, reuse: bool) -> None:
        self._jobs: list[Job] = []
        self._reuse = reuse

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

    def add(self, members: list[ContainerProcess], text: str, *, controlled: bool) -> Job:
        """A new job.

        :param controlled: there is job control, so those that have ended are told of first.
        """
        taken = {job.number for job in self._jobs}
        number = max(taken, default=0) + 1
        if self._reuse:
            if not controlled:
                self._jobs = [job for job in self._jobs if not (job.waited and job.done)]
                taken = {job.number for job in self._jobs}
            number = next(n for n in count(1) if n not in taken)
        job = Job(number, members[0].pid, text, members)
        self._jobs.append(job)
        return job

    def remove(self, job: Job) -> None:
        """Forget a job."""
        if job in self._jobs:
            self._jobs.remove(job)

    def waited_for(self, job: Job) -> None:
        """A job has ended, and somebody knows how."""
        job.waited = True
        if not self._reuse:
            self.remove(job)

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
