"""Swarm mode changes an engine for everybody: its tests have engines of their own."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.contract import engines
from tests.contract.harness import Engine, until

HERE = os.path.dirname(__file__)


@contextmanager
def held(engine: Engine) -> Iterator[None]:
    """Keeps the dockerd that may be put into swarm mode to one test of the machine at a time."""
    with open(f"{engine.socket}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def dockerd() -> Iterator[Engine]:
    """That dockerd, in no swarm, for one test."""
    with engines.dockerd("26.1-swarm") as engine, held(engine):
        _leave(engine)
        yield engine
        _leave(engine)


@pytest.fixture(
    scope="session", params=["embedded", pytest.param("dockerd", marks=pytest.mark.docker)]
)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine for swarm mode. A missing dockerd is a skip, under ``CI`` a failure."""
    opening = engines.dockerd("26.1-swarm") if request.param == "dockerd" else engines.embedded()
    try:
        with opening as opened:
            yield opened
    except engines.EngineMissingError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


def _leave(engine: Engine) -> None:
    """Until the engine says that it is in no swarm.

    dockerd may still write its certificates while it removes them, answers 500 then ("directory
    not empty"), and has not left.
    """

    def left() -> bool:
        answer = engine.raw.post("/swarm/leave", params={"force": "1"}, timeout=60)
        assert answer.status in (200, 500, 503), answer.body
        return answer.status == 503 and "not part of a swarm" in answer.message

    until(left)


@pytest.fixture
def alone(engine: Engine) -> Iterator[Engine]:
    """The engine in no swarm."""
    with held(engine):
        _leave(engine)
        yield engine
        _leave(engine)


@pytest.fixture
def swarm(alone: Engine) -> Engine:
    """The engine as the only node of a swarm."""
    answer = alone.raw.post("/swarm/init", {"ListenAddr": "0.0.0.0:2377"})
    assert answer.status == 200, answer.body
    until(lambda: alone.raw.get("/networks/ingress").status == 200)
    return alone


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if str(item.path).startswith(HERE):
            item.add_marker(pytest.mark.xdist_group("swarm"))
