"""Listing containers: the shape of a row and every filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.harness import Bench, until, words

ROW_KEYS = set(
    words(
        "Id Names Image ImageID Command Created Ports Labels State Status HostConfig "
        "NetworkSettings Mounts"
    )
)


def ids(bench: Bench, filters: dict[str, list[str]] | None = None, **params: Any) -> list[str]:
    """IDs of this test's own containers in a list, in its order."""
    if filters is not None:
        params["filters"] = filters
    rows = bench.raw.get("/containers/json", params=params or None).json()
    mine = set(bench._containers)
    return [row["Id"] for row in rows if row["Id"] in mine]


def test_row(bench: Bench) -> None:
    container = bench.run("row", Labels={"a": "b"})
    row = bench.listed(container)
    assert set(row) == ROW_KEYS
    assert row["Names"] == ["/" + bench.name("row")]
    assert row["Image"] == "alpine"
    assert row["ImageID"] == bench.inspect(container)["Image"]
    assert row["Command"] == "sleep 1000"
    assert row["Labels"] == {"a": "b"}
    assert row["State"] == "running"
    assert row["Status"].startswith(("Up ", "Up Less"))
    assert row["HostConfig"] == {"NetworkMode": "bridge"}
    assert row["Ports"] == row["Mounts"] == []
    assert isinstance(row["Created"], int)
    endpoint = row["NetworkSettings"]["Networks"]["bridge"]
    assert endpoint["IPAddress"] == bench.address(container, "bridge")


@pytest.mark.parametrize(
    ("command", "status"),
    [(["sh", "-c", "exit 3"], "Exited (3) "), (["true"], "Exited (0) ")],
)
def test_row_of_an_exited_container(bench: Bench, command: list[str], status: str) -> None:
    container = bench.run(command=command)
    bench.finish(container)
    until(lambda: bench.listed(container)["State"] == "exited")  # dockerd's list lags a little
    row = bench.listed(container)
    assert row["Status"].startswith(status)
    assert row["Status"].endswith(" ago")


def test_row_of_a_created_container(bench: Bench) -> None:
    row = bench.listed(bench.create())
    assert (row["State"], row["Status"]) == ("created", "Created")


def test_row_shows_an_image_by_id_when_its_name_moved(bench: Bench) -> None:
    tag = bench.tagged("alpine", "moving", "1")
    container = bench.create(image=tag, command=["true"])
    assert bench.listed(container)["Image"] == tag
    bench.tagged("busybox", "moving", "1")
    assert bench.listed(container)["Image"] == bench.inspect(container)["Image"]


def test_row_quotes_the_command(bench: Bench) -> None:
    container = bench.create(command=["sh", "-c", "echo a b"])
    assert bench.listed(container)["Command"] == "sh -c 'echo a b'"


def test_list_has_running_ones_alone(bench: Bench) -> None:
    running, created = bench.run(), bench.create()
    assert ids(bench) == [running]
    assert ids(bench, all="1") == [created, running]


def test_list_is_newest_first_and_limited(bench: Bench) -> None:
    made = [bench.create() for _ in range(3)]
    label = {"name": [bench.prefix]}
    assert ids(bench, label, all="1") == []  # they have names of the engine
    assert ids(bench, all="1") == made[::-1]
    newest = bench.raw.get("/containers/json", params={"limit": "1"}).json()
    assert len(newest) == 1


def test_list_before_and_since(bench: Bench) -> None:
    one, two, three = (bench.create() for _ in range(3))
    assert ids(bench, {"before": [two]}, all="1") == [one]
    assert ids(bench, {"since": [two]}, all="1") == [three]
    answer = bench.raw.get("/containers/json", params={"filters": {"before": ["no-such-one"]}})
    assert (answer.status, answer.message) == (404, "No such container: no-such-one")


