from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from course_lib import connect
from course_lib.embedded import EmbeddedEngine
from course_lib.engine_probe import Kind
from course_lib.errors import EngineUnavailable, UsageError
from tests.course_lib.servers import ENGINE, answering, http


@pytest.fixture
def default_engine(home: Path) -> Iterator[EmbeddedEngine]:
    engine = EmbeddedEngine.at()
    yield engine
    engine.stop()


@pytest.fixture
def daemon(home: Path) -> Iterator[str]:
    """Something that answers like a Docker daemon."""
    with answering(http(ENGINE), home / "d"):
        yield f"unix://{home / 'd'}"


@pytest.fixture
def context(home: Path, daemon: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The daemon, found by the current Docker context."""
    from tests.course_lib.test_contexts import make_context

    make_context(home, "mine", daemon)
    (home / ".docker" / "config.json").write_text('{"currentContext": "mine"}')
    return daemon


def test_nothing_said_is_the_embedded_engine(default_engine: EmbeddedEngine) -> None:
    found = connect.connect()
    assert (found.kind, found.host) == ("embedded", default_engine.docker_host)
    assert found.why == "the default"
    assert default_engine.status().running


def test_a_daemon_that_answers_is_not_taken_without_being_chosen(
    default_engine: EmbeddedEngine, context: str
) -> None:
    assert connect.connect().kind == "embedded"


def test_docker_host_is_used_as_it_is(daemon: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", daemon)
    found = connect.connect()
    assert (found.kind, found.host, found.version) == ("docker", daemon, "27.0")


def test_docker_host_may_name_an_embedded_engine(
    embedded_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", embedded_host)
    assert connect.connect().host == embedded_host
    assert connect.connect("embedded").host == embedded_host


@pytest.mark.parametrize("said", ["flag", "variable"])
def test_docker_is_the_daemon_of_the_current_context(
    context: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if said == "variable":
        monkeypatch.setenv("COURSE_ENGINE", "docker")
    found = connect.connect("docker" if said == "flag" else None)
    assert (found.kind, found.host) == ("docker", context)


def test_docker_asked_for_by_name_is_not_the_embedded_engine_of_docker_host(
    embedded_host: str, context: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", embedded_host)
    assert connect.connect("docker").host == context


def test_the_flag_wins_over_the_variable(
    default_engine: EmbeddedEngine, context: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_ENGINE", "docker")
    assert connect.connect("embedded").kind == "embedded"


def test_a_choice_is_remembered_and_auto_follows_it(
    default_engine: EmbeddedEngine, context: str
) -> None:
    connect.remember("docker")
    assert connect.connect().host == context
    connect.remember("embedded")
    assert connect.connect("auto").kind == "embedded"


def test_a_remembered_daemon_that_is_gone_gives_way_and_says_so(
    default_engine: EmbeddedEngine,
) -> None:
    connect.remember("docker")
    found = connect.connect()
    assert (found.kind, found.why) == ("embedded", "Docker does not answer")


@pytest.mark.parametrize(
    ("flag", "variable", "chosen", "host", "expected"),
    [
        (None, "", "", "", True),
        ("embedded", "", "", "", True),
        (None, "embedded", "docker", "", True),
        ("auto", "", "embedded", "", True),
        ("auto", "", "docker", "", False),
        (None, "docker", "", "", False),
        ("docker", "embedded", "", "", False),
        ("embedded", "", "", "unix:///nowhere", False),
    ],
)
def test_what_means_the_default_engine(
    flag: str | None, variable: str, chosen: str, host: str, expected: bool, home: Path
) -> None:
    if chosen:
        connect.remember(chosen)
    environ = {"HOME": str(home), "COURSE_ENGINE": variable, "DOCKER_HOST": host}
    assert connect.means_default_engine(flag, environ) is expected
    assert not EmbeddedEngine.at().status().running  # it only says so


def test_a_dead_daemon_that_was_asked_for_is_an_error(home: Path) -> None:
    with pytest.raises(EngineUnavailable, match=r"no Docker engine answers at unix:///nowhere"):
        connect.connect(environ={"HOME": str(home), "DOCKER_HOST": "unix:///nowhere"})
    with pytest.raises(EngineUnavailable, match="use --engine embedded"):
        connect.connect("docker", environ={"HOME": str(home), "DOCKER_HOST": "unix:///nowhere"})


def test_a_dead_embedded_engine_that_docker_host_names_is_started_again(
    default_engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = connect.connect()
    monkeypatch.setenv("DOCKER_HOST", first.host)
    pid = default_engine.pid()
    assert pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert connect.connect().host == first.host
    assert default_engine.pid() not in (None, pid)


@pytest.mark.parametrize(
    ("flag", "variable", "says"),
    [
        ("podman", None, "unknown engine 'podman' "),
        (None, "dcoker", "unknown engine 'dcoker' in COURSE_ENGINE"),
    ],
)
def test_an_unknown_engine_is_refused(flag: str | None, variable: str | None, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        connect.connect(flag, environ={"COURSE_ENGINE": variable or ""})


@pytest.mark.parametrize("text", ["", "{}", '{"engine": "mainframe"}', "[]", "\xff"])
def test_a_broken_choice_is_no_choice(home: Path, text: str) -> None:
    path = home / ".config" / "docker-course" / "config.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert connect.remembered() is None


def test_use_lets_clients_reach_the_engine_and_forgets_another_ones_certificates(
    embedded_host: str,
) -> None:
    environ = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/old", "DOCKER_HOST": "tcp://old"}
    found = connect.connect("embedded", environ={"DOCKER_HOST": embedded_host, "HOME": "/"})
    connect.use(found, environ)
    assert environ == {"DOCKER_HOST": embedded_host}


def test_a_child_process_gets_the_same_engine(embedded_host: str) -> None:
    found = connect.connect("embedded", environ={"DOCKER_HOST": embedded_host, "HOME": "/"})
    again = connect.connect(environ={"HOME": "/", **found.environment()})
    assert (again.host, again.kind) == (found.host, "embedded")


def test_client_talks_to_it(embedded_host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", embedded_host)
    client = connect.client()
    assert client.ping()
    client.close()


@pytest.mark.parametrize(
    ("kind", "host", "platform", "expected"),
    [
        ("embedded", "unix:///home/me/engine.sock", "linux", connect.USUAL_SOCKET),
        ("docker", "unix:///var/run/docker.sock", "linux", connect.USUAL_SOCKET),
        ("docker", "unix:///run/user/1000/docker.sock", "linux", "/run/user/1000/docker.sock"),
        ("docker", "unix:///home/me/.docker/desktop/docker.sock", "linux", connect.USUAL_SOCKET),
        ("docker", "unix:///Users/me/.docker/run/docker.sock", "darwin", connect.USUAL_SOCKET),
        ("docker", "tcp://192.0.2.1:2376", "linux", connect.USUAL_SOCKET),
    ],
)
def test_socket_is_where_containers_of_the_engine_find_it(
    kind: Kind, host: str, platform: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    engine = connect.Engine(kind, "27.0", "1.46", "a test says so", {"DOCKER_HOST": host})
    assert engine.socket == expected
