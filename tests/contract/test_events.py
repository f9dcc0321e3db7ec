"""Events: what is told of everything's life, to whom, and when a stream ends.

Streams are opened before what they are to tell of: dockerd remembers 256 events for all its
users together.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.contract.eventstream import EventStream, events
from tests.contract.harness import Bench, until


def attributes(stream: EventStream, action: str) -> dict[str, str]:
    """Attributes of the first event with that action."""
    found: dict[str, str] = next(
        e["Actor"]["Attributes"] for e in stream.seen if e["Action"] == action
    )
    return found


def ordered(stream: EventStream) -> list[str]:
    """The actions; ``stop`` and ``die``, which dockerd tells in either order, sorted."""
    actions = stream.actions()
    for index in range(len(actions) - 1):
        if actions[index : index + 2] == ["stop", "die"]:
            actions[index : index + 2] = ["die", "stop"]
    return actions


def test_life_of_a_container(bench: Bench) -> None:
    name = bench.name("c")
    labels = {"k": "v", "l": ""}
    with events(bench.engine, filters={"container": [bench.prefix]}) as stream:
        container = bench.run("c", Labels=labels)
        for path, params in (
            ("pause", {}),
            ("unpause", {}),
            ("kill", {"signal": "USR1"}),
            ("rename", {"name": bench.name("d")}),
            ("update", {}),
            ("restart", {"t": "0"}),
            ("stop", {"t": "0"}),
            ("start", {}),
            ("kill", {}),
        ):
            body: dict[str, Any] = {"Memory": 0} if path == "update" else {}
            answer = bench.raw.post(f"/containers/{container}/{path}", body, params=params)
            assert answer.status in (200, 204), answer.body
        bench.raw.get(f"/containers/{container}/top")
        bench.finish(container)
        bench.raw.delete(f"/containers/{container}")
        stream.until("destroy")
    ended = ["kill", "kill", "die", "stop"]
    assert ordered(stream) == [
        *("create", "start", "pause", "unpause", "kill", "rename", "update"),
        *(*ended, "start", "restart"),
        *(*ended, "start", "kill", "die", "destroy"),
    ]
    created = {"image": "alpine", "name": name, "k": "v", "l": ""}
    assert attributes(stream, "create") == created
    assert attributes(stream, "kill") == {**created, "signal": "10"}
    renamed = {**created, "name": bench.name("d")}
    assert attributes(stream, "rename") == {**renamed, "oldName": f"/{name}"}
    died = attributes(stream, "die")
    assert died.pop("execDuration").isdigit()
    assert died == {**renamed, "exitCode": "137"}
    for event in stream.seen:
        assert event["Type"] == "container"
        assert event["scope"] == "local"
        assert event["Actor"]["ID"] == event["id"] == container
        assert event["status"] == event["Action"]
        assert event["from"] == "alpine"
        assert event["timeNano"] // 10**9 == event["time"]
    times = [event["timeNano"] for event in stream.seen]
    assert times == sorted(times)


def test_a_container_that_ends_by_itself_and_goes(bench: Bench, docker_command: str) -> None:
    name = bench.name("c")
    with events(bench.engine, filters={"container": [name]}) as stream:
        assert bench.cli("run", "--rm", "--name", name, "alpine", "sh", "-c", "exit 4").code == 4
        stream.until("destroy")
    assert stream.actions() == ["create", "attach", "start", "die", "destroy"]
    assert attributes(stream, "die")["exitCode"] == "4"


def test_execs(bench: Bench) -> None:
    container = bench.run("c")
    with events(bench.engine, filters={"container": [container]}) as stream:
        bench.sh(container, "exit 3")
        stream.until("exec_die")
    assert stream.actions() == [
        "exec_create: sh -c exit 3",
        "exec_start: sh -c exit 3",
        "exec_die",
    ]
    ids = {event["Actor"]["Attributes"]["execID"] for event in stream.seen}
    assert len(ids) == 1
    assert attributes(stream, "exec_die")["exitCode"] == "3"


def test_networks(bench: Bench) -> None:
    name = bench.name("net")
    with events(bench.engine, filters={"network": [name]}) as stream:
        bench.network("net", Labels={"a": "b"})
        container = bench.on(name, "c")
        bench.disconnect(name, container)
        bench.connect(name, container)
        bench.raw.post(f"/containers/{container}/kill")
        bench.finish(container)
        bench.raw.delete(f"/networks/{name}")
        stream.until("destroy")
    assert stream.actions() == [
        # (dockerd tells twice of a container that is disconnected while it runs.)
        *("create", "connect", "disconnect", "disconnect", "connect", "disconnect", "destroy")
    ]
    assert attributes(stream, "create") == {"name": name, "type": "bridge"}
    assert attributes(stream, "connect") == {
        "container": container,
        "name": name,
        "type": "bridge",
    }
    assert {event["Type"] for event in stream.seen} == {"network"}


def test_volumes(bench: Bench) -> None:
    name = bench.name("vol")
    with events(bench.engine, filters={"volume": [name]}) as stream:
        bench.raw.post("/volumes/create", {"Name": name, "Labels": {"a": "b"}})
        bench.raw.post("/volumes/create", {"Name": name})
        container = bench.run("c", host={"Binds": [f"{name}:/data:ro"]})
        bench.raw.post(f"/containers/{container}/kill")
        bench.finish(container)
        bench.raw.delete(f"/containers/{container}")
        bench.raw.delete(f"/volumes/{name}")
        stream.until("destroy")
    assert stream.actions() == ["create", "mount", "unmount", "destroy"]
    assert attributes(stream, "create") == {"driver": "local"}
    assert attributes(stream, "mount") == {
        "container": container,
        "destination": "/data",
        "driver": "local",
        "propagation": "",
        "read/write": "false",
    }
    assert attributes(stream, "unmount") == {"container": container, "driver": "local"}
    assert {event["Actor"]["ID"] for event in stream.seen} == {name}


def test_images(bench: Bench) -> None:
    names = [f"{bench.name('i')}:{tag}" for tag in ("one", "two")]
    image = bench.raw.get("/images/alpine/json").json()["Id"]
    with events(bench.engine, filters={"type": ["image"], "event": ["tag", "untag"]}) as stream:
        for name in names:
            bench.tagged("alpine", "i", name.partition(":")[2])
        stream.until(lambda event: event["Actor"]["Attributes"]["name"] == names[1])
        bench.raw.delete(f"/images/{names[0]}")
        stream.until(lambda event: event["Action"] == "untag" and event["Actor"]["ID"] == image)
    tags = [event for event in stream.seen if bench.prefix in json.dumps(event)]
    assert [event["Actor"] for event in tags if event["Action"] == "tag"] == [
        {"ID": image, "Attributes": {"name": name}} for name in names
    ]


def test_copying_from_and_to_a_container(bench: Bench) -> None:
    name = bench.name("vol")
    container = bench.run("c", host={"Binds": [f"{name}:/data"]})
    with events(bench.engine, filters={"type": ["container", "volume"]}) as stream:
        path = f"/containers/{container}/archive"
        taken = bench.raw.get(path, params={"path": "/etc/passwd"})
        # (The answer is there before dockerd has unmounted.)
        stream.until(lambda e: e["Action"] == "unmount" and e["Actor"]["ID"] == name)
        bench.raw.request("PUT", path, taken.body, params={"path": "/tmp"})
        mine = [container, name]
        stream.until(lambda e: e["Action"] == "unmount" and e["Actor"]["ID"] == name)
    actions = [event["Action"] for event in stream.seen if event["Actor"]["ID"] in mine]
    assert actions == ["mount", "archive-path", "unmount", "mount", "extract-to-dir", "unmount"]
    bench.raw.delete(f"/containers/{container}", params={"force": "1"})
    bench.raw.delete(f"/volumes/{name}")


LIFE = "create connect start exec_create exec_start exec_die kill disconnect die destroy"
FILTERS: list[tuple[dict[str, list[str]], str]] = [
    ({}, LIFE),
    ({"no-such-filter": ["x"]}, LIFE),
    ({"type": ["container"]}, LIFE.replace(" connect", "").replace(" disconnect", "")),
    ({"type": ["container"], "event": ["start", "die"]}, "start die"),
    ({"event": ["exec_create"]}, "exec_create"),
    ({"event": ["exec_create: true "]}, "exec_create"),
    ({"event": ["exec_die", "die", "st"]}, "exec_die die"),
    ({"label": ["ours"], "event": ["start"]}, "start"),
    ({"label": ["ours=PREFIX"], "event": ["start"]}, "start"),
    ({"label": ["ours=other"], "event": ["start"]}, ""),
    ({"label": ["ours", "no-such-label"], "event": ["start"]}, ""),
    ({"image": ["alpine"], "event": ["start"]}, "start"),
    ({"image": ["alpine:latest"], "event": ["start"]}, ""),
    ({"image": ["alp"], "event": ["start"]}, ""),
    ({"container": ["PREFIX-c"], "event": ["start"]}, "start"),
    ({"container": ["PREFIX"], "event": ["start"]}, "start"),
    ({"container": ["-c"], "event": ["start"]}, ""),
    ({"scope": ["local"], "event": ["start"]}, "start"),
    ({"scope": ["swarm"], "event": ["start"]}, ""),
    ({"network": ["PREFIX-net"]}, "connect disconnect"),
    ({"daemon": ["PREFIX"], "event": ["start"]}, "start"),
    *(({kind: ["x"]}, "") for kind in ("daemon", "secret", "config", "node", "plugin", "service")),
]


def past(bench: Bench, since: str, until: str, filters: dict[str, list[str]]) -> list[str]:
    """What an engine remembers of this test's things between two points in time."""
    given = json.loads(json.dumps(filters).replace("PREFIX", bench.prefix))
    with events(bench.engine, since=since, until=until, filters=given) as stream:
        ours = [event for event in stream.rest() if bench.prefix in json.dumps(event)]
    return [event["Action"].partition(":")[0] for event in ours]


