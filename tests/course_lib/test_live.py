"""A picture that follows an engine, and a difference that shows itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import docker
import pytest

from course_lib import diagrams
from course_lib.diagrams.compared import Compared
from course_lib.images import read_image_table
from course_lib.inside import LABEL
from course_lib.lab import Lab
from course_lib.lesson_state import ensure_images
from course_lib.live import Following, matters
from course_lib.live_widget import LiveWidget
from course_lib.topology import Container, Network, Topology, diff, snapshot
from tests.contract.harness import until
from tests.course_lib.conftest import TestCourse


class Shots:
    """A screen that keeps what it was given."""

    def __init__(self) -> None:
        self.shown: list[tuple[Topology | None, Topology]] = []
        self.reasons: list[str] = []

    def show(self, before: Topology | None, now: Topology) -> None:
        self.shown.append((before, now))

    def ended(self, reason: str) -> None:
        self.reasons.append(reason)


@pytest.fixture
def shots() -> Shots:
    return Shots()


@pytest.fixture
def following(
    client: docker.DockerClient, docker_host: str, testing: TestCourse, shots: Shots
) -> Iterator[Following]:
    """Follows what has the test's own names."""
    ensure_images(client, ("alpine",), read_image_table(), lambda _: None)

    def look(own: docker.DockerClient, _: Topology | None) -> Topology:
        found = snapshot(own)
        mine = testing.prefix
        return Topology(
            networks=tuple(n for n in found.networks if n.name.startswith(mine)),
            containers=tuple(c for c in found.containers if c.name.startswith(mine)),
            volumes=tuple(v for v in found.volumes if v.name.startswith(mine)),
        )

    made = Following(lambda: docker.DockerClient(base_url=docker_host), look, shots)
    made.start()
    yield made
    made.stop()
    assert not made.running


def test_each_change_is_drawn_with_what_was_there_before(
    following: Following, shots: Shots, client: docker.DockerClient, testing: TestCourse
) -> None:
    assert [now for _, now in shots.shown] == [Topology()]
    name = testing.name("dev")
    network = client.networks.create(name)
    until(lambda: shots.shown[-1][1].network(name))
    volume = client.volumes.create(testing.name("data"))
    until(lambda: shots.shown[-1][1].volumes)
    box = client.containers.run(
        "alpine", ["sleep", "600"], detach=True, name=testing.name("web"), network=name
    )
    until(lambda: (c := shots.shown[-1][1].container(testing.name("web"))) and c.running)
    box.remove(force=True)
    until(lambda: not shots.shown[-1][1].containers)
    volume.remove()
    network.remove()
    until(lambda: shots.shown[-1][1] == Topology())
    for before, now in shots.shown[1:]:
        assert before != now
    assert following.running


def test_stopping_ends_both_threads_at_once_and_twice_is_no_more(
    following: Following, shots: Shots
) -> None:
    following.stop()
    assert not following.running
    assert shots.reasons == [""]
    following.stop()
    assert shots.reasons == [""]
    assert not [t for t in threading.enumerate() if t in following._threads]


def test_an_engine_that_does_not_answer_ends_it(shots: Shots, client: docker.DockerClient) -> None:
    calls = []

    def look(_: Any, last: Topology | None) -> Topology:
        calls.append(last)
        if last is not None:
            raise docker.errors.DockerException("gone")
        return Topology()

    class Once:
        """One event, then silence until it is closed."""

        def __init__(self) -> None:
            self.closed = threading.Event()

        def events(self, **_: Any) -> Once:
            return self

        def __iter__(self) -> Iterator[dict[str, Any]]:
            yield {"Type": "network", "Action": "create", "Actor": {}}
            self.closed.wait(60)

        def close(self) -> None:
            self.closed.set()

    following = Following(Once, look, shots)
    following.start()
    until(lambda: not following.running)
    assert shots.reasons == ["the engine does not answer"]
    assert len(shots.shown) == 1


@pytest.mark.parametrize(
    ("kind", "action", "attributes", "expected"),
    [
        ("container", "start", {}, True),
        ("container", "exec_die", {}, True),
        ("container", "exec_create: sh -c true", {}, False),
        ("container", "archive-path", {}, False),
        ("container", "start", {LABEL: "1"}, False),
        ("network", "connect", {}, True),
        ("volume", "create", {}, True),
        ("volume", "mount", {}, False),
        ("image", "pull", {}, False),
    ],
)
def test_events_that_matter(
    kind: str, action: str, attributes: dict[str, str], expected: bool
) -> None:
    event = {"Type": kind, "Action": action, "Actor": {"Attributes": attributes}}
    assert matters(event) is expected


# --- where it is shown ---

ONE = Topology((Network("n1", "dev"),), (Container("c1", "web", "nginx"),))
TWO = Topology((Network("n1", "dev"),), (Container("c1", "web", "nginx", "exited", 0),))


def test_the_widget_shows_the_picture_and_that_it_lives(
    capsys: pytest.CaptureFixture[str],
) -> None:
    widget = LiveWidget(lambda now, last: diagrams.draw(now, since=last))
    widget.show(None, ONE)
    assert "live" in widget.line.value
    assert capsys.readouterr().out.strip() == diagrams.describe(ONE)
    widget.show(ONE, TWO)
    assert capsys.readouterr().out.strip() == diagrams.describe(TWO, ONE)
    assert "1 change since" in widget.line.value
    widget.ended("the engine is gone")
    assert "still: the engine is gone" in widget.line.value
    assert widget.button.layout.display == "none"


def test_lab_live_is_a_still_picture_outside_of_a_notebook(
    client: docker.DockerClient, testing: TestCourse, capsys: pytest.CaptureFixture[str]
) -> None:
    threads = threading.active_count()
    lab = Lab(catalog=lambda: testing.catalog)
    lab.start("testing/first")
    client.networks.create(testing.name("dev"))
    capsys.readouterr()
    lab.live()
    assert f"network {testing.name('dev')} " in capsys.readouterr().out
    assert threading.active_count() == threads
    lab.close()


def test_a_difference_shows_a_list_and_a_picture() -> None:
    found = Compared(diff(ONE, TWO).changes, ONE, TWO)
    assert found
    assert repr(found) == "~ container web: running → exited"
    html = found._repr_mimebundle_()["text/html"]
    assert ">~</span>changed container <strong>web</strong>: running → exited" in html
    assert "data:image/svg+xml" in html
    nothing = Compared((), ONE, ONE)
    assert not nothing
    assert "<img" not in nothing._repr_mimebundle_()["text/html"]
