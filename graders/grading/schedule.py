"""Keeps the cores busy: which submission starts when.

Grading waits a lot (for pings, for services that start), so more submissions than cores run at
once, as long as the cores have time left for them.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil

from course_lib import cores
from course_lib.catalog import course
from graders.grading.job import Job, Row
from graders.grading.model import SubmissionResult
from graders.grading.warm import LATE_SECONDS, Task, WarmParent

PER_CORE = 4
"""Submissions at once for each core, at most, where nobody said how many."""
BUSY_PERCENT = 90.0
LOOK_SECONDS = 0.05
TICK_SECONDS = 1.0


def has_fixed_ports(assignment: str) -> bool:
    """Whether its submissions get in each other's way where they share the machine's network."""
    lessons = [one for one in course().lessons() if one.assignment == assignment]
    return not lessons or any(lesson.ports for lesson in lessons)


class Pool:
    """Runs jobs in forks of a warm parent.

    :param workers: how many at once; None: as many as the cores have time for.
    """

    def __init__(self, warm: WarmParent, workers: int | None = None) -> None:
        self._warm = warm
        self._sure = workers or cores.usable()
        self._most = workers or cores.usable() * PER_CORE
        self._tasks: dict[Task, Job] = {}
        self._looked = 0.0
        self._busy = 100.0

    def run(
        self,
        jobs: Iterator[Job | Row],
        save: Callable[[Job, SubmissionResult], Row],
        tell: Callable[[Row], None],
    ) -> None:
        """Run them all; ``tell`` is given a row as soon as a submission is done."""
        more = True
        with selectors.DefaultSelector() as selector:
            try:
                while more or self._tasks:
                    while more and self._has_room():
                        job = next(jobs, None)
                        if job is None:
                            more = False
                        elif isinstance(job, Row):
                            tell(job)
                        else:
                            task = self._warm.submit(job.submission)
                            self._tasks[task] = job
                            selector.register(task, selectors.EVENT_READ)
                    self._collect(selector, save, tell, wait=bool(self._tasks))
            except BaseException:
                for task in self._tasks:
                    task.kill()
                raise

    def _collect(self, selector: Any, save: Any, tell: Any, *, wait: bool) -> None:
        if not wait:
            return
        # Whether the cores have time for one more is asked now and then.
        full = len(self._tasks) >= self._most
        for key, _ in selector.select(TICK_SECONDS if full else LOOK_SECONDS):
            task = key.fileobj
            descriptor = task.fileno()
            result = task.receive()
            if result is not None:
                selector.unregister(descriptor)
                tell(save(self._tasks.pop(task), result))
        for task, job in self._tasks.items():
            limit = job.submission.limits.submission_seconds + LATE_SECONDS
            if time.monotonic() - task.begun > limit:
                task.kill()

    def _has_room(self) -> bool:
        running = len(self._tasks)
        if running < self._sure or running >= self._most:
            return running < self._sure
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._busy = psutil.cpu_percent()
            self._looked = now
            return self._busy < BUSY_PERCENT
        return False
