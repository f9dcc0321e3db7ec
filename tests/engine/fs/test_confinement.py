"""Nothing in a container reaches a file of the host outside its mounts."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from course_lib.engine.fs import ContainerFs, Mount
from course_lib.engine.fs.hostdir import HostInode
from tests.engine.fs.conftest import NewContainer
from tests.engine.fs.helpers import refuses


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("secret of the host")
    path.chmod(0o644)
    return path


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "file").write_text("inside")
    return folder


@pytest.fixture(params=["bind", "volume"])
def fs(request: pytest.FixtureRequest, new_container: NewContainer, shared: Path) -> ContainerFs:
    return new_container([Mount("/m", request.param, shared)])


def test_absolute_links_lead_into_the_container(
    fs: ContainerFs, shared: Path, secret: Path
) -> None:
    (shared / "link").symlink_to(secret)
    with refuses(errno.ENOENT):
        fs.read_bytes("/m/link")
    with refuses(errno.ENOENT):
        fs.write_bytes("/m/link", b"overwritten")
    assert secret.read_text() == "secret of the host"
    (shared / "passwd").symlink_to("/etc/passwd")
    assert fs.read_bytes("/m/passwd") == fs.read_bytes("/etc/passwd")


@pytest.mark.parametrize("up", ["..", "../..", "../../../../../../../../.."])
def test_dot_dot_in_links_stops_at_the_containers_root(
    fs: ContainerFs, shared: Path, secret: Path, up: str
) -> None:
    (shared / "sub" / "link").symlink_to(f"{up}/secret")
    with refuses(errno.ENOENT):
        fs.read_bytes("/m/sub/link")
    (shared / "sub" / "root").symlink_to("../../../../../../../..")
    assert sorted(fs.listdir("/m/sub/root")) == sorted(fs.listdir("/"))


def test_links_through_all_operations(fs: ContainerFs, shared: Path, secret: Path) -> None:
    (shared / "out").symlink_to(secret)
    (shared / "outdir").symlink_to(secret.parent)
    before = secret.stat()
    for attempt in (
        lambda: fs.chmod("/m/out", 0o777),
        lambda: fs.chown("/m/out", 7, 7),
        lambda: fs.utime("/m/out", 0, 0),
        lambda: fs.open("/m/out", os.O_WRONLY | os.O_TRUNC),
        lambda: fs.unlink("/m/outdir/secret"),
        lambda: fs.rename("/m/outdir/secret", "/m/taken"),
        lambda: fs.link("/m/outdir/secret", "/m/taken"),
        lambda: fs.mkdir("/m/outdir/new"),
        lambda: fs.listdir("/m/outdir"),
    ):
        with refuses(errno.ENOENT):
            attempt()
    fs.link("/m/out", "/m/hard")  # a second name of the link itself
    assert stat.S_ISLNK((shared / "hard").lstat().st_mode)
    fs.chown("/m/out", 7, 7, follow=False)
    fs.utime("/m/out", 5, 5, follow=False)
    after = secret.stat()
    assert (after.st_mode, after.st_uid, after.st_mtime_ns, after.st_nlink) == (
        before.st_mode,
        before.st_uid,
        before.st_mtime_ns,
        before.st_nlink,
    )


def _swap_for_link(path: Path, target: Path) -> None:
    """What a hostile process of the host does between two of our system calls."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    path.symlink_to(target)


def test_directory_swapped_for_a_link_during_the_walk(
    fs: ContainerFs, shared: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every step of the walk is followed by a swap; none of them is won."""
    lookup = HostInode.lookup
    swapped: list[str] = []

    def lookup_then_swap(self: HostInode, name: str) -> HostInode | None:
        found = lookup(self, name)
        if name == "sub" and not swapped:
            swapped.append(name)
            _swap_for_link(shared / "sub", secret.parent)
        return found

    monkeypatch.setattr(HostInode, "lookup", lookup_then_swap)
    with refuses(errno.ENOTDIR, also=(errno.ELOOP, errno.ENOENT)):
        fs.read_bytes("/m/sub/secret")
    assert swapped


@pytest.mark.parametrize("operation", ["read", "write", "truncate", "chmod", "chown", "utime"])
def test_file_swapped_for_a_link_before_it_is_opened(
    fs: ContainerFs,
    shared: Path,
    secret: Path,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
) -> None:
    before = secret.stat()
    lookup = HostInode.lookup
    swapped: list[str] = []

    def lookup_then_swap(self: HostInode, name: str) -> HostInode | None:
        found = lookup(self, name)
        if name == "file" and not swapped:
            swapped.append(name)
            _swap_for_link(shared / "sub" / "file", secret)
        return found

    monkeypatch.setattr(HostInode, "lookup", lookup_then_swap)
    path = "/m/sub/file"
    attempts: dict[str, Callable[[], object]] = {
        "read": lambda: fs.read_bytes(path),
        "write": lambda: fs.write_bytes(path, b"won"),
        "truncate": lambda: fs.open(path, os.O_WRONLY | os.O_TRUNC),
        "chmod": lambda: fs.chmod(path, 0o777),
        "chown": lambda: fs.chown(path, 9, 9),
        "utime": lambda: fs.utime(path, 0, 0),
    }
    if operation in {"chown", "utime"}:
        attempts[operation]()  # done to the link, not through it
    else:
        with refuses(errno.ELOOP, also=(errno.ENXIO, errno.ENOENT)):
            attempts[operation]()
    assert swapped
    after = secret.stat()
    assert secret.read_text() == "secret of the host"
    assert (after.st_mode, after.st_uid, after.st_mtime_ns) == (
        before.st_mode,
        before.st_uid,
        before.st_mtime_ns,
    )


def test_source_of_a_bind_swapped_for_a_link_from_inside(
    new_container: NewContainer, tmp_path: Path, secret: Path
) -> None:
    """A container that has ``a`` and ``a/b`` mounted turns ``a/b`` into a link to elsewhere."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    fs = new_container(
        [Mount("/a", "bind", tmp_path / "a"), Mount("/b", "bind", tmp_path / "a" / "b")]
    )
    fs.rename("/a/b", "/a/c")
    fs.symlink(str(tmp_path), "/a/b")
    with refuses(errno.ENOENT):
        fs.read_bytes("/b/secret")
    fs.write_bytes("/b/mine", b"in the directory that was mounted")
    assert fs.listdir("/a/c") == ["mine"]
    (tmp_path / "a" / "b").unlink()
    (tmp_path / "a" / "b").symlink_to(secret)
    assert fs.listdir("/b") == ["mine"]


