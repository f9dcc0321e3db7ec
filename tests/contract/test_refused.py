"""What dockerd does and the embedded engine refuses: rows of the table of differences."""

from __future__ import annotations

import io
import tarfile

import pytest

from tests.contract.harness import Bench


def tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def folder(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, 0o755
    return member


PLUGIN = tar(
    (tarfile.TarInfo("config.json"), b'{"interface": {"types": ["docker.volumedriver/1.0"]}}'),
    (folder("rootfs"), b""),
    (tarfile.TarInfo("rootfs/program"), b"x"),
)


def zstd(data: bytes) -> bytes:
    """One frame (RFC 8878) that stores its data in a block as it is, for want of a compressor."""
    last, raw = 1, 0
    header = b"\x28\xb5\x2f\xfd\xa0" + len(data).to_bytes(4, "little")
    block = (last | raw << 1 | len(data) << 3).to_bytes(3, "little")
    return header + block + data


def test_processes_of_the_host(bench: Bench) -> None:
    answer = bench.create_raw({"Image": "alpine", "HostConfig": {"PidMode": "host"}})
    assert answer.status == 201, answer.message


def test_plugins_can_be_made(bench: Bench) -> None:
    name = bench.name()
    headers = {"Content-Type": "application/x-tar"}
    params = {"name": name}
    made = bench.raw.post("/plugins/create", PLUGIN, params=params, headers=headers)
    assert made.status == 204, made.message
    assert bench.raw.delete(f"/plugins/{name}").status == 200


def test_extended_attributes_of_an_archive(bench: Bench) -> None:
    painted = tarfile.TarInfo("painted")
    painted.pax_headers = {"SCHILY.xattr.user.colour": "blue"}
    container = bench.run()
    target = f"/containers/{container}/archive"
    answer = bench.raw.request("PUT", target, tar((painted, b"")), params={"path": "/"})
    assert answer.status == 200
    assert 'user.colour="blue"' in bench.sh(container, "getfattr -d /painted").out


@pytest.mark.parametrize("place", ["archive", "build", "images/create", "images/load"])
def test_archives_compressed_with_zstd(bench: Bench, place: str) -> None:
    name, container = bench.name(), bench.create()
    made = zstd(tar((tarfile.TarInfo("Dockerfile"), b"FROM alpine\nLABEL a=b\n")))
    if place == "images/load":  # of nothing: dockerd asks for a manifest
        made = zstd(tar((tarfile.TarInfo("manifest.json"), b"[]")))
    method, target, params = {
        "archive": ("PUT", f"/containers/{container}/archive", {"path": "/tmp"}),
        "build": ("POST", "/build", {"t": name, "version": "1"}),
        "images/create": ("POST", "/images/create", {"fromSrc": "-", "repo": name}),
        "images/load": ("POST", "/images/load", {}),
    }[place]
    headers = {"Content-Type": "application/x-tar"}
    answer = bench.raw.request(method, target, made, params=params, headers=headers)
    if place in ("build", "images/create"):
        bench.raw.delete(f"/images/{name}")
    assert answer.status == 200, answer.message
    assert b"zstd" not in answer.body
