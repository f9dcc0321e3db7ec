"""Volumes by the API: making, finding, removing and pruning them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.contract.harness import Bench, Engine, words

VOLUME_KEYS = set(words("CreatedAt Driver Labels Mountpoint Name Options Scope"))
ANONYMOUS = "com.docker.volume.anonymous"
BAD_NAME = (
    'create {0}: "{0}" includes invalid characters for a local volume name, only '
    '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use '
    "absolute path"
)


def names(bench: Bench, **filters: list[str]) -> list[str]:
    """The test's own volumes that pass the filters."""
    asked = {"name": [bench.prefix], **filters}
    listed = bench.raw.get("/volumes", params={"filters": asked}).json()
    return sorted(row["Name"].removeprefix(f"{bench.prefix}-") for row in listed["Volumes"])


def test_volume_document(bench: Bench) -> None:
    answer = bench.create_volume_raw({"Name": bench.name(), "Labels": {"a": "b"}})
    assert answer.status == 201
    document = answer.json()
    assert set(document) == VOLUME_KEYS
    assert document["Labels"] == {"a": "b"}
    assert document["Options"] is None
    assert (document["Driver"], document["Scope"]) == ("local", "local")
    assert document["Mountpoint"].endswith(f"/volumes/{bench.name()}/_data")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["CreatedAt"])
    assert bench.raw.get(f"/volumes/{bench.name()}").json() == document


def test_volume_without_a_name_is_anonymous(bench: Bench) -> None:
    document = bench.create_volume_raw({"Labels": {"a": "b"}}).json()
    assert re.fullmatch(r"[0-9a-f]{64}", document["Name"])
    assert document["Labels"] == {"a": "b", ANONYMOUS: ""}


def test_anonymous_volumes_that_are_pruned(bench: Bench) -> None:
    """Those of ``-v`` and of the image say that they are anonymous, one of ``--mount`` does not."""
    label = {"of": bench.prefix}
    asked = {"Type": "volume", "Target": "/mount", "VolumeOptions": {"Labels": label}}
    plain = {"Type": "volume", "Target": "/plain"}
    container = bench.create(Volumes={"/volume": {}}, host={"Mounts": [asked, plain]})
    names = {m["Destination"]: m["Name"] for m in bench.inspect(container)["Mounts"]}
    labels = {
        path: bench.raw.get(f"/volumes/{name}").json()["Labels"] for path, name in names.items()
    }
    assert labels == {"/volume": {ANONYMOUS: ""}, "/mount": label, "/plain": None}
    assert bench.raw.delete(f"/containers/{container}").status == 204
    filters = {"label": [f"of={bench.prefix}"]}
    assert bench.raw.post("/volumes/prune", params={"filters": filters}).json() == {
        "VolumesDeleted": [],
        "SpaceReclaimed": 0,
    }
    for name in names.values():
        assert bench.raw.delete(f"/volumes/{name}").status == 204


def test_volume_twice_is_the_first_one(bench: Bench) -> None:
    first = bench.create_volume_raw({"Name": bench.name(), "Labels": {"a": "b"}})
    again = bench.create_volume_raw({"Name": bench.name(), "Labels": {"c": "d"}})
    assert (first.status, again.status) == (201, 201)
    assert again.json() == first.json()


@pytest.mark.parametrize("name", ["a/b", "/abs", "../up", ".hidden", "-dash", "sp ace", "é", ".."])
def test_volume_name_refused(bench: Bench, name: str) -> None:
    answer = bench.create_volume_raw({"Name": name})
    assert answer.status == 400
    assert answer.message == BAD_NAME.format(name)


