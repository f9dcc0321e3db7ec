"""Volumes, binds and tmpfs in a container's tree."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from course_lib.engine.fs import ContainerFs, Mount, bound
from course_lib.engine.fs.mounts import host_mount_of
from tests.engine.fs.conftest import NewContainer
from tests.engine.fs.helpers import refuses


def test_a_bound_file_where_descriptors_have_no_names(
    new_container: NewContainer, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS: it is looked up by its path, so that what takes its place is seen."""
    monkeypatch.setattr(bound, "_BY_DESCRIPTOR", source / "ghost")
    fs = new_container([Mount("/file", "bind", source / "file")])
    fs.write_bytes("/file", b"changed")
    assert (source / "file").read_bytes() == b"changed"
    (source / "new").write_text("another")
    (source / "new").rename(source / "file")
    assert fs.read_bytes("/file") == b"another"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "file").write_text("on the host")
    return folder


def test_mounts_bind_shows_and_changes_the_users_own_files(
    new_container: NewContainer, source: Path
) -> None:
    fs = new_container([Mount("/data", "bind", source)])
    assert fs.read_bytes("/data/file") == b"on the host"
    fs.write_bytes("/data/new", b"from inside", 0o640)
    assert (source / "new").read_bytes() == b"from inside"
    assert stat.S_IMODE((source / "new").stat().st_mode) == 0o640
    (source / "later").write_text("1")
    assert "later" in fs.listdir("/data")
    fs.chmod("/data/file", 0o600)
    assert stat.S_IMODE((source / "file").stat().st_mode) == 0o600


def test_mounts_engine_user_is_root_inside(new_container: NewContainer, source: Path) -> None:
    fs = new_container([Mount("/b", "bind", source), Mount("/v", "volume", source)])
    for path in ("/b/file", "/v/file"):
        assert (fs.stat(path).uid, fs.stat(path).gid) == (0, 0)


def test_mounts_single_file(new_container: NewContainer, source: Path) -> None:
    fs = new_container([Mount("/etc/passwd", "bind", source / "file")])
    assert fs.read_bytes("/etc/passwd") == b"on the host"
    fs.write_bytes("/etc/passwd", b"changed")
    assert (source / "file").read_bytes() == b"changed"
    with refuses(errno.EBUSY):
        fs.unlink("/etc/passwd")
    with refuses(errno.EBUSY):
        fs.rename("/etc/passwd", "/etc/other")
    with refuses(errno.EBUSY):
        fs.rename("/etc/shadow", "/etc/passwd")


def test_mounts_volume_is_shared_and_separate_from_the_layer(
    new_container: NewContainer, source: Path
) -> None:
    one = new_container([Mount("/data", "volume", source)], name="one")
    two = new_container([Mount("/elsewhere", "volume", source, read_only=True)], name="two")
    one.write_bytes("/data/x", b"1")
    assert two.read_bytes("/elsewhere/x") == b"1"
    with refuses(errno.EROFS):
        two.write_bytes("/elsewhere/y", b"")
    with refuses(errno.EROFS):
        two.unlink("/elsewhere/x")
    with refuses(errno.EXDEV):
        one.rename("/data/x", "/tmp/x")
    with refuses(errno.EXDEV):
        one.link("/data/x", "/tmp/x")
    assert [change.path for change in one.rootfs.changes()] == ["/data"]


def test_mounts_read_only_root_leaves_volumes_writable(
    new_container: NewContainer, source: Path
) -> None:
    fs = new_container([Mount("/new/place", "volume", source)], read_only=True)
    fs.write_bytes("/new/place/x", b"1")
    with refuses(errno.EROFS):
        fs.write_bytes("/new/x", b"1")