def test_source_of_a_bound_file_swapped_for_a_link(
    new_container: NewContainer, tmp_path: Path, shared: Path, secret: Path
) -> None:
    source = shared / "sub" / "file"
    fs = new_container([Mount("/m", "bind", source)])
    source.rename(tmp_path / "moved")
    source.symlink_to(secret)
    assert fs.read_bytes("/m") == b"inside"
    fs.write_bytes("/m", b"changed")
    fs.chmod("/m", 0o640)
    fs.utime("/m", 10**9, 10**9)
    moved = (tmp_path / "moved").stat()
    assert (tmp_path / "moved").read_bytes() == b"changed"
    assert (stat.S_IMODE(moved.st_mode), moved.st_mtime) == (0o640, 1)
    assert secret.read_text() == "secret of the host"


def test_source_given_by_way_of_a_link_works(
    new_container: NewContainer, tmp_path: Path, shared: Path
) -> None:
    (tmp_path / "alias").symlink_to(shared)
    fs = new_container([Mount("/m", "bind", tmp_path / "alias" / "sub")])
    assert fs.read_bytes("/m/file") == b"inside"


def test_hard_links_do_not_cross_mounts(new_container: NewContainer, shared: Path) -> None:
    other = shared.parent / "other"
    other.mkdir()
    (other / "secret").write_text("other")
    fs = new_container([Mount("/m", "bind", shared), Mount("/o", "bind", other, True)])
    with refuses(errno.EXDEV):
        fs.link("/o/secret", "/m/copy")
    same = new_container([Mount("/m", "bind", shared), Mount("/n", "bind", shared)])
    with refuses(errno.EXDEV):
        same.link("/m/sub/file", "/n/file")


def test_set_uid_never_reaches_the_host_in_volumes(
    new_container: NewContainer, shared: Path
) -> None:
    fs = new_container([Mount("/m", "volume", shared)])
    fs.write_bytes("/m/program", b"#!/bin/sh\n", 0o755)
    fs.chmod("/m/program", 0o6755)
    assert stat.S_IMODE(fs.stat("/m/program").mode) == 0o6755
    assert stat.S_IMODE((shared / "program").stat().st_mode) == 0o755


def test_special_files_of_the_host_do_not_block_or_open(fs: ContainerFs, shared: Path) -> None:
    import socket

    os.mkfifo(shared / "fifo")
    handle = fs.open("/m/fifo", os.O_RDONLY)  # ours, in memory: the engine never waits
    assert handle.kind == "pipe"
    handle.close()
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(shared / "s"))
    with refuses(errno.ENXIO):
        fs.open("/m/s", os.O_RDWR)
    server.close()
    assert stat.S_ISSOCK(fs.stat("/m/s").mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make device files")
def test_device_files_of_the_host_are_not_opened(fs: ContainerFs, shared: Path) -> None:
    os.mknod(shared / "disk", stat.S_IFBLK | 0o666, os.makedev(7, 0))
    os.mknod(shared / "kmsg", stat.S_IFCHR | 0o666, os.makedev(1, 11))
    for name in ("disk", "kmsg"):
        with refuses(errno.ENXIO):
            fs.open(f"/m/{name}", os.O_RDONLY)


def test_errors_name_the_path_in_the_container(fs: ContainerFs) -> None:
    with refuses(errno.ENOENT, "/m/sub/nosuch"):
        fs.read_bytes("/m/sub/nosuch")
    with refuses(errno.ENOENT, "/m/sub/x/y"):
        fs.rename("/m/sub/x/y", "/m/z")


def test_removed_source_is_no_crash(new_container: NewContainer, shared: Path) -> None:
    """A volume's directory is an error then; one that is bound is held, and has nothing in it."""
    fs = new_container([Mount("/v", "volume", shared), Mount("/b", "bind", shared)])
    shutil.rmtree(shared)
    with refuses(errno.ENOENT):
        fs.listdir("/v")
    assert fs.listdir("/b") == []
    with refuses(errno.ENOENT):
        fs.mkdir("/b/new")
