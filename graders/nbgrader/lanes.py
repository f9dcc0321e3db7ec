"""Lanes of ``course run``: each an engine, and what lessons keep beside it, for one at a time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

from course_lib import connect, cores
from course_lib.embedded import EmbeddedEngine
from course_lib.showing import UNATTENDED

MOST = 4
"""Lanes on a machine with many cores: each takes some 250 MB, two kernels and an engine."""
Lane: TypeAlias = AbstractContextManager[Mapping[str, str]]
"""Gives the environment of the kernels in it, where the engine is named.

:raises EngineUnavailable: it does not answer, or does not start.
"""


def of(engine: str | None) -> Sequence[Lane]:
    """One on the engine in use; where none is named, one for each core, on engines of their own.

    :raises UsageError: for a word that names no engine.
    """
    if not connect.means_default_engine(engine):
        return [_on_engine_in_use(engine)]
    return [_on_engine_of_its_own() for _ in range(min(cores.usable(), MOST))]


@contextmanager
def _on_engine_in_use(engine: str | None) -> Iterator[Mapping[str, str]]:
    yield _kernels({**os.environ, **connect.connect(engine).environment()})


@contextmanager
def _on_engine_of_its_own() -> Iterator[Mapping[str, str]]:
    """With a place for journals; both go with it."""
    with tempfile.TemporaryDirectory(prefix="course-run-") as data:
        environ = {**os.environ, "XDG_DATA_HOME": data}
        engine = EmbeddedEngine.at(environ=environ)
        with engine.for_a_while():
            named = {"DOCKER_HOST": engine.docker_host, connect.VARIABLE: "embedded"}
            yield _kernels({**environ, **named})


def _kernels(environ: Mapping[str, str]) -> Mapping[str, str]:
    # GOMAXPROCS: of docker's short commands, a quarter less CPU for each.
    return {**environ, UNATTENDED: "1", "GOMAXPROCS": "1"}
