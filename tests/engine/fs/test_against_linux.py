"""Random operations give what the host's own file system gives, on every kind of tree."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_lib.engine.fs import ContainerFs, MemoryLayer, Mount, RootFs
from tests.engine.conftest import ManualClock

names = st.sampled_from(["a", "b", "c", "lower", ".", "..", "link"])
paths = st.builds(
    lambda parts, tail: "/".join(parts) + tail,
    st.lists(names, min_size=1, max_size=4),
    st.sampled_from(["", "", "", "", "/", "/."]),
)
targets = st.sampled_from(["a", "b/c", "../a", "..", ".", "lower/sub", "link", "nosuch", "a/"])
data = st.binary(max_size=5)
# Where the tests do not run as root, Linux would keep the host's user from what root may do inside.
_ANY_BITS = [0o644, 0o600, 0o755, 0o1777, 0o444, 0]
bits = st.sampled_from(_ANY_BITS if os.geteuid() == 0 else [0o700, 0o755, 0o777])

operations = st.one_of(
    st.tuples(st.just("mkdir"), paths),
    st.tuples(st.just("write"), paths, data),
    st.tuples(st.just("append"), paths, data),
    st.tuples(st.just("exclusive"), paths),
    st.tuples(st.just("truncate"), paths, st.integers(0, 9)),
    st.tuples(st.just("read"), paths),
    st.tuples(st.just("unlink"), paths),
    st.tuples(st.just("rmdir"), paths),
    st.tuples(st.just("rename"), paths, paths),
    st.tuples(st.just("symlink"), targets, paths),
    st.tuples(st.just("link"), paths, paths),
    st.tuples(st.just("chmod"), paths, bits),
    st.tuples(st.just("stat"), paths),
    st.tuples(st.just("listdir"), paths),
    st.tuples(st.just("readlink"), paths),
    st.tuples(st.just("realpath"), paths),
)


class _Linux:
    """The operations on the host, below one directory."""

    def __init__(self, top: str) -> None:
        self.top = top

    def path(self, path: str) -> str:
        return f"{self.top}/{path}"

    def open(self, path: str, flags: int) -> int:
        return os.open(self.path(path), flags, 0o644)

    def mkdir(self, path: str) -> None:
        os.mkdir(self.path(path), 0o755)

    def write(self, path: str, content: bytes) -> None:
        self._put(path, content, os.O_TRUNC)

    def append(self, path: str, content: bytes) -> None:
        self._put(path, content, os.O_APPEND)

    def _put(self, path: str, content: bytes, flags: int) -> None:
        fd = self.open(path, os.O_WRONLY | os.O_CREAT | flags)
        os.write(fd, content)
        os.close(fd)

    def exclusive(self, path: str) -> None:
        os.close(self.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))

    def truncate(self, path: str, size: int) -> None:
        fd = self.open(path, os.O_WRONLY)
        os.ftruncate(fd, size)
        os.close(fd)

    def read(self, path: str) -> bytes:
        fd = self.open(path, os.O_RDONLY)
        try:
            return os.read(fd, 100)
        finally:
            os.close(fd)

    def unlink(self, path: str) -> None:
        os.unlink(self.path(path))

    def rmdir(self, path: str) -> None:
        os.rmdir(self.path(path))

    def rename(self, path: str, target: str) -> None:
        os.rename(self.path(path), self.path(target))

    def symlink(self, target: str, path: str) -> None:
        os.symlink(target, self.path(path))

    def link(self, path: str, target: str) -> None:
        os.link(self.path(path), self.path(target), follow_symlinks=False)

    def chmod(self, path: str, mode: int) -> None:
        os.chmod(self.path(path), mode)

    def stat(self, path: str) -> Any:
        found = os.stat(self.path(path))
        return _facts(found.st_mode, found.st_size, found.st_nlink)

    def listdir(self, path: str) -> list[str]:
        return sorted(os.listdir(self.path(path)))

    def readlink(self, path: str) -> str:
        return os.readlink(self.path(path))

    def realpath(self, path: str) -> str:
        fd = os.open(self.path(path), os.O_PATH)  # the kernel's own opinion
        found = os.readlink(f"/proc/self/fd/{fd}")
        os.close(fd)
        return found.removeprefix(os.path.realpath(self.top))


class _Ours:
    """The same on a container's files, below ``/w``."""

    def __init__(self, fs: ContainerFs) -> None:
        self.fs = fs

    @staticmethod
    def path(path: str) -> str:
        return f"/w/{path}"

    def mkdir(self, path: str) -> None:
        self.fs.mkdir(self.path(path), 0o755)

    def write(self, path: str, content: bytes) -> None:
        self.fs.write_bytes(self.path(path), content)

    def append(self, path: str, content: bytes) -> None:
        handle = self.fs.open(self.path(path), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        _drive(handle.write(content))
        handle.close()

    def exclusive(self, path: str) -> None:
        self.fs.open(self.path(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644).close()

    def truncate(self, path: str, size: int) -> None:
        handle = self.fs.open(self.path(path), os.O_WRONLY)
        handle.truncate(size)
        handle.close()

    def read(self, path: str) -> bytes:
        return self.fs.read_bytes(self.path(path))[:100]

    def unlink(self, path: str) -> None:
        self.fs.unlink(self.path(path))

    def rmdir(self, path: str) -> None:
        self.fs.rmdir(self.path(path))

    def rename(self, path: str, target: str) -> None:
        self.fs.rename(self.path(path), self.path(target))

    def symlink(self, target: str, path: str) -> None:
        self.fs.symlink(target, self.path(path))

    def link(self, path: str, target: str) -> None:
        self.fs.link(self.path(path), self.path(target))

    def chmod(self, path: str, mode: int) -> None:
        self.fs.chmod(self.path(path), mode)

    def stat(self, path: str) -> Any:
        found = self.fs.stat(self.path(path))
        return _facts(found.mode, found.size, found.nlink)

    def listdir(self, path: str) -> list[str]:
        return sorted(self.fs.listdir(self.path(path)))

    def readlink(self, path: str) -> str:
        return self.fs.readlink(self.path(path))

    def realpath(self, path: str) -> str:
        self.fs.stat(self.path(path))
        return self.fs.realpath(self.path(path)).removeprefix("/w")


def _facts(mode: int, size: int, nlink: int) -> tuple[int, ...]:
    if stat.S_ISREG(mode):
        return (mode, size, nlink)
    return (mode,)


def _drive(coroutine: Any) -> None:
    try:
        while True:
            coroutine.send(None)
    except StopIteration:
        pass


@dataclass
class _Kind:
    """A kind of tree to test: how to make a container that has one at ``/w``."""

    make: Callable[[Path], ContainerFs]
    has_lower: bool = False


def _image(*, lower: bool) -> MemoryLayer:
    layer = MemoryLayer()
    layer.add_directory("/w")
    if lower:
        layer.add_file("/w/lower/file", b"old")
        layer.add_file("/w/lower/sub/deep", b"deep")
        layer.add_link("/w/link", "lower/sub")
        layer.add_file("/w/c", b"c")
    return layer


def _container(top: Path, *, lower: bool, mounts: list[Mount]) -> ContainerFs:
    rootfs = RootFs([_image(lower=lower)], top / "upper")
    return ContainerFs(rootfs, mounts, clock=ManualClock())


def _on(kind: Any) -> Callable[[Path], ContainerFs]:
    def make(top: Path) -> ContainerFs:
        source = top / "source"
        source.mkdir()
        return _container(top, lower=False, mounts=[Mount("/w", kind, source)])

    return make


KINDS = {
    "upper": _Kind(lambda top: _container(top, lower=False, mounts=[])),
    "overlay": _Kind(lambda top: _container(top, lower=True, mounts=[]), has_lower=True),
    "volume": _Kind(_on("volume")),
    "bind": _Kind(_on("bind")),
    "tmpfs": _Kind(lambda top: _container(top, lower=False, mounts=[Mount("/w", "tmpfs", None)])),
}


@contextmanager
def _folder() -> Iterator[Path]:
    top = Path(tempfile.mkdtemp())
    try:
        yield top
    finally:
        shutil.rmtree(top)


def _outcome(side: Any, name: str, arguments: tuple[Any, ...]) -> Any:
    try:
        return getattr(side, name)(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno or 0]


def _leaves(path: str) -> bool:
    """Whether a path goes up beyond the directory that is compared."""
    depth = 0
    for part in path.split("/"):
        depth += {"": 0, ".": 0, "..": -1}.get(part, 1)
        if depth < 0:
            return True
    return False


@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(operations, max_size=30))
def test_tree_behaves_as_linux(kind: str, steps: list[tuple[Any, ...]]) -> None:
    with _folder() as top:
        real = top / "linux" / "x" / "y"  # so that ".." of the top stays in our folder
        real.mkdir(parents=True)
        if KINDS[kind].has_lower:
            (real / "lower/sub").mkdir(parents=True)
            (real / "lower/file").write_bytes(b"old")
            (real / "lower/sub/deep").write_bytes(b"deep")
            (real / "link").symlink_to("lower/sub")
            (real / "c").write_bytes(b"c")
        linux = _Linux(str(real))
        ours = _Ours(KINDS[kind].make(top))
        for name, *arguments in steps:
            if any(isinstance(value, str) and _leaves(value) for value in arguments):
                continue
            if name == "symlink" and _leaves(
                f"{os.path.dirname(arguments[1].rstrip('/.'))}/{arguments[0]}"
            ):
                continue
            mine = _outcome(ours, name, tuple(arguments))
            if mine == "EXDEV" and KINDS[kind].has_lower:
                continue  # directories of the image cannot be renamed, as on overlayfs
            theirs = _outcome(linux, name, tuple(arguments))
            assert mine == theirs, (name, arguments)
        assert _dump(ours) == _dump(linux)


def _dump(side: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    pending = ["."]
    while pending:
        here = pending.pop()
        for name in side.listdir(here):
            path = f"{here}/{name}"
            target = _outcome(side, "readlink", (path,))
            if target != "EINVAL":
                found[path] = target
                continue
            found[path] = side.stat(path)
            if stat.S_ISDIR(found[path][0]):
                pending.append(path)
            else:
                found[path] += (side.read(path),)
    return found
