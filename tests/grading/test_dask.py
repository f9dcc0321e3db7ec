"""``course autograde --dask``: a scheduler and workers as processes on loopback."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from course_lib.cli import main
from course_lib.errors import CourseError
from graders.grading import cluster, cluster_worker, landlock
from tests.contract.harness import free_port, until
from tests.grading import hungry
from tests.grading.courses import Course
from tests.grading.notebooks import RIGHT
from tests.grading.test_class import HALF, comparable, tables

# Without a network of its own, a submission publishes on the machine's ports.
pytestmark = pytest.mark.xdist_group("fixed-ports")
COURSE = Path(sysconfig.get_path("scripts")) / "course"
FOR_EVER = {**RIGHT, "publish-find-port": "import threading\nthreading.Event().wait()"}


class Cluster:
    """Dask's own programs; ends them all."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        told = folder / "scheduler.json"
        words = ("--no-dashboard", "--host", "127.0.0.1", "--port", "0")
        self.scheduler = self._start("scheduler", *words, "--scheduler-file", str(told))
        self.address = str(until(lambda: address_in(told), 120))

    def start_worker(
        self, name: str, *around: str, options: Sequence[str] = ("--no-nanny",)
    ) -> None:
        """Start one; ``around``: a program of Python that starts it in turn."""
        self.workers[name] = self._start(
            "worker", "--no-dashboard", *options, "--nthreads", "1", "--host", "127.0.0.1",
            "--name", name, "--local-directory", str(self._folder / name), self.address,
            around=around,
        )  # fmt: skip

    def _start(
        self, program: str, *words: str, around: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*around, sys.executable, "-m", f"distributed.cli.dask_{program}", *words],
            env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def close(self) -> None:
        for process in (*self.workers.values(), self.scheduler):
            process.kill()
            process.wait(30)


def address_in(path: Path) -> str:
    """The scheduler's address, once its file is written."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        return str(json.loads(path.read_text())["address"])
    return ""


@pytest.fixture(scope="module")
def dask(made: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler and three workers, all there."""
    from distributed import Client

    found = Cluster(tmp_path_factory.mktemp("dask"), made.environment)
    try:
        for name in ("one", "two"):
            found.start_worker(name)
        bare = (sys.executable, "-m", "tests.grading.no_namespaces") if landlock.version() else ()
        found.start_worker("bare", *bare)
        with Client(found.address, set_as_default=False, timeout=60) as client:
            client.wait_for_workers(3, timeout=240)
        yield found
    finally:
        found.close()


def begun(client: Any, student: str, times: int) -> str | None:
    """The worker that has begun a student's submission, for the so manyth of ``times``."""

    def look(dask_scheduler: Any) -> str | None:
        for key, task in dask_scheduler.tasks.items():
            starts = dask_scheduler.task_metadata.get(key, {}).get("starts")
            if str(key).endswith(f"-{student}") and task.processing_on and starts == times:
                return str(task.processing_on.name)
        return None

    found: str | None = client.run_on_scheduler(look)
    return found


