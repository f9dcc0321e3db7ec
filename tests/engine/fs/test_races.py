"""A directory that is swapped for a link to the host's files, again and again, while it is used."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from course_lib.engine.errdefs import EngineError
from course_lib.engine.fs import ContainerFs, Mount
from course_lib.engine.fs.archive import extract_tar, read_tar
from course_lib.engine.fs.hostdir import HostTree
from course_lib.engine.fs.subtree import EscapesBase, SubTree, resolve
from tests.engine.fs.conftest import NewContainer

ROUNDS = 40
DEADLINE = 30.0
SECRET = b"secret of the host"


SWAP = """
import ctypes, sys, time
exchange = ctypes.CDLL(None, use_errno=True).renameat2
here, other = (path.encode() for path in sys.argv[1:])
while exchange(-100, here, -100, other, 2) == 0:
    sys.stdout.write(".")
    time.sleep(0.0001)
"""
"""A program that swaps two paths, at once (``RENAME_EXCHANGE``), some thousand times a second."""


class Swapped:
    """``shared/dir``, in turn a directory and a link to ``outside``."""

    def __init__(self, folder: Path) -> None:
        self.shared, self.outside = folder / "shared", folder / "outside"
        for path in (self.outside, self.shared / "dir"):
            path.mkdir(parents=True)
        (self.outside / "secret").write_bytes(SECRET)
        (self.shared / "dir" / "secret").write_bytes(b"inside")
        (self.shared / "other").symlink_to(self.outside)
        self._mode = (self.outside / "secret").stat().st_mode

    def __enter__(self) -> Swapped:
        paths = [str(self.shared / name) for name in ("dir", "other")]
        # What it writes is read at the end only; from the first dot on it is under way.
        self._output = open(self.outside.with_name("swaps"), "w+b")
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-c", SWAP, *paths], stdout=self._output
        )
        deadline = time.monotonic() + DEADLINE
        while not self.swaps:
            assert self._process.poll() is None, "nothing was swapped"
            assert time.monotonic() < deadline
        return self

    @property
    def swaps(self) -> int:
        return os.fstat(self._output.fileno()).st_size

    def __exit__(self, *_: object) -> None:
        assert self._process.poll() is None, "the swapping has ended too early"
        self._process.kill()
        self._process.wait(DEADLINE)
        self._output.close()
        assert os.listdir(self.outside) == ["secret"]
        assert (self.outside / "secret").read_bytes() == SECRET
        assert (self.outside / "secret").stat().st_mode == self._mode


@pytest.fixture
def swapped(tmp_path: Path) -> Iterator[Swapped]:
    with Swapped(tmp_path) as running:
        yield running


@pytest.fixture(params=["bind", "volume"])
def raced(
    request: pytest.FixtureRequest, swapped: Swapped, new_container: NewContainer
) -> ContainerFs:
    """A container that mounts the directory above the one that is swapped."""
    return new_container([Mount("/b", request.param, swapped.shared)])


def change(fs: ContainerFs, number: int) -> None:
    """One change of many kinds in the directory that is swapped."""
    match number % 5:
        case 0:
            fs.write_bytes("/b/dir/secret", b"inside")
        case 1:
            fs.write_bytes(f"/b/dir/new{number}", b"x")
        case 2:
            fs.chmod("/b/dir/secret", 0o600)
        case 3:
            fs.link("/b/dir/secret", f"/b/hard{number}")
        case _:
            fs.mkdir(f"/b/dir/made{number}")


def test_race_of_looking_and_changing(raced: ContainerFs) -> None:
    for number in range(10 * ROUNDS):
        with contextlib.suppress(OSError):
            assert raced.read_bytes("/b/dir/secret") == b"inside"
        with contextlib.suppress(OSError):
            change(raced, number)
    for name in raced.listdir("/b"):
        if name.startswith("hard"):
            assert raced.read_bytes(f"/b/{name}") != SECRET


async def test_race_of_copies(raced: ContainerFs) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("d/unpacked"), io.BytesIO())

    async def data() -> AsyncIterator[bytes]:
        yield buffer.getvalue()

    for _ in range(ROUNDS):
        with contextlib.suppress(OSError):
            copied = b"".join([chunk async for chunk in read_tar(raced, "/b")])
            assert SECRET not in copied
        with contextlib.suppress(OSError, EngineError):
            await extract_tar(raced, "/b/dir", data())


def test_race_of_subpaths(swapped: Swapped) -> None:
    tree = HostTree(swapped.shared)
    for _ in range(10 * ROUNDS):
        with contextlib.suppress(OSError, EscapesBase):
            part = SubTree(tree, resolve(tree, "dir"))
            found = part.root().lookup("secret")
            assert found is None or found.stat().size == len(b"inside")
