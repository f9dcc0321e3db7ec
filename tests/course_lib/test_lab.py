"""The lesson's handle, on both engines."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import pytest

from course_lib import daemons, diagrams, showing
from course_lib.catalog import Catalog
from course_lib.daemons import Daemon, Difference, Kind, Topic
from course_lib.diagrams import palette
from course_lib.errors import (
    DeadPort,
    EngineUnavailable,
    JournalError,
    NameClash,
    NotOnThisDocker,
    PortInUse,
    UnknownLesson,
)
from course_lib.lab import Lab
from course_lib.recorder import read_events
from tests.course_lib.conftest import TestCourse
from tests.course_lib.test_cells import FakeShell

FIRST, SECOND = "testing/first", "testing/second"
SLEEP = ["sleep", "600"]


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> FakeShell:
    """A notebook's shell; what is shown is printed all the same."""
    shell = FakeShell()
    monkeypatch.setattr(showing, "shell", lambda: shell)
    monkeypatch.setattr(showing, "show", showing._Printed)
    return shell


@pytest.fixture
def lab(docker_host: str, testing: TestCourse) -> Iterator[Lab]:
    lab = Lab(catalog=lambda: testing.catalog)
    yield lab
    lab.close()


def names(client: docker.DockerClient, testing: TestCourse) -> set[str]:
    """What there is with the names of the course for testing."""
    prefix = testing.prefix
    return {
        *(
            f"container {c.name}"
            for c in client.containers.list(all=True, filters={"name": prefix})
        ),
        *(f"network {n.name}" for n in client.networks.list(names=[prefix])),
        *(f"volume {v.name}" for v in client.volumes.list(filters={"name": prefix})),
    }


def make_everything(
    client: docker.DockerClient, testing: TestCourse, shell: FakeShell | None = None
) -> None:
    """What a student does in the first lesson; in a cell of its notebook where there is one."""
    with cell(shell or FakeShell(), f"!docker volume create {testing.name('data')}"):
        client.networks.create(testing.name("dev"))
        client.volumes.create(testing.name("data"))
        client.containers.run(
            "alpine", SLEEP, name=testing.name("web"), network=testing.name("dev"), detach=True,
            volumes={testing.name("data"): {"bind": "/data", "mode": "rw"}},
        )  # fmt: skip


