"""Lanes of ``course run``: each an engine, and what lessons keep beside it, for one at a time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from course_lib import connect
from course_lib.embedded import EmbeddedEngine
from course_lib.showing import UNATTENDED

MOST = 4
"""Lanes on a machine with many cores: each takes some 250 MB, two kernels and an engine."""


@dataclass(frozen=True, slots=True)
class Lane:
    """:param environment: of the kernels in it; there the engine is named."""

    environment: Mapping[str, str]


def with_engines_of_their_own(engine: str | None) -> int:
    """How many lanes, where no engine is named and embedded ones are made for the occasion; else 0.

    A lesson waits now and then (for a reply, for a server that starts), so there is a lane more
    than cores.

    :raises UsageError: for a word that names no engine.
    """
    if not connect.means_default_engine(engine):
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min((cores or 1) + 1, MOST)


@contextmanager
def on_engine_in_use(engine: str | None) -> Iterator[Lane]:
    """The lane on the engine in use.

    :raises EngineUnavailable: it does not answer.
    """
    yield _lane(os.environ, connect.connect(engine))


@contextmanager
def on_engine_of_its_own() -> Iterator[Lane]:
    """A lane with an embedded engine, and a place for journals, that go with it.

    :raises EngineUnavailable: it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="course-run-") as data:
        environ = {**os.environ, "XDG_DATA_HOME": data}
        with EmbeddedEngine.at(environ=environ).for_a_while() as status:
            address = {"DOCKER_HOST": status.docker_host}
            yield _lane(environ, connect.connect("embedded", environ={**environ, **address}))


def _lane(environ: Mapping[str, str], engine: connect.Engine) -> Lane:
    # GOMAXPROCS: of docker's short commands, a quarter less CPU for each.
    return Lane({**environ, **engine.environment(), UNATTENDED: "1", "GOMAXPROCS": "1"})
