"""``docker compose``: applications of several services, from one file."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.harness import Bench, Result, until

APPLICATION = """
services:
  web:
    image: nginx
    ports: ["80"]
    networks: [front]
    depends_on:
      store: {condition: service_healthy}
    volumes: ["./site:/usr/share/nginx/html:ro"]
  store:
    image: redis
    networks:
      front: {aliases: [kept]}
    volumes: ["data:/data"]
    environment: {WORD: "${WORD:-none}"}
    healthcheck:
      test: ["CMD", "redis-cli", "ping"]
      interval: 200ms
      retries: 100
networks:
  front: {}
volumes:
  data: {}
"""


class Project:
    """A project folder and ``docker compose`` in it."""

    def __init__(self, bench: Bench, folder: Path, config: Path) -> None:
        self.bench = bench
        self.folder = folder
        self.name = bench.prefix
        self._environ = {
            **os.environ,
            "DOCKER_HOST": bench.engine.docker_host,
            "DOCKER_CONFIG": str(config),
        }

    def write(self, text: str, path: str = "compose.yaml") -> None:
        (self.folder / path).parent.mkdir(exist_ok=True)
        (self.folder / path).write_text(text)

    def __call__(self, *words: str, **environ: str) -> Result:
        """Runs ``docker compose``; never raises for an exit code."""
        done = subprocess.run(
            ["docker", "compose", "-p", self.name, *words],
            cwd=self.folder,
            env={**self._environ, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def done(self, *words: str, **environ: str) -> str:
        """Standard output of a command that has to work."""
        result = self(*words, **environ)
        assert result.code == 0, f"compose {' '.join(words)}: {result.err}"
        return result.out

    def rows(self, *words: str) -> dict[str, dict[str, Any]]:
        """``compose ps``, by container name without the project's."""
        lines = self.done("ps", "--format", "json", *words).splitlines()
        rows = [json.loads(line) for line in lines]
        return {row["Name"].removeprefix(f"{self.name}-"): row for row in rows}

    def left(self) -> list[str]:
        """What the engine has of the project."""
        label = ["-q", "--filter", f"label=com.docker.compose.project={self.name}"]
        found = [
            self.bench.cli(*words, *label).out.split()
            for words in (["ps", "-a"], ["network", "ls"], ["volume", "ls"])
        ]
        return [entry for entries in found for entry in entries]


@pytest.fixture
def project(bench: Bench, tmp_path: Path, compose_config: Path) -> Iterator[Project]:
    made = Project(bench, tmp_path, compose_config)
    yield made

    def gone() -> bool:  # asked again where something was still being removed
        made("down", "-v", "-t", "0", "--remove-orphans")
        return not made.left()

    until(gone, 60)


def test_an_application_of_two_services(project: Project) -> None:
    project.write(APPLICATION)
    project.write("hello\n", "site/index.html")
    project.done("up", "-d", WORD="given")
    rows = project.rows()
    assert rows["web-1"]["State"] == "running"
    assert rows["store-1"]["Health"] == "healthy"
    port = int(project.done("port", "web", "80").rpartition(":")[2])
    assert project.bench.fetch(port) == "hello\n"
    # The services find each other, by the name of the service and by alias.
    assert project.done("exec", "store", "sh", "-c", "echo $WORD") == "given\n"
    for name in ("store", "kept"):
        out = project.done("run", "--rm", "store", "redis-cli", "-h", name, "incr", "count")
        assert out.split()[-1] in ("1", "2")
    assert "GET / HTTP/1" in project.done("logs", "web")
    assert "Ready to accept connections" in project.done("logs", "--no-log-prefix", "store")
    # What is in the volume outlives the containers, unless it is told to go.
    project.done("exec", "store", "redis-cli", "save")
    project.done("down", "-t", "5")
    assert len(project.left()) == 1
    project.done("up", "-d", "--wait")
    assert project.done("exec", "-T", "store", "redis-cli", "get", "count") == "2\n"
    project.done("down", "-v", "-t", "0")
    assert project.left() == []


def test_what_depends_on_a_sick_service_is_not_started(project: Project) -> None:
    project.write(
        APPLICATION.replace('["CMD", "redis-cli", "ping"]', '"exit 1"').replace("100", "2")
    )
    result = project("up", "-d")
    assert result.code == 1
    assert (
        f"dependency failed to start: container {project.name}-store-1 is unhealthy" in result.err
    )
    rows = project.rows("-a")
    assert rows["web-1"]["State"] == "created"


def test_a_service_is_scaled(project: Project) -> None:
    project.write("""
services:
  web: {image: alpine, command: sleep 1000, init: true, stop_signal: KILL}
  probe: {image: alpine, command: sleep 1000, init: true, stop_signal: KILL}
""")
    project.done("up", "-d", "--scale", "web=3")
    assert set(project.rows()) == {"web-1", "web-2", "web-3", "probe-1"}

    def addresses() -> set[str]:
        answer = project("exec", "probe", "nslookup", "-type=a", "web").out
        return set(re.findall(r"Address: (\S+)$", answer.partition("\n\n")[2], re.M))

    assert len(addresses()) == 3
    project.done("up", "-d", "--scale", "web=1")
    assert set(project.rows()) == {"web-1", "probe-1"}
    assert len(addresses()) == 1


def test_life_of_a_service(project: Project) -> None:
    project.write("services: {one: {image: alpine, command: sleep 1000, stop_signal: KILL}}")
    project.done("create")
    assert project.rows("-a")["one-1"]["State"] == "created"
    project.done("start")
    project.done("pause")
    assert project.rows("-a")["one-1"]["State"] == "paused"
    project.done("unpause")
    project.done("restart")
    project.done("stop")
    assert project.rows("-a")["one-1"]["State"] == "exited"
    first = project.rows("-a")["one-1"]["ID"]
    project.done("up", "-d")
    assert project.rows()["one-1"]["ID"] == first
    project.done("up", "-d", "--force-recreate")
    assert project.rows()["one-1"]["ID"] != first
    project.done("kill")
    until(lambda: project.rows("-a")["one-1"]["State"] == "exited")
    project.done("rm", "-f")
    assert project.rows("-a") == {}


def test_a_changed_file_changes_its_service_alone(project: Project) -> None:
    text = """
services:
  one: {image: alpine, command: sleep 1000, stop_signal: KILL}
  two: {image: alpine, command: sleep 1000, stop_signal: KILL, environment: {A: b}}
"""
    project.write(text)
    project.done("up", "-d")
    before = {name: row["ID"] for name, row in project.rows().items()}
    project.write(text.replace("A: b", "A: c"))
    project.done("up", "-d")
    after = {name: row["ID"] for name, row in project.rows().items()}
    assert after["one-1"] == before["one-1"]
    assert after["two-1"] != before["two-1"]
    assert "A=c" in project.done("exec", "two", "env")


def test_a_service_that_is_built(project: Project) -> None:
    """With the classic builder, which Compose takes where it is told to."""
    project.write("services: {one: {build: svc, command: sleep 1000, stop_signal: KILL}}")
    check = "HEALTHCHECK --interval=200ms CMD cat /built"
    project.write(f"FROM alpine\nRUN echo made >/built\n{check}\n", "svc/Dockerfile")
    try:
        project.done("up", "-d", "--build", "--wait", DOCKER_BUILDKIT="0")
        assert project.rows()["one-1"]["Health"] == "healthy"
        assert project.done("exec", "one", "cat", "/built") == "made\n"
    finally:
        project("down", "-v", "-t", "0", "--rmi", "all")
