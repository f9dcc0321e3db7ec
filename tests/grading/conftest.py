"""A warm parent and a course directory for all tests of one process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from graders.grading import confine
from graders.grading.warm import WarmParent
from tests.graders.conftest import engine
from tests.grading.courses import Course

__all__ = ["engine"]


@pytest.fixture(scope="session")
def warm(docker_command: str) -> Iterator[WarmParent]:
    """Ready to fork; its first submission waits for its imports."""
    parent = WarmParent()
    yield parent
    parent.close()


@pytest.fixture(scope="session")
def confined() -> None:
    """Namespaces: what hostile submissions do is not to be tried where nothing holds it."""
    if confine.possible():
        return
    message = "needs user namespaces, which this machine does not allow"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def made(docker_command: str, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course directory after ``generate_assignment``."""
    return Course.make(tmp_path_factory.mktemp("course"))


@pytest.fixture
def course(made: Course, tmp_path: Path) -> Course:
    """A copy of it."""
    shutil.copytree(made.root, tmp_path / "course")
    config = tmp_path / "course" / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.Limits.cell_seconds = 90\n")
    return Course(tmp_path / "course", tmp_path / "home")