LEAVE = """
import sys
from graders.grading.cluster import Cluster
cluster = Cluster(sys.argv[1])
print("there", flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_stays_of_a_client_that_was_killed(made: Course, dask: Cluster) -> None:
    def kept() -> list[Any]:
        return [
            child
            for worker in dask.workers.values()
            for child in psutil.Process(worker.pid).children()
            if "graders.grading.warm" in child.cmdline()
        ]

    with subprocess.Popen(
        [sys.executable, "-c", LEAVE, dask.address], env=made.environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as client:  # fmt: skip
        assert client.stdout is not None
        assert client.stdout.readline() == "there\n"
        found = kept()
        client.kill()
    assert len(found) == len(dask.workers)
    _, alive = psutil.wait_procs(found, timeout=120)
    assert alive == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_same_grades_although_workers_die(made: Course, dask: Cluster, tmp_path: Path) -> None:
    """One submission ends the worker that it is on, twice; the others do not notice."""
    from distributed import Client

    shutil.copytree(made.root, tmp_path / "local")
    here = Course(tmp_path / "local", tmp_path / "home")
    config = here.root / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.Limits.cell_seconds = 500\n")
    here.submit("ann", dict(RIGHT))
    here.submit("eve", HALF)
    here.hand_in("eve", "notes of my own\n", "notes.txt")
    shutil.copytree(here.root, tmp_path / "there")
    there = Course(tmp_path / "there", tmp_path / "home")
    there.submit("cho", FOR_EVER)
    words = [str(COURSE), "autograde", "networking", "--json", "--dask", dask.address]
    run = subprocess.Popen(
        words, cwd=there.root, env=there.environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        with Client(dask.address, set_as_default=False, timeout=60) as client:
            for times in range(1, cluster_worker.STARTS + 1):
                at_it = until(partial(begun, client, "cho", times), 120)
                dask.workers[at_it].kill()
        rows = here.grade()
        printed, complaints = run.communicate(timeout=300)
    finally:
        run.kill()
        run.communicate()
    assert run.returncode == 1, complaints
    if landlock.version():
        assert "on the Dask worker" in complaints
        assert "lets nobody make namespaces" in complaints
        assert len(complaints.splitlines()) == 1
    found = {row["student"]: row for row in json.loads(printed)["networking"]}
    killer = found.pop("cho")
    assert killer["status"] == "failed"
    assert killer["notes"] == ["the Dask worker that graded it ended, 2 times"]
    for name, row in found.items():
        assert row | {"seconds": 0} == rows[name] | {"seconds": 0}
        mine, other = here.autograded(name), there.autograded(name)
        assert comparable(mine) == comparable(other)
    others = {k: [row for row in rows if row[0] != "cho"] for k, rows in tables(there).items()}
    assert others == tables(here)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_worker_without_memory_costs_one_more_try(made: Course, tmp_path: Path) -> None:
    """Its nanny ends it while it is at a submission, starts it anew, and nobody's score differs."""
    from distributed import Client

    shutil.copytree(made.root, tmp_path / "local")
    here = Course(tmp_path / "local", tmp_path / "home")
    here.submit("ann", dict(RIGHT))
    here.submit("cho", dict(RIGHT))
    here.submit("eve", HALF)
    shutil.copytree(here.root, tmp_path / "there")
    there = Course(tmp_path / "there", tmp_path / "home")
    told = tmp_path / "told"
    found = Cluster(tmp_path, {**made.environment, "HUNGRY": "cho", "HUNGRY_TOLD": str(told)})
    try:
        preload = ("--preload", hungry.__name__)
        found.start_worker("fed", options=("--memory-limit", hungry.LIMIT, *preload))
        with Client(found.address, set_as_default=False, timeout=60) as client:
            client.wait_for_workers(1, timeout=120)
        rows = there.grade("--dask", found.address)
    finally:
        found.close()
    assert told.exists()  # and whoever told it was at it until its end
    assert {name: row["status"] for name, row in rows.items()} == dict.fromkeys(rows, "graded")
    assert {name: row | {"seconds": 0} for name, row in rows.items()} == {
        name: row | {"seconds": 0} for name, row in here.grade().items()
    }
    assert tables(there) == tables(here)


def test_another_version_of_the_package_is_refused(
    dask: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = cluster_worker.describe()
    monkeypatch.setattr(cluster_worker, "describe", lambda: {**described, "files": "another"})
    with pytest.raises(CourseError, match=r"worker tcp://\S+ has other files of the course"):
        cluster.Cluster(dask.address)


@pytest.mark.parametrize(
    ("theirs", "words"),
    [
        ({"missing": "No module named 'graders'"}, "no such package: No module named 'graders'"),
        ({"release": "0.0.9"}, "has release 0.0.9 of the course"),
        ({"files": "g"}, "has other files of the course's release 1"),
        ({"confined": False}, "cannot keep submissions apart"),
        ({"docker": False}, "has no docker command"),
    ],
)
def test_a_worker_that_cannot_grade_alike_is_named(theirs: dict[str, Any], words: str) -> None:
    mine = {"release": "1", "files": "f", "confined": True, "docker": True, "weakness": ""}
    assert words in cluster.mismatch(mine, {**mine, **theirs})
    assert cluster.mismatch(mine, mine) == ""


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:{port}", "nonsense://x", "tcp://no.invalid"])
def test_nobody_at_the_address_is_one_line(
    made: Course, address: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    address = address.format(port=free_port())
    assert main(["autograde", "--course", str(made.root), "--dask", address]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"no Dask scheduler answers at {address}" in line


def test_without_dask_one_line_says_what_to_install(
    made: Course, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    words = ["autograde", "--course", str(made.root), "--dask", "tcp://127.0.0.1:1"]
    assert main(words) == 2
    assert 'course[grading]"' in capsys.readouterr().err
