"""Grades one submission: a pure function of its document, run in a process of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import docker
import nbformat
import psutil

from course_lib import clients
from course_lib.catalog import Catalog, Lesson, course
from course_lib.errors import CourseError
from course_lib.lab import Lab
from graders.grading import confine
from graders.grading.cells import check_in, is_test
from graders.grading.engine import CLIENT_SECONDS, EngineProcess
from graders.grading.model import MEGABYTE, NotebookResult, Submission, SubmissionResult
from graders.grading.notebook import NotebookRunner, Run
from graders.grading.session import Session

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
    with tempfile.TemporaryDirectory(prefix="grade-", ignore_cleanup_errors=True) as scratch:
        work = Path(scratch)
        confine.adopt_orphans()
        confine.protect()
        limits = submission.limits
        hidden = [Path(path) for path in submission.hidden]
        confined = submission.engine == "embedded" and confine.enter(
            work, hidden, limits.disk_mb * MEGABYTE
        )
        grader = _Grader(submission, work, warm, begun + limits.submission_seconds)
        try:
            done = {name: grader.grade(name) for name in submission.notebooks}
        finally:
            _end_descendants()
        seconds = round(time.monotonic() - begun, 3)
        return SubmissionResult(
            submission.student, submission.assignment, done, "", confined, seconds
        )


def _end_descendants() -> None:
    """Whoever a student's code left behind, where no world of its own has ended with it."""
    left = psutil.Process().children(recursive=True)
    while left:
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=1)
        left = psutil.Process().children(recursive=True)


class _Grader:
    def __init__(self, submission: Submission, work: Path, warm: Any, deadline: float) -> None:
        self._submission = submission
        self._work = work
        self._warm = warm
        self._deadline = deadline
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
        notebook = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
        run = Run()
        try:
            with self._folders() as (files, home, scratch):
                self._number += 1
                run = self._run(name, notebook, files, home, scratch)
        except (CourseError, OSError, docker.errors.DockerException) as error:
            reason = f"{type(error).__name__}: {error}"
            run.notes.append(reason)
            for cell in notebook.cells:
                if is_test(cell):
                    run.unjudged[cell.metadata["nbgrader"]["grade_id"]] = reason
        return NotebookResult(
            nbformat.writes(notebook),  # type: ignore[no-untyped-call]
            run.unjudged,
            tuple(check.to_json(shows=True) for check in run.checks),
            tuple(run.notes),
            attempt,
            {what: round(took, 4) for what, took in run.seconds.items()},
        )

    def _run(self, name: str, notebook: Any, files: Path, home: Path, scratch: Path) -> Run:
        seconds: dict[str, float] = {}
        environment = _environment(home)
        begun = time.monotonic()
        with self._engine(scratch, environment) as (client, alive):
            seconds["engine"] = time.monotonic() - begun
            begun = time.monotonic()
            # What the lesson noted for its checks is looked up there.
            os.environ["XDG_DATA_HOME"] = environment["XDG_DATA_HOME"]
            session = Session(
                self._warm, files, environment, self._submission.limits,
                hidden=[scratch / "grader"],
            )  # fmt: skip
            seconds["kernel"] = time.monotonic() - begun
            try:
                runner = NotebookRunner(
                    session, client, files, self._catalog,
                    lambda: alive() or _full(self._work), self._deadline,
                )  # fmt: skip
                run = runner.run(notebook)
            finally:
                begun = time.monotonic()
                session.close()
            notebook.metadata["language_info"] = _language(self._warm)
        run.seconds.update(seconds, end=time.monotonic() - begun)
        return run

    @contextmanager
    def _engine(self, scratch: Path, environment: dict[str, str]) -> Iterator[tuple[Any, Any]]:
        if self._submission.engine == "embedded":
            engine = EngineProcess(scratch)
            environment["DOCKER_HOST"] = engine.docker_host
            environment["COURSE_ENGINE"] = "embedded"
            client = engine.client()
            try:
                yield client, lambda: "the engine died" if engine.ended else ""
            finally:
                client.close()
                engine.close()
            return
        host = self._submission.engine
        environment["DOCKER_HOST"] = host
        environment["COURSE_ENGINE"] = "docker"
        lab = Lab(environ={**os.environ, **environment})
        client = docker.DockerClient(base_url=host, timeout=CLIENT_SECONDS)
        try:
            yield client, lambda: ""
        finally:
            client.close()
            lab.clean()
            lab.close()

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
            shutil.rmtree(scratch, ignore_errors=True)


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
    environment["HOME"] = str(home)
    environment["XDG_DATA_HOME"] = str(home / "data")
    environment["XDG_CONFIG_HOME"] = str(home / "config")
    environment["TMPDIR"] = str(home)
    environment["TERM"] = "xterm-color"  # as ipykernel sets it
    environment["CLICOLOR"] = environment["FORCE_COLOR"] = "1"
    environment["CLICOLOR_FORCE"] = "1"
    environment["PAGER"] = environment["GIT_PAGER"] = "cat"
    environment["MPLBACKEND"] = os.environ.get("MPLBACKEND", "")
    environment["NBGRADER_EXECUTION"] = "autograde"
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


def lessons_of(submission: Submission, catalog: Catalog) -> list[Lesson]:
    """The lessons whose checks the notebooks call."""
    found: dict[str, Lesson] = {}
    for text in submission.notebooks.values():
        notebook = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
        for cell in notebook.cells:
            grade_id = check_in(cell, catalog)
            if grade_id is not None:
                lesson, _ = catalog.exercise(grade_id)
                found[lesson.key] = lesson
    return list(found.values())
