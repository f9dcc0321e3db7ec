"""A container without an engine: BusyBox's files in a temporary directory, and its machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from course_lib.engine.clock import Clock, SystemClock
from course_lib.engine.fs.containerfs import ContainerFs
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
    """A machine and a short way to run something in it."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self.root = root
        self.clock = clock
        self.machine = self.fresh()

    def fresh(self) -> ContainerMachine:
        return ContainerMachine(
            "c" * 64, "box", ContainerFs(RootFs([], self.root), clock=self.clock),
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


def populate(root: Path) -> None:
    """The files of a small BusyBox image."""
    for folder in ("bin", "etc", "root", "tmp", "dev", "proc"):
        (root / folder).mkdir()
    (root / "tmp").chmod(0o1777)
    (root / "etc/passwd").write_text(PASSWD)
    (root / "etc/group").write_text(GROUP)
    busybox = root / "bin/busybox"
    busybox.write_text("#!embedded busybox\n")
    busybox.chmod(0o755)
    for name in applets.names():
        (root / "bin" / name).symlink_to("busybox")


@pytest.fixture
def container_root(tmp_path: Path) -> Path:
    root = tmp_path / "container"
    root.mkdir()
    populate(root)
    return root


@pytest.fixture
async def box(container_root: Path) -> Box:
    return Box(container_root, SystemClock())


@pytest.fixture
def make_box(container_root: Path) -> Callable[[Clock], Box]:
    return lambda clock: Box(container_root, clock)
