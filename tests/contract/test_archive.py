"""Files into and out of containers as tar streams: what ``docker cp`` asks of the API."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any

import pytest

from tests.contract.harness import Bench, Response

FILE, DIR, LINK, HARD, FIFO = (
    tarfile.REGTYPE,
    tarfile.DIRTYPE,
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.FIFOTYPE,
)
Member = tuple[str, bytes, Any]
"""Name, type, and content or where a link leads."""


def tar(*members: Member, uid: int = 0) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.uid, info.gid = kind, uid, uid
            info.mode = 0o755 if kind == DIR else 0o644
            if kind == FILE:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                info.linkname = content
                archive.addfile(info)
    return buffer.getvalue()


def put(bench: Bench, container: str, path: str, data: bytes, **params: str) -> Response:
    return bench.raw.request(
        "PUT",
        f"/containers/{container}/archive",
        data,
        params={"path": path, **params},
        headers={"Content-Type": "application/x-tar"},
    )


def get(bench: Bench, container: str, path: str, method: str = "GET") -> Response:
    return bench.raw.request(method, f"/containers/{container}/archive", params={"path": path})


def members(answer: Response) -> dict[str, tarfile.TarInfo]:
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/x-tar"
    with tarfile.open(fileobj=io.BytesIO(answer.body)) as archive:
        return {member.name: member for member in archive}


def path_stat(answer: Response) -> Mapping[str, Any]:
    text = base64.b64decode(answer.headers["x-docker-container-path-stat"])
    found: Mapping[str, Any] = json.loads(text)
    return found


@pytest.fixture(scope="module")
def box(shelf: Bench) -> str:
    """A running container to look at and to be refused by."""
    return shelf.run("box")


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("", 400, "bad parameter: pathcannot be empty"),
        ("/ghost", 404, "Could not find the file /ghost in container @"),
        ("/ghost/deep", 404, "Could not find the file /ghost/deep in container @"),
        ("ghost", 404, "Could not find the file ghost in container @"),
        ("/etc/passwd/x", 500, "lstat /etc/passwd/x: not a directory"),
        ("/a\0b", 500, "lstat /a\0b: invalid argument"),
        ("/" + "n" * 300, 500, f"lstat /{'n' * 300}: file name too long"),
        ("/proc/cpuinfo", 404, "Could not find the file /proc/cpuinfo in container @"),
        ("/dev/null", 404, "Could not find the file /dev/null in container @"),
    ],
)
def test_archive_of_a_path_refused(
    shelf: Bench, box: str, path: str, status: int, message: str
) -> None:
    answer = get(shelf, box, path)
    assert (answer.status, answer.message) == (status, message.replace("@", box))
    assert get(shelf, box, path, "HEAD").status == status


@pytest.mark.parametrize(
    ("path", "data", "status", "message"),
    [
        ("/ghost", tar(("f", FILE, b"x")), 404, "Could not find the file /ghost in container @"),
        ("/etc/passwd", tar(("f", FILE, b"x")), 500, "extraction point is not a directory"),
        ("/etc/passwd/x", tar(("f", FILE, b"x")), 500, "not a directory"),
        ("/tmp", b"nonsense", 500, "unexpected EOF"),
        ("/tmp", b"\x1f\x8b\x08garbage", 500, "unexpected EOF"),
        ("/tmp", tar(("cut", FILE, b"x" * 2000))[:900], 500, "unexpected EOF"),
        ("/tmp", tar(("../f", FILE, b"x")), 500, '"../f" is outside of "/tmp"'),
        ("/tmp", tar(("a/../../f", FILE, b"x")), 500, '"../f" is outside of "/tmp"'),
        ("/tmp", tar(("l", LINK, "../../etc")), 500, 'invalid symlink "/tmp/l" -> "../../etc"'),
        ("/tmp", tar(("h", HARD, "../etc/passwd")), 500,
         'invalid hardlink "/etc/passwd" -> "../etc/passwd"'),
        ("/tmp", tar(("n" * 300, FILE, b"x")), 500, f"open /tmp/{'n' * 300}: file name too long"),
    ],
)  # fmt: skip
def test_archive_refused(
    shelf: Bench, box: str, path: str, data: bytes, status: int, message: str
) -> None:
    answer = put(shelf, box, path, data)
    assert (answer.status, answer.message) == (status, message.replace("@", box))
    assert shelf.sh(box, "ls -d /f /tmp/f /tmp/l /tmp/h 2>/dev/null").out == ""


def test_archive_of_nothing(shelf: Bench, box: str) -> None:
    assert put(shelf, box, "/tmp", b"").status == 200


def test_archive_members_may_begin_with_a_slash(bench: Bench) -> None:
    container = bench.run()
    assert put(bench, container, "/tmp", tar(("/etc/passwd", FILE, b"mine"))).status == 200
    assert bench.sh(container, "cat /tmp/etc/passwd").out == "mine"
    assert bench.sh(container, "head -c 4 /etc/passwd").out == "root"


def test_archive_links_lead_within_the_container(bench: Bench) -> None:
    container = bench.run()
    through = tar(("l", LINK, "/etc"), ("l/through", FILE, b"x"))
    assert put(bench, container, "/tmp", through).status == 200
    assert bench.sh(container, "ls /etc/through").code == 0
    bench.sh(container, "ln -s ../../../../../../tmp /up; echo up > /tmp/up")
    assert set(members(get(bench, container, "/up/up"))) == {"up"}
    assert put(bench, container, "/up", tar(("over", FILE, b"x"))).status == 200
    assert bench.sh(container, "ls /tmp/over").code == 0


def test_archive_keeps_kinds_where_asked(shelf: Bench, box: str) -> None:
    over_directory = put(shelf, box, "/", tar(("etc", FILE, b"x")), noOverwriteDirNonDir="1")
    over_file = put(shelf, box, "/etc", tar(("passwd/", DIR, "")), noOverwriteDirNonDir="1")
    assert (over_directory.status, over_directory.message) == (
        500,
        'cannot overwrite directory "/etc" with non-directory "/"',
    )
    assert (over_file.status, over_file.message) == (
        500,
        'cannot overwrite non-directory "/etc/passwd" with directory "/etc"',
    )


def test_archive_round_trip(bench: Bench) -> None:
    container = bench.run()
    data = tar(
        ("d", DIR, ""),
        ("d/file", FILE, b"content"),
        ("d/link", LINK, "file"),
        ("d/hard", HARD, "d/file"),
        ("d/fifo", FIFO, ""),
        ("d/" + "n" * 120, FILE, b""),
        ("d/\udcff", FILE, b"not UTF-8"),
        uid=1234,
    )
    assert put(bench, container, "/tmp", data).status == 200
    assert bench.sh(container, "ls -n /tmp/d/file | cut -c1-30").out.split()[:4] == [
        "-rw-r--r--", "2", "1234", "1234"
    ]  # fmt: skip
    found = members(get(bench, container, "/tmp/d"))
    kinds = {name: member.type for name, member in found.items()}
    both = {kinds.pop("d/file"), kinds.pop("d/hard")}
    assert both == {FILE, HARD}
    names = ("d", "d/link", "d/fifo", "d/" + "n" * 120, "d/\udcff")
    assert kinds == dict(zip(names, (DIR, LINK, FIFO, FILE, FILE), strict=True))
    assert {member.uid for member in found.values()} == {1234}


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/etc/hostname", {"hostname"}),
        ("etc/hostname", {"hostname"}),
        ("/tree", {"tree", "tree/f"}),
        ("/tree/", {"tree", "tree/f"}),
        ("/tree/.", {".", "f"}),
        ("/link", {"link"}),
        ("/link/", {"link", "link/f"}),
        ("/link/.", {".", "f"}),
    ],
)
def test_archive_names(shelf: Bench, box: str, path: str, names: set[str]) -> None:
    shelf.sh(box, "[ -d /tree ] || { mkdir /tree; touch /tree/f; ln -s tree /link; }")
    found = {name.removeprefix("./") for name in members(get(shelf, box, path))}
    assert found == names


def test_archive_path_stat(shelf: Bench, box: str) -> None:
    shelf.sh(box, "printf 12345 > /stat; chmod 640 /stat; touch -d '1970-01-01 00:00:00' /stat")
    shelf.sh(box, "mkdir -p -m 1777 /statdir; ln -sf /stat /statlink")
    assert path_stat(get(shelf, box, "/stat", "HEAD")) == {
        "name": "stat", "size": 5, "mode": 0o640, "mtime": "1970-01-01T00:00:00Z", "linkTarget": ""
    }  # fmt: skip
    directory = path_stat(get(shelf, box, "/statdir", "HEAD"))
    assert directory["mode"] == 1 << 31 | 1 << 20 | 0o777
    link = path_stat(get(shelf, box, "/statlink", "HEAD"))
    assert (link["mode"] & 1 << 27, link["linkTarget"]) == (1 << 27, "/stat")


def test_archive_and_read_only_places(bench: Bench) -> None:
    volume = bench.volume()
    container = bench.create(
        host={"ReadonlyRootfs": True, "Binds": [f"{volume}:/ro:ro", f"{volume}:/rw"]}
    )
    data = tar(("f", FILE, b"x"))
    for path, message in (
        ("/", "container rootfs is marked read-only"),
        ("/ro", "mounted volume is marked read-only"),
    ):
        answer = put(bench, container, path, data)
        assert (answer.status, answer.message) == (500, message)
    assert put(bench, container, "/rw", data).status == 200
    assert set(members(get(bench, container, "/ro/f"))) == {"f"}


def test_archive_and_what_is_in_memory(bench: Bench) -> None:
    """A tmpfs is the container's alone: what is copied there lies below it."""
    container = bench.run(host={"Tmpfs": {"/memory": ""}})
    assert put(bench, container, "/memory", tar(("below", FILE, b"x"))).status == 200
    bench.sh(container, "touch /memory/above")
    assert bench.sh(container, "ls /memory").out == "above\n"
    assert set(members(get(bench, container, "/memory"))) == {"memory", "memory/below"}


def test_archive_of_a_stopped_container_and_its_volume(bench: Bench) -> None:
    volume = bench.volume()
    container = bench.create(host={"Binds": [f"{volume}:/data"]})
    assert put(bench, container, "/data", tar(("f", FILE, b"kept"))).status == 200
    assert put(bench, container, "/root", tar(("g", FILE, b"mine"))).status == 200
    bench.start(container)
    assert bench.sh(container, "cat /data/f /root/g").out == "keptmine"
    bench.raw.post(f"/containers/{container}/stop", params={"t": "0"})
    assert set(members(get(bench, container, "/data"))) == {"data", "data/f"}


def test_archive_bomb_fills_no_more_than_there_is(bench: Bench) -> None:
    """Many megabytes of zeros in few bytes: into a volume of one megabyte."""
    options = {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}
    volume = bench.volume(DriverOpts=options)
    container = bench.run(host={"Binds": [f"{volume}:/small"]})
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        info = tarfile.TarInfo("bomb")
        info.size = 8 << 20
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    answer = put(bench, container, "/small", packed.getvalue())
    assert answer.status == 500
    assert "no space left on device" in answer.message
    assert bench.sh(container, "echo alive").out == "alive\n"