def test_mounts_nested_in_any_order(new_container: NewContainer, tmp_path: Path) -> None:
    outer, inner = tmp_path / "outer", tmp_path / "inner"
    outer.mkdir()
    inner.mkdir()
    (inner / "deep").write_text("1")
    (outer / "top").write_text("2")
    fs = new_container([Mount("/data/sub", "bind", inner), Mount("/data", "bind", outer)])
    assert fs.read_bytes("/data/sub/deep") == b"1"
    assert fs.read_bytes("/data/top") == b"2"
    assert (outer / "sub").is_dir()  # the mount point was made there, as runc does
    with refuses(errno.EBUSY):
        fs.rename("/data/sub", "/data/other")
    with refuses(errno.EBUSY):
        fs.rmdir("/data/sub")
    assert fs.realpath("/data/sub/..") == "/data"


def test_mounts_in_a_read_only_mount_need_their_place(
    new_container: NewContainer, tmp_path: Path, source: Path
) -> None:
    with refuses(errno.EROFS, "/ro/nope"):
        new_container([Mount("/ro", "bind", source, True), Mount("/ro/nope", "bind", source)])
    (source / "nope").mkdir()
    new_container([Mount("/ro", "bind", source, True), Mount("/ro/nope", "bind", source)])


def test_mounts_over_a_link_go_where_it_leads_in_the_container(
    new_container: NewContainer, source: Path
) -> None:
    first = new_container()
    first.symlink("/usr/share", "/link")
    fs = new_container([Mount("/link/place", "bind", source)])
    assert fs.read_bytes("/usr/share/place/file") == b"on the host"
    assert [entry.target for entry in fs.mounts()][-1] == "/usr/share/place"


def test_mounts_that_cannot_be_made(new_container: NewContainer, source: Path) -> None:
    with pytest.raises(FileNotFoundError):
        new_container([Mount("/x", "bind", source / "nosuch")])
    with refuses(errno.ENOTDIR, "/etc/passwd"):
        new_container([Mount("/etc/passwd", "bind", source)])
    with refuses(errno.ENOTDIR, "/etc"):
        new_container([Mount("/etc", "bind", source / "file")])
    with refuses(errno.ENOTDIR, "/etc/passwd/x"):
        new_container([Mount("/etc/passwd/x", "bind", source)])


def test_mounts_as_proc_mounts_lists_them(new_container: NewContainer, source: Path) -> None:
    fs = new_container(
        [
            Mount("/data", "volume", source, read_only=True),
            Mount("/t", "tmpfs", options={"size": "1000000", "mode": "700"}),
        ]
    )
    lines = {entry.target: entry for entry in fs.mounts()}
    assert lines["/"].fstype == "overlay"
    assert lines["/data"].options.startswith("ro,")
    assert (lines["/data"].source, lines["/data"].fstype) == host_mount_of(source)[:2]
    assert f"{source}".endswith(lines["/data"].root)
    assert lines["/t"].options == "rw,nosuid,nodev,noexec,relatime,size=980k,mode=700"
    assert {"/proc", "/dev", "/dev/shm", "/sys"} <= set(lines)


async def test_tmpfs_has_its_size(new_container: NewContainer) -> None:
    fs = new_container([Mount("/t", "tmpfs", options={"size": "1000000"})])
    assert stat.S_IMODE(fs.stat("/t").mode) == 0o1777
    usage = fs.usage("/t")
    assert usage.total == 245 * 4096  # rounded up to pages
    fs.write_bytes("/t/a", bytes(500_000))
    handle = fs.open("/t/b", os.O_WRONLY | os.O_CREAT)
    with refuses(errno.ENOSPC):
        await handle.write(bytes(600_000))
    written = fs.stat("/t/b").size
    assert written == 245 * 4096 - 123 * 4096  # what fits is there
    assert fs.usage("/t").free == 0
    fs.unlink("/t/a")
    assert fs.usage("/t").free == 123 * 4096
    handle.close()


async def test_tmpfs_file_lives_until_it_is_closed(new_container: NewContainer) -> None:
    fs = new_container([Mount("/t", "tmpfs", options={"size": "8192"})])
    fs.write_bytes("/t/a", bytes(8192))
    handle = fs.open("/t/a", os.O_RDONLY)
    fs.unlink("/t/a")
    with refuses(errno.ENOSPC):
        fs.write_bytes("/t/b", b"1")
    assert len(await handle.read()) == 8192
    handle.close()
    fs.write_bytes("/t/b", b"1")