def now() -> str:
    """This moment as a Unix time; the engines run on the same machine."""
    seconds, nanos = divmod(time.time_ns(), 10**9)
    return f"{seconds}.{nanos:09d}"


@pytest.fixture(scope="module")
def remembered(shelf: Bench) -> list[list[str]]:
    """What each of ``FILTERS`` finds of one container's life."""
    network = shelf.network("net")
    for _ in range(5):  # others may have pushed our events out of the engine's memory meanwhile
        begin = now()
        container = shelf.on(network, "c", Labels={"ours": shelf.prefix})
        shelf.exec(container, ["true"])
        shelf.raw.delete(f"/containers/{container}", params={"force": "1"})
        end = now()
        found = [past(shelf, begin, end, filters) for filters, _ in FILTERS]
        if past(shelf, begin, end, {})[:1] == ["create"]:
            return found
    raise AssertionError("the engine's memory of events does not reach far enough")


@pytest.mark.parametrize("index", range(len(FILTERS)), ids=[str(row[0]) for row in FILTERS])
def test_filters(remembered: list[list[str]], index: int) -> None:
    found, expected = remembered[index], FILTERS[index][1].split()
    # On a network, an event names the container by its ID alone.
    assert [a for a in found if a not in ("connect", "disconnect") or a in expected] == expected


