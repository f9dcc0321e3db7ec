"""Reads the submissions and does what their students did, on any engine.

One TOML file per lesson; in it a table per exercise: ``given`` is done first, ``right`` holds
submissions that earn all points, ``wrong`` others with the ``points`` they deserve. ``run`` is a
shell script, ``python`` code that has ``client``, ``folder`` and ``host`` (and ``answers``, for
values that TOML does not have), ``answers`` the values set, ``then`` a script that runs after the
answers were found. ``says`` is a part of what the check has to tell, where another answer would
lead astray. ``engines`` limits a submission to some. With ``prepare`` the exercise begins as its
lesson does, with what that puts on the engine.

All of them run on the embedded engine, the core of each exercise on dockerd as well: the first
:data:`CORE_RIGHT` right ones and the first :data:`CORE_WRONG` others, where ``engines`` does not
say otherwise. A container takes dockerd a second, and there are hundreds.
"""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import docker.errors

from course_lib.catalog import course
from course_lib.images import read_image_table
from course_lib.journal import Entry, Journal
from course_lib.preparation import LEFTOVER_LABEL, prepare

HERE = Path(__file__).parent
CORE_RIGHT, CORE_WRONG = 3, 5
EMBEDDED, BOTH = ("embedded",), ("embedded", "dockerd")
DECOY = re.compile(r"decoy-")
FUNCTIONS = r"""
build() { DOCKER_BUILDKIT=0 docker build -q "$@" > /dev/null; }
port() { docker port "$1" 80/tcp | head -n 1 | sed 's/.*://'; }
name() {
  docker run --rm --net "$2" centos curl -s "$1:9200" | sed -n 's/.*"name" *: *"\([^"]*\)".*/\1/p'
}
names() { printf '["%s", "%s"]' "$(name "$1" "$3")" "$(name "$2" "$3")"; }
ready() { docker exec "$1" sh -c 'until redis-cli PING 2> /dev/null; do sleep 0.1; done'; }
redis() { docker run -d --name "$@"; ready "$1"; }
socket() { printf %s "${DOCKER_HOST#unix://}"; }
serves() {
  docker run --rm --net "container:$1" busybox \
    sh -c 'until wget -q -O /dev/null http://127.0.0.1:8080/; do sleep 0.1; done'
}
address() { docker inspect -f "{{(index .NetworkSettings.Networks \"$2\").IPAddress}}" "$1"; }
"""


@dataclass(frozen=True)
class Submission:
    """One student's work for one exercise."""

    lesson: str
    exercise: str
    name: str
    points: float
    given: str = ""
    prepare: bool = False
    run: str = ""
    python: str = ""
    then: str = ""
    says: str = ""
    answers: Mapping[str, Any] = field(default_factory=dict)
    engines: tuple[str, ...] = BOTH

    def __str__(self) -> str:
        return f"{self.exercise}: {self.name}"


def submissions() -> list[Submission]:
    """The whole corpus."""
    found = []
    for path in sorted(HERE.glob("*.toml")):
        for exercise, table in tomllib.loads(path.read_text(encoding="utf-8")).items():
            _, entry = course().exercise(exercise)
            start = {"given": table.get("given", ""), "prepare": table.get("prepare", False)}
            for place, (name, words) in enumerate(table["right"].items()):
                words.setdefault("engines", BOTH if place < CORE_RIGHT else EMBEDDED)
                found.append(_submission(path.stem, exercise, name, entry.points, start | words))
            for place, (name, words) in enumerate(table["wrong"].items()):
                words.setdefault("engines", BOTH if place < CORE_WRONG else EMBEDDED)
                points = float(words.pop("points"))
                found.append(_submission(path.stem, exercise, name, points, start | words))
    return found


def _submission(
    lesson: str, exercise: str, name: str, points: float, words: dict[str, Any]
) -> Submission:
    words = {key: tuple(value) if key == "engines" else value for key, value in words.items()}
    return Submission(lesson, exercise, name, points, **words)


@dataclass(frozen=True)
class Student:
    """Works with the ``docker`` command or the SDK on the engine at ``docker_host``."""

    docker_host: str
    client: docker.DockerClient
    folder: Path

    def work(self, submission: Submission) -> dict[str, object]:
        """Does the work and gives the answers."""
        if submission.prepare:
            self._start_lesson(course().exercise(submission.exercise)[0].key)
        self.shell(submission.given)
        self.shell(submission.run)
        answers: dict[str, object] = {}
        if submission.python:
            here = {"client": self.client, "folder": self.folder, "host": self.docker_host}
            exec(submission.python, here | {"answers": answers})
        answers |= {name: self._answer(value) for name, value in submission.answers.items()}
        self.shell(submission.then)
        return answers

    def shell(self, script: str) -> str:
        """Output of a script that must succeed."""
        if not script:
            return ""
        done = subprocess.run(
            ["bash", "-euc", FUNCTIONS + script],
            env={**os.environ, "DOCKER_HOST": self.docker_host},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _start_lesson(self, lesson: str) -> None:
        """Puts there what the lesson does, and into its journal what a check asks for."""
        made = prepare(lesson, self.client, read_image_table({}))
        Journal.of_engine(self.client.api.info()["ID"]).write(Entry(lesson, prepared=made))

    def _answer(self, value: object) -> object:
        if value == "...":
            return ...
        if isinstance(value, list):
            return [self._answer(item) for item in value]
        if not isinstance(value, str) or "$(" not in value:
            return value
        number = value.startswith("int ")
        quoted = value.removeprefix("int ")
        text = self.shell(f'printf %s "{quoted}"')
        return int(text) if number else text

    def tidy(self) -> None:
        """Removes what submissions bring, by the names that they use."""
        containers = {name for lesson in course().lessons() for name in lesson.containers}
        networks = {name for lesson in course().lessons() for name in lesson.networks}
        api = self.client.api
        volumes = {name for lesson in course().lessons() for name in lesson.volumes}
        builds = {tag for lesson in course().lessons() for tag in lesson.builds}
        services = {name for lesson in course().lessons() for name in lesson.services}
        manager = api.info()["Swarm"]["ControlAvailable"]
        if manager and {service["Spec"]["Name"] for service in api.services()} <= services:
            api.leave_swarm(force=True)
        for container in api.containers(all=True):
            names = {name.lstrip("/") for name in container["Names"]}
            if names & containers or any(DECOY.match(name) for name in names):
                _quietly(api.remove_container, container["Id"], force=True, v=True)
        for network in api.networks():
            if network["Name"] in networks or DECOY.match(network["Name"]):
                _quietly(api.remove_network, network["Id"])
        left = [f"{key}={value}" for key, value in LEFTOVER_LABEL.items()]
        for volume in api.volumes(filters={"label": left})["Volumes"] or ():
            _quietly(api.remove_volume, volume["Name"])
        for volume in api.volumes()["Volumes"] or ():
            if volume["Name"] in volumes or DECOY.match(volume["Name"]):
                _quietly(api.remove_volume, volume["Name"])
        for image in api.images():
            for tag in image["RepoTags"] or ():
                if DECOY.match(tag) or tag in builds:
                    _quietly(api.remove_image, tag)


def _quietly(call: Any, *args: Any, **words: Any) -> None:
    try:
        call(*args, **words)
    except docker.errors.APIError as error:
        if error.status_code not in (404, 409):
            raise
