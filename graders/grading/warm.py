"""The warm parent: one process with everything imported, from which the others are forked.

It is a program of its own (``python -m graders.grading.warm FD``), so it holds nothing of whoever
grades: no grade book, no other student's work, no threads. For each submission it is handed the
end of a socket, forks, and the child reads the document there, grades it, writes the result and
ends.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from graders.grading import extras, wire
from graders.grading.model import Submission, SubmissionResult

_BUFFER = 4 * 1024 * 1024
LATE_SECONDS = 240.0
"""Beyond a submission's own limit its process is given that long to say so."""


class WarmParent:
    """Starts the process and has submissions graded in forks of it.

    :param program: the module that it runs.
    """

    def __init__(self, program: str = "graders.grading.warm") -> None:
        self._used = False
        self._socket, theirs = socket.socketpair()
        package = str(Path(__file__).resolve().parents[2])
        known = os.environ.get("PYTHONPATH", "")
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, (package, known))),
        }
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", program, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env=environment,
                start_new_session=True,
            )

    def submit(self, submission: Submission) -> Task:
        """Have a submission graded.

        :raises wire.BrokenWireError: the warm parent is gone.
        """
        self._used = True
        needs = extras.wanted(submission.notebooks.values())
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._socket, [bytes([needs])], [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise wire.BrokenWireError(f"the warm parent is gone: {error}") from None
        # So that a document of an ordinary size goes off without anybody reading yet.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        wire.send(ours, submission.to_json())
        return Task(ours, submission)

    def grade(self, submission: Submission) -> SubmissionResult:
        """Have a submission graded and wait for it."""
        return self.submit(submission).result()

    def close(self) -> None:
        """End it, and every submission that it is at."""
        self._socket.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10 if self._used else 0)  # it may be importing still
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


class Task:
    """A submission that is being graded. Readable (``select``) once there is a result."""

    def __init__(self, ours: socket.socket, submission: Submission) -> None:
        self._socket = ours
        self.submission = submission
        self.begun = time.monotonic()
        self._pid = 0

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> SubmissionResult | None:
        """Wait for the next message; None where it only told that its process has begun."""
        if not self._pid:
            try:
                self._pid = int(wire.receive(self._socket)["pid"])
            except (wire.BrokenWireError, KeyError, TypeError, ValueError):
                return self.result()
            self.begun = time.monotonic()
            return None
        return self.result()

    def kill(self) -> None:
        """End its process and all below it."""
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)

    def result(self) -> SubmissionResult:
        """The result; where the process died instead, one that says so."""
        try:
            with self._socket:
                if not self._pid:
                    self._pid = int(wire.receive(self._socket)["pid"])
                return SubmissionResult.from_json(wire.receive(self._socket))
        except (wire.BrokenWireError, KeyError, TypeError, ValueError) as error:
            problem = f"the process that graded it ended: {error}"
            submission = self.submission
            return SubmissionResult(submission.student, submission.assignment, problem=problem)


def main(descriptor: int) -> int:
    """Be the warm parent until the socket closes."""
    from course_lib import lean

    with lean.importing():
        grade, warm = _load()
    requests = socket.socket(fileno=descriptor)
    myself = os.getpid()
    loaded = extras.Extras.NONE
    while True:
        data, descriptors, _, _ = socket.recv_fds(requests, 1, 1)
        _reap()
        if not data:
            return 0
        missing = extras.Extras(data[0]) & ~loaded
        if missing:
            with lean.importing():
                extras.load(missing, warm.shell)
            loaded |= missing
        if not os.fork():
            requests.close()
            _grade_one(grade, socket.socket(fileno=descriptors[0]), warm, myself)
        os.close(descriptors[0])


def _load() -> tuple[Any, Any]:
    """Import everything; what grades, and the kernel (:func:`graders.grading.kernel.warm`)."""
    from course_lib import lean, warm_engine

    lean.import_nbformat()
    from course_lib.catalog import course
    from graders import registry
    from graders.grading import confine, kernel, outputs
    from graders.grading.submission import grade

    confine.possible()  # looked up here, known in every fork
    warm_engine.preload()
    warm = kernel.warm()
    for lesson in course().lessons():
        with contextlib.suppress(ModuleNotFoundError):
            registry.checks_of(lesson.assignment, lesson.name)
    outputs.schema()
    _write_one()
    return grade, warm


def _write_one() -> None:
    """A notebook, so that what validates them is there: nbformat compiles it for the first."""
    import nbformat

    nbformat.writes(nbformat.v4.new_notebook())  # type: ignore[no-untyped-call]


def _reap() -> None:
    """Take leave of whoever has ended, so that their CPU time counts as this process's."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _grade_one(grade: Any, theirs: socket.socket, warm: Any, parent: int) -> None:
    from graders.grading import confine

    try:
        confine.die_with_parent(parent)
        wire.send(theirs, {"pid": os.getpid()})
        found = Submission.from_json(wire.receive(theirs))
        try:
            result = grade(found, warm)
        except Exception as error:  # nobody else shall suffer, and the reason shall be known
            traceback.print_exc()
            problem = f"it could not be graded: {type(error).__name__}: {error}"
            result = SubmissionResult(found.student, found.assignment, problem=problem)
        wire.send(theirs, result.to_json())
    finally:
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
