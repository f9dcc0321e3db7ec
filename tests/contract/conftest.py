"""Every contract test that asks for ``engine`` or ``bench`` runs on both engines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.contract import engines
from tests.contract.differences import DIFFERENCES
from tests.contract.harness import Bench, Engine
from tests.contract.pairs import Pair

ENGINES = {"embedded": engines.embedded, "dockerd": engines.dockerd}
HERE = os.path.dirname(__file__)


@pytest.fixture(
    scope="session",
    params=["embedded", pytest.param("dockerd", marks=pytest.mark.docker)],
)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """The engine under test. A dockerd that is missing is a skip, under ``CI`` a failure."""
    name: str = request.param
    try:
        with ENGINES[name]() as opened:
            yield opened
    except engines.EngineMissingError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def pair() -> Iterator[Pair]:
    """Both engines side by side."""
    with ExitStack() as stack:
        try:
            opened = [stack.enter_context(ENGINES[name]()) for name in ("dockerd", "embedded")]
        except engines.EngineMissingError as error:
            if os.environ.get("CI"):
                pytest.fail(str(error), pytrace=False)
            pytest.skip(str(error))
        yield Pair(*opened)


@pytest.fixture
def bench(engine: Engine) -> Iterator[Bench]:
    """The test's own corner of the engine, cleaned up after it."""
    made = Bench(engine)
    yield made
    made.clean()


@pytest.fixture(scope="module")
def shelf(engine: Engine) -> Iterator[Bench]:
    """A corner for what the tests of one module share and do not change."""
    made = Bench(engine)
    yield made
    made.clean()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the rows of the table of differences: expected to fail, and strictly so."""
    unused = set(DIFFERENCES)
    ours = [item for item in items if str(item.path).startswith(HERE)]
    for item in ours:
        callspec = getattr(item, "callspec", None)
        if callspec is None or callspec.params.get("engine") != "embedded":
            continue
        file = item.path.name
        plain = f"{file}::{item.name}".replace("[embedded-", "[").replace("[embedded]", "")
        for key in (plain, plain.partition("[")[0]):
            if key in DIFFERENCES:
                unused.discard(key)
                item.add_marker(pytest.mark.xfail(reason=DIFFERENCES[key], strict=True))
    files = {item.path.name for item in ours}
    stale = {row for row in unused if row.partition("::")[0] in files}
    whole = len(ours) > 200  # a selection of tests says nothing about the table
    if whole and stale:
        raise pytest.UsageError(f"differences without a test: {', '.join(sorted(stale))}")
