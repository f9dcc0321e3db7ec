"""Path walk, opening, permissions: what a process of a container can do with its files."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from course_lib.engine.fs import ContainerFs
from course_lib.engine.fs.walk import MAX_LINKS
from tests.engine.fs.helpers import refuses


def test_walk_dot_dot_stops_at_the_root(fs: ContainerFs) -> None:
    assert fs.realpath("/../../etc/./passwd") == "/etc/passwd"
    assert fs.realpath("/etc/../..") == "/"
    assert sorted(fs.listdir("/..")) == sorted(fs.listdir("/"))


def test_walk_links_are_resolved_in_the_container(fs: ContainerFs) -> None:
    fs.symlink("/etc/passwd", "/tmp/absolute")
    fs.symlink("../../../etc/passwd", "/tmp/relative")
    fs.symlink("../tmp", "/etc/dir")
    assert fs.read_bytes("/tmp/absolute") == fs.read_bytes("/etc/passwd")
    assert fs.read_bytes("/tmp/relative") == fs.read_bytes("/etc/passwd")
    assert fs.realpath("/etc/dir/../etc/dir/absolute") == "/etc/passwd"
    assert fs.readlink("/tmp/relative") == "../../../etc/passwd"


def test_walk_too_many_links(fs: ContainerFs) -> None:
    fs.symlink("loop", "/tmp/loop")
    with refuses(errno.ELOOP, "/tmp/loop"):
        fs.stat("/tmp/loop")
    fs.write_bytes("/tmp/0", b"")
    for number in range(1, MAX_LINKS + 2):
        fs.symlink(str(number - 1), f"/tmp/{number}")
    assert fs.realpath(f"/tmp/{MAX_LINKS}") == "/tmp/0"
    with refuses(errno.ELOOP):
        fs.stat(f"/tmp/{MAX_LINKS + 1}")


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("", errno.ENOENT),
        ("/nosuch", errno.ENOENT),
        ("/nosuch/x", errno.ENOENT),
        ("/etc/passwd/x", errno.ENOTDIR),
        ("/etc/passwd/", errno.ENOTDIR),
        ("/etc/passwd/.", errno.ENOTDIR),
        ("/etc/passwd/..", errno.ENOTDIR),
        ("/tmp/" + "x" * 256, errno.ENAMETOOLONG),
        ("/tmp/" + "é" * 128, errno.ENAMETOOLONG),
        ("/x" * 2048, errno.ENAMETOOLONG),
        ("/tmp/a\0b", errno.EINVAL),
        ("/tmp/\ud800", errno.EILSEQ),
    ],
)
def test_walk_refuses(fs: ContainerFs, path: str, number: int) -> None:
    with refuses(number, path):
        fs.stat(path)
    with refuses(number, path):
        fs.open(path, os.O_RDONLY)


def test_walk_names_that_are_not_utf8(fs: ContainerFs) -> None:
    name = os.fsdecode(b"/tmp/\xff\xfe")
    fs.write_bytes(name, b"1")
    assert fs.listdir("/tmp") == [os.fsdecode(b"\xff\xfe")]
    assert fs.read_bytes(name) == b"1"


def test_open_flags(fs: ContainerFs) -> None:
    with refuses(errno.EEXIST):
        fs.open("/etc/passwd", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    with refuses(errno.EISDIR):
        fs.open("/etc", os.O_WRONLY)
    with refuses(errno.EISDIR):
        fs.open("/tmp/new/", os.O_WRONLY | os.O_CREAT)
    with refuses(errno.ENOTDIR):
        fs.open("/etc/passwd", os.O_RDONLY | os.O_DIRECTORY)
    with refuses(errno.ELOOP):
        fs.open("/bin/sh", os.O_RDONLY | os.O_NOFOLLOW)
    fs.symlink("/tmp/target", "/tmp/dangling")
    with refuses(errno.EEXIST):
        fs.open("/tmp/dangling", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    fs.write_bytes("/tmp/dangling", b"through the link")
    assert fs.read_bytes("/tmp/target") == b"through the link"


async def test_open_handles_share_their_position(fs: ContainerFs) -> None:
    handle = fs.open("/tmp/f", os.O_RDWR | os.O_CREAT)
    await handle.write(b"0123456789")
    other = handle.dup()
    assert other.seek(2) == 2
    handle.close()
    handle.close()
    assert await other.read(3) == b"234"
    assert other.seek(-1, os.SEEK_END) == 9
    assert await other.read() == b"9"
    assert await other.read() == b""
    other.truncate(4)
    assert other.stat().size == 4
    with refuses(errno.EINVAL):
        other.seek(-5)
    other.close()
    with refuses(errno.EBADF):
        await other.read()


async def test_open_checks_the_direction(fs: ContainerFs) -> None:
    reader = fs.open("/etc/passwd", os.O_RDONLY)
    with refuses(errno.EBADF):
        await reader.write(b"x")
    with refuses(errno.EINVAL):
        reader.truncate(0)
    reader.close()
    writer = fs.open("/tmp/f", os.O_WRONLY | os.O_CREAT)
    with refuses(errno.EBADF):
        await writer.read()
    writer.close()
    directory = fs.open("/etc", os.O_RDONLY)
    assert directory.kind == "directory"
    with refuses(errno.EISDIR):
        await directory.read()
    directory.close()


async def test_open_append_goes_to_the_end_each_time(fs: ContainerFs) -> None:
    one = fs.open("/tmp/log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    two = fs.open("/tmp/log", os.O_WRONLY | os.O_APPEND)
    for text in (b"a", b"b"):
        await one.write(text)
        await two.write(text)
    assert fs.read_bytes("/tmp/log") == b"aabb"
    one.close()
    two.close()


async def test_open_reads_whole_megabytes_at_once(fs: ContainerFs) -> None:
    handle = fs.open("/tmp/big", os.O_RDWR | os.O_CREAT)
    await handle.write(bytes(3 << 20))
    handle.seek(0)
    assert len(await handle.read(3 << 20)) == 3 << 20
    handle.close()


def test_errors_of_renames(fs: ContainerFs) -> None:
    fs.mkdir("/d")
    fs.mkdir("/d/sub")
    fs.write_bytes("/f", b"")
    with refuses(errno.EINVAL):
        fs.rename("/d", "/d/sub/x")
    with refuses(errno.ENOTEMPTY):
        fs.rename("/d/sub", "/d")
    with refuses(errno.ENOTDIR):
        fs.rename("/d", "/f")
    with refuses(errno.EISDIR):
        fs.rename("/f", "/d")
    with refuses(errno.ENOTDIR):
        fs.rename("/f", "/g/")
    with refuses(errno.ENOENT):
        fs.rename("/nosuch", "/x")
    with refuses(errno.EBUSY):
        fs.rename("/", "/x")
    fs.link("/f", "/g")
    fs.rename("/f", "/g")  # two names of one file: nothing happens
    assert {"f", "g"} <= set(fs.listdir("/"))


def test_errors_of_removal(fs: ContainerFs) -> None:
    with refuses(errno.EISDIR):
        fs.unlink("/etc")
    with refuses(errno.ENOTDIR):
        fs.rmdir("/etc/passwd")
    with refuses(errno.EINVAL):
        fs.rmdir("/empty/.")
    with refuses(errno.ENOTEMPTY):
        fs.rmdir("/empty/..")
    with refuses(errno.EBUSY):
        fs.rmdir("/")
    with refuses(errno.EPERM):
        fs.link("/etc", "/tmp/etc")


def test_permissions_of_other_users(fs: ContainerFs) -> None:
    fs.chmod("/tmp", 0o1777)
    user = fs.as_user(1000, 1000, [42])
    stranger = fs.as_user(1001, 1001)
    with refuses(errno.EACCES):
        stranger.open("/etc/shadow", os.O_RDONLY)
    assert user.read_bytes("/etc/shadow") == b"secret\n"  # by its group
    with refuses(errno.EACCES):
        user.open("/etc/shadow", os.O_WRONLY)
    with refuses(errno.EACCES):
        user.write_bytes("/etc/new", b"")
    with refuses(errno.EACCES):
        user.stat("/root/x")
    with refuses(errno.EACCES):
        user.listdir("/root")
    user.write_bytes("/tmp/mine", b"1")
    assert (fs.stat("/tmp/mine").uid, fs.stat("/tmp/mine").gid) == (1000, 1000)
    with refuses(errno.EPERM):
        stranger.unlink("/tmp/mine")  # the sticky bit
    with refuses(errno.EPERM):
        stranger.chmod("/tmp/mine", 0o777)
    with refuses(errno.EPERM):
        user.chown("/tmp/mine", 0, 0)
    user.chmod("/tmp/mine", 0o600)
    user.chown("/tmp/mine", -1, 42)
    with refuses(errno.EACCES):
        stranger.open("/tmp/mine", os.O_RDONLY)
    assert fs.read_bytes("/tmp/mine") == b"1"
    assert not user.access("/bin/busybox", os.W_OK)
    assert user.access("/bin/busybox", os.X_OK)
    assert not fs.access("/etc/passwd", os.X_OK)
    user.unlink("/tmp/mine")


def test_permissions_zero_still_leave_root_everything(fs: ContainerFs) -> None:
    fs.write_bytes("/tmp/f", b"1", 0o000)
    assert stat.S_IMODE(fs.stat("/tmp/f").mode) == 0
    assert fs.read_bytes("/tmp/f") == b"1"
    fs.mkdir("/tmp/d", 0o000)
    fs.write_bytes("/tmp/d/f", b"1")
    assert stat.S_IMODE(fs.stat("/tmp/d").mode) == 0
    with refuses(errno.EACCES):
        fs.as_user(1, 1).stat("/tmp/d/f")


def test_set_group_id_directories_hand_their_group_on(fs: ContainerFs) -> None:
    fs.mkdir("/shared", 0o777)
    fs.chmod("/shared", 0o2777)
    fs.chown("/shared", 0, 50)
    user = fs.as_user(1000, 1000)
    user.write_bytes("/shared/f", b"")
    user.mkdir("/shared/d", 0o755)
    assert fs.stat("/shared/f").gid == 50
    assert fs.stat("/shared/d").gid == 50
    assert fs.stat("/shared/d").mode & stat.S_ISGID


def test_owners_and_modes_survive(new_container: object, fs: ContainerFs) -> None:
    from tests.engine.fs.conftest import NewContainer

    make: NewContainer = new_container  # type: ignore[assignment]
    fs.write_bytes("/tmp/f", b"")
    fs.chown("/tmp/f", 999, 998)
    fs.chmod("/tmp/f", 0o4711)
    fs.mkdir("/tmp/d")
    fs.chown("/tmp/d", 5, 5)
    fs.rename("/tmp/d", "/tmp/e")
    again = make()
    found = again.stat("/tmp/f")
    assert (found.uid, found.gid, stat.S_IMODE(found.mode)) == (999, 998, 0o4711)
    assert again.stat("/tmp/e").uid == 5
    again.unlink("/tmp/f")
    again.write_bytes("/tmp/f", b"")
    assert again.stat("/tmp/f").uid == 0


def test_chown_of_a_file_drops_set_uid(fs: ContainerFs) -> None:
    fs.write_bytes("/tmp/f", b"")
    fs.chmod("/tmp/f", 0o6755)
    fs.chown("/tmp/f", 1, 1)
    assert stat.S_IMODE(fs.stat("/tmp/f").mode) == 0o755


async def test_fifos_connect_two_processes(fs: ContainerFs) -> None:
    import asyncio

    fs.mkfifo("/tmp/p")
    assert stat.S_ISFIFO(fs.stat("/tmp/p").mode)
    reader = fs.open("/tmp/p", os.O_RDONLY)
    reading = asyncio.ensure_future(reader.read())
    await asyncio.sleep(0)
    assert not reading.done()
    writer = fs.open("/tmp/p", os.O_WRONLY)
    await writer.write(b"through")
    assert await reading == b"through"
    writer.close()
    assert await reader.read() == b""
    reader.close()


async def test_fifo_writer_without_reader_gets_epipe(fs: ContainerFs) -> None:
    fs.mkfifo("/tmp/p")
    reader = fs.open("/tmp/p", os.O_RDONLY)
    writer = fs.open("/tmp/p", os.O_WRONLY)
    await writer.write(b"1")
    reader.close()
    with refuses(errno.EPIPE):
        await writer.write(b"2")
    writer.close()


def test_descriptors_are_not_leaked(fs: ContainerFs) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        fs.write_bytes("/tmp/f", b"1")
        fs.listdir("/tmp")
        fs.stat("/tmp/f")
        with refuses(errno.ENOTDIR):
            fs.stat("/tmp/f/x")
        fs.open("/tmp/f", os.O_RDONLY)  # forgotten: closed with its last reference
    assert len(os.listdir("/proc/self/fd")) <= before + 1
