"""``python -m tests.benchmarks``: print all figures with the targets that they are held against."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.benchmarks import (
    builds,
    checks,
    containers,
    grading,
    lessons,
    networking,
    startup,
    volumes,
)
from tests.benchmarks.engines import dockerd, embedded
from tests.benchmarks.measure import Row


def rows() -> Iterator[Row]:
    """Every benchmark in turn, each on an engine of its own."""
    yield from startup.rows()
    theirs = dockerd()
    if theirs is None:
        print("no Docker engine answers: nothing to compare with", file=sys.stderr)
    else:
        with embedded() as ours:
            ours.cli("pull", "-q", containers.IMAGE)
            yield from containers.against_dockerd(ours, theirs)
            yield from builds.against_dockerd(ours, theirs)
    with embedded() as ours:
        ours.cli("pull", "-q", containers.IMAGE)
        yield from containers.many(ours)
    with embedded() as ours:
        ours.cli("pull", "-q", "alpine")
        yield from volumes.against_the_host(ours)
    with embedded() as ours:
        yield from volumes.creating(ours)
    with embedded() as ours:
        ours.cli("pull", "-q", "alpine")
        yield from startup.drawing(ours)
    with embedded() as few, embedded() as many:
        for engine in (few, many):
            engine.cli("pull", "-q", "alpine")
            engine.cli("pull", "-q", "nginx")
        yield from networking.few_against_many(few, many)
    with embedded() as ours:
        ours.cli("pull", "-q", "nginx")
        yield from networking.published(ours)
    with embedded() as ours:
        yield from lessons.rows(ours)
        yield from checks.rows(ours)
    if theirs is not None:
        with embedded() as ours:
            yield from lessons.against_dockerd(ours, theirs)
        yield from checks.rows(theirs, "dockerd")
    yield from grading.rows()


def main() -> None:
    """Print a table; the exit status says nothing, for a busy machine proves nothing."""
    for row in rows():
        print(row, flush=True)


if __name__ == "__main__":
    main()
