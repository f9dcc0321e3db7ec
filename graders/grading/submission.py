"""Grades one submission: a pure function of its document, run in a process of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import docker

from course_lib import clients
from course_lib.catalog import Catalog, Lesson, course
from course_lib.errors import CourseError, UnknownGradeId
from course_lib.showing import UNATTENDED
from graders.grading import confine, packed, reach, usage
from graders.grading.cells import check_cell, is_test
from graders.grading.daemon import Daemon
from graders.grading.engine import EngineProcess
from graders.grading.judge import Judge
from graders.grading.model import MEGABYTE, NotebookResult, Submission, SubmissionResult
from graders.grading.notebook import NotebookRunner, Run
from graders.grading.session import Session
from graders.grading.witness import Witness

ATTEMPTS = 2
"""A notebook with an exercise that could not be judged runs once more, on a fresh engine."""
LITTLE_DISK = MEGABYTE
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "PYTHONPATH", "MPLCONFIGDIR")
"""What a student's process gets of the grader's environment."""


def grade(submission: Submission, warm: Any) -> SubmissionResult:
    """Run the notebooks of a submission and check them.

    To be called once in a process forked for it: it becomes a world of its own. Whatever goes
    wrong is in the result.

    :param warm: the kernel as :func:`graders.grading.kernel.warm` made it in this process.
    """
    begun = time.monotonic()
    confine.adopt_orphans()
    confine.protect()
    limits = submission.limits
    hidden = [Path(path) for path in submission.hidden]
    # What runs on a daemon of yours needs its ports and, for bind mounts, its files.
    disk = limits.disk_mb * MEGABYTE if submission.engine == "embedded" else None
    confined = confine.enter(hidden, reach.needed(), disk)
    if confined and disk:
        tempfile.tempdir = str(confine.TMP)
    scratch = Path(tempfile.mkdtemp(prefix="grade-"))
    deadline = begun + limits.submission_seconds
    grader = _Grader(submission, scratch, warm, deadline, own_tmp=bool(confined and disk))
    try:
        done = {name: grader.grade(name) for name in submission.notebooks}
    finally:
        _end_descendants()
        _remove(scratch)
    seconds = round(time.monotonic() - begun, 3)
    return SubmissionResult(submission.student, submission.assignment, done, "", confined, seconds)


def _end_descendants() -> None:
    """Whoever a student's code left behind, where no world of its own has ended with it."""
    while left := usage.tree(os.getpid()):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # They and those below them, who become this process's own, until none is left.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)


@dataclass(frozen=True, slots=True)
class _Judged:
    """The engine that a notebook runs on, as its checks see it."""

    engine: EngineProcess | Daemon
    client: Any
    witness: Witness

    def trouble(self) -> str:
        """Why nothing can be judged any more; empty while it can."""
        gone = isinstance(self.engine, EngineProcess) and self.engine.ended
        return "the engine died" if gone else ""

    def doubt(self) -> str:
        """Why what is not there may be the engine's doing, not the student's; empty where not."""
        if isinstance(self.engine, EngineProcess) and self.engine.mistake:
            return f"the engine failed: {self.engine.mistake}"
        return "the engine ended, and began anew" if self.witness.broken else ""

    def clean(self) -> list[str]:
        """Take away what the notebook brought, where that does not go with the engine."""
        if not isinstance(self.engine, Daemon):
            return []
        return self.engine.clean(self.witness.events())


