"""A small image and containers of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from course_lib.engine.fs import ContainerFs, MemoryLayer, Mount, RootFs
from course_lib.engine.fs.initlayer import init_layer
from tests.engine.conftest import ManualClock

NewContainer = Callable[..., ContainerFs]


@pytest.fixture
def base() -> MemoryLayer:
    layer = MemoryLayer(1_600_000_000_000_000_000)
    layer.add_directory("/tmp", 0o1777)
    layer.add_directory("/root", 0o700)
    layer.add_directory("/empty")
    layer.add_file("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    layer.add_file("/etc/shadow", b"secret\n", 0o640, 0, 42)
    layer.add_file("/bin/busybox", b"#!embedded busybox\n", 0o755)
    layer.add_link("/bin/sh", "/bin/busybox")
    layer.add_file("/usr/share/doc/a/readme", b"read me\n")
    layer.add_file("/usr/share/doc/b/readme", b"me too\n")
    return layer


@pytest.fixture
def new_container(tmp_path: Path, base: MemoryLayer, clock: ManualClock) -> NewContainer:
    """``new_container(mounts, name=…, read_only=…)``: the same name is the same container."""

    def make(
        mounts: Sequence[Mount] = (), *, name: str = "c", read_only: bool = False
    ) -> ContainerFs:
        upper = tmp_path / "containers" / name / "upper"
        rootfs = RootFs([init_layer(), base], upper, read_only=read_only)
        return ContainerFs(rootfs, mounts, clock=clock)

    return make


@pytest.fixture
def fs(new_container: NewContainer) -> ContainerFs:
    return new_container()
