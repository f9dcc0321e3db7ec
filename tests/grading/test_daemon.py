"""``course autograde --engine docker``: one at a time; nothing of the instructor's is touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import docker.errors
import pytest

from tests.contract.engines import beside
from tests.contract.harness import Engine
from tests.grading.courses import Course
from tests.grading.notebooks import POINTS, RIGHT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.docker,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("dockerd-checks"),
]
OWN = """
!docker run -d --name ann-own -v /data alpine sleep 1000
!docker run -d alpine sleep 1000
!docker volume create ann-volume
volumes = !docker inspect -f '{{(index .Mounts 0).Name}}' ann-own
import json
print(json.dumps({"volume": volumes[0], "container": client.containers.list(limit=1)[0].id}))
"""


@pytest.fixture
def standing(engine: Engine) -> Iterator[Any]:
    """What the instructor has on that Docker; its client."""
    client = engine.sdk
    names = ("web", "decoy-standing")
    for name in names:
        client.api.create_container("alpine", name=name, volumes=["/data"])
    yield client
    for name in names:
        try:
            client.api.remove_container(name, force=True, v=True)
        except docker.errors.NotFound:
            continue


@pytest.mark.parametrize("engine", ["dockerd-checks"], indirect=True)
def test_each_begins_clean_and_what_stood_before_stays(
    course: Course, standing: Any, engine: Engine
) -> None:
    """Where nobody else makes anything meanwhile, which would be told."""
    course.prefix = beside(engine)
    course.environment["DOCKER_HOST"] = engine.docker_host
    start = "\nimport docker\nclient = docker.from_env()\n"
    course.submit("ann", {**RIGHT, "publish-address": RIGHT["publish-address"] + start + OWN})
    course.submit("ben", dict(RIGHT))
    before = standing.api.inspect_container("decoy-standing")

    # A name that the lesson needs is taken: nobody loses points by it, and nothing is changed.
    row = course.grade("--engine", "docker", "--student", "ben")["ben"]
    assert row["status"] == "attention"
    assert "needs names that something of your own has: container web" in " ".join(row["notes"])
    assert course.scores("ben") == dict.fromkeys(POINTS, (None, True))
    standing.api.remove_container("web", v=True)

    rows = course.grade("--engine", "docker", "--force")
    assert [row["notes"] for row in rows.values()] == [[], []]
    assert [row["earned"] for row in rows.values()] == [12, 12]
    texts = [
        "".join(output["text"])
        for cell in course.autograded("ann")["cells"]
        for output in cell.get("outputs", ())
        if output["output_type"] == "stream"
    ]
    (told,) = [json.loads(line) for text in texts for line in text.splitlines() if line[:1] == "{"]
    api = standing.api
    assert api.inspect_container("decoy-standing") == before
    for name in ("web", "site", "ann-own", told["container"]):
        with pytest.raises(docker.errors.NotFound):
            api.inspect_container(name)
    for name in ("ann-volume", told["volume"]):
        with pytest.raises(docker.errors.NotFound):
            api.inspect_volume(name)
