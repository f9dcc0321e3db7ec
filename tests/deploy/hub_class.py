"""A class on a hub, made and run for a test as an instructor would, and taken away again."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
from playwright.sync_api import Page

from course_lib.hub import cgroups
from course_lib.hub.checks import PROXY
from course_lib.hub.folder import Hub, open_hub
from tests.contract.harness import free_port, until
from tests.deploy.front import Front, front
from tests.deploy.person import SECONDS, Person

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 600.0
STOP_SECONDS = 300.0
T = TypeVar("T")


class RunningClass:
    """A hub with its people; they have names that no other test's people have."""

    front: Front
    """Where people come in, once there is a door."""

    def __init__(self, folder: Path, students: list[str]) -> None:
        self.folder = folder
        self.instructor = person("ines")
        self.course = person("docker")
        listed = folder.with_name("students.csv")
        listed.write_text("name,first_name\n" + "".join(f"{s},{s.title()}\n" for s in students))
        words = ["--course", self.course, "--instructor", self.instructor]
        made = course("hub", "init", str(folder), *words, "--students", str(listed))
        assert made.returncode == 0, made.stderr
        self.students = students
        ports = dict.fromkeys(("port", "hub_port", "proxy_port", "grader_port"), 0)
        text = (folder / "class.toml").read_text()
        # Limits that a test reaches soon.
        settings = {"memory_mb": 1024, "processes": 250}
        while len(set(ports.values())) < len(ports):
            ports = {name: free_port() for name in ports}
        for name, value in (settings | ports).items():
            text = re.sub(rf"^{name} = .*\n", "", text, flags=re.MULTILINE) + f"{name} = {value}\n"
        (folder / "class.toml").write_text(text)
        self.hub: Hub = open_hub(folder)
        self.address = f"http://127.0.0.1:{ports['port']}"
        self.log = folder.with_name("hub.log")
        self.process: subprocess.Popen[bytes] | None = None
        rows = list(csv.reader((folder / "passwords.csv").read_text().splitlines()))
        self.passwords = {row[0]: row[1] for row in rows[1:]}

    def start(self) -> None:
        """`course hub run`, until it serves; as in the background of a shell's script."""
        run = [sys.executable, "-m", "course_lib.cli", "hub", "run", str(self.folder)]
        ignoring = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                reachable(*ignoring, *run),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=environment(),
                start_new_session=True,
            )
        until(lambda: self._answers() or self._ended(), START_SECONDS)
        assert not self._ended(), self.log.read_text()

    def stop(self) -> None:
        """End it in order, with all servers."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """As a machine without memory does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def services(self) -> list[psutil.Process]:
        """What the hub runs for the class: proxy, formgrader, culler."""
        assert self.process is not None
        # (People's servers begin with `unshare`.)
        return [p for p in psutil.Process(self.process.pid).children() if p.name() != "unshare"]

    @property
    def base(self) -> str:
        """Where people reach it."""
        return self.front.base

    def person(self, name: str, *, patience: float = SECONDS) -> Person:
        password, trust = self.passwords[name], self.front.trust
        return Person(self.base, name, password, trust=trust, patience=patience)

    def sign_in(self, page: Page, name: str) -> None:
        """Through the form that the page shows."""
        page.fill("#username_input", name)
        page.fill("#password_input", self.passwords[name])
        page.click("#login_submit")

    def home(self, name: str) -> Path:
        return self.hub.home(name) / "docker-course"

    def as_grader(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command in the course directory, as in a terminal of the formgrader's server."""
        name = self.hub.klass.grader
        drop = ["setpriv", f"--reuid={name}", f"--regid={name}", "--clear-groups", "--"]
        done = subprocess.run(
            reachable(*drop, *words),
            cwd=self.hub.course_directory,
            env=environment() | {"HOME": str(self.hub.home(name)), "TMPDIR": "/tmp"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/hub/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _ended(self) -> bool:
        return self.process is None or self.process.poll() is not None


@contextlib.contextmanager
def open_place() -> Iterator[Path]:
    """A folder for a class: not among the temporary files, of which each person has their own."""
    with tempfile.TemporaryDirectory(prefix="hub-", dir="/srv", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@contextlib.contextmanager
def running_class(names: list[str]) -> Iterator[RunningClass]:
    """A class that runs, reached by ``https``; its accounts, folder and control groups go after."""
    require_hub()
    with open_place() as place:
        made = RunningClass(place / "class", [person(name) for name in names])
        try:
            made.start()
            with front(made.address, place) as made.front:
                yield made
        finally:
            made.stop()
            for name in (*made.students, made.instructor, made.hub.klass.grader):
                subprocess.run(["pkill", "-KILL", "-u", name], check=False, capture_output=True)
                subprocess.run(["userdel", name], check=False, capture_output=True)
            cgroups.remove(made.hub.label)


def person(name: str) -> str:
    """A user's name of this run of the tests."""
    return f"t{os.getpid()}-{name}"


def require_hub() -> None:
    """Skip where this machine cannot run a hub; in CI that is a failure."""
    problem = ""
    if os.geteuid() != 0:
        problem = "a hub needs root"
    elif shutil.which(PROXY) is None:
        problem = f"{PROXY} is missing: npm install -g {PROXY}@5.1"
    if problem and os.environ.get("CI"):
        pytest.fail(problem)
    if problem:
        pytest.skip(problem)


def reachable(*words: str) -> list[str]:
    """A command that sees this checkout and its Python where everybody may read them.

    A checkout of a test often is where only root may look, as in /root. No class is installed
    there (`course hub run` refuses), so for these processes what is above it is emptied, and open.
    """
    needed = [ROOT, Path(sys.prefix), Path(sys.base_prefix)]
    closed = {
        parent for path in needed for parent in path.parents if not parent.stat().st_mode & 0o001
    }
    steps = []
    for top in sorted(closed)[:1]:
        inside = [str(path) for path in needed if top in path.parents]
        stash = "/run/hub-test"
        steps.append(f"mkdir -p {stash}; mount -t tmpfs -o mode=755 tmpfs {stash}")
        for number, path in enumerate(inside):
            steps.append(f"mkdir {stash}/{number}; mount --bind {path} {stash}/{number}")
        steps.append(f"mount -t tmpfs -o mode=755 tmpfs {top}")
        for number, path in enumerate(inside):
            steps.append(f"mkdir -p {path}; mount --bind {stash}/{number} {path}")
    if not steps:
        return list(words)
    script = " && ".join([*steps, 'exec "$@"'])
    return ["unshare", "--mount", "sh", "-c", script, "sh", *words]


def course(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "course_lib.cli", *words],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )


def environment() -> dict[str, str]:
    """Ours without what chooses an engine."""
    dropped = ("COURSE_", "DOCKER_", "XDG_", "JUPYTER", "CONFIGPROXY_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
    return environ


def apart(work: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
    """Run a coroutine beside the browser, whose own loop runs in this thread."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(lambda: asyncio.run(work()))
    pool.shutdown(wait=False)
    return future
