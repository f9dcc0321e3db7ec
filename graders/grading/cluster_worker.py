"""The worker's side of ``course autograde --dask``.

A Dask worker runs its tasks in threads, and a process with threads must not fork and go on. So
the warm parent is the same process of its own as on one machine, started by a plugin of the
worker; a task hands it a submission and waits. It ends with the worker, however that ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import course_lib
import graders
from course_lib import catalog, clients
from graders.grading.model import Submission, SubmissionResult
from graders.grading.schedule import has_fixed_ports
from graders.grading.warm import LATE_SECONDS, WarmParent

try:
    from distributed import WorkerPlugin, get_client, get_worker
except ImportError:  # whoever grades on one machine needs none of it
    WorkerPlugin = object

PACKAGE = "docker-networking-volumes-course"
STARTS = 2
"""So often a submission may be begun by a worker that then dies."""
_SCRATCH = "dask-scratch-space"


def describe() -> dict[str, Any]:
    """This machine's package (its release, a digest of its files), and what it can do."""
    try:
        release = version(PACKAGE)
    except PackageNotFoundError:
        release = "unknown"
    return {
        "release": release, "files": digest(), "docker": clients.find() is not None,
        **confinement(),
    }  # fmt: skip


@cache
def confinement() -> Mapping[str, Any]:
    """How this system keeps submissions apart: see :func:`graders.grading.reach.confinement`."""
    # In a process of its own: looking forks, which one with threads must not.
    look = "import json; from graders.grading import reach; print(json.dumps(reach.confinement()))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, check=True)
    found: Mapping[str, Any] = json.loads(done.stdout)
    return found


def digest() -> str:
    """Of all that decides a score: code, the engine's images, the table of exercises."""
    found = hashlib.sha256()
    for package in (course_lib, graders):
        folder = Path(str(package.__file__)).parent
        for path in sorted(folder.rglob("*")):
            # The lessons are in there only where the package was installed from a wheel.
            if path.is_file() and not {"__pycache__", "_notebooks"} & set(path.parts):
                name = path.relative_to(folder)
                found.update(f"{folder.name}/{name}".encode() + path.read_bytes())
    found.update((catalog.course().folder / catalog.TABLE).read_bytes())
    return found.hexdigest()


class WarmPlugin(WorkerPlugin):  # type: ignore[misc]
    """Keeps a warm parent beside the worker for one run of ``course autograde``."""

    def __init__(self, run: str) -> None:
        self.name = run

    def setup(self, worker: Any) -> None:
        """Start it."""
        self.warm = WarmParent()
        place = Path(worker.local_directory)
        # Where Dask puts what does not fit into memory: other submissions, perhaps.
        self.hidden = str(place.parent if place.parent.name == _SCRATCH else place)
        self.namespaces = bool(confinement()["namespaces"])

    def teardown(self, worker: Any) -> None:
        """End it, and what it is at."""
        self.warm.close()


def grade(document: dict[str, Any], run: str) -> dict[str, Any]:
    """The task: grade a submission; whatever goes wrong is in the result.

    :param document: a :class:`Submission`; the result is a :class:`SubmissionResult`.
    """
    worker = get_worker()
    key = worker.get_current_task()
    scheduler = get_client()
    starts = scheduler.get_metadata([key, "starts"], 0)
    submission = Submission.from_json(document)
    if starts >= STARTS:
        problem = f"the Dask worker that graded it ended, {STARTS} times"
        return SubmissionResult(
            submission.student, submission.assignment, problem=problem
        ).to_json()
    # Dask counts deaths as well, but until a number that is the scheduler's. It keeps this one
    # with the task, so it outlives the worker and goes with the task.
    scheduler.set_metadata([key, "starts"], starts + 1)
    plugin = worker.plugins[run]
    alone = not plugin.namespaces and has_fixed_ports(submission.assignment)
    with _turn() if alone else nullcontext():
        return _grade(plugin.warm, plugin.hidden, document, submission).to_json()


@contextmanager
def _turn() -> Iterator[None]:
    """One at a time on this machine, whatever number of workers it has: they share its ports."""
    path = Path(tempfile.gettempdir(), f"course-autograde-{os.getuid()}.lock")
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _grade(
    warm: WarmParent, hidden: str, document: dict[str, Any], submission: Submission
) -> SubmissionResult:
    submission = Submission.from_json({**document, "hidden": [*document["hidden"], hidden]})
    task = warm.submit(submission)
    limit = submission.limits.submission_seconds + LATE_SECONDS
    while True:
        left = max(0.0, task.begun + limit - time.monotonic())
        ready, _, _ = select.select([task], [], [], left)
        if not ready:
            task.kill()
        result = task.receive()
        if result is not None:
            return result
