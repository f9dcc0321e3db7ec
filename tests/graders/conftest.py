"""Checks run on both engines; names and ports of the lessons are fixed, so one test at a time.

Most submissions have a dockerd of their own, ``dockerd-checks``: other tests of lessons run on
another one meanwhile.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from course_lib.catalog import course
from course_lib.images import read_image_table
from course_lib.lesson_state import ensure_images
from tests.contract import engines
from tests.contract.harness import Engine
from tests.submissions.corpus import Student

ENGINES: dict[str, Callable[[], AbstractContextManager[Engine]]] = {
    "embedded": engines.embedded,
    "dockerd": engines.dockerd,
    "dockerd-checks": partial(engines.dockerd, "26.1-checks"),
}


@pytest.fixture
def lesson_names(request: pytest.FixtureRequest) -> Iterator[None]:
    """The names and host ports of the lessons, held by one test of the machine at a time.

    Within one run the xdist groups see to it (tests/conftest.py says who is in which); this is for
    two runs.
    """
    group = request.node.get_closest_marker("xdist_group")
    if group is None:
        yield
        return
    path = Path(tempfile.gettempdir()) / f"docker-course-tests-{group.args[0]}.lock"
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(
    scope="session",
    params=["embedded", pytest.param("dockerd", marks=pytest.mark.docker)],
)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """The engine under test. One that is missing is a skip, under ``CI`` a failure."""
    try:
        with ENGINES[request.param]() as opened:
            yield opened
    except engines.EngineMissingError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture
def student(
    engine: Engine,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    lesson_names: None,
) -> Iterator[Student]:
    """A student at work on the engine, with journals of their own; what they made goes."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
    student = Student(engine.docker_host, engine.sdk, tmp_path)
    student.tidy()
    images = {image for lesson in course().lessons() for image in lesson.images} | {
        "busybox",
        "redis:3.0",
    }
    ensure_images(engine.sdk, images, read_image_table({}), lambda _: None)
    yield student
    student.tidy()
