"""Volumes: making, finding, filling, mounting, removing."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from course_lib.engine.errdefs import (
    Conflict,
    EngineError,
    InvalidParameter,
    NotFound,
    NotImplementedByEngine,
    SystemFailure,
)
from course_lib.engine.events import Events
from course_lib.engine.filters import Filters, InvalidFilter
from course_lib.engine.fs import ContainerFs, MemoryLayer, RootFs
from course_lib.engine.ids import Identities
from course_lib.engine.store import Store
from course_lib.engine.volume import MountPoint, Volume, VolumeService, parse_mounts
from tests.engine.conftest import ManualClock

NewService = Callable[[], VolumeService]


@pytest.fixture
def events(clock: ManualClock) -> Events:
    return Events(clock)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def new_service(state: Path, clock: ManualClock, events: Events) -> NewService:
    """Every call opens the same state directory, as a restarted engine does."""
    ids = Identities(1)

    def make() -> VolumeService:
        return VolumeService(state / "volumes", Store(state), clock, ids, events)

    return make


@pytest.fixture
def volumes(new_service: NewService) -> VolumeService:
    return new_service()


@pytest.fixture
def image(tmp_path: Path) -> RootFs:
    layer = MemoryLayer(10**18)
    layer.add_directory("/data", 0o750, 999, 1000)
    layer.add_file("/data/seed", b"from the image", 0o640, 999, 1000)
    layer.add_directory("/data/sub", 0o700)
    layer.add_link("/data/link", "seed")
    layer.add_hard_link("/data/hard", "/data/seed")
    layer.add_link("/alias", "/data")
    layer.add_file("/file", b"")
    return RootFs([layer], tmp_path / "upper")


def told(events: Events) -> list[tuple[str, str]]:
    return [
        (event.action, event.actor_id)
        for event in events.past(Filters(), 0)
        if event.type == "volume"
    ]


def mounted(
    volumes: VolumeService, image: RootFs, points: list[MountPoint], clock: ManualClock
) -> ContainerFs:
    return ContainerFs(image, [volumes.mounted.mount(point, "c1") for point in points], clock=clock)


def test_create_gives_a_directory_of_the_users_own(volumes: VolumeService, state: Path) -> None:
    volume = volumes.create("data", labels={"a": "b"})
    assert volume.mountpoint == state / "volumes" / "data" / "_data"
    assert volume.mountpoint.is_dir()
    assert stat.S_IMODE(volume.mountpoint.parent.stat().st_mode) == 0o700
    assert (volume.driver, volume.scope, volume.options) == ("local", "local", None)
    assert volumes.create("data", labels={"other": "ignored"}) is volume
    assert volumes.get("data") is volume


def test_create_anonymous(volumes: VolumeService) -> None:
    volume = volumes.create()
    assert len(volume.name) == 64
    assert volume.labels == {"com.docker.volume.anonymous": ""}
    assert volume.anonymous
    assert not volumes.create("named").anonymous


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            {"name": "a/b"},
            InvalidParameter,
            'create a/b: "a/b" includes invalid characters for a local volume name, only '
            '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, '
            "use absolute path",
        ),
        (
            {"name": "x"},
            InvalidParameter,
            "create x: volume name is too short, names should be at least two alphanumeric "
            "characters",
        ),
        (
            {"name": "vol", "driver": "nope"},
            NotFound,
            'create vol: error looking up volume plugin nope: plugin "nope" not found',
        ),
        (
            {"name": "vol", "options": {"foo": "bar"}},
            InvalidParameter,
            'create vol: invalid option: "foo"',
        ),
        (
            {"name": "vol", "options": {"o": "size=1m"}},
            InvalidParameter,
            'create vol: missing required option: "device"',
        ),
        (
            {"name": "vol", "options": {"device": "/tmp"}},
            InvalidParameter,
            'create vol: missing required option: "type"',
        ),
        (
            {"name": "vol", "options": {"type": "nfs", "device": ":/x", "o": "addr=1.2.3.4"}},
            NotImplementedByEngine,
            'create vol: a local volume of type "nfs" is not supported by the embedded engine',
        ),
    ],
)
def test_create_refused_in_dockerds_words(
    volumes: VolumeService, arguments: dict[str, str], kind: type[EngineError], message: str
) -> None:
    with pytest.raises(kind) as caught:
        volumes.create(**arguments)  # type: ignore[arg-type]
    assert str(caught.value) == message
    assert volumes.list() == []


@pytest.mark.parametrize("name", ["-ab", ".ab", "..", "a b", "a\n", "ab\0", "é1", "_ab"])
def test_create_names_that_are_no_names(volumes: VolumeService, name: str, state: Path) -> None:
    with pytest.raises(InvalidParameter, match="includes invalid characters"):
        volumes.create(name)


def test_create_name_too_long_leaves_nothing(volumes: VolumeService, state: Path) -> None:
    with pytest.raises(SystemFailure, match="file name too long"):
        volumes.create("a" * 300)
    assert volumes.list() == []


def test_volumes_survive_a_restart(new_service: NewService) -> None:
    first = new_service()
    before = first.create("data", options=None, labels={"a": "b"})
    (before.mountpoint / "f").write_text("kept")
    again = new_service()
    assert again.get("data") == before
    assert (again.get("data").mountpoint / "f").read_text() == "kept"
    assert [volume.name for volume in again.list()] == ["data"]


def test_remove_and_its_refusals(volumes: VolumeService, state: Path, events: Events) -> None:
    volume = volumes.create("data")
    (volume.mountpoint / "sub").mkdir()
    (volume.mountpoint / "sub" / "f").write_text("x")
    volumes.acquire("data", "c1")
    volumes.acquire("data", "c2")
    for force in (False, True):
        with pytest.raises(Conflict) as caught:
            volumes.remove("data", force)
        assert str(caught.value) == "remove data: volume is in use - [c1, c2]"
    volumes.release("data", "c1")
    volumes.release("data", "c2")
    volumes.remove("data")
    assert list((state / "volumes").iterdir()) == []
    with pytest.raises(NotFound) as missing:
        volumes.remove("data")
    assert str(missing.value) == "get data: no such volume"
    volumes.remove("data", force=True)
    with pytest.raises(NotFound, match="get data: no such volume"):
        volumes.get("data")
    assert told(events) == [("create", "data"), ("destroy", "data")]


@pytest.mark.parametrize("dies", ["before the record goes", "before the files go"])
def test_remove_interrupted_is_finished_at_the_next_start(
    new_service: NewService, state: Path, dies: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    volumes = new_service()
    volumes.create("data")
    volumes.create("other")
    where = {
        "before the record goes": "course_lib.engine.store.Store.delete",
        "before the files go": "course_lib.engine.volume.local.LocalDriver.sweep",
    }[dies]
    with monkeypatch.context() as patch:
        patch.setattr(where, die)
        with pytest.raises(Killed):
            volumes.remove("data")
    again = new_service()
    assert [volume.name for volume in again.list()] == ["other"]
    assert [path.name for path in (state / "volumes").iterdir()] == ["other"]


def test_list_filters(volumes: VolumeService) -> None:
    for name, labels in (("web", {"tier": "front"}), ("db", {"tier": "back"}), ("web-2", None)):
        volumes.create(name, labels=labels)
    volumes.acquire("db", "c1")

    def names(**filters: str) -> list[str]:
        return [v.name for v in volumes.list(Filters({k: [f] for k, f in filters.items()}))]

    assert names() == ["db", "web", "web-2"]
    assert names(name="web") == ["web", "web-2"]
    assert names(name="^web$") == ["web"]
    assert names(label="tier") == ["db", "web"]
    assert names(label="tier=back") == ["db"]
    assert names(dangling="true") == ["web", "web-2"]
    assert names(dangling="0") == ["db"]
    assert names(driver="local") == ["db", "web", "web-2"]
    assert names(driver="loc") == []
    with pytest.raises(InvalidFilter, match="invalid filter 'foo'"):
        names(foo="x")
    with pytest.raises(InvalidFilter, match=r"invalid filter 'dangling=\[x\]'"):
        names(dangling="x")


def test_prune_takes_anonymous_ones_unless_asked(volumes: VolumeService, events: Events) -> None:
    volumes.create("named", labels={"keep": "1"})
    volumes.create("used")
    anonymous = volumes.create()
    (anonymous.mountpoint / "f").write_bytes(bytes(100))
    volumes.acquire("used", "c1")
    assert volumes.prune() == ([anonymous.name], 100)
    assert volumes.prune(Filters({"label": ["nosuch"], "all": ["true"]})) == ([], 0)
    assert volumes.prune(Filters({"label!": ["keep"], "all": ["1"]})) == ([], 0)
    assert volumes.prune(Filters({"all": ["true"]})) == (["named"], 0)
    assert [volume.name for volume in volumes.list()] == ["used"]
    assert ("prune", "") in told(events)


def test_prune_before_api_142_takes_named_ones_too(volumes: VolumeService) -> None:
    volumes.create("named")
    assert volumes.prune(all_by_default=True) == (["named"], 0)
    volumes.create("named")
    assert volumes.prune(Filters({"all": ["false"]}), all_by_default=True) == ([], 0)


def test_prune_filters_refused(volumes: VolumeService) -> None:
    with pytest.raises(InvalidParameter) as caught:
        volumes.prune(Filters({"all": ["x"]}))
    assert str(caught.value) == (
        "invalid filter 'all': strconv.ParseBool: parsing \"x\": invalid syntax"
    )
    with pytest.raises(InvalidFilter, match="invalid filter 'dangling'"):
        volumes.prune(Filters({"dangling": ["true"]}))


def test_prepare_makes_volumes_and_notes_their_user(volumes: VolumeService) -> None:
    points = volumes.prepare(parse_mounts(binds=["data:/d", "/tmp:/t"], volumes=["/v"]), "c1")
    named, bind, anonymous = points
    assert named.source == str(volumes.get("data").mountpoint)
    assert bind.source == "/tmp"
    assert len(anonymous.name) == 64
    assert volumes.users("data") == ("c1",)
    volumes.discard(points, "c1", remove_anonymous=False)
    assert len(volumes.list()) == 2
    assert volumes.users("data") == ()
    volumes.discard(points, "c1", remove_anonymous=True)
    assert [volume.name for volume in volumes.list()] == ["data"]


def test_prepare_that_fails_leaves_no_anonymous_volume(volumes: VolumeService) -> None:
    points = parse_mounts(binds=["/anon", "a/b:/x"])
    with pytest.raises(InvalidParameter, match="create a/b:"):
        volumes.prepare(points, "c1")
    assert volumes.list() == []


def test_discard_leaves_anonymous_volumes_that_others_use(volumes: VolumeService) -> None:
    points = volumes.prepare(parse_mounts(volumes=["/v"]), "c1")
    volumes.prepare(points, "c2")  # --volumes-from
    volumes.discard(points, "c1", remove_anonymous=True)
    assert len(volumes.list()) == 1
    volumes.discard(points, "c2", remove_anonymous=True)
    assert volumes.list() == []


@pytest.mark.parametrize("place", ["/data", "/alias"])
async def test_populate_fills_a_new_volume_from_the_image(
    volumes: VolumeService, image: RootFs, clock: ManualClock, place: str
) -> None:
    points = list(volumes.prepare(parse_mounts(binds=[f"data:{place}"]), "c1"))
    await volumes.mounted.populate(points, image)
    fs = mounted(volumes, image, points, clock)
    assert sorted(fs.listdir(place)) == ["hard", "link", "seed", "sub"]
    seed = fs.stat("/data/seed")
    assert (seed.uid, seed.gid, stat.S_IMODE(seed.mode), seed.nlink) == (999, 1000, 0o640, 2)
    assert seed.mtime_ns == 10**18
    top = fs.stat("/data")
    assert (top.uid, top.gid, stat.S_IMODE(top.mode)) == (999, 1000, 0o750)
    assert (volumes.get("data").mountpoint / "seed").read_bytes() == b"from the image"


async def test_populate_leaves_what_is_there_alone(
    volumes: VolumeService, image: RootFs, clock: ManualClock
) -> None:
    (volumes.create("data").mountpoint / "mine").write_text("1")
    points = list(volumes.prepare(parse_mounts(binds=["data:/data", "no:/data/x:nocopy"]), "c1"))
    await volumes.mounted.populate(points, image)
    assert os.listdir(volumes.get("data").mountpoint) == ["mine"]
    fresh = volumes.prepare(parse_mounts(binds=["fresh:/data:nocopy"]), "c1")
    await volumes.mounted.populate(fresh, image)
    assert os.listdir(volumes.get("fresh").mountpoint) == []


async def test_populate_over_a_file_is_refused(volumes: VolumeService, image: RootFs) -> None:
    points = volumes.prepare(parse_mounts(binds=["data:/file"]), "c1")
    with pytest.raises(SystemFailure, match="source /file is not directory"):
        await volumes.mounted.populate(points, image)
    await volumes.mounted.populate(volumes.prepare(parse_mounts(binds=["ok:/nosuch"]), "c1"), image)


def test_mount_shares_owners_between_containers(
    volumes: VolumeService, image: RootFs, tmp_path: Path, clock: ManualClock
) -> None:
    points = list(volumes.prepare(parse_mounts(binds=["data:/d"]), "c1"))
    one = mounted(volumes, image, points, clock)
    other = ContainerFs(
        RootFs(image.layers, tmp_path / "other"),
        [volumes.mounted.mount(point, "c2") for point in points],
        clock=clock,
    )
    one.write_bytes("/d/f", b"1")
    assert other.stat("/d/f").uid == 0
    one.chown("/d/f", 7, 8)
    assert other.stat("/d/f").uid == 7


def test_mount_events_and_unmount(
    volumes: VolumeService, image: RootFs, events: Events, clock: ManualClock
) -> None:
    points = list(volumes.prepare(parse_mounts(binds=["data:/d:ro"]), "c1"))
    fs = mounted(volumes, image, points, clock)
    fs.close()
    volumes.mounted.unmount(points[0], "c1")
    volumes.mounted.unmount(points[0], "c1")
    assert told(events) == [("create", "data"), ("mount", "data"), ("unmount", "data")]
    event = events.past(Filters({"event": ["mount"]}), 0)[0]
    assert event.attributes == {
        "driver": "local",
        "container": "c1",
        "destination": "/d",
        "propagation": "",
        "read/write": "false",
    }


def test_mount_makes_a_missing_source_of_v_only(
    volumes: VolumeService, tmp_path: Path, image: RootFs, clock: ManualClock
) -> None:
    source = tmp_path / "a" / "b"
    (point,) = parse_mounts(binds=[f"{source}:/x"])
    assert not source.exists()
    mounted(volumes, image, [point], clock)
    assert source.is_dir()
    file = tmp_path / "file"
    file.touch()
    (bad,) = parse_mounts(binds=[f"{file}/x:/x"])
    with pytest.raises(SystemFailure, match="error while creating mount source path"):
        volumes.mounted.mount(bad, "c1")


def test_tmpfs_volume_is_shared_while_mounted_and_then_gone(
    volumes: VolumeService, image: RootFs, tmp_path: Path, clock: ManualClock
) -> None:
    options = {"type": "tmpfs", "device": "tmpfs", "o": "size=1m,uid=5,mode=700"}
    volumes.create("mem", options=options)
    points = list(volumes.prepare(parse_mounts(binds=["mem:/m"]), "c1"))
    one = mounted(volumes, image, points, clock)
    other = ContainerFs(
        RootFs(image.layers, tmp_path / "other"),
        [volumes.mounted.mount(points[0], "c2")],
        clock=clock,
    )
    one.write_bytes("/m/f", b"1")
    assert other.read_bytes("/m/f") == b"1"
    assert one.usage("/m").total == 1 << 20
    assert one.stat("/m").uid == 5
    one.close()
    volumes.mounted.unmount(points[0], "c1")
    assert other.read_bytes("/m/f") == b"1"
    volumes.mounted.unmount(points[0], "c2")
    again = mounted(volumes, image, points, clock)
    assert again.listdir("/m") == []


def test_volume_that_is_a_bind(
    volumes: VolumeService, image: RootFs, tmp_path: Path, clock: ManualClock
) -> None:
    (tmp_path / "mine").mkdir()
    volumes.create("b1", options={"type": "none", "o": "bind", "device": str(tmp_path / "mine")})
    volumes.create("b2", options={"type": "none", "o": "bind", "device": "/nonexistent"})
    points = list(volumes.prepare(parse_mounts(binds=["b1:/m"]), "c1"))
    fs = mounted(volumes, image, points, clock)
    fs.write_bytes("/m/f", b"1")
    assert (tmp_path / "mine" / "f").read_bytes() == b"1"
    broken = volumes.prepare(parse_mounts(binds=["b2:/m"]), "c1")
    with pytest.raises(SystemFailure) as caught:
        volumes.mounted.mount(broken[0], "c1")
    assert "failed to mount local volume: mount /nonexistent:" in str(caught.value)
    assert str(caught.value).endswith("no such file or directory")


def test_volume_whose_directory_was_deleted_comes_back_empty(
    volumes: VolumeService, new_service: NewService, image: RootFs, clock: ManualClock
) -> None:
    import shutil

    volume: Volume = volumes.create("data")
    shutil.rmtree(volume.mountpoint.parent)
    again = new_service()
    points = list(again.prepare(parse_mounts(binds=["data:/d"]), "c1"))
    fs = mounted(again, image, points, clock)
    assert fs.listdir("/d") == []
    assert again.size("data") == 0
