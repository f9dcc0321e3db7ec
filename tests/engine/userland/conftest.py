"""A container without an engine: the files of a BusyBox image, and its machine."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import cast

import pytest

from course_lib.engine.clock import Clock, SystemClock
from course_lib.engine.fs.containerfs import ContainerFs
from course_lib.engine.fs.memory import MemoryLayer
from course_lib.engine.fs.overlay import RootFs
from course_lib.engine.ids import Identities
from course_lib.engine.interfaces import Environment, ProcessSpec, Sandbox
from course_lib.engine.userland import applets
from course_lib.engine.userland.files import MemoryFile, NullFile
from course_lib.engine.userland.machine import ContainerMachine

PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n"
GROUP = "root:x:0:root\nusers:x:100:nobody\nnobody:x:65534:\n"


class NoNetwork:
    """A sandbox in which no program of these tests opens anything."""

    def close_owned(self, owner: int) -> None:
        return


class Box:
    """A machine and a short way to run something in it.

    :param root: the upper directory of its file system; what a test puts there is in the container.
    """

    def __init__(self, root: Path, clock: Clock) -> None:
        self.root = root
        self.clock = clock
        self.machine = self.fresh()

    def fresh(self) -> ContainerMachine:
        return ContainerMachine(
            "c" * 64, "box", ContainerFs(RootFs([image()], self.root), clock=self.clock),
            cast(Sandbox, NoNetwork()), self.clock,
            Identities(1), Environment(),
        )  # fmt: skip

    async def run(
        self, *argv: str, stdin: bytes = b"", env: tuple[str, ...] = (), user: str = "",
        cwd: str = "/root",
    ) -> tuple[int, str, str]:  # fmt: skip
        """Run a program as PID 1 of a fresh machine: exit code, standard output and error."""
        out, err = MemoryFile(), MemoryFile()
        machine = self.fresh()
        spec = ProcessSpec(argv, ("PATH=/bin", *env), cwd, user)
        feed = MemoryFile(stdin) if stdin else NullFile()
        process = await machine.start(spec, feed, out, err)
        code = await process.wait()
        return code, out.content.decode(errors="replace"), err.content.decode(errors="replace")


@cache
def image() -> MemoryLayer:
    """The files of a small BusyBox image; made once, for no container changes them."""
    layer = MemoryLayer()
    for folder in ("etc", "root", "dev", "proc"):
        layer.add_directory(folder)
    layer.add_directory("tmp", 0o1777)
    layer.add_file("etc/passwd", PASSWD.encode())
    layer.add_file("etc/group", GROUP.encode())
    layer.add_file("bin/busybox", b"#!embedded busybox\n", 0o755)
    for name in applets.names():
        layer.add_link(f"bin/{name}", "busybox")
    return layer


@pytest.fixture
def container_root(tmp_path: Path) -> Path:
    root = tmp_path / "container"
    for folder in ("bin", "etc", "root"):
        (root / folder).mkdir(parents=True)
    return root


@pytest.fixture
async def box(container_root: Path) -> Box:
    return Box(container_root, SystemClock())


@pytest.fixture
def make_box(container_root: Path) -> Callable[[Clock], Box]:
    return lambda clock: Box(container_root, clock)
