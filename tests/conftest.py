"""Fixtures for all tests that need a real Docker engine; what a run leaves there is named."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from course_lib import clients, lean
from course_lib.catalog import course

# Most tests of notebooks import it, at the top.
lean.import_nbformat()

# How long an example takes says nothing on a machine that does other things beside.
settings.register_profile("course", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("course")


@pytest.fixture(scope="session")
def real_docker_host() -> Iterator[str]:
    """``DOCKER_HOST`` of a real dockerd 26.1 with the stand-in images.

    Where there is none the test is skipped, under ``CI`` it fails.
    """
    from tests.contract import engines

    try:
        with engines.dockerd() as engine:
            yield engine.docker_host
    except engines.EngineMissingError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def docker_command() -> str:
    """Path of a ``docker`` command, on ``PATH`` from now on; fetched under ``CI`` if missing."""
    client = clients.find()
    if client is None and os.environ.get("CI"):
        client = clients.fetch()
    if client is None:
        pytest.skip(f"no docker command: {clients.mending_command()}")
    clients.put_on_path(client)
    return str(client.path)


@pytest.fixture(scope="session")
def compose_config(docker_command: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ``DOCKER_CONFIG`` in which ``docker`` has ``compose``; fetched under ``CI`` if missing."""
    from tests.reference import compose

    path = compose.install() if os.environ.get("CI") else compose.plugin()
    if not path.exists():
        pytest.skip("no docker compose: python -m tests.reference.compose install")
    folder = tmp_path_factory.mktemp("docker-config")
    (folder / "cli-plugins").mkdir()
    (folder / "cli-plugins" / "docker-compose").symlink_to(path)
    return folder


_STOOD = pytest.StashKey[Mapping[str, set[str]]]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Under ``CI``, where the daemons have no other users, what a run leaves there is named."""
    if os.environ.get("CI") and not hasattr(session.config, "workerinput"):
        from tests.reference import leftovers

        session.config.stash[_STOOD] = leftovers.standing()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """All workers have ended by then."""
    stood = session.config.stash.get(_STOOD, None)
    if stood is None:
        return
    from tests.reference import leftovers

    if found := leftovers.left(stood):
        reporter = session.config.pluginmanager.getplugin("terminalreporter")
        assert reporter is not None
        reporter.ensure_newline()
        for line in found:
            reporter.write_line(f"left behind at {line}", red=True)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Thousands of tests and all that they import stay: no garbage is looked for among them."""
    with lean.importing():
        return (yield)


def pytest_itemcollected(item: pytest.Item) -> None:
    """One at a time: the tests of lessons that share names on a dockerd, or ports of the machine.

    Each test process has an embedded engine of its own, so there only ports are shared. Most
    submissions have a dockerd of their own, whose ports are not the machine's. (xdist reads the
    groups in ``pytest_collection_modifyitems``, and may do so before a conftest's own hook.)
    """
    callspec = getattr(item, "callspec", None)
    if "student" not in getattr(item, "fixturenames", ()):
        return
    params = callspec.params if callspec is not None else {}
    if params.get("engine") == "dockerd-checks":
        item.add_marker(pytest.mark.xdist_group("dockerd-checks"))
    elif params.get("engine") != "embedded" or _uses_host_ports(params):
        item.add_marker(pytest.mark.xdist_group("fixed-ports"))


def _uses_host_ports(params: dict[str, Any]) -> bool:
    lesson, submission = params.get("lesson"), params.get("submission")
    if submission is not None:
        text = f"{submission.given}{submission.run}{submission.python}"
        return bool(course().lesson(submission.lesson).ports) or "-p " in text or "ports" in text
    return lesson is None or bool(course().lesson(lesson).ports)