@pytest.mark.parametrize("name", ["a\0b", "new\nline", "\x1b[31m"])
def test_volume_name_that_is_no_text_refused(bench: Bench, name: str) -> None:
    answer = bench.create_volume_raw({"Name": name})
    assert answer.status == 400
    assert "includes invalid characters for a local volume name" in answer.message


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"Name": "a"}, 400, "create a: volume name is too short, names should be at least two "
         "alphanumeric characters"),
        ({"Driver": "ghost"}, 404, 'create @: error looking up volume plugin ghost: plugin "ghost" '
         "not found"),
        ({"DriverOpts": {"foo": "bar"}}, 400, 'create @: invalid option: "foo"'),
        ({"DriverOpts": {"o": "size=1m"}}, 400, 'create @: missing required option: "device"'),
        ({"DriverOpts": {"device": "/tmp"}}, 400, 'create @: missing required option: "type"'),
    ],
)  # fmt: skip
def test_volume_refused(bench: Bench, body: dict[str, Any], status: int, message: str) -> None:
    answer = bench.create_volume_raw({"Name": bench.name(), **body})
    assert (answer.status, answer.message) == (status, message.replace("@", bench.name()))
    assert bench.raw.get(f"/volumes/{bench.name()}").status == 404


def test_volume_of_a_kind_that_the_kernel_mounts(bench: Bench) -> None:
    options = {"type": "nfs", "device": ":/x", "o": "addr=127.0.0.1"}
    answer = bench.create_volume_raw({"Name": bench.name(), "DriverOpts": options})
    assert answer.status == 201
    assert answer.json()["Options"] == options


def test_volume_name_as_long_as_a_file_name_may_be(bench: Bench) -> None:
    longest = bench.prefix + "v" * 245
    assert bench.create_volume_raw({"Name": longest}).status == 201
    assert bench.raw.delete(f"/volumes/{longest}").status == 204
    answer = bench.create_volume_raw({"Name": bench.prefix + "v" * 246})
    assert answer.status == 500
    assert answer.message.endswith("file name too long")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_volume_not_there(bench: Bench, method: str) -> None:
    answer = bench.raw.request(method, f"/volumes/{bench.name()}")
    assert (answer.status, answer.message) == (404, f"get {bench.name()}: no such volume")


def test_volume_removed_by_force_need_not_be_there(bench: Bench) -> None:
    assert bench.raw.delete(f"/volumes/{bench.name()}", params={"force": "1"}).status == 204


@pytest.mark.parametrize("force", ["0", "1"])
def test_volume_in_use_stays(bench: Bench, force: str) -> None:
    volume = bench.volume()
    container = bench.create("user", host={"Binds": [f"{volume}:/data"]})
    answer = bench.raw.delete(f"/volumes/{volume}", params={"force": force})
    assert answer.status == 409
    assert answer.message == f"remove {volume}: volume is in use - [{container}]"
    bench.raw.delete(f"/containers/{container}")
    assert bench.raw.delete(f"/volumes/{volume}").status == 204


@pytest.fixture(scope="module")
def several(shelf: Bench) -> Bench:
    """Four volumes, ``used`` by a container."""
    shelf.volume("plain")
    shelf.volume("one", Labels={"a": "1", "b": ""})
    shelf.volume("two", Labels={"a": "2"})
    shelf.run(None, host={"Binds": [f"{shelf.volume('used')}:/data"]})
    return shelf


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, "one plain two used"),
        ({"dangling": ["true"]}, "one plain two"),
        ({"dangling": ["0"]}, "used"),
        ({"label": ["a"]}, "one two"),
        ({"label": ["a=1"]}, "one"),
        ({"label": ["a", "b"]}, "one"),
        ({"label": ["a=3"]}, ""),
        ({"driver": ["local"]}, "one plain two used"),
        ({"driver": ["ghost"]}, ""),
    ],
)
def test_volume_filters(several: Bench, filters: dict[str, list[str]], found: str) -> None:
    assert names(several, **filters) == found.split()


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"ghost": ["1"]}, "invalid filter 'ghost'"),
        ({"dangling": ["maybe"]}, "invalid filter 'dangling=[maybe]'"),
    ],
)
def test_volume_filters_refused(
    engine: Engine, filters: dict[str, list[str]], message: str
) -> None:
    answer = engine.raw.get("/volumes", params={"filters": filters})
    assert (answer.status, answer.message) == (400, message)


