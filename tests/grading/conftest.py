"""A warm parent for all tests of one process."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from graders.grading import confine
from graders.grading.warm import WarmParent


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
