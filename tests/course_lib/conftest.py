"""A home of its own for every test, engines to run on, and a course made for testing."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from course_lib.catalog import Assignment, Catalog, Lesson
from course_lib.embedded import EmbeddedEngine

VARIABLES = (
    "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH",
    "COURSE_ENGINE", "COURSE_IMAGES", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME",
    "JUPYTERHUB_SERVICE_PREFIX",
)  # fmt: skip


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short, empty home, and no word about engines in the environment."""
    folder = Path(tempfile.mkdtemp(prefix="cl-"))
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(folder))
    # Sockets go among the temporary files otherwise, and they outlive the test there.
    (folder / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder / "run"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def embedded_host() -> Iterator[str]:
    """``DOCKER_HOST`` of an embedded engine for this test process."""
    folder = Path(tempfile.mkdtemp(prefix="cl-engine-"))
    engine = EmbeddedEngine(folder / "s", folder / "state", folder / "records")
    yield engine.start().docker_host
    engine.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["embedded", pytest.param("dockerd", marks=pytest.mark.docker)])
def docker_host(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each engine in turn, named by ``DOCKER_HOST``."""
    name = {"embedded": "embedded_host", "dockerd": "real_docker_host"}[request.param]
    host: str = request.getfixturevalue(name)
    monkeypatch.setenv("DOCKER_HOST", host)
    return host


@pytest.fixture
def client(docker_host: str) -> Iterator[docker.DockerClient]:
    """A client of the engine under test."""
    client = docker.DockerClient(base_url=docker_host, timeout=60)
    yield client
    client.close()


@dataclass(frozen=True)
class TestCourse:
    """A course of two lessons whose names nobody else uses."""

    __test__ = False
    prefix: str

    def name(self, short: str) -> str:
        return f"{self.prefix}-{short}"

    @property
    def catalog(self) -> Catalog:
        first = Lesson(
            "testing", "first", "The first lesson",
            images=("alpine",),
            containers=(self.name("web"), self.name("db")),
            networks=(self.name("dev"),),
            volumes=(self.name("data"),),
        )  # fmt: skip
        second = Lesson(
            "testing", "second", "The second lesson",
            images=("alpine",), containers=(self.name("web"),), events=True,
        )  # fmt: skip
        return Catalog(Path("/nowhere"), (Assignment("testing", "Testing", (first, second)),))


@pytest.fixture
def testing(request: pytest.FixtureRequest) -> Iterator[TestCourse]:
    """The course for testing; whatever has its names goes afterwards."""
    made = TestCourse(f"lab{uuid.uuid4().hex[:8]}")
    yield made
    client = docker.DockerClient.from_env() if os.environ.get("DOCKER_HOST") else None
    if client is None:
        return
    for container in client.containers.list(all=True, filters={"name": made.prefix}):
        container.remove(force=True, v=True)
    for network in client.networks.list(names=[made.prefix]):
        network.remove()
    for volume in client.volumes.list(filters={"name": made.prefix}):
        volume.remove()
    client.close()