FILTERS: dict[str, tuple[Callable[[Bench], dict[str, list[str]]], set[str]]] = {
    "name": (lambda b: {"name": [b.name("web")]}, {"web"}),
    "name-regex": (lambda b: {"name": [f"^/?{b.prefix}-(web|job)$"]}, {"web", "job"}),
    "name-several": (lambda b: {"name": [b.name("web"), b.name("job")]}, {"web", "job"}),
    "label-key": (lambda b: {"label": [f"{b.prefix}"]}, {"web", "job"}),
    "label-value": (lambda b: {"label": [f"{b.prefix}=1"]}, {"web"}),
    "label-and": (lambda b: {"label": [f"{b.prefix}", "extra"]}, {"job"}),
    "status": (lambda b: {"status": ["exited"]}, {"job"}),
    "status-created": (lambda b: {"status": ["created"]}, {"new"}),
    "status-several": (lambda b: {"status": ["exited", "created"]}, {"job", "new"}),
    "exited": (lambda b: {"exited": ["4"]}, {"job"}),
    "exited-other": (lambda b: {"exited": ["5"]}, set()),
    "ancestor": (lambda b: {"ancestor": ["nginx"]}, {"web"}),
    "ancestor-tag": (lambda b: {"ancestor": ["nginx:latest"]}, {"web"}),
    "network": (lambda b: {"network": [b.name("net")]}, {"web"}),
    "network-bridge": (lambda b: {"network": ["bridge"]}, {"job", "new"}),
    "publish": (lambda b: {"publish": ["80"]}, set()),
    "expose": (lambda b: {"expose": ["80"]}, {"web"}),
    "expose-range": (lambda b: {"expose": ["79-81/tcp"]}, {"web"}),
    "is-task": (lambda b: {"is-task": ["true"]}, set()),
    "health": (lambda b: {"health": ["none"]}, {"web", "job", "new"}),
    "two-kinds": (lambda b: {"status": ["exited", "running"], "ancestor": ["alpine"]}, {"job"}),
}


@pytest.fixture(scope="module")
def zoo(shelf: Bench) -> dict[str, str]:
    """Three containers that the filters tell apart."""
    network = shelf.network("net")
    web = shelf.on(network, "web", image="nginx", Labels={shelf.prefix: "1"})
    job = shelf.run("job", ["sh", "-c", "exit 4"], Labels={shelf.prefix: "2", "extra": ""})
    shelf.finish(job)
    return {web: "web", job: "job", shelf.create("new"): "new"}


@pytest.mark.parametrize("case", FILTERS)
def test_list_filter(shelf: Bench, zoo: dict[str, str], case: str) -> None:
    make, expected = FILTERS[case]
    assert {zoo[c] for c in ids(shelf, make(shelf), all="1")} == expected


@pytest.mark.parametrize("length", [64, 12, 5])
def test_list_filter_by_id(shelf: Bench, zoo: dict[str, str], length: int) -> None:
    for container in zoo:
        assert container in ids(shelf, {"id": [container[:length]]}, all="1")


def test_list_filter_in_the_old_form(shelf: Bench, zoo: dict[str, str]) -> None:
    """Clients send maps of true since API 1.22; lists are older, both are read."""
    params = {"all": "1", "filters": {"name": {shelf.name("web"): True}}}
    (row,) = shelf.raw.get("/containers/json", params=params).json()
    assert zoo[row["Id"]] == "web"


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"colour": ["red"]}, "invalid filter 'colour'"),
        ("{", "invalid filter"),
        ('["x"]', "invalid filter"),
        ({"status": ["asleep"]}, "invalid filter 'status=asleep'"),
        (
            {"exited": ["x"]},
            "invalid filter 'exited=x': strconv.Atoi: parsing \"x\": invalid syntax",
        ),
    ],
)
def test_list_filter_refused(bench: Bench, filters: Any, message: str) -> None:
    answer = bench.raw.get("/containers/json", params={"filters": filters})
    assert (answer.status, answer.message) == (400, message)


def test_list_filter_by_a_network_that_is_not_there(bench: Bench) -> None:
    params = {"filters": {"network": ["no-such-net"]}}
    assert bench.raw.get("/containers/json", params=params).json() == []


def test_list_with_size(bench: Bench) -> None:
    container = bench.run()
    rows = bench.raw.get("/containers/json", params={"size": "1"}).json()
    (row,) = (row for row in rows if row["Id"] == container)
    assert row["SizeRootFs"] > 0
