"""What a container mounts, by the API: what is refused, and what an inspect shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.contract.harness import Bench

INVALID = 'invalid mount config for type "{0}": '


def create(bench: Bench, **host: Any) -> Any:
    return bench.create_raw({"Image": "alpine", "Cmd": ["true"], "HostConfig": host})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "invalid volume specification: ''"),
        (":", "invalid volume specification: ':'"),
        (":/d", "invalid volume specification: ':/d'"),
        ("a:b:c:d", "invalid volume specification: 'a:b:c:d'"),
        ("vol:/d:bad", "invalid mode: bad"),
        ("vol:/d:ro,rw", "invalid mode: ro,rw"),
        ("/tmp:/d:z,Z", "invalid mode: z,Z"),
        ("vol:rel", "invalid volume specification: 'vol:rel': invalid mount config for type "
         "\"volume\": invalid mount path: 'rel' mount path must be absolute"),
        ("vol:/", "invalid volume specification: 'vol:/': invalid mount config for type "
         "\"volume\": invalid specification: destination can't be '/'"),
        ("/tmp:/", "invalid volume specification: '/tmp:/': invalid mount config for type "
         "\"bind\": invalid specification: destination can't be '/'"),
        ("rel/path:/d", 'create rel/path: "rel/path" includes invalid characters for a local '
         'volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a '
         "host directory, use absolute path"),
    ],
)  # fmt: skip
def test_bind_refused(bench: Bench, text: str, message: str) -> None:
    answer = create(bench, Binds=[text])
    assert (answer.status, answer.message) == (400 if "create" in message else 500, message)


VOLUME = {"Type": "volume", "Source": "ct-not-made", "Target": "/d"}
BIND = {"Type": "bind", "Source": "/tmp", "Target": "/d"}
TMPFS = {"Type": "tmpfs", "Target": "/d"}


@pytest.mark.parametrize(
    ("mount", "message"),
    [
        ({"Target": "/d"}, INVALID.format("") + "mount type unknown"),
        ({"Type": "image", "Target": "/d"}, INVALID.format("image") + "mount type unknown"),
        ({**VOLUME, "Target": ""}, INVALID.format("volume") + "field Target must not be empty"),
        ({**VOLUME, "Target": "/"}, INVALID.format("volume")
         + "invalid specification: destination can't be '/'"),
        ({**VOLUME, "Target": "/x/.."}, INVALID.format("volume")
         + "invalid specification: destination can't be '/'"),
        ({**VOLUME, "Target": "d"}, INVALID.format("volume")
         + "invalid mount path: 'd' mount path must be absolute"),
        ({"Type": "volume", "Target": "/d", "ReadOnly": True}, INVALID.format("volume")
         + "must not set ReadOnly mode when using anonymous volumes"),
        ({"Type": "volume", "Target": "/d", "VolumeOptions": {"Subpath": "x"}},
         INVALID.format("volume") + "must not set Subpath when using anonymous volumes"),
        ({**VOLUME, "VolumeOptions": {"Subpath": "../x"}}, INVALID.format("volume")
         + "subpath must be a relative path within the volume"),
        ({**VOLUME, "VolumeOptions": {"Subpath": "/x"}}, INVALID.format("volume")
         + "subpath must be a relative path within the volume"),
        ({**VOLUME, "VolumeOptions": {"Subpath": "a/../.."}}, INVALID.format("volume")
         + "subpath must be a relative path within the volume"),
        ({**VOLUME, "BindOptions": {}}, 'BindOptions must not be specified on mount type "volume"'),
        ({**BIND, "Source": ""}, INVALID.format("bind") + "field Source must not be empty"),
        ({**BIND, "Source": "tmp"}, INVALID.format("bind")
         + "invalid mount path: 'tmp' mount path must be absolute"),
        ({**BIND, "Source": "/no/such/path"}, INVALID.format("bind")
         + "bind source path does not exist: /no/such/path"),
        ({**BIND, "Source": "/a\0b"}, INVALID.format("bind") + "stat /a\0b: invalid argument"),
        ({**BIND, "Source": f"/{'x' * 256}"}, INVALID.format("bind")
         + f"stat /{'x' * 256}: file name too long"),
        ({**BIND, "Source": "/etc/passwd/x"}, INVALID.format("bind")
         + "stat /etc/passwd/x: not a directory"),
        ({**BIND, "BindOptions": {"Propagation": "bad"}}, INVALID.format("bind")
         + "invalid propagation mode: bad"),
        ({**BIND, "TmpfsOptions": {}}, 'TmpfsOptions must not be specified on mount type "bind"'),
        ({**TMPFS, "Source": "x"}, INVALID.format("tmpfs") + "field Source must not be specified"),
    ],
)  # fmt: skip
def test_mount_refused(bench: Bench, mount: dict[str, Any], message: str) -> None:
    answer = create(bench, Mounts=[mount])
    assert (answer.status, answer.message) == (400, message)
    assert bench.raw.get("/volumes/ct-not-made").status == 404


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ({"Binds": ["@:/d", "@2:/d"]}, "Duplicate mount point: /d"),
        ({"Binds": ["@:/d", "@2:/d/"]}, "Duplicate mount point: /d"),
        ({"Binds": ["@:/d"], "Mounts": [TMPFS]}, "Duplicate mount point: /d"),
        ({"Binds": ["@:/d"], "Tmpfs": {"/d": ""}}, "Duplicate mount point: /d"),
        ({"Tmpfs": {"d": ""}}, "invalid mount path: 'd' mount path must be absolute"),
        ({"StorageOpt": {"size": "10G"}}, "--storage-opt is supported only for overlay over xfs "
         "with 'pquota' mount option"),
        ({"StorageOpt": {"foo": "1"}}, "Unknown option foo"),
        ({"IpcMode": "bad"}, "invalid IPC mode: bad"),
        ({"IpcMode": "container:ct-ghost"}, "No such container: ct-ghost"),
        ({"VolumesFrom": [""]}, "volumes-from specification cannot be an empty string"),
        ({"VolumesFrom": ["x:rprivate"]}, "invalid mode: rprivate"),
        ({"VolumesFrom": ["x:nocopy"]}, "invalid mode: nocopy"),
    ],
)  # fmt: skip
def test_mounts_refused(bench: Bench, host: dict[str, Any], message: str) -> None:
    first, second = bench.volume("one"), bench.volume("two")
    binds = [text.replace("@2", second).replace("@", first) for text in host.get("Binds", ())]
    answer = create(bench, **{**host, **({"Binds": binds} if binds else {})})
    assert message in answer.message
    assert answer.status == (500 if "StorageOpt" in host else 400)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("/a\0b", "mkdir /a\0b: invalid argument"),
        (f"/{'x' * 256}", f"mkdir /{'x' * 256}: file name too long"),
    ],
)
def test_sources_that_cannot_be_made(bench: Bench, source: str, reason: str) -> None:
    container = bench.create(host={"Binds": [f"{source}:/d"]})
    answer = bench.raw.post(f"/containers/{container}/start")
    message = f"error while creating mount source path '{source}': {reason}"
    assert (answer.status, answer.message) == (500, message)


def test_a_source_that_is_a_link_to_nothing(bench: Bench, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("ghost")
    mount = {**BIND, "Source": str(link)}
    refused = create(bench, Mounts=[mount])
    assert refused.message.endswith(f"bind source path does not exist: {link}")
    container = bench.create(host={"Binds": [f"{link}:/d"]})
    answer = bench.raw.post(f"/containers/{container}/start")
    assert answer.message.endswith(f"mkdir {link}: file exists")
    assert not (tmp_path / "ghost").exists()


@pytest.mark.parametrize("options", ["bad", "size"])
def test_tmpfs_options_are_read_at_the_start(bench: Bench, options: str) -> None:
    container = bench.create(host={"Tmpfs": {"/d": options}})
    answer = bench.raw.post(f"/containers/{container}/start")
    assert (answer.status, answer.message) == (500, f'invalid tmpfs option "{options}"')
    assert bench.state(container)["Status"] == "created"


def test_mounts_of_unknown_containers_are_refused(bench: Bench) -> None:
    answer = create(bench, VolumesFrom=[bench.name()])
    assert (answer.status, answer.message) == (400, f"No such container: {bench.name()}")
    other = bench.create()
    answer = create(bench, VolumesFrom=[f"{other}:bad"])
    assert (answer.status, answer.message) == (400, "invalid mode: bad")


def test_volumes_from_a_tmpfs_mount_is_an_error_of_dockerd(bench: Bench) -> None:
    other = bench.create(host={"Mounts": [{"Type": "tmpfs", "Target": "/t"}]})
    answer = create(bench, VolumesFrom=[other])
    assert (answer.status, answer.message) == (404, "get: no such volume")


def test_mounts_in_inspect(bench: Bench, tmp_path: Path) -> None:
    volume = bench.volume()
    container = bench.create(
        host={
            "Binds": [f"{volume}:/a", f"{volume}:/b:ro", f"{tmp_path}:/c:ro", f"{tmp_path}:/d:z"],
            "Mounts": [
                {"Type": "volume", "Source": volume, "Target": "/e"},
                {"Type": "bind", "Source": str(tmp_path), "Target": "/f", "ReadOnly": True},
                {"Type": "tmpfs", "Target": "/g", "TmpfsOptions": {"SizeBytes": 65536}},
            ],
            "Tmpfs": {"/h": "size=64k"},
        },
        Volumes={"/i": {}},
    )
    document = bench.inspect(container)
    mounts = {row.pop("Destination"): row for row in document["Mounts"]}
    anonymous = mounts.pop("/i")
    path = bench.raw.get(f"/volumes/{volume}").json()["Mountpoint"]
    of_volume = {"Type": "volume", "Name": volume, "Source": path, "Driver": "local"}
    of_bind = {"Type": "bind", "Source": str(tmp_path), "Propagation": "rprivate"}
    assert mounts == {
        "/a": {**of_volume, "Mode": "z", "RW": True, "Propagation": ""},
        "/b": {**of_volume, "Mode": "ro", "RW": False, "Propagation": ""},
        "/c": {**of_bind, "Mode": "ro", "RW": False},
        "/d": {**of_bind, "Mode": "z", "RW": True},
        "/e": {**of_volume, "Mode": "z", "RW": True, "Propagation": ""},
        "/f": {**of_bind, "Mode": "", "RW": False},
        "/g": {"Type": "tmpfs", "Source": "", "Mode": "", "RW": True, "Propagation": ""},
    }
    assert (anonymous["Mode"], anonymous["RW"]) == ("", True)
    assert document["HostConfig"]["Tmpfs"] == {"/h": "size=64k"}
    row = bench.listed(container)
    assert {mount["Destination"] for mount in row["Mounts"]} == {*mounts, "/i"}


def test_volumes_from_shows_the_same_mounts(bench: Bench) -> None:
    volume = bench.volume()
    first = bench.create(Volumes={"/anonymous": {}}, host={"Binds": [f"{volume}:/named"]})
    same = bench.create(host={"VolumesFrom": [first]})
    frozen = bench.create(host={"VolumesFrom": [f"{first}:ro"]})
    by_place = {row["Destination"]: row for row in bench.inspect(first)["Mounts"]}
    for container, writable in ((same, True), (frozen, False)):
        for row in bench.inspect(container)["Mounts"]:
            assert row["Name"] == by_place[row["Destination"]]["Name"]
            assert row["RW"] is writable


def test_bind_source_has_to_be_there_at_each_start(bench: Bench, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    mount = {"Type": "bind", "Source": str(source), "Target": "/d"}
    container = bench.create(host={"Mounts": [mount]})
    source.rmdir()
    answer = bench.raw.post(f"/containers/{container}/start")
    assert answer.status == 400
    assert answer.message == INVALID.format("bind") + f"bind source path does not exist: {source}"
    assert bench.state(container)["Status"] == "created"
    source.mkdir()
    bench.start(container)


def test_missing_source_of_v_is_made_at_the_start(bench: Bench, tmp_path: Path) -> None:
    source = tmp_path / "some" / "where"
    container = bench.create(host={"Binds": [f"{source}:/d"]})
    bench.start(container)
    assert source.is_dir()
    bench.sh(container, "echo hello > /d/f")
    assert (source / "f").read_text() == "hello\n"


def test_ipc_of_another_container(bench: Bench) -> None:
    closed, open_ = bench.run(), bench.create(host={"IpcMode": "shareable", "ShmSize": 1 << 20})
    for donor, status, message in (
        (closed, 400, f"container {closed}: non-shareable IPC (hint: use IpcMode:shareable for "
         "the donor container)"),
        (open_, 409, f"container {open_} is not running"),
    ):  # fmt: skip
        joined = bench.create(host={"IpcMode": f"container:{donor}"})
        answer = bench.raw.post(f"/containers/{joined}/start")
        assert (answer.status, answer.message) == (
            status,
            f"failed to join IPC namespace: {message}",
        )
    bench.start(open_)
    joined = bench.run(host={"IpcMode": f"container:{open_[:12]}"})
    assert bench.inspect(joined)["HostConfig"]["IpcMode"] == f"container:{open_}"
    bench.sh(joined, "echo hello > /dev/shm/f")
    assert bench.sh(open_, "cat /dev/shm/f; df -k /dev/shm | tail -1").out.split()[:3] == [
        "hello", "shm", "1024"
    ]  # fmt: skip


@pytest.mark.parametrize("version", ["v1.44", "v1.45"])
def test_volume_subpath_by_version(bench: Bench, version: str) -> None:
    volume = bench.volume()
    bench.output("mkdir", "-p", "/v/sub/deep", host={"Binds": [f"{volume}:/v"]})
    mount = {
        "Type": "volume",
        "Source": volume,
        "Target": "/m",
        "VolumeOptions": {"Subpath": "sub"},
    }
    config = {"Image": "alpine", "Cmd": ["ls", "/m"], "HostConfig": {"Mounts": [mount]}}
    answer = bench.create_raw(config, version=version)
    if version == "v1.44":
        assert answer.status == 400
        assert answer.message == "VolumeOptions.Subpath needs API v1.45 or newer"
        return
    container = answer.json()["Id"]
    bench.start(container)
    bench.finish(container)
    assert bench.logs(container) == "deep\n"


def test_mountinfo(bench: Bench, tmp_path: Path) -> None:
    """Each mount below another one, with what it shows and how it may be used."""
    (tmp_path / "sub").mkdir()
    container = bench.run(
        None,
        ["sleep", "1000"],
        host={
            "Binds": [f"{bench.volume('data')}:/data", f"{tmp_path}/sub:/data/inner:ro"],
            "Tmpfs": {"/scratch": "size=64k"},
        },
    )
    lines = bench.sh(container, "cat /proc/self/mountinfo").out.splitlines()
    found = {}
    for line in lines:
        before, _, after = line.partition(" - ")
        number, parent, device, root, target, options, *_optional = before.split()
        kind, source, more = after.split()
        assert re.fullmatch(r"\d+:\d+", device)
        found[target] = (number, parent, root, options.split(","), kind, source, more.split(","))
    parents = {target: found[target][1] for target in ("/data", "/data/inner", "/scratch", "/proc")}
    top, inner = found["/"][0], found["/data"][0]
    assert parents == {"/data": top, "/data/inner": inner, "/scratch": top, "/proc": top}
    assert found["/"][4:6] == ("overlay", "overlay")
    assert found["/data"][2].endswith(f"/volumes/{bench.name('data')}/_data")
    assert found["/data"][3][0] == "rw"
    assert found["/data/inner"][2].endswith(f"{tmp_path}/sub")
    assert found["/data/inner"][3][0] == "ro"
    assert found["/scratch"][2] == "/"
    assert found["/scratch"][3][:4] == ["rw", "nosuid", "nodev", "noexec"]
    assert found["/scratch"][4:6] == ("tmpfs", "tmpfs")
    assert found["/scratch"][6] == ["rw", "size=64k"]
    assert found["/data"][4:6] == found["/data/inner"][4:6]
    mounted = bench.sh(container, "cut -d ' ' -f 2 /proc/mounts").out.splitlines()
    assert sorted(mounted) == sorted(found)
