"""A packet's way: seen on both engines, told and drawn from plain data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import docker
import pytest

from course_lib.diagrams import draw_trace
from course_lib.diagrams.palette import WIDTH
from course_lib.errors import CourseError, EngineUnavailable
from course_lib.images import read_image_table
from course_lib.inside import LABEL
from course_lib.lab import Lab
from course_lib.lesson_state import ensure_images
from course_lib.topology import Container, Interface, Network, Subnet, Topology
from course_lib.trace import RESOLVER, Route, Seen, Trace, owner_of, way
from tests.contract.harness import until
from tests.course_lib.conftest import TestCourse

SLEEP = ["sleep", "600"]

# --- told and drawn ----------------------------------------------------------------------


def made(name: str, number: int) -> Network:
    return Network(
        f"id-{name}", name, "bridge", (Subnet(f"10.{number}.0.0/24", f"10.{number}.0.1"),),
        bridge=f"br-{name}",
    )  # fmt: skip


def container(name: str, network: str, address: str, state: str = "running") -> Container:
    return Container(
        f"id-{name}", name, "alpine", state, interfaces=(Interface(network, address, 24),)
    )


TOPOLOGY = Topology(
    (made("bridge", 17), made("dev", 1), made("prod", 2)),
    (
        container("probe", "dev", "10.1.0.3"),
        container("es", "dev", "10.1.0.2"),
        container("far", "prod", "10.2.0.2"),
        container("plain", "bridge", "10.17.0.2"),
        container("off", "dev", "", "exited"),
        Container("id-alone", "alone", "alpine", mode="none"),
        Container("id-side", "side", "alpine", mode="container", shares="id-probe"),
        Container("id-seer", "seer", "alpine", mode="host"),
    ),
)
STRAIGHT = Route("eth0", "10.1.0.3")
AROUND = Route("eth0", "10.1.0.3", "10.1.0.1")


def told(source: str, target: str, seen: Seen | None, port: int | None = None) -> Trace:
    sender = TOPOLOGY.container(source)
    assert sender is not None
    return way(TOPOLOGY, sender, target, port, seen)


def test_a_whole_way_has_five_steps() -> None:
    trace = told("probe", "es", Seen(RESOLVER, ("10.1.0.2",), STRAIGHT, True), 9200)
    assert [(step.kind, step.title) for step in trace.steps] == [
        ("sender", "probe"), ("resolver", RESOLVER), ("interface", "eth0"),
        ("network", "dev"), ("endpoint", "es"),
    ]  # fmt: skip
    assert (trace.arrived, trace.verdict) == (True, "es answers on port 9200.")
    assert "bridge br-dev" in trace.steps[3].facts


@pytest.mark.parametrize(
    ("source", "target", "port", "seen", "stop", "verdict"),
    [
        ("off", "es", None, None, "off", "off does not run (exited)"),
        ("probe", "ghost", None, Seen(RESOLVER), RESOLVER, "Nobody on dev has the name ghost"),
        ("probe", "far", None, Seen(RESOLVER), RESOLVER, "far is on prod, probe on dev"),
        ("probe", "off", None, Seen(RESOLVER), RESOLVER, "off does not run (exited)"),
        ("plain", "es", None, Seen("9.9.9.9"), "9.9.9.9", "where containers have no names"),
        ("alone", "es", None, Seen("9.9.9.9"), "9.9.9.9", "alone is on no network"),
        ("alone", "10.1.0.2", None, Seen("", ("10.1.0.2",)), "no way out", "only its loopback"),
        ("probe", "10.2.0.2", None, Seen("", ("10.2.0.2",), AROUND), "dev", "far is on prod"),
        ("probe", "10.1.0.9", None, Seen("", ("10.1.0.9",), STRAIGHT), "dev", "Nobody on dev has"),
        ("probe", "1.1.1.1", None, Seen("", ("1.1.1.1",), AROUND), "dev", "No answer from 1.1.1.1"),
        (
            "probe", "es", 81, Seen(RESOLVER, ("10.1.0.2",), STRAIGHT, refused=True),
            "es", "Nothing listens on port 81 of es",
        ),
        (
            "probe", "es", None, Seen(RESOLVER, ("10.1.0.2",), STRAIGHT),
            "es", "No answer from es.",
        ),
    ],
)  # fmt: skip
def test_where_it_stops_and_why(
    source: str, target: str, port: int | None, seen: Seen | None, stop: str, verdict: str
) -> None:
    trace = told(source, target, seen, port)
    assert not trace.arrived
    assert [step.title for step in trace.steps if step.reached][-1] == stop
    assert verdict in trace.verdict


def test_an_answer_from_another_network_is_believed() -> None:
    trace = told("probe", "10.2.0.2", Seen("", ("10.2.0.2",), AROUND, answered=True))
    assert trace.arrived
    assert trace.steps[-1].reached


def test_the_gateway_is_the_host() -> None:
    trace = told("probe", "10.1.0.1", Seen("", ("10.1.0.1",), STRAIGHT, answered=True))
    assert trace.steps[-1].title == "the host (gateway of dev)"


def test_a_container_in_anothers_stack_goes_out_by_it() -> None:
    side = TOPOLOGY.container("side")
    assert side is not None
    assert owner_of(TOPOLOGY, side).name == "probe"
    trace = told("side", "es", Seen(RESOLVER, ("10.1.0.2",), STRAIGHT, True))
    assert "in the stack of probe" in trace.steps[0].facts
    assert trace.steps[3].title == "dev"


def test_from_the_host_a_network_is_entered_by_its_bridge() -> None:
    seen = Seen("", ("10.1.0.2",), Route("br-dev", "10.1.0.1"), True)
    assert [step.title for step in told("seer", "10.1.0.2", seen).steps] == [
        "seer", "br-dev", "dev", "es",
    ]  # fmt: skip


def test_itself_is_reached_without_a_network() -> None:
    trace = told("probe", "probe", Seen(RESOLVER, ("10.1.0.3",), Route("lo", "10.1.0.3"), True))
    assert [step.kind for step in trace.steps] == ["sender", "resolver", "interface", "endpoint"]


def test_the_picture_fits_and_shows_the_stop() -> None:
    for seen, cards, sign in (
        (Seen(RESOLVER, ("10.1.0.2",), STRAIGHT, True), 5, "\N{CHECK MARK}"),
        (Seen(RESOLVER), 3, "\N{HEAVY MULTIPLICATION X}"),
    ):
        trace = told("probe", "es", seen)
        picture = draw_trace(trace, TOPOLOGY)
        drawing = picture.drawing
        areas = [drawing.areas(step.kind)[0] for step in trace.steps]
        assert len(areas) == cards
        assert not any(a.overlaps(b) for a in areas for b in areas if a is not b)
        assert drawing.width <= WIDTH
        [end] = drawing.areas("end")
        last = [a for a, step in zip(areas, trace.steps, strict=True) if step.reached][-1]
        assert (end.key, end.overlaps(last)) == (sign, True)
        assert areas[-1].outline == ("solid" if trace.arrived else "dashed")
        assert picture.words == str(trace)
        assert trace.verdict in picture.exhibit().html


# --- seen on both engines ----------------------------------------------------------------


@dataclass(frozen=True)
class Stage:
    """``web`` (port 80) and ``db`` on one network, ``far`` on another, ``alone`` on none."""

    client: docker.DockerClient
    course: TestCourse
    lab: Lab

    def name(self, short: str) -> str:
        return self.course.name(short)

    def address(self, short: str) -> str:
        networks = self.client.containers.get(self.name(short)).attrs["NetworkSettings"]["Networks"]
        [endpoint] = networks.values()
        return str(endpoint["IPAddress"])


@pytest.fixture
def stage(client: docker.DockerClient, testing: TestCourse) -> Iterator[Stage]:
    ensure_images(client, ("alpine", "nginx"), read_image_table(), print)
    for network in ("dev", "prod"):
        client.networks.create(testing.name(network))
    for name, image, command, network in (
        ("web", "nginx", None, testing.name("dev")),
        ("db", "alpine", SLEEP, testing.name("dev")),
        ("far", "alpine", SLEEP, testing.name("prod")),
        ("alone", "alpine", SLEEP, "none"),
    ):
        client.containers.run(image, command, name=testing.name(name), network=network, detach=True)
    lab = Lab(catalog=lambda: testing.catalog)
    yield Stage(client, testing, lab)
    lab.close()


def test_real_ways(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    web, far = stage.name("web"), stage.name("far")
    said: list[str] = []

    def tells(wanted: str, source: str, target: str, port: int | None = None) -> bool:
        """Whether it says so; an overloaded machine may lose an echo, or say that it is slow."""
        capsys.readouterr()
        with suppress(EngineUnavailable):
            stage.lab.trace(stage.name(source), target, port)
        said.append(capsys.readouterr().out)
        return wanted in said[-1]

    until(lambda: tells(f"{web} answers.", "db", web))
    assert f"resolver {RESOLVER}: {web}: {stage.address('web')}" in said[-1]
    assert f"interface eth0: from {stage.address('db')}" in said[-1]
    assert f"network {stage.name('dev')}" in said[-1]
    until(lambda: tells(f"{web} answers on port 80.", "db", web, 80))
    until(lambda: tells(f"Nothing listens on port 81 of {web}", "db", web, 81))
    until(lambda: tells(f"{far} is on {stage.name('prod')}", "db", far))
    until(lambda: tells("has the name", "db", stage.name("ghost")))
    until(lambda: tells("networks are kept apart", "db", stage.address("far")))
    until(lambda: tells("only its loopback", "alone", stage.address("web")))
    stage.client.containers.get(far).kill()
    until(lambda: tells(f"{far} does not run (exited)", "far", web))
    sender = stage.client.containers.get(stage.name("db")).id
    helpers = stage.client.api.containers(all=True, filters={"label": LABEL})
    assert f"container:{sender}" not in [h["HostConfig"]["NetworkMode"] for h in helpers]


def test_who_is_not_there_cannot_send(docker_host: str, testing: TestCourse) -> None:
    lab = Lab(catalog=lambda: testing.catalog)
    try:
        with pytest.raises(CourseError, match="there is no container"):
            lab.trace(testing.name("ghost"), "es")
    finally:
        lab.close()
