"""What a request asks to be mounted: -v, --mount, --tmpfs, --volumes-from, VOLUME."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from course_lib.engine.errdefs import InvalidParameter, NotFound, SystemFailure
from course_lib.engine.volume.mounts import MountPoint, parse_bind, parse_mount, parse_mounts
from course_lib.engine.volume.tmpfs import parse_tmpfs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "/anon",
            MountPoint(
                "volume",
                "/anon",
                driver="local",
                mode="z",
                anonymous=True,
                copy_data=True,
            ),
        ),
        (
            "name:/x",
            MountPoint("volume", "/x", name="name", driver="local", mode="z", copy_data=True),
        ),
        (
            "name:/x:ro",
            MountPoint(
                "volume", "/x", name="name", driver="local", mode="ro", rw=False, copy_data=True
            ),
        ),
        ("name:/x:nocopy", MountPoint("volume", "/x", "name", driver="local", mode="nocopy")),
        (
            "/src:/x",
            MountPoint("bind", "/x", source="/src", propagation="rprivate", create_source=True),
        ),
        (
            "/src//a/../b/:/x/./y/:ro,rslave,Z",
            MountPoint(
                "bind",
                "/x/y",
                source="/src/b",
                mode="ro,rslave,Z",
                rw=False,
                propagation="rslave",
                create_source=True,
            ),
        ),
    ],
)
def test_bind_text(text: str, expected: MountPoint) -> None:
    assert parse_bind(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:b:c:d", "invalid volume specification: 'a:b:c:d'"),
        ("", "invalid volume specification: ''"),
        (":/x", "invalid volume specification: ':/x'"),
        ("/a:ro", "invalid volume specification: '/a:ro'"),
        (
            "/a:relative",
            "invalid volume specification: '/a:relative': invalid mount config for type \"bind\": "
            "invalid mount path: 'relative' mount path must be absolute",
        ),
        (
            "x:/",
            "invalid volume specification: 'x:/': invalid mount config for type \"volume\": "
            "invalid specification: destination can't be '/'",
        ),
        (
            "x",
            "invalid volume specification: 'x': invalid mount config for type \"volume\": "
            "invalid mount path: 'x' mount path must be absolute",
        ),
        ("/a:/b:bad", "invalid mode: bad"),
        ("/a:/b:ro,rw", "invalid mode: ro,rw"),
        ("/a:/b:z,Z", "invalid mode: z,Z"),
        ("/a::/b", "invalid mode: /b"),
        (
            "/a:/b:nocopy",
            "invalid volume specification: '/a:/b:nocopy': invalid mount config for type "
            '"bind": field VolumeOptions must not be specified',
        ),
        (
            "name:/x:rshared",
            "invalid volume specification: 'name:/x:rshared': invalid mount config for type "
            '"volume": field BindOptions must not be specified',
        ),
    ],
)
def test_bind_text_refused_in_dockerds_words(text: str, message: str) -> None:
    with pytest.raises(SystemFailure) as caught:
        parse_bind(text)
    assert str(caught.value) == message


def mount(kind: str | None = None, **rest: Any) -> dict[str, Any]:
    given = {"Target": "/x", **rest}
    if kind is not None:
        given["Type"] = kind
    return given


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            mount("bind", Source="/nonexistent"),
            'invalid mount config for type "bind": bind source path does not exist: /nonexistent',
        ),
        (
            mount("bind", Source="rel"),
            "invalid mount config for type \"bind\": invalid mount path: 'rel' mount path must be "
            "absolute",
        ),
        (
            mount("bind", Source=""),
            'invalid mount config for type "bind": field Source must not be empty',
        ),
        (
            mount("bind", Source="/tmp", Target=""),
            'invalid mount config for type "bind": field Target must not be empty',
        ),
        (
            mount("bind", Source="/tmp", Target="/a/.."),
            'invalid mount config for type "bind": invalid specification: destination can\'t be '
            "'/'",
        ),
        (
            mount("bind", Source="/tmp", VolumeOptions={}),
            'VolumeOptions must not be specified on mount type "bind"',
        ),
        (
            mount("bind", Source="/tmp", BindOptions={"Propagation": "foo"}),
            'invalid mount config for type "bind": invalid propagation mode: foo',
        ),
        (
            mount("volume", ReadOnly=True),
            'invalid mount config for type "volume": must not set ReadOnly mode when using '
            "anonymous volumes",
        ),
        (
            mount("volume", Source="v", BindOptions={}),
            'BindOptions must not be specified on mount type "volume"',
        ),
        (
            mount("tmpfs", Source="q"),
            'invalid mount config for type "tmpfs": field Source must not be specified',
        ),
        (mount("foo"), 'invalid mount config for type "foo": mount type unknown'),
        (mount(), 'invalid mount config for type "": mount type unknown'),
        (mount("cluster"), 'invalid mount config for type "cluster": mount type unknown'),
    ],
)
def test_mount_refused_in_dockerds_words(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        parse_mount(given)
    assert str(caught.value) == message


def test_mount_of_all_types(tmp_path: Path) -> None:
    assert parse_mount(mount("bind", Source=str(tmp_path), ReadOnly=True)) == MountPoint(
        "bind", "/x", source=str(tmp_path), rw=False, propagation="rprivate"
    )
    missing = str(tmp_path / "nosuch")
    made = parse_mount(mount("bind", Source=missing, BindOptions={"CreateMountpoint": True}))
    assert made.create_source
    options = {
        "NoCopy": True,
        "Labels": {"a": "b"},
        "DriverConfig": {"Name": "local", "Options": {"type": "tmpfs", "device": "tmpfs"}},
    }
    assert parse_mount(mount("volume", Source="v", VolumeOptions=options)) == MountPoint(
        "volume",
        "/x",
        name="v",
        driver="local",
        mode="z",
        options={"type": "tmpfs", "device": "tmpfs"},
        labels={"a": "b"},
    )
    tmpfs = parse_mount(mount("tmpfs", TmpfsOptions={"SizeBytes": 1000, "Mode": 0o700}))
    assert tmpfs == MountPoint("tmpfs", "/x", options={"mode": "700", "size": "1000"})


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", {}),
        ("size=1m,mode=1777", {"size": "1m", "mode": "1777"}),
        ("uid=x,rw,,exec", {"uid": "x", "rw": "", "exec": ""}),
    ],
)
def test_tmpfs_options(options: str, expected: dict[str, str]) -> None:
    assert parse_tmpfs(options) == expected
    (point,) = parse_mounts(tmpfs={"/t": options})
    assert point.mode == options
    assert not point.shown


@pytest.mark.parametrize("options", ["foo", "size", "exec=1", "=1"])
def test_tmpfs_options_refused(options: str) -> None:
    with pytest.raises(InvalidParameter, match="invalid tmpfs option"):
        parse_tmpfs(options)


def test_tmpfs_read_only_and_relative() -> None:
    (point,) = parse_mounts(tmpfs={"/t": "ro"})
    assert not point.rw
    with pytest.raises(InvalidParameter, match="'t' mount path must be absolute"):
        parse_mounts(tmpfs={"t": ""})
    with pytest.raises(InvalidParameter, match="destination can't be '/'"):
        parse_mounts(tmpfs={"/": ""})


@pytest.mark.parametrize(
    ("request_", "target"),
    [
        ({"binds": ["a1:/x", "/tmp:/x"]}, "/x"),
        ({"binds": ["a1:/x"], "tmpfs": {"/x/": ""}}, "/x"),
        ({"binds": ["a1:/x"], "mounts": [mount("tmpfs")]}, "/x"),
        ({"mounts": [mount("volume"), mount("tmpfs", Target="/x/")]}, "/x/"),
    ],
)
def test_two_mounts_at_one_place(request_: dict[str, Any], target: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        parse_mounts(**request_)
    assert str(caught.value) == f"Duplicate mount point: {target}"


def test_volumes_of_the_image_yield_to_everything_else() -> None:
    points = parse_mounts(
        binds=["name:/data"],
        tmpfs={"/scratch": ""},
        volumes=["/data", "/data/", "/scratch", "/logs", "relative"],
    )
    assert [(point.type, point.destination, point.mode) for point in points] == [
        ("volume", "/data", "z"),
        ("volume", "/logs", ""),
        ("volume", "/relative", ""),
        ("tmpfs", "/scratch", ""),
    ]
    assert points[1].anonymous
    assert points[1].copy_data


THEIRS = [
    MountPoint("volume", "/data", "v1", "/vols/v1", "local", "z", copy_data=True),
    MountPoint("bind", "/src", "", "/host", mode="ro", rw=False, propagation="rprivate"),
    MountPoint("volume", "/anon", "hex", "/vols/hex", "local", anonymous=True),
    MountPoint("tmpfs", "/t", shown=False),
]


def mounts_of(name: str) -> list[MountPoint]:
    if name != "other":
        raise NotFound(f"No such container: {name}")
    return THEIRS


def test_volumes_from_gives_the_same_places() -> None:
    points = parse_mounts(volumes_from=["other"], mounts_of=mounts_of)
    assert [(p.destination, p.name, p.source, p.rw) for p in points] == [
        ("/data", "v1", "/vols/v1", True),
        ("/src", "", "/host", False),
        ("/anon", "hex", "/vols/hex", True),
    ]
    assert not any(point.copy_data for point in points)
    assert points[2].anonymous
    assert not any(p.rw for p in parse_mounts(volumes_from=["other:ro"], mounts_of=mounts_of))


def test_volumes_from_yields_to_binds() -> None:
    points = parse_mounts(volumes_from=["other"], binds=["mine:/data"], mounts_of=mounts_of)
    assert [p.name for p in points if p.destination == "/data"] == ["mine"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nosuch", "No such container: nosuch"),
        ("", "volumes-from specification cannot be an empty string"),
        ("other:bad", "invalid mode: bad"),
        ("other:b:c", "invalid mode: b:c"),
        ("other:nocopy", "invalid mode: nocopy"),
    ],
)
def test_volumes_from_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        parse_mounts(volumes_from=[text], mounts_of=mounts_of)
    assert str(caught.value) == message


def test_volume_driver_is_for_volumes_that_are_named_or_not() -> None:
    points = parse_mounts(binds=["v1:/x", "/tmp:/y"], volumes=["/z"], volume_driver="nope")
    assert [point.driver for point in points] == ["nope", "", "nope"]
