"""Submissions to a Dask cluster: ``course autograde --dask ADDRESS``.

Dask schedules, brings documents and results from machine to machine, and begins anew elsewhere
what a dead worker was at. Here is only what it cannot know: the same package everywhere, how many
submissions to hand over at a time, and what a failure means for a student.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from course_lib.errors import CourseError
from graders.grading import handshake
from graders.grading.job import Job, Row
from graders.grading.model import SubmissionResult

CONNECT_SECONDS = 20
LOOK_SECONDS = 1.0
ALONE_SECONDS = 60.0
"""So long without any worker (a nanny may be starting one anew), and the run ends."""
AHEAD = 2
"""Submissions handed over for each thread of a worker: one to run, one to go on with."""


class Cluster:
    """A Dask cluster that grades; in place of :class:`graders.grading.schedule.Pool`.

    :param address: of the scheduler, as ``tcp://host:8786``.
    :param most: submissions at once; None: as many as the workers have threads for.
    :param warn: told what does not protect the workers' machines from students' code.
    :raises CourseError: it does not answer, or its workers cannot grade as this machine would.
    """

    def __init__(
        self, address: str, most: int | None = None, warn: Callable[[str], None] = lambda _: None
    ) -> None:
        try:
            import distributed
        except ImportError:
            raise CourseError(
                "--dask needs the package distributed",
                'pip install "docker-networking-volumes-course[grading]"',
            ) from None
        # Its log repeats what is said here in one line.
        logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)
        try:
            self._client: Any = distributed.Client(
                address, timeout=CONNECT_SECONDS, set_as_default=False, name="course-autograde"
            )
        except (OSError, ValueError, TypeError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise CourseError(f"no Dask scheduler answers at {address}: {reason}") from None
        self._address = address
        self._most = most
        self._run = f"course-autograde-{uuid.uuid4().hex}"
        self._seen = time.monotonic()
        self._done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._jobs: dict[str, Job] = {}
        self._futures: dict[str, Any] = {}
        try:
            self._shake_hands(warn)
        except BaseException:
            self.close()
            raise

    def _shake_hands(self, warn: Callable[[str], None]) -> None:
        import cloudpickle

        from graders.grading.cluster_worker import WarmPlugin, describe

        try:
            self._client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError:
            raise CourseError(
                f"the Dask scheduler at {self._address} has no workers",
                f"dask worker {self._address}",
            ) from None
        cloudpickle.register_pickle_by_value(handshake)
        try:
            found = self._client.run(handshake.look)
            self._client.register_plugin(handshake.farewell(self._run, self._client.id))
        finally:
            cloudpickle.unregister_pickle_by_value(handshake)
        mine = describe()
        for worker, theirs in sorted(found.items()):
            reason = mismatch(mine, theirs)
            if reason:
                raise CourseError(f"the Dask worker {worker} {reason}")
            if theirs["weakness"]:
                warn(f"on the Dask worker {worker} {theirs['weakness']}")
        self._client.register_plugin(WarmPlugin(self._run))

    def run(
        self,
        jobs: Iterator[Job | Row],
        save: Callable[[Job, SubmissionResult], Row],
        tell: Callable[[Row], None],
    ) -> None:
        """Run them all; ``tell`` is given a row as soon as a submission is done.

        :raises CourseError: the cluster is gone. What is graded stays graded.
        """
        more = True
        try:
            while more or self._jobs:
                while more and len(self._jobs) < self._room():
                    job = next(jobs, None)
                    if job is None:
                        more = False
                    elif isinstance(job, Row):
                        tell(job)
                    else:
                        self._submit(job)
                self._collect(save, tell)
        except BaseException:
            with contextlib.suppress(Exception):
                self._client.cancel(list(self._futures.values()), force=True)
            raise

    def _room(self) -> int:
        """How many may be under way."""
        try:
            threads = int(sum(self._client.nthreads().values()))
        except Exception:  # whatever Dask's connection says when nobody is there
            raise self._gone() from None
        if threads:
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > ALONE_SECONDS:
            raise CourseError(
                f"the Dask scheduler at {self._address} has lost all its workers",
                "what is graded stays graded; the same command goes on",
            )
        return min(threads * AHEAD, self._most or threads * AHEAD)

    def _submit(self, job: Job) -> None:
        from graders.grading.cluster_worker import grade

        key = f"{self._run}-{job.student}"
        # As part of the task, not scattered before: data that was scattered to a worker is lost
        # with it, a task's own goes to the next.
        future = self._client.submit(
            grade, job.submission.to_json(), self._run, key=key, pure=False
        )
        self._jobs[key], self._futures[key] = job, future
        future.add_done_callback(self._done.put)

    def _collect(self, save: Any, tell: Any) -> None:
        if not self._jobs:
            return
        try:
            future = self._done.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            if self._client.status != "running":
                raise self._gone() from None
            return
        if future.status == "cancelled":
            raise self._gone()
        job = self._jobs[future.key]
        try:
            result = SubmissionResult.from_json(future.result(timeout=LOOK_SECONDS * 10))
        except TimeoutError:
            # It was on a worker that died after all, and is graded again.
            future.add_done_callback(self._done.put)
            return
        except Exception as error:  # Dask's KilledWorker; a worker without the plugin; ...
            problem = f"Dask could not grade it: {type(error).__name__}: {error}"
            result = SubmissionResult(job.student, job.assignment, problem=problem)
        del self._jobs[future.key], self._futures[future.key]
        tell(save(job, result))

    def _gone(self) -> CourseError:
        return CourseError(
            f"the Dask scheduler at {self._address} is gone",
            "what is graded stays graded; the same command goes on",
        )

    def close(self) -> None:
        """Leave; what still runs there for us ends by it."""
        with contextlib.suppress(Exception):
            self._client.close(timeout=CONNECT_SECONDS)


def mismatch(mine: dict[str, Any], theirs: dict[str, Any]) -> str:
    """Why a worker does not grade as this machine would; empty where it does."""
    if "missing" in theirs:
        return f"has no such package: {theirs['missing']}"
    if theirs["release"] != mine["release"]:
        return f"has release {theirs['release']} of the course, here it is {mine['release']}"
    if theirs["files"] != mine["files"]:
        return f"has other files of the course's release {mine['release']} than there are here"
    if not theirs["docker"]:
        return "has no docker command (`course doctor` there says how to get one)"
    if not theirs["confined"]:
        return "cannot keep submissions apart: its system has neither namespaces nor Landlock"
    return ""
