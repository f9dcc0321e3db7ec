"""The course on rootless Docker: another daemon, another user, and what is different there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from tests.deploy.learner import USER, Image
from tests.images.__main__ import load
from tests.reference.dockerd import DaemonError, find_daemon

pytestmark = [
    pytest.mark.slow,
    pytest.mark.docker,
    pytest.mark.timeout(600),
    # Its published ports are the machine's.
    pytest.mark.xdist_group("fixed-ports"),
]


@pytest.fixture(scope="module")
def student(image: Image) -> Iterator[Image]:
    """Somebody who has the course and a Docker of their own, which is no root's."""
    daemon = find_daemon("26.1-rootless")
    assert daemon.release.user == USER
    try:
        daemon.start()
    except DaemonError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    try:
        load(daemon.docker_host, ["alpine", "nginx", "docker"])
        yield Image(image.home, {**image.environ, "DOCKER_HOST": daemon.docker_host})
    finally:
        daemon.stop()


def test_doctor_knows_it(student: Image) -> None:
    document = json.loads(student.run("course", "doctor", "--json").stdout)
    findings = {finding["name"].strip(): finding for finding in document["findings"]}
    assert findings["kind of Docker"]["found"] == "rootless Docker"
    assert findings["host-network"]["state"] == "note"
    assert "--engine embedded" in findings["swarm"]["mend"]


@pytest.mark.parametrize(
    "lesson", ["networking/publish-a-service", "networking/network-drivers", "volumes/bind-mounts"]
)
def test_lessons_about_what_is_different_there(student: Image, lesson: str) -> None:
    (result,) = json.loads(student.run("course", "run", lesson, "--json").stdout)
    assert result["error"] is None
    assert result["earned"] == result["points"]


def test_overlay_networks_are_for_another_engine(student: Image) -> None:
    done = student.run("course", "run", "networking/overlay-networks", "--json", exits=1)
    (result,) = json.loads(done.stdout)
    assert "rootless Docker has no overlay networks" in result["error"]
    assert 'engine="embedded"' in result["error"]
