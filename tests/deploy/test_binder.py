"""Binder, without Binder: the steps of repo2docker's Dockerfile, as a user without privileges."""

from __future__ import annotations

import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from course_lib.hub.cgroups import Cgroup, available, remove
from tests.deploy import lesson_one
from tests.deploy.browser import browser_page
from tests.deploy.learner import ROOT, Image
from tests.deploy.memory import by_kind, peak
from tests.deploy.processes import end_group

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.timeout(900),
    # The lesson publishes on ports that its text names, and Binder's server has its own.
    pytest.mark.xdist_group("fixed-ports"),
]

TOKEN = "a-token-of-binderhub"
BASE = "/user/learner/"
GUARANTEED_MB = 450
LIMIT_MB = 2048
PROCESSES = 4096
"""More than any lesson has: a pod's limit is that of its machine."""


def test_repo2docker_reads_every_file_of_binder(dockerfile: str) -> None:
    assert re.search(r"apt-get install --yes --no-install-recommends curl\b", dockerfile)
    steps = [
        # Everything is copied first: the requirement is the repository itself.
        "COPY --chown=1000:1000 src/ ${REPO_DIR}/",
        'RUN ${KERNEL_PYTHON_PREFIX}/bin/pip install --no-cache-dir -r "binder/requirements.txt"',
        "RUN ./binder/postBuild",
        'ENV R2D_ENTRYPOINT="${REPO_DIR}/binder/start"',
    ]
    places = [dockerfile.index(step) for step in steps]
    assert places == sorted(places)
    assert "USER ${NB_USER}" in dockerfile[places[0] : places[1]]
    assert "USER root" not in dockerfile[places[1] :]


def test_post_build_removes_nothing_of_a_checkout(tmp_path: Path) -> None:
    environ = {k: v for k, v in os.environ.items() if k != "REPO_DIR"}
    (tmp_path / "thesis").write_text("all of it")
    done = subprocess.run(
        [ROOT / "binder/postBuild"], cwd=tmp_path, env=environ, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "only there" in done.stderr
    assert (tmp_path / "thesis").read_text() == "all of it"


@pytest.fixture
def pod() -> Iterator[Cgroup]:
    """What a pod may use together."""
    hub = f"binder-{os.getpid()}"
    yield Cgroup.of("learner", hub)
    remove(hub)


@pytest.fixture
def server(image: Image, pod: Cgroup, tmp_path: Path) -> Iterator[str]:
    """The server as BinderHub starts it in a pod of one CPU; its address."""
    within = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0)))]
    within += pod.joined(LIMIT_MB << 20, PROCESSES)
    log = tmp_path / "server.log"
    # The words of BinderHub's chart.
    settings = (f"base_url={BASE}", f"token={TOKEN}", "trust_xheaders=True")
    command = [
        *("python3", "-c", 'import os, sys; os.execvp("jupyter-lab", sys.argv)'),
        *("--ip=0.0.0.0", "--port=8888"),
        *(f"--{app}.{setting}" for app in ("NotebookApp", "ServerApp") for setting in settings),
    ]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*within, *image.words(str(image.home / "binder/start"), *command)],
            cwd=image.home,
            env=image.environ,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield address_of(process, log)
    finally:
        end_group(process)
        image.run("course", "engine", "stop")


def address_of(process: subprocess.Popen[bytes], log: Path, seconds: float = 120) -> str:
    """Where the server answers: on an address of this machine that is not its loopback."""
    words = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True).stdout
    host = next((word for word in words.split() if "." in word), "127.0.0.1")
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://{host}:8888{BASE}api", timeout=5) as answer:
                if answer.status == 200:
                    return f"http://{host}:8888{BASE}"
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(f"no server:\n{log.read_text()}")


def test_learner_finds_the_lessons_and_no_solutions(image: Image) -> None:
    visible = {path.name for path in image.home.iterdir() if not path.name.startswith(".")}
    assert visible == {"binder", "docker-course"}
    assert not (image.home / ".git").exists()
    assert (image.home / "docker-course" / lesson_one.NOTEBOOK).is_file()
    for path in image.home.rglob("*.ipynb"):
        text = path.read_text()
        assert "BEGIN SOLUTION" not in text, path
        assert lesson_one.FIRST not in text, path


def test_servers_of_images_start_without_forty_parsers(image: Image) -> None:
    image.run("python", "-c", "import nbformat, sys; assert 'rfc3987_syntax' not in sys.modules")
    step = re.compile(r"pip uninstall (?:--quiet )?--yes rfc3987-syntax$", re.MULTILINE)
    for recipe in ("binder/postBuild", "deploy/kubernetes/Dockerfile"):
        assert step.search((ROOT / recipe).read_text()), recipe


def test_first_lesson_on_binder(image: Image, pod: Cgroup, server: str, tmp_path: Path) -> None:
    notebook = image.home / "docker-course" / lesson_one.NOTEBOOK
    owner = notebook.stat()
    cells = lesson_one.write_answers(notebook)
    os.chown(notebook, owner.st_uid, owner.st_gid)
    # Without a path: what is served must open the first lesson by itself.
    with browser_page(f"{server}?token={TOKEN}", tmp_path) as page:
        panel = page.locator(".jp-NotebookPanel:visible")
        expect(panel.get_by_role("heading", name="Publish a service")).to_be_visible()
        lesson_one.run(page, cells, tmp_path)
        page.goto(f"{server}proxy/8888/?token={TOKEN}")
        expect(page.get_by_role("heading", name="Welcome to nginx!")).to_be_visible()
        page.goto(f"{server}proxy/9/?token={TOKEN}")
        expect(page.get_by_role("heading", name="Nothing answers on this port")).to_be_visible()
        # A pod has that much for sure; the notebook is open, its containers run.
        taken = by_kind(owner.st_uid)
        assert sum(taken.values()) < GUARANTEED_MB, taken
    # Nor did it need more in between, with all files that it read: it never came near its limit.
    if available():
        assert 0 < peak(pod) < LIMIT_MB / 2
