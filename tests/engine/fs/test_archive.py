"""Tar streams: what ``docker cp`` moves."""

from __future__ import annotations

import errno
import gzip
import io
import os
import stat
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from course_lib.engine.errdefs import SystemFailure
from course_lib.engine.fs import ContainerFs, Mount
from course_lib.engine.fs.archive import extract_tar, go_mode, path_stat, read_tar
from tests.engine.fs.conftest import NewContainer
from tests.engine.fs.helpers import refuses, tree


async def packed(fs: ContainerFs, path: str, name: str | None = None) -> tarfile.TarFile:
    data = b"".join([chunk async for chunk in read_tar(fs, path, name)])
    assert len(data) % 512 == 0
    return tarfile.open(fileobj=io.BytesIO(data))


async def chunks(data: bytes, size: int = 700) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, **facts: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    for key, value in facts.items():
        setattr(info, key, value)
    return info


async def test_archive_of_a_tree_has_names_modes_owners_and_links(fs: ContainerFs) -> None:
    fs.mkdir("/top", 0o750)
    fs.write_bytes("/top/file", b"x" * 1000, 0o640)
    fs.chown("/top/file", 5, 6)
    fs.utime("/top/file", 0, 1_500_000_000_999_999_999)
    fs.symlink("file", "/top/link")
    fs.link("/top/file", "/top/second")
    fs.mkfifo("/top/pipe")
    found = await packed(fs, "/top")
    by_name = {info.name: info for info in found}
    assert list(by_name) == ["top", "top/file", "top/link", "top/pipe", "top/second"]
    file = by_name["top/file"]
    assert (file.mode, file.uid, file.gid, file.mtime) == (0o640, 5, 6, 1_500_000_000)
    assert by_name["top"].mode == 0o750
    assert by_name["top/link"].linkname == "file"
    assert by_name["top/second"].islnk()
    content = found.extractfile("top/file")
    assert content is not None
    assert content.read() == b"x" * 1000


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/etc/passwd", ["passwd"]),
        ("/usr/share/doc/a", ["a", "a/readme"]),
        ("/usr/share/doc/a/", ["a", "a/readme"]),
        ("/usr/share/doc/a/.", [".", "./readme"]),
        ("/bin/sh", ["sh"]),
        ("usr/share/doc/a", ["a", "a/readme"]),
    ],
)
async def test_archive_names_follow_the_path(fs: ContainerFs, path: str, names: list[str]) -> None:
    assert (await packed(fs, path)).getnames() == names


async def test_archive_of_everything_for_export(fs: ContainerFs) -> None:
    names = (await packed(fs, "/usr", "")).getnames()
    assert names == [
        "share",
        "share/doc",
        "share/doc/a",
        "share/doc/a/readme",
        "share/doc/b",
        "share/doc/b/readme",
    ]


async def test_archive_of_nothing_is_an_error_before_the_first_byte(fs: ContainerFs) -> None:
    with refuses(errno.ENOENT, "/nosuch"):
        async for _ in read_tar(fs, "/nosuch"):
            raise AssertionError


async def test_archive_long_and_strange_names(fs: ContainerFs) -> None:
    long, strange = "x" * 200, os.fsdecode(b"\xff\xfe")
    fs.mkdir("/tmp/d")
    for name in (long, strange, "ünïcode"):
        fs.write_bytes(f"/tmp/d/{name}", name.encode("utf-8", "surrogateescape"))
    data = b"".join([chunk async for chunk in read_tar(fs, "/tmp/d")])
    fs.mkdir("/tmp/e")
    await extract_tar(fs, "/tmp/e", chunks(data))
    assert sorted(fs.listdir("/tmp/e/d")) == sorted([long, strange, "ünïcode"])


async def test_round_trip(fs: ContainerFs, new_container: NewContainer, tmp_path: Path) -> None:
    fs.mkdir("/top")
    fs.mkdir("/top/sub", 0o700)
    fs.chown("/top/sub", 3, 4)
    fs.write_bytes("/top/sub/f", b"1" * 3_000_000, 0o4711)
    fs.symlink("/etc/passwd", "/top/abs")
    fs.link("/top/sub/f", "/top/hard")
    data = b"".join([chunk async for chunk in read_tar(fs, "/top")])
    volume = tmp_path / "volume"
    volume.mkdir()
    other = new_container([Mount("/v", "volume", volume)], name="other")
    await extract_tar(other, "/v", chunks(data, 100_000))
    assert tree(other, "/v/top") == {
        path.replace("/top", "/v/top"): facts for path, facts in tree(fs, "/top").items()
    }
    assert other.stat("/v/top/hard").nlink == 2


async def test_compressed_archives_are_read(fs: ContainerFs) -> None:
    data = gzip.compress(archive((member("a/b"), b"1")))
    await extract_tar(fs, "/tmp", chunks(data))
    assert fs.read_bytes("/tmp/a/b") == b"1"


async def test_absolute_members_land_in_the_directory(fs: ContainerFs) -> None:
    await extract_tar(fs, "/tmp", chunks(archive((member("/etc/passwd"), b"mine"))))
    assert fs.read_bytes("/tmp/etc/passwd") == b"mine"
    assert fs.read_bytes("/etc/passwd").startswith(b"root:")


