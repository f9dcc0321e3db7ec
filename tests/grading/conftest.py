"""A warm parent for all tests of one process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from graders.grading.warm import WarmParent


@pytest.fixture(scope="session")
def warm(docker_command: str) -> Iterator[WarmParent]:
    """Ready to fork; its first submission waits for its imports."""
    parent = WarmParent()
    yield parent
    parent.close()
