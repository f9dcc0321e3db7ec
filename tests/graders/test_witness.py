"""The engine's own word about what happened, on both engines."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest

from course_lib.images import read_image_table
from course_lib.preparation import LIFECYCLE, prepare
from graders.expectation import ObservationError
from graders.grading import witness as module
from graders.grading.witness import Witness
from tests.contract.harness import Engine, until
from tests.submissions.corpus import Student

pytestmark = pytest.mark.slow


@pytest.fixture
def witness(engine: Engine, student: Student) -> Iterator[Witness]:
    def connect() -> docker.DockerClient:
        return docker.DockerClient(base_url=engine.docker_host)

    made = Witness(connect, engine.sdk.api)
    made.start()
    yield made
    made.close()


def test_what_a_lesson_put_there_is_told_by_events(witness: Witness, engine: Engine) -> None:
    assert witness.prepared(LIFECYCLE) == {}
    first = prepare(LIFECYCLE, engine.sdk, read_image_table({}))
    assert witness.prepared(LIFECYCLE) == {"leftovers": first["leftovers"]}
    assert witness.prepared("networking/publish-a-service") == {}


def test_a_label_without_a_volume_is_nothing(witness: Witness, student: Student) -> None:
    student.shell(
        "for x in a b c; do docker create --name decoy-$x"
        " --label lesson=volume-lifecycle --label leftover=$x alpine; done"
    )
    assert witness.prepared(LIFECYCLE) == {}


def test_more_than_the_engine_remembers_is_kept(witness: Witness, engine: Engine) -> None:
    name = engine.sdk.volumes.create("decoy-first").name
    for number in range(150):
        engine.sdk.volumes.create(f"decoy-{number}").remove()
    told = [e["Actor"]["ID"] for e in witness.events() if e["Actor"]["ID"].startswith("decoy-")]
    assert told.count(name) == 1
    assert len(told) == 301


def test_too_much_to_keep_is_no_observation(
    witness: Witness,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST", 500)

    def refused() -> bool:
        engine.sdk.volumes.create("decoy-much").remove()
        try:
            witness.events()
        except ObservationError:
            return True
        return False

    until(refused)