@pytest.mark.parametrize(
    "bad",
    [
        member("../escaped"),
        member("a/../../escaped"),
        member("hard", tarfile.LNKTYPE, linkname="../../etc/passwd"),
        member("soft", tarfile.SYMTYPE, linkname="../../etc/passwd"),
    ],
)
async def test_escaping_members_are_refused_and_nothing_is_unpacked(
    fs: ContainerFs, bad: tarfile.TarInfo
) -> None:
    with pytest.raises(SystemFailure, match=r"is outside of|invalid (hard|sym)link"):
        await extract_tar(fs, "/tmp", chunks(archive((member("first"), b"1"), (bad, b""))))
    assert fs.listdir("/tmp") == []


async def test_links_in_an_archive_lead_into_the_container_only(
    tmp_path: Path, new_container: NewContainer
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    volume = tmp_path / "volume"
    volume.mkdir()
    fs = new_container([Mount("/v", "volume", volume)])
    data = archive(
        (member("l", tarfile.SYMTYPE, linkname=str(outside)), b""),
        (member("l/file"), b"escaped"),
    )
    with refuses(errno.EEXIST):
        await extract_tar(fs, "/v", chunks(data))
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("cut", [100, 512, 700, 1500])
async def test_archive_cut_short_changes_nothing(fs: ContainerFs, cut: int) -> None:
    data = archive((member("a"), b"1" * 600), (member("b"), b"2" * 600))
    with pytest.raises(SystemFailure, match="unexpected EOF"):
        await extract_tar(fs, "/tmp", chunks(data[:cut]))
    assert fs.listdir("/tmp") == []


@pytest.mark.parametrize("data", [b"no archive at all" * 100, gzip.compress(b"x", mtime=0)[:-5]])
async def test_what_is_no_archive(fs: ContainerFs, data: bytes) -> None:
    with pytest.raises(SystemFailure, match=r"unexpected EOF|invalid tar header"):
        await extract_tar(fs, "/tmp", chunks(data))


async def test_empty_stream_is_an_archive_of_nothing(fs: ContainerFs) -> None:
    await extract_tar(fs, "/tmp", chunks(b""))
    assert fs.listdir("/tmp") == []


async def test_what_is_in_the_way_is_replaced_or_refused(fs: ContainerFs) -> None:
    fs.mkdir("/tmp/d")
    fs.write_bytes("/tmp/d/x", b"")
    fs.write_bytes("/tmp/f", b"")
    file_over_directory = archive((member("d"), b"1"))
    directory_over_file = archive((member("f", tarfile.DIRTYPE, mode=0o755), b""))
    for data in (file_over_directory, directory_over_file):
        with pytest.raises(SystemFailure, match="cannot overwrite"):
            await extract_tar(fs, "/tmp", chunks(data), keep_kinds=True)
    await extract_tar(fs, "/tmp", chunks(file_over_directory))
    await extract_tar(fs, "/tmp", chunks(directory_over_file))
    assert fs.read_bytes("/tmp/d") == b"1"
    assert fs.listdir("/tmp/f") == []


async def test_extraction_point_must_be_a_directory(fs: ContainerFs) -> None:
    with refuses(errno.ENOTDIR):
        await extract_tar(fs, "/etc/passwd", chunks(archive()))
    with refuses(errno.ENOENT):
        await extract_tar(fs, "/nosuch", chunks(archive()))


async def test_full_file_system_is_reported(new_container: NewContainer) -> None:
    fs = new_container([Mount("/t", "tmpfs", options={"size": "8192"})])
    with refuses(errno.ENOSPC):
        await extract_tar(fs, "/t", chunks(archive((member("big"), bytes(100_000)))))
    assert fs.listdir("/t") == []  # no half of a file


async def test_owners_can_be_left_out(fs: ContainerFs) -> None:
    data = archive((member("f", uid=5, gid=5), b"1"))
    await extract_tar(fs, "/tmp", chunks(data), keep_owners=False)
    assert fs.stat("/tmp/f").uid == 0
    await extract_tar(fs, "/tmp", chunks(data), keep_owners=False, owner=(7, 8))
    assert (fs.stat("/tmp/f").uid, fs.stat("/tmp/f").gid) == (7, 8)
    await extract_tar(fs, "/tmp", chunks(data))
    assert fs.stat("/tmp/f").uid == 5


def test_path_stat_speaks_go(fs: ContainerFs) -> None:
    found = path_stat(fs, "/bin/sh")
    assert (found.name, found.link_target) == ("sh", "/bin/busybox")
    assert found.mode == 1 << 27 | 0o777
    assert path_stat(fs, "/etc/").mode == 1 << 31 | 0o755
    assert path_stat(fs, "/").name == "/"
    assert path_stat(fs, "/etc/passwd").size == len(fs.read_bytes("/etc/passwd"))
    assert go_mode(stat.S_IFREG | 0o4755) == 1 << 23 | 0o755
    assert go_mode(stat.S_IFDIR | 0o1777) == 1 << 31 | 1 << 20 | 0o777
