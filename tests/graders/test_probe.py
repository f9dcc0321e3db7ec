"""Looking from inside, on both engines: what is seen, and that nothing stays."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from course_lib.images import COURSE_IMAGES, CourseImage, ImageTable
from graders import probe_container as module
from graders.expectation import ObservationError
from graders.probe import Probe
from graders.probe_container import LABEL
from graders.runner import run_checks
from tests.contract.harness import Engine, until
from tests.submissions.corpus import Student

pytestmark = pytest.mark.slow


class NoTools(ImageTable):
    """A course whose image for looking inside is not on the engine."""

    def get(self, name: str) -> CourseImage:
        return (
            CourseImage("course-has-no-such-image", "") if name == "alpine" else super().get(name)
        )


def probe_of(engine: Engine, **words: Any) -> Probe:
    return Probe(engine.sdk, {}, Path(), published_host=engine.address, **words)


def probes_left(engine: Engine) -> list[str]:
    """Also those of other tests on a shared dockerd, which are gone soon; one that stays has more
    time than a test waits for.
    """
    found = engine.sdk.api.containers(all=True, filters={"label": LABEL})
    return [name for container in found for name in container["Names"]]


@pytest.fixture
def pair(student: Student) -> Student:
    """``es`` serves on ``dev``, ``probe`` is beside it, ``decoy-far`` elsewhere."""
    student.shell("""
        docker network create dev
        docker run -d --name es --net dev elasticsearch:2
        docker run -d --name probe --net dev --net-alias scout alpine sleep 1000
        docker run -d --name decoy-far alpine sleep 1000
    """)
    return student


def test_inside_network_names_lead_to_addresses(engine: Engine, pair: Student) -> None:
    probe = probe_of(engine)
    es, scout = probe.container("es"), probe.container("probe")
    with probe.inside_network(probe.network("dev")) as inside:
        assert inside.addresses("es") == set(es.addresses["dev"])
        assert inside.addresses("scout") == set(scout.addresses["dev"])
        assert inside.addresses("decoy-far") == set()
        ping = inside.ping("es")
        assert (ping.address, ping.answered) == (es.addresses["dev"][0], True)
        assert inside.ping("decoy-far") == module.Ping(None, False)
    until(lambda: not probes_left(engine))


def test_inside_network_http_is_spoken(engine: Engine, pair: Student) -> None:
    probe = probe_of(engine)
    with probe.inside_network(probe.network("dev")) as inside:
        until(lambda: inside.get("http://es:9200/").ok)
        assert inside.get("http://es:9200/no-such-index").status == 404
        assert "refused" in str(inside.get("http://es:9201/"))
        assert "bad address" in str(inside.get("http://decoy-far/"))
    until(lambda: not probes_left(engine))


def test_inside_container_a_server_that_hangs_up_early_has_answered(
    engine: Engine, student: Student
) -> None:
    """Redis 3.0 forgets its answer where the asking side closes before it has sent it."""
    student.shell("redis redis30 redis:3.0")
    probe = probe_of(engine)
    with probe.inside_container(probe.container("redis30")) as inside:
        said = [inside.say("127.0.0.1", 6379, "PING\r\nQUIT\r\n") for _ in range(10)]
    assert said == ["+PONG\r\n+OK\r\n"] * 10


def test_inside_container_its_own_stack_is_seen(engine: Engine, pair: Student) -> None:
    probe = probe_of(engine)
    with probe.inside_container(probe.container("es")) as inside:
        until(lambda: inside.get("http://127.0.0.1:9200/").ok)
        assert inside.ping("probe").answered
    with probe.inside_container(probe.container("decoy-far")) as inside:
        assert not inside.ping("es").answered
        assert not inside.ping(probe.container("es").addresses["dev"][0]).answered
    until(lambda: not probes_left(engine))


def test_server_that_never_answers_is_given_up(engine: Engine, student: Student) -> None:
    student.shell("""
        docker network create dev
        docker run -d --name es --net dev alpine sh -c 'sleep 1000 | nc -l -p 9200'
    """)
    probe = probe_of(engine)

    def answer() -> str:
        with probe.inside_network(probe.network("dev")) as inside:
            return str(inside.get("http://es:9200/"))

    assert "no answer within" in until(
        lambda: next((said for said in [answer()] if "refused" not in said), "")
    )
    until(lambda: not probes_left(engine))


def test_tools_that_are_not_to_be_had_are_an_error(engine: Engine, pair: Student) -> None:
    make = partial(Probe, images=NoTools(COURSE_IMAGES), published_host=engine.address)
    (result,) = run_checks(["model-reach"], {}, Path(), engine.sdk, make_probe=make)
    assert (result.status, result.earned) == ("error", 0)
    assert "course-has-no-such-image" in result.reason
    until(lambda: not probes_left(engine))


def test_tools_pulled_for_a_check_go_again(engine: Engine, student: Student) -> None:
    if engine.name != "embedded":
        pytest.skip("others use this engine's images")
    student.shell("""
        docker network create dev
        docker run -d --name es --net dev elasticsearch:2
        docker image rm alpine
    """)
    (result,) = run_checks(["model-named"], {}, Path(), engine.sdk)
    assert result.status == "passed"
    assert "alpine:latest" not in {tag for i in engine.sdk.api.images() for tag in i["RepoTags"]}


def test_command_that_the_tools_lack_is_an_error(engine: Engine, pair: Student) -> None:
    probe = probe_of(engine)
    with (
        probe.inside_network(probe.network("dev")) as inside,
        pytest.raises(ObservationError, match="no-such-command"),
    ):
        inside._run("no-such-command")
    until(lambda: not probes_left(engine))


def test_probe_goes_when_the_check_breaks(engine: Engine, pair: Student) -> None:
    probe = probe_of(engine)
    seen = []

    def broken_check() -> None:
        with probe.inside_network(probe.network("dev")):
            seen.extend(probes_left(engine))
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        broken_check()
    assert seen
    until(lambda: not probes_left(engine))


def test_stopped_container_cannot_be_looked_from(engine: Engine, pair: Student) -> None:
    probe = probe_of(engine)
    es = probe.container("es")
    pair.shell("docker stop -t 1 es")
    with pytest.raises(ObservationError), probe.inside_container(es):
        pytest.fail("nobody is in there")
    until(lambda: not probes_left(engine))


@pytest.mark.parametrize("name", ["e", "decoy"])
def test_part_of_a_name_is_not_the_name(engine: Engine, pair: Student, name: str) -> None:
    probe = probe_of(engine)
    identity = probe.container("es").id
    assert probe.container(name).status == "missing"
    assert probe.container(identity[:12]).status == "missing"
    assert not probe.network("de").exists
    assert not probe.network(probe.network("dev").id).exists


def test_beginning_of_several_ids_is_not_a_name(engine: Engine, student: Student) -> None:
    probe = probe_of(engine)
    # Of 17 IDs two begin with the same of 16 digits.
    ids = [engine.sdk.api.create_container("alpine")["Id"] for _ in range(17)]
    try:
        first = [identity[0] for identity in ids]
        digit = next(digit for digit in first if first.count(digit) > 1)
        assert probe.container(digit).status == "missing"
    finally:
        for identity in ids:
            engine.sdk.api.remove_container(identity)
