"""An image store over a small catalogue of its own, and one over the real catalogue."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from course_lib.engine.events import Events
from course_lib.engine.ids import Identities
from course_lib.engine.image.catalogue import Catalogue
from course_lib.engine.image.pull import PullProgress
from course_lib.engine.image.store import ImageStore
from course_lib.engine.store import Store
from tests.engine.conftest import ManualClock

APPLETS = ("cat", "ls", "ping", "sh", "udhcpc")

BASE = """
repository = "base"
tags = ["latest", "1"]
created = 2024-01-01T00:00:00Z
author = "somebody"

[config]
env = ["PATH=/bin"]
cmd = ["sh"]
labels = { "a" = "b" }

[[history]]
created_by = "ADD base / # buildkit"
size = 2_000_000
comment = "buildkit.dockerfile.v0"

[[history]]
created_by = 'CMD ["sh"]'

[applets]
target = "/bin/busybox"
default = "/usr/bin"
directories = { "/bin" = ["cat", "sh"] }
without = ["udhcpc"]

[paths]
"/tmp" = { directory = true, mode = "1777" }
"/etc/shadow" = { mode = "0640", owner = "0:42" }
"/lib" = { link = "usr/lib" }
"/etc/text" = { text = "hello\\n" }
"""

DERIVED = """
repository = "team/derived"
tags = ["latest"]
from = "base"
created = 2024-02-01T00:00:00Z

[config]
cmd = ["server"]
exposed_ports = ["80/tcp"]
volumes = ["/data"]

[[history]]
created_by = "RUN install"
size = 1_000

[[history]]
created_by = "RUN tidy"
size = 10

[[history]]
created_by = "EXPOSE map[80/tcp:{}]"

[paths]
"/usr/sbin/server" = { program = "server" }
"/data" = { directory = true, owner = "999:1000" }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A catalogue's folder with a base image and one made from it."""
    top = tmp_path / "catalogue"
    for name, text in {"base": BASE, "derived": DERIVED}.items():
        (top / name / "files" / "etc").mkdir(parents=True)
        (top / name / "image.toml").write_text(text)
        (top / name / "files" / "etc" / name).write_text(name)
    (top / "base" / "files" / "etc" / "shadow").write_text("root:*\n")
    (top / "base" / "files" / "start.sh").write_text("#!/bin/sh\n")
    return top


@pytest.fixture
def catalogue(folder: Path) -> Catalogue:
    return Catalogue(lambda: APPLETS, folder)


@pytest.fixture
def events(clock: ManualClock) -> Events:
    return Events(clock)


@pytest.fixture
def new_store(
    tmp_path: Path, catalogue: Catalogue, clock: ManualClock, events: Events
) -> Callable[[], ImageStore]:
    """Every call opens the same state directory, as a restarted engine does."""
    state = tmp_path / "state"

    def make() -> ImageStore:
        return ImageStore(
            state / "images",
            Store(state),
            clock,
            Identities(1),
            events,
            catalogue=lambda: catalogue,
        )

    return make


@pytest.fixture
def images(new_store: Callable[[], ImageStore]) -> ImageStore:
    return new_store()


async def lines(progress: AsyncIterator[PullProgress]) -> list[PullProgress]:
    """All lines of a pull."""
    return [line async for line in progress]