def test_start_shows_the_engine_and_where_it_is(
    lab: Lab, docker_host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.start(FIRST)
    shown = capsys.readouterr().out.splitlines()[-1]
    assert "The first lesson" in shown
    assert f"DOCKER_HOST={docker_host}" in shown
    assert lab.engine.label in shown


ROOTLESS = Daemon(
    Kind.ROOTLESS,
    (Difference(Topic.PING, "no pings"), Difference(Topic.SWARM, "no swarms", missing=True)),
)


def touching(testing: TestCourse, *topics: Topic) -> Catalog:
    assignment = testing.catalog.assignments[0]
    first = replace(assignment.lessons[0], touches=topics)
    return replace(testing.catalog, assignments=(replace(assignment, lessons=(first,)),))


@pytest.mark.docker
def test_start_says_what_is_different_on_this_docker(
    real_docker_host: str,
    testing: TestCourse,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DOCKER_HOST", real_docker_host)
    monkeypatch.setattr(daemons, "examine", lambda *_: ROOTLESS)
    lab = Lab(catalog=lambda: touching(testing, Topic.PING))
    lab.start(FIRST)
    lab.close()
    assert capsys.readouterr().out.splitlines()[-1] == "· rootless Docker: no pings"


@pytest.mark.docker
def test_start_refuses_a_lesson_about_what_this_docker_lacks(
    real_docker_host: str, testing: TestCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", real_docker_host)
    monkeypatch.setattr(daemons, "examine", lambda *_: ROOTLESS)
    lab = Lab(catalog=lambda: touching(testing, Topic.SWARM))
    with pytest.raises(NotOnThisDocker, match="no swarms") as caught:
        lab.start(FIRST)
    lab.close()
    assert 'lab.start("testing/first", engine="embedded")' in caught.value.hint


def test_start_brings_the_images(lab: Lab, client: docker.DockerClient) -> None:
    lab.start(FIRST)
    assert client.images.get("alpine")


def test_a_second_start_begins_clean_and_names_what_it_put_away(
    lab: Lab,
    client: docker.DockerClient,
    testing: TestCourse,
    shell: FakeShell,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lab.start(FIRST)
    make_everything(client, testing, shell)
    capsys.readouterr()
    lab.start(FIRST)
    assert names(client, testing) == set()
    assert f"put away from your last round: {testing.name('web')}" in capsys.readouterr().out


def test_a_start_from_another_program_begins_clean_as_well(
    lab: Lab, client: docker.DockerClient, testing: TestCourse, shell: FakeShell
) -> None:
    lab.start(FIRST)
    make_everything(client, testing, shell)
    other = Lab(catalog=lambda: testing.catalog)
    other.start(SECOND)
    other.close()
    assert names(client, testing) == set()


def test_clean_takes_the_lessons_things_and_nothing_else(
    lab: Lab,
    client: docker.DockerClient,
    testing: TestCourse,
    shell: FakeShell,
    capsys: pytest.CaptureFixture[str],
) -> None:
    client.containers.run("alpine", SLEEP, name=testing.name("before"), detach=True)
    client.networks.create(testing.name("home"))
    lab.start(FIRST)
    make_everything(client, testing, shell)
    client.containers.run("alpine", SLEEP, name=testing.name("meanwhile"), detach=True)
    client.volumes.create(testing.name("photos"))
    lab.clean()
    assert names(client, testing) == {
        f"container {testing.name('before')}",
        f"container {testing.name('meanwhile')}",
        f"network {testing.name('home')}",
        f"volume {testing.name('photos')}",
    }
    assert "cleaned up: 1 container, 1 network, 1 volume" in capsys.readouterr().out
    lab.clean()
    assert "cleaned up: nothing was left" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["container", "network", "volume"])
def test_a_name_of_the_students_own_is_a_clash_and_nothing_changes(
    lab: Lab, client: docker.DockerClient, testing: TestCourse, kind: str
) -> None:
    if kind == "container":
        if not client.images.list("alpine"):
            client.images.pull("alpine", tag="latest")
        client.containers.create("alpine", SLEEP, name=testing.name("web"))
        taken = testing.name("web")
    elif kind == "network":
        client.networks.create(testing.name("dev"))
        taken = testing.name("dev")
    else:
        client.volumes.create(testing.name("data"))
        taken = testing.name("data")
    before = names(client, testing)
    with pytest.raises(NameClash, match=f"{kind} {taken}; nothing was changed"):
        lab.start(FIRST)
    lab.clean()
    assert names(client, testing) == before


def test_work_in_a_terminal_goes_on_the_courses_engine_and_volumes_stay_on_the_students(
    lab: Lab, client: docker.DockerClient, testing: TestCourse
) -> None:
    lab.start(FIRST)
    make_everything(client, testing)
    if lab.engine.kind == "embedded":
        lab.start(FIRST)
    else:
        with pytest.raises(NameClash, match=r"volume .*; nothing was changed") as caught:
            lab.start(FIRST)
        assert "lab.clean(everything=True)" in caught.value.hint
        assert len(names(client, testing)) == 3
        lab.clean(everything=True)
    assert names(client, testing) == set()


def test_what_stood_before_stays_even_if_it_gets_a_name_of_the_lesson(
    lab: Lab, client: docker.DockerClient, testing: TestCourse
) -> None:
    mine = client.containers.run("alpine", SLEEP, name=testing.name("mine"), detach=True)
    lab.start(FIRST)
    mine.rename(testing.name("web"))
    lab.clean()
    assert names(client, testing) == {f"container {testing.name('web')}"}
    with pytest.raises(NameClash):
        lab.start(FIRST)


def test_a_students_container_on_the_lessons_network_only_leaves_it(
    lab: Lab, client: docker.DockerClient, testing: TestCourse
) -> None:
    mine = client.containers.run("alpine", SLEEP, name=testing.name("mine"), detach=True)
    lab.start(FIRST)
    client.networks.create(testing.name("dev")).connect(mine)
    lab.clean()
    mine.reload()
    assert mine.status == "running"
    assert list(mine.attrs["NetworkSettings"]["Networks"]) == ["bridge"]


def test_a_port_of_another_program_is_a_clash(docker_host: str, testing: TestCourse) -> None:
    from dataclasses import replace

    catalog = testing.catalog
    [assignment] = catalog.assignments
    lesson = replace(assignment.lessons[0], ports=(8080,))
    catalog = replace(catalog, assignments=(replace(assignment, lessons=(lesson,)),))
    lab = Lab(catalog=lambda: catalog, port_free=lambda port, address: False)
    with pytest.raises(PortInUse, match=r"8080 \(by another program"):
        lab.start(FIRST)
    lab.close()


def test_a_container_without_a_name_that_a_cell_made_goes(
    lab: Lab, client: docker.DockerClient, shell: FakeShell
) -> None:
    lab.start(FIRST)
    with cell(shell, "!docker run -d alpine sleep 600"):
        made = client.containers.run("alpine", SLEEP, detach=True)
    assert made.name
    lab.start(FIRST)
    assert made.id not in container_ids(client)


def container_ids(client: docker.DockerClient) -> set[str | None]:
    """Of all; on dockerd other tests' come and go meanwhile."""
    return {found.id for found in client.containers.list(all=True, ignore_removed=True)}


@contextmanager
def cell(shell: FakeShell, source: str) -> Iterator[None]:
    """While a cell of the notebook runs."""
    info = SimpleNamespace(raw_cell=source)
    for callback in shell.events.callbacks["pre_run_cell"]:
        callback(info)
    yield
    result = SimpleNamespace(info=info, error_before_exec=None, error_in_exec=None)
    for callback in shell.events.callbacks["post_run_cell"]:
        callback(result)


def test_a_container_without_a_name_that_nobody_saw_being_made(
    lab: Lab, client: docker.DockerClient, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.start(FIRST)
    made = client.containers.run("alpine", SLEEP, detach=True)
    try:
        lab.start(FIRST)
        left = made.id in container_ids(client)
        # Somebody else may have made it on a Docker of their own; the embedded one is the course's.
        assert left == (lab.engine.kind == "docker")
        assert (
            f"left alone, since you may need them: {made.name}" in capsys.readouterr().out
        ) == left
    finally:
        if lab.engine.kind == "docker":
            made.remove(force=True)


def test_an_unknown_lesson_changes_nothing(lab: Lab, home: Path) -> None:
    with pytest.raises(UnknownLesson, match="testing/first, testing/second"):
        lab.start("testing/third")
    assert not (home / ".local").exists()


def test_a_broken_journal_stops_before_anything_is_removed(
    lab: Lab, client: docker.DockerClient, testing: TestCourse
) -> None:
    lab.start(FIRST)
    make_everything(client, testing)
    lab.journal.path.write_text("{")
    with pytest.raises(JournalError):
        lab.start(FIRST)
    with pytest.raises(JournalError):
        lab.clean()
    assert len(names(client, testing)) == 3


def test_topology_shows_the_lesson_and_on_demand_everything(
    lab: Lab, client: docker.DockerClient, testing: TestCourse
) -> None:
    client.containers.run("alpine", SLEEP, name=testing.name("before"), detach=True)
    lab.start(FIRST)
    make_everything(client, testing)
    seen = {container.name for container in lab.topology().containers}
    assert testing.name("web") in seen
    assert testing.name("before") not in seen
    everything = {container.name for container in lab.topology(everything=True).containers}
    assert {testing.name("web"), testing.name("before")} <= everything


def test_draw_marks_what_is_new_since_the_last_picture(
    lab: Lab,
    client: docker.DockerClient,
    testing: TestCourse,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lab.start(FIRST)
    lab.draw()
    capsys.readouterr()
    make_everything(client, testing)
    lab.draw()
    text = capsys.readouterr().out
    dev, web = testing.name("dev"), testing.name("web")
    assert any(dev in line and line.endswith("[new]:") for line in text.splitlines())
    assert any(web in line and line.endswith("[new]") for line in text.splitlines())
    lab.draw()
    text = capsys.readouterr().out
    assert not any(web in line and "[new]" in line for line in text.splitlines())


def test_a_thing_has_one_colour_in_all_pictures_of_a_lesson(
    lab: Lab, client: docker.DockerClient, testing: TestCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures: list[diagrams.Picture] = []

    def drawn(*given: Any) -> diagrams.Picture:
        pictures.append(draw(*given))
        return pictures[-1]

    draw = diagrams.draw
    monkeypatch.setattr(diagrams, "draw", drawn)
    lab.start(FIRST)
    # Each next one stands before those that are there.
    names = [testing.name(name) for name in ("dev", "data", "any")]
    client.volumes.create(names[0])
    lab.draw("volumes")
    client.volumes.create(names[1])
    lab.draw("volumes")
    client.volumes.get(names[0]).remove()
    client.volumes.create(names[2])
    monkeypatch.setattr(lab, "_view", lambda _: "volumes")
    assert lab.diff()._repr_mimebundle_()  # type: ignore[attr-defined]
    lab.draw()
    colours = [
        {name: colour for name in names if (colour := p.colours.get(f"volume:{name}"))}
        for p in pictures
    ]
    first, second, third, fourth = colours
    assert first.items() <= second.items() <= third.items()
    assert len(set(third.values())) == 3
    assert fourth == {name: third[name] for name in names[1:]}
    lab.clean()
    lab.draw("volumes")
    assert (
        third[names[2]] != pictures[-1].colours[f"volume:{names[2]}"] == palette.network_colour(0)
    )


def test_diff_tells_what_a_command_did(
    lab: Lab, client: docker.DockerClient, testing: TestCourse
) -> None:
    lab.start(FIRST)
    # (Other tests may work on the same engine.)
    assert not [c for c in lab.diff().changes if c.name.startswith(testing.prefix)]
    make_everything(client, testing)
    found = {(change.what, change.name) for change in lab.diff().changes}
    assert {("new", testing.name("dev")), ("new", testing.name("web"))} <= found


def test_describe_prints_the_picture_in_words(
    lab: Lab,
    client: docker.DockerClient,
    testing: TestCourse,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lab.start(FIRST)
    make_everything(client, testing)
    lab.describe()
    assert f"{testing.name('web')} from alpine" in capsys.readouterr().out


def test_open_shows_a_published_page(
    lab: Lab,
    client: docker.DockerClient,
    testing: TestCourse,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lab.start(FIRST)
    if not client.images.list("nginx"):
        client.images.pull("nginx", tag="latest")
    client.containers.run("nginx", name=testing.name("web"), detach=True, ports={"80/tcp": None})
    lab.open(testing.name("web"))
    assert "→ 200 OK: Welcome to nginx!" in capsys.readouterr().out


def test_open_of_a_dead_port_says_what_is_wrong(lab: Lab, testing: TestCourse) -> None:
    lab.start(FIRST)
    with pytest.raises(DeadPort, match="nothing answers on port 9: no container publishes it"):
        lab.open(9)


def test_events_are_recorded_for_a_lesson_that_needs_them(
    lab: Lab, client: docker.DockerClient, testing: TestCourse
) -> None:
    lab.start(SECOND)
    network = client.networks.create(testing.name("dev"))
    web = client.containers.run("alpine", SLEEP, name=testing.name("web"), detach=True)
    network.connect(web)
    network.disconnect(web)
    path = lab.journal.events_path

    def recorded() -> bool:
        return any(
            event["Type"] == "network"
            and event["Action"] == "disconnect"
            and event["Actor"]["Attributes"]["name"] == testing.name("dev")
            for event in read_events(path)
        )

    wait_for(recorded)
    lab.close()


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


# The SDK leaves the socket open to the garbage collector where a connection fails.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_engine_that_ended_is_one_clear_error(
    home: Path, testing: TestCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    from course_lib.embedded import EmbeddedEngine

    engine = EmbeddedEngine.at(home / "s", home / "state")
    monkeypatch.setenv("DOCKER_HOST", engine.start().docker_host)
    lab = Lab(catalog=lambda: testing.catalog)
    lab.start(FIRST)
    engine.stop()
    with pytest.raises(EngineUnavailable, match="does not answer"):
        lab.draw()
    lab.start(FIRST)
    lab.draw()
    lab.close()
    engine.stop()
    monkeypatch.delenv("DOCKER_HOST")
    gc.collect()  # here, where the warning is expected, and not in a later test