def test_until_ends_a_live_stream(bench: Bench) -> None:
    with events(bench.engine, until=str(int(time.time()) + 2)) as stream:
        bench.network("during")
        assert bench.name("during") in json.dumps(stream.rest())


def test_since_goes_on_with_what_comes(bench: Bench) -> None:
    begin = now()
    filters = {"network": [bench.prefix], "event": ["create"]}
    bench.network("one")
    with events(bench.engine, since=begin, filters=filters) as stream:
        assert stream.next()["Actor"]["Attributes"]["name"] == bench.name("one")
        bench.network("two")
        assert stream.next()["Actor"]["Attributes"]["name"] == bench.name("two")


@pytest.mark.parametrize("given", ["abc", "1,5", "1e3", ".5", "10m", "2006-01-02"])
def test_times_are_numbers(bench: Bench, given: str) -> None:
    """Clients turn spans and dates into numbers themselves."""
    for params in ({"since": given}, {"until": given}):
        answer = bench.raw.get("/events", params=params)
        number = given.partition(".")[0]
        assert (answer.status, answer.message) == (
            500,
            f'strconv.ParseInt: parsing "{number}": invalid syntax',
        )


def test_since_after_until(bench: Bench) -> None:
    answer = bench.raw.get("/events", params={"since": "5", "until": "3"})
    assert answer.status == 400
    assert answer.message == "`since` time (5) cannot be after `until` time (3)"


def test_times_and_formats_of_the_command_line(bench: Bench, docker_command: str) -> None:
    name = bench.name("c")
    only = ["--filter", f"container={name}", "--filter", "event=create"]

    def listed(*words: str) -> str:
        result = bench.cli("events", "--until", "0s", *only, *words)
        assert result.code == 0, result.err
        return result.out

    # Made anew each time: the engine's memory of events is short, and others fill it.
    def made(*words: str) -> str:
        container = bench.create("c", Labels={"k": "v"})
        try:
            return listed(*words)
        finally:
            bench.raw.delete(f"/containers/{container}", params={"force": "1"})

    def last(*words: str) -> str:
        return str(until(lambda: made(*words)).splitlines()[-1])

    for since in ("10m", "1.5h", "2006-01-02", "2006-01-02T15:04:05", "1136214245.5"):
        assert last("--since", since).endswith(f"(image=alpine, k=v, name={name})")
    words = ["--since", "10m", "--format", "{{.Type}} {{.Action}} {{.Actor.Attributes.name}}"]
    assert last(*words) == f"container create {name}"
    shown = json.loads(last("--since", "10m", "--format", "json"))
    assert (shown["Type"], shown["Action"], shown["scope"]) == ("container", "create", "local")
