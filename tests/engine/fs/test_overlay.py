"""The root file system: layers below, a writable directory above."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from course_lib.engine.fs import ContainerFs, DirLayer, MemoryLayer, RootFs
from course_lib.engine.fs.initlayer import init_layer
from tests.engine.conftest import ManualClock
from tests.engine.fs.conftest import NewContainer
from tests.engine.fs.helpers import refuses, tree


def changes(fs: ContainerFs) -> list[str]:
    return [f"{'CAD'[change.kind]} {change.path}" for change in fs.rootfs.changes()]


def test_overlay_untouched_container_has_no_directory_of_its_own(
    fs: ContainerFs, tmp_path: Path
) -> None:
    assert fs.read_bytes("/etc/passwd").startswith(b"root:")
    assert fs.listdir("/etc")
    assert not list(tmp_path.rglob("upper"))
    assert changes(fs) == []


def test_overlay_shows_image_with_its_modes_owners_and_times(fs: ContainerFs) -> None:
    shadow = fs.stat("/etc/shadow")
    assert (stat.S_IMODE(shadow.mode), shadow.uid, shadow.gid) == (0o640, 0, 42)
    assert shadow.mtime_ns == 1_600_000_000_000_000_000
    assert shadow.size == len("secret\n")
    assert fs.realpath("/bin/sh") == "/bin/busybox"


def test_overlay_writing_copies_up_and_leaves_the_image_alone(
    new_container: NewContainer,
) -> None:
    one, other = new_container(name="one"), new_container(name="other")
    handle = one.open("/etc/shadow", os.O_RDWR)
    handle.close()
    one.write_bytes("/etc/passwd", b"mine\n")
    assert one.read_bytes("/etc/passwd") == b"mine\n"
    assert other.read_bytes("/etc/passwd") == b"root:x:0:0:root:/root:/bin/sh\n"
    copied = one.stat("/etc/shadow")
    assert (stat.S_IMODE(copied.mode), copied.gid) == (0o640, 42)
    assert one.read_bytes("/etc/shadow") == b"secret\n"
    assert changes(one) == ["C /etc", "C /etc/passwd"]  # what is as it was is no change
    assert changes(other) == []


async def test_overlay_appending_to_an_image_file_keeps_its_content(fs: ContainerFs) -> None:
    handle = fs.open("/etc/passwd", os.O_WRONLY | os.O_APPEND)
    await handle.write(b"x:x\n")
    handle.close()
    assert fs.read_bytes("/etc/passwd") == b"root:x:0:0:root:/root:/bin/sh\nx:x\n"


def test_overlay_deletion_is_a_whiteout_and_survives_a_restart(
    new_container: NewContainer, tmp_path: Path
) -> None:
    fs = new_container()
    fs.unlink("/etc/passwd")
    with refuses(errno.ENOENT, "/etc/passwd"):
        fs.stat("/etc/passwd")
    assert "passwd" not in fs.listdir("/etc")
    assert (tmp_path / "containers/c/upper/etc/.wh.passwd").is_file()
    again = new_container()
    assert "passwd" not in again.listdir("/etc")
    assert changes(again) == ["C /etc", "D /etc/passwd"]
    again.write_bytes("/etc/passwd", b"new\n")
    assert "passwd" in again.listdir("/etc")
    assert not (tmp_path / "containers/c/upper/etc/.wh.passwd").exists()
    assert changes(again) == ["C /etc", "C /etc/passwd"]


def test_overlay_removed_and_remade_directory_is_empty(fs: ContainerFs) -> None:
    with refuses(errno.ENOTEMPTY):
        fs.rmdir("/usr/share/doc/a")
    fs.unlink("/usr/share/doc/a/readme")
    fs.rmdir("/usr/share/doc/a")
    fs.mkdir("/usr/share/doc/a", 0o755)
    assert fs.listdir("/usr/share/doc/a") == []
    fs.write_bytes("/usr/share/doc/a/new", b"1")
    assert fs.listdir("/usr/share/doc/a") == ["new"]
    with refuses(errno.ENOENT):
        fs.stat("/usr/share/doc/a/readme")
    assert "D /usr/share/doc/a/readme" in changes(fs)
    fs.unlink("/usr/share/doc/a/new")
    fs.rmdir("/usr/share/doc/a")
    assert sorted(fs.listdir("/usr/share/doc")) == ["b"]


def test_overlay_renaming_an_image_directory_is_exdev_so_that_mv_copies(fs: ContainerFs) -> None:
    with refuses(errno.EXDEV):
        fs.rename("/usr/share", "/usr/moved")
    fs.mkdir("/own")
    fs.write_bytes("/own/file", b"1")
    fs.rename("/own", "/renamed")
    assert fs.read_bytes("/renamed/file") == b"1"


def test_overlay_renamed_directory_does_not_show_what_was_at_its_new_place(
    fs: ContainerFs,
) -> None:
    fs.unlink("/usr/share/doc/a/readme")
    fs.rmdir("/usr/share/doc/a")
    fs.mkdir("/own")
    fs.rename("/own", "/usr/share/doc/a")
    assert fs.listdir("/usr/share/doc/a") == []


def test_overlay_renaming_an_image_file_moves_it(fs: ContainerFs) -> None:
    fs.rename("/etc/passwd", "/etc/shadow")
    assert fs.read_bytes("/etc/shadow").startswith(b"root:")
    assert fs.stat("/etc/shadow").gid == 0
    assert changes(fs) == ["C /etc", "D /etc/passwd", "C /etc/shadow"]


def test_overlay_links_and_modes_of_image_files(fs: ContainerFs) -> None:
    fs.link("/etc/passwd", "/etc/hard")
    assert fs.stat("/etc/hard").ino == fs.stat("/etc/passwd").ino
    assert fs.stat("/etc/hard").nlink == 2
    fs.chmod("/bin/busybox", 0o700)
    assert stat.S_IMODE(fs.stat("/bin/sh").mode) == 0o700
    fs.chown("/bin/sh", 5, 6, follow=False)
    link = fs.stat("/bin/sh", follow=False)
    assert (link.uid, link.gid) == (5, 6)
    assert fs.stat("/bin/sh").uid == 0


def test_overlay_own_whiteout_names_cannot_be_made(fs: ContainerFs) -> None:
    with refuses(errno.EPERM):
        fs.write_bytes("/tmp/.wh.x", b"")
    with refuses(errno.EPERM):
        fs.mkdir("/tmp/.wh.x")
    fs.write_bytes("/tmp/x", b"")
    with refuses(errno.EPERM):
        fs.rename("/tmp/x", "/tmp/.wh.y")


def test_overlay_read_only_refuses_changes_and_lets_devices_be_written(
    new_container: NewContainer,
) -> None:
    fs = new_container(read_only=True)
    for attempt in (
        lambda: fs.write_bytes("/x", b""),
        lambda: fs.mkdir("/zz"),
        lambda: fs.unlink("/bin/sh"),
        lambda: fs.rename("/etc/passwd", "/etc/p"),
        lambda: fs.chmod("/etc/passwd", 0o600),
        lambda: fs.chown("/etc/passwd", 1, 1),
        lambda: fs.utime("/etc/passwd", 0, 0),
        lambda: fs.symlink("a", "/b"),
        lambda: fs.open("/etc/passwd", os.O_RDWR),
    ):
        with refuses(errno.EROFS):
            attempt()
    with refuses(errno.EEXIST):
        fs.mkdir("/etc")
    assert not fs.access("/etc/passwd", os.W_OK)
    fs.write_bytes("/dev/null", b"gone")
    fs.write_bytes("/dev/shm/x", b"memory")


def test_overlay_what_the_engine_put_there_is_not_a_change(fs: ContainerFs) -> None:
    assert fs.stat("/.dockerenv").size == 0
    assert fs.readlink("/etc/mtab") == "/proc/mounts"
    assert changes(fs) == []


def test_overlay_diff_of_added_trees(fs: ContainerFs) -> None:
    fs.mkdir("/a", 0o755)
    fs.mkdir("/a/b", 0o755)
    fs.write_bytes("/a/b/c", b"")
    fs.chmod("/empty", 0o700)
    assert changes(fs) == ["A /a", "A /a/b", "A /a/b/c", "C /empty"]


def test_overlay_directory_layers_with_whiteouts(
    tmp_path: Path, base: MemoryLayer, clock: ManualClock
) -> None:
    layer = tmp_path / "layer"
    (layer / "etc").mkdir(parents=True)
    (layer / "etc/.wh.passwd").touch()
    (layer / "etc/added").write_text("yes")
    (layer / "usr/share").mkdir(parents=True)
    (layer / "usr/share/.wh..wh..opq").touch()
    (layer / "usr/share/only").write_text("1")
    rootfs = RootFs([init_layer(), DirLayer(layer), base], tmp_path / "upper")
    fs = ContainerFs(rootfs, clock=clock)
    assert "passwd" not in fs.listdir("/etc")
    assert "added" in fs.listdir("/etc")
    assert fs.listdir("/usr/share") == ["only"]
    with refuses(errno.ENOENT):
        fs.stat("/usr/share/doc")
    fs.write_bytes("/etc/passwd", b"back")
    assert fs.read_bytes("/etc/passwd") == b"back"


def test_overlay_a_writable_layer_is_a_layer(
    tmp_path: Path, base: MemoryLayer, clock: ManualClock
) -> None:
    """What a container changed, put under another container, looks the same."""
    first = ContainerFs(RootFs([base], tmp_path / "one"), clock=clock)
    first.unlink("/etc/passwd")
    first.write_bytes("/etc/new", b"1", 0o4755)
    first.chown("/etc/new", 7, 8)
    first.unlink("/usr/share/doc/a/readme")
    first.rmdir("/usr/share/doc/a")
    first.mkdir("/usr/share/doc/a", 0o700)
    second = ContainerFs(RootFs([DirLayer(tmp_path / "one"), base], tmp_path / "two"), clock=clock)
    for top in ("/etc", "/usr"):
        assert tree(second, top) == tree(first, top)
    assert stat.S_IMODE(second.stat("/etc/new").mode) == 0o755  # chown drops set-uid
    assert second.rootfs.changes() == []


@pytest.mark.parametrize("number", [1, 100])
def test_overlay_new_container_costs_the_same_whatever_the_image(
    tmp_path: Path, clock: ManualClock, number: int
) -> None:
    layer = MemoryLayer()
    for index in range(number):
        layer.add_file(f"/lib/file{index}", b"")
    fs = ContainerFs(RootFs([layer], tmp_path / "upper"), clock=clock)
    assert len(fs.listdir("/lib")) == number
    assert list(tmp_path.iterdir()) == []


def test_overlay_longest_names(fs: ContainerFs) -> None:
    for name in ("x" * 255, "é" * 127, "y" * 252):
        fs.write_bytes(f"/etc/{name}", b"1")
        assert fs.read_bytes(f"/etc/{name}") == b"1"
        fs.rename(f"/etc/{name}", f"/usr/{name}")
        fs.unlink(f"/usr/{name}")
        with refuses(errno.ENOENT):
            fs.stat(f"/etc/{name}")


def test_overlay_copy_up_interrupted_leaves_the_old_file(
    fs: ContainerFs, new_container: NewContainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("course_lib.engine.fs.hostdir.HostInode.rename", die)
        with pytest.raises(Killed):
            fs.open("/etc/passwd", os.O_RDWR)
    again = new_container()
    assert again.read_bytes("/etc/passwd").startswith(b"root:")
    assert "passwd" in again.listdir("/etc")
    again.write_bytes("/etc/passwd", b"new")
    assert again.read_bytes("/etc/passwd") == b"new"
    assert set(changes(again)) <= {"C /etc", "C /etc/passwd"}


def test_overlay_what_every_container_has_is_as_old_as_the_container(
    tmp_path: Path, base: MemoryLayer, clock: ManualClock
) -> None:
    layers = [init_layer(), base]
    fs = ContainerFs(RootFs(layers, tmp_path / "upper", created_ns=5), clock=clock)
    for path in ("/", "/etc", "/.dockerenv"):
        assert fs.stat(path).mtime_ns == 5
    assert fs.stat("/etc/passwd").mtime_ns == 1_600_000_000_000_000_000
    fs.write_bytes("/.dockerenv", b"")
    assert fs.stat("/.dockerenv").mtime_ns != 5


@pytest.mark.parametrize("path", ["/etc/passwd", "/tmp/own", "/etc", "/tmp"])
def test_overlay_open_file_and_path_are_the_same_file(fs: ContainerFs, path: str) -> None:
    fs.write_bytes("/tmp/own", b"1")
    handle = fs.open(path, os.O_RDONLY)
    opened, found = handle.stat(), fs.stat(path)
    assert (opened.dev, opened.ino) == (found.dev, found.ino)
    assert found.dev == fs.stat("/").dev
    handle.close()