@pytest.mark.parametrize(
    ("version", "everything", "taken"),
    [
        ("v1.41", [], "anonymous named"),
        ("v1.42", [], "anonymous"),
        ("v1.45", [], "anonymous"),
        ("v1.45", ["true"], "anonymous named"),
        ("v1.45", ["0"], "anonymous"),
    ],
)
def test_volume_prune_by_version(
    bench: Bench, version: str, everything: list[str], taken: str
) -> None:
    label = {"of": bench.prefix}
    anonymous = bench.create_volume_raw({"Labels": label}).json()["Name"]
    named = bench.volume("named", Labels=label)
    used = bench.volume("used", Labels=label)
    writer = bench.run(
        None, words("dd if=/dev/zero of=/v/f bs=5 count=1"), host={"Binds": [f"{named}:/v"]}
    )
    assert bench.finish(writer) == 0
    bench.raw.delete(f"/containers/{writer}")
    bench.create(host={"Binds": [f"{used}:/data"]})
    filters = {"label": [f"of={bench.prefix}"], **({"all": everything} if everything else {})}
    report = bench.raw.post("/volumes/prune", params={"filters": filters}, version=version).json()
    expected = {"anonymous": anonymous, "named": named}
    assert sorted(report["VolumesDeleted"]) == sorted(expected[word] for word in taken.split())
    assert (report["SpaceReclaimed"] >= 5) is ("named" in taken)


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"dangling": ["true"]}, "invalid filter 'dangling'"),
        ({"all": ["1", "0"]}, "invalid filter 'all"),
        ({"all": ["maybe"]}, "invalid filter 'all"),
    ],
)
def test_volume_prune_refused(engine: Engine, filters: dict[str, list[str]], message: str) -> None:
    answer = engine.raw.post("/volumes/prune", params={"filters": filters})
    assert answer.status == 400
    assert answer.message.startswith(message)


def test_anonymous_volumes_go_with_rm_v_and_named_ones_stay(bench: Bench) -> None:
    named = bench.volume()
    container = bench.create(Volumes={"/anonymous": {}}, host={"Binds": [f"{named}:/named"]})
    by_place = {row["Destination"]: row["Name"] for row in bench.inspect(container)["Mounts"]}
    assert bench.raw.delete(f"/containers/{container}", params={"v": "1"}).status == 204
    assert bench.raw.get(f"/volumes/{by_place['/anonymous']}").status == 404
    assert bench.raw.get(f"/volumes/{named}").status == 200


def test_anonymous_volume_stays_without_v(bench: Bench) -> None:
    container = bench.create(Volumes={"/anonymous": {}})
    (mount,) = bench.inspect(container)["Mounts"]
    bench.adopt_volume(mount["Name"])
    assert bench.raw.delete(f"/containers/{container}").status == 204
    assert bench.raw.get(f"/volumes/{mount['Name']}").json()["Labels"] == {ANONYMOUS: ""}


def test_volume_update_needs_a_swarm(bench: Bench) -> None:
    volume = bench.volume()
    answer = bench.raw.request("PUT", f"/volumes/{volume}", {"Spec": {}}, params={"version": "1"})
    assert answer.status == 503
    assert answer.message == (
        "volume update only valid for cluster volumes, but swarm is unavailable"
    )


def test_system_df_counts_volumes(bench: Bench) -> None:
    volume = bench.volume(Labels={"a": "b"})
    container = bench.create(host={"Binds": [f"{volume}:/data"]})
    bench.start(container)
    bench.sh(container, "printf 12345 > /data/f; mkdir /data/d; printf 123 > /data/d/g")
    rows = bench.raw.get("/system/df", params={"type": "volume"}).json()["Volumes"]
    (row,) = (row for row in rows if row["Name"] == volume)
    assert row["UsageData"]["RefCount"] == 1
    assert row["UsageData"]["Size"] >= 8
    assert set(row) == VOLUME_KEYS | {"UsageData"}