class _Grader:
    def __init__(
        self, submission: Submission, work: Path, warm: Any, deadline: float, *, own_tmp: bool
    ) -> None:
        self._submission = submission
        self._work = work
        self._warm = warm
        self._deadline = deadline
        self._own_tmp = own_tmp
        self._catalog: Catalog = course()
        self._number = 0
        self._files: Path | None = None

    def grade(self, name: str) -> NotebookResult:
        best: NotebookResult | None = None
        for attempt in range(1, ATTEMPTS + 1):
            if attempt > 1:
                self._files = None
            result = self._attempt(name, attempt)
            if best is None or len(result.unjudged) < len(best.unjudged):
                best = result
            best = replace(best, attempts=attempt)
            if not best.unjudged or time.monotonic() > self._deadline:
                break
        assert best is not None
        return best

    def _attempt(self, name: str, attempt: int) -> NotebookResult:
        text = self._submission.notebooks[name]
        notebook = packed.notebook(text)
        run = Run()
        try:
            with self._folders() as (files, home, scratch):
                self._number += 1
                run = self._run(notebook, files, home, scratch)
        except (CourseError, OSError, docker.errors.DockerException) as error:
            reason = f"{type(error).__name__}: {error}"
            run.notes.append(reason)
            for cell in notebook.cells:
                if is_test(cell):
                    run.unjudged[cell.metadata["nbgrader"]["grade_id"]] = reason
        return NotebookResult(
            packed.text(notebook),
            run.unjudged,
            tuple(check.to_json(shows=True) for check in run.checks),
            tuple(run.notes),
            attempt,
            tuple(run.in_kernel),
            tuple(run.left),
            {what: round(took, 4) for what, took in run.seconds.items()},
        )

    def _run(self, notebook: Any, files: Path, home: Path, scratch: Path) -> Run:
        environment = _environment(home)
        begun = time.monotonic()
        with self._engine(scratch, environment, notebook) as engine:
            ready = time.monotonic()
            session = Session(
                self._warm, files, environment, self._submission.limits,
                hidden=[grader] if (grader := scratch / "grader").exists() else [],
                writable=[confine.TMP, confine.SHM] if self._own_tmp
                else [files, home, scratch / "state"],
            )  # fmt: skip
            started = time.monotonic()
            left: list[str] = []
            try:
                # It has a thread: nothing is forked by this process until it is closed.
                engine.witness.start()
                judge = Judge(engine.client, engine.witness, files, self._catalog)
                runner = NotebookRunner(
                    session, judge, lambda: engine.trouble() or _full(self._work), engine.doubt,
                    self._deadline,
                )  # fmt: skip
                run = runner.run(notebook)
            finally:
                done = time.monotonic()
                session.close()
                left = engine.clean()
                engine.witness.close()
            run.left = left
            notebook.metadata["language_info"] = _language(self._warm)
        run.seconds.update(
            engine=ready - begun, kernel=started - ready, end=time.monotonic() - done
        )
        return run

    @contextmanager
    def _engine(
        self, scratch: Path, environment: dict[str, str], notebook: Any
    ) -> Iterator[_Judged]:
        """The notebook's engine, also for an instructor's own words in this process."""
        engine: EngineProcess | Daemon
        if self._submission.engine == "embedded":
            engine, kind = EngineProcess(scratch), "embedded"
        else:
            lesson = _lesson_of(notebook, self._catalog)
            text = "\n".join(cell.source for cell in notebook.cells)
            engine, kind = Daemon(self._submission.engine, lesson, text), "docker"
        environment.update(DOCKER_HOST=engine.docker_host, COURSE_ENGINE=kind)
        os.environ.update(DOCKER_HOST=engine.docker_host, COURSE_ENGINE=kind)
        client = engine.client()
        try:
            yield _Judged(engine, client, Witness(engine.client, client.api))
        finally:
            client.close()
            engine.close()

    @contextmanager
    def _folders(self) -> Iterator[tuple[Path, Path, Path]]:
        """The student's files, a home, and a place for the engine; fresh but for the files."""
        scratch = self._work / str(self._number)
        scratch.mkdir()
        home = scratch / "home"
        home.mkdir()
        if self._files is None:
            self._files = self._work / f"{self._number}-files"
            _write_files(self._files, self._submission.files)
        try:
            yield self._files, home, scratch
        finally:
            _remove(scratch)


def _remove(folder: Path) -> None:
    """Take it away as far as that is possible, however deep it is."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:  # one in another a thousand times
        subprocess.run(["rm", "-rf", "--", folder], stderr=subprocess.DEVNULL, check=False)


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir()
    for name, data in files.items():
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts:
            continue
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _environment(home: Path) -> dict[str, str]:
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    # What `!python3` runs is the course's own: another one may lie out of reach (a shim of pyenv).
    known = environment.get("PATH", os.defpath)
    environment["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), known))
    environment["HOME"] = str(home)
    environment["XDG_DATA_HOME"] = str(home / "data")
    environment["XDG_CONFIG_HOME"] = str(home / "config")
    environment["TMPDIR"] = str(home)
    environment["TERM"] = "xterm-color"  # as ipykernel sets it
    environment["CLICOLOR"] = environment["FORCE_COLOR"] = "1"
    environment["CLICOLOR_FORCE"] = "1"
    environment["GOMAXPROCS"] = "1"  # of docker's short commands: a quarter less CPU for each
    environment["PAGER"] = environment["GIT_PAGER"] = "cat"
    environment["MPLBACKEND"] = os.environ.get("MPLBACKEND", "")
    environment["NBGRADER_EXECUTION"] = "autograde"
    environment[UNATTENDED] = "1"
    client = clients.find()
    if client is not None:
        clients.put_on_path(client, environment)
    return environment


def _full(work: Path) -> str:
    status = os.statvfs(work)
    left = status.f_bavail * status.f_frsize
    return "the submission has used up its disk" if left < LITTLE_DISK else ""


def _language(warm: Any) -> dict[str, Any]:
    return {
        "codemirror_mode": {"name": "ipython", "version": sys.version_info[0]},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": f"ipython{sys.version_info[0]}",
        "version": str(warm.language_info["version"]),
    }


def _lesson_of(notebook: Any, catalog: Catalog) -> Lesson | None:
    """The lesson whose checks a notebook calls."""
    for cell in notebook.cells:
        check = check_cell(cell)
        if check is not None:
            with contextlib.suppress(UnknownGradeId):
                return catalog.exercise(check.grade_id)[0]
    return None