def test_tmpfs_sparse_files_take_nothing(new_container: NewContainer) -> None:
    fs = new_container([Mount("/t", "tmpfs", options={"size": "8192"})])
    handle = fs.open("/t/a", os.O_RDWR | os.O_CREAT)
    handle.truncate(1 << 40)
    assert fs.stat("/t/a").size == 1 << 40
    assert fs.usage("/t").free == 8192
    handle.close()


def test_tmpfs_takes_the_mode_of_what_it_covers(new_container: NewContainer) -> None:
    fs = new_container([Mount("/root", "tmpfs"), Mount("/fresh", "tmpfs")])
    assert stat.S_IMODE(fs.stat("/root").mode) == 0o700
    assert stat.S_IMODE(fs.stat("/fresh").mode) == 0o1777


def test_tmpfs_is_gone_when_the_container_stops(new_container: NewContainer) -> None:
    mounts = [Mount("/t", "tmpfs")]
    first = new_container(mounts)
    first.write_bytes("/t/x", b"1")
    first.close()
    assert new_container(mounts).listdir("/t") == []


async def test_devices(fs: ContainerFs) -> None:
    assert stat.S_ISCHR(fs.stat("/dev/null").mode)
    zero = fs.open("/dev/zero", os.O_RDONLY)
    assert await zero.read(5) == bytes(5)
    zero.close()
    null = fs.open("/dev/null", os.O_RDWR)
    await null.write(b"x")
    assert await null.read() == b""
    null.close()
    full = fs.open("/dev/full", os.O_WRONLY)
    with refuses(errno.ENOSPC):
        await full.write(b"x")
    full.close()
    random = fs.open("/dev/urandom", os.O_RDONLY)
    assert len(await random.read(33)) == 33
    random.close()
    with refuses(errno.ENXIO):
        fs.open("/dev/tty", os.O_RDWR)
    fs.write_bytes("/dev/shm/x", b"1")
    assert fs.readlink("/dev/stdout") == "/proc/self/fd/1"


class _Files:
    """A ``/proc`` with one process that has one open file."""

    def __init__(self, fs: ContainerFs) -> None:
        self.handle = fs.open("/tmp/out", os.O_RDWR | os.O_CREAT)

    def read(self, path: str) -> bytes | None:
        return {"1/cmdline": b"sleep\0", "version": b"Linux\n"}.get(path)

    def listdir(self, path: str) -> list[str] | None:
        return {"": ["1", "self", "version"], "1": ["cmdline", "fd"], "1/fd": ["1"]}.get(path)

    def readlink(self, path: str) -> str | None:
        return {"self": "1", "1/fd/1": "pipe:[7]"}.get(path)

    def open_file(self, path: str) -> object:
        return self.handle if path == "1/fd/1" else None

    def terminal(self) -> object:
        return self.handle


async def test_proc_is_what_the_userland_says(fs: ContainerFs) -> None:
    files = _Files(fs)
    user = fs.as_user(1, 1)
    fs.proc = files  # type: ignore[assignment]
    assert user.read_bytes("/proc/self/cmdline") == b"sleep\0"
    assert sorted(user.listdir("/proc/1")) == ["cmdline", "fd"]
    assert user.readlink("/proc/self/fd/1") == "pipe:[7]"
    stdout = fs.open("/dev/stdout", os.O_WRONLY)
    await stdout.write(b"to the open file")
    stdout.close()
    tty = fs.open("/dev/tty", os.O_RDWR)
    tty.close()
    assert fs.read_bytes("/tmp/out") == b"to the open file"
    assert "0" in fs.listdir("/dev/pts")
    with refuses(errno.ENOENT):
        user.stat("/proc/2")
    with refuses(errno.ENOTDIR):
        user.stat("/proc/version/x")
    with refuses(errno.EROFS):
        fs.mkdir("/proc/new")
