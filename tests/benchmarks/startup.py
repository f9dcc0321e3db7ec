"""How soon the engine is ready, how long ``import course_lib`` and a drawing take."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from course_lib.topology import Container, Interface
from tests.benchmarks.engines import BenchEngine, spawn, wait_for
from tests.benchmarks.measure import Row, seconds, side_by_side


def rows() -> Iterator[Row]:
    """Process starts, each against a bare interpreter with asyncio and json."""

    def bare() -> None:
        subprocess.run([sys.executable, "-c", "import asyncio, json"], check=True)

    def ready() -> None:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            socket, process = spawn(Path(folder))
            try:
                wait_for(socket, process)
            finally:
                process.kill()
                process.wait()

    ratio = side_by_side(bare, ready, rounds=9)
    yield Row("engine ready, against a bare interpreter", str(ratio), "<= 3x", ratio.b_over_a <= 3)

    code = "import time; t = time.perf_counter(); import course_lib; print(time.perf_counter() - t)"
    taken = min(
        float(subprocess.check_output([sys.executable, "-c", code], text=True)) for _ in range(5)
    )
    yield Row("import course_lib", f"{taken * 1000:.0f} ms", "< 200 ms", taken < 0.2)


def drawing(engine: BenchEngine, containers: int = 20) -> Iterator[Row]:
    """A warm ``lab.draw()`` of twenty containers on three networks."""
    from course_lib.diagrams import draw
    from course_lib.topology import snapshot

    client = engine.client()
    names = [f"bench-draw-{n}" for n in range(3)]
    for name in names:
        client.networks.create(name, driver="bridge")
    for number in range(containers):
        client.containers.run(
            "alpine",
            ["sleep", "86400"],
            detach=True,
            name=f"draw-{number}",
            network=names[number % 3],
        )
    draw(snapshot(client))
    taken = min(seconds(lambda: draw(snapshot(client))) for _ in range(5))
    yield Row(
        f"lab.draw() of {containers} containers, warm",
        f"{taken * 1000:.0f} ms",
        "< 300 ms",
        taken < 0.3,
    )
    there = snapshot(client)
    few, many = (
        replace(there, containers=tuple(_container(names, n) for n in range(count)))
        for count in (10, 30)
    )
    ratio = side_by_side(lambda: draw(few), lambda: draw(many))
    yield Row("a picture of 30 containers, against 10", str(ratio), "<= 4x", ratio.b_over_a <= 4)


def _container(networks: Sequence[str], number: int) -> Container:
    """Every third one is on two networks, so that wires have to find their ways."""
    first = number % len(networks)
    on = [networks[first], networks[first - 1]] if number % 3 == 0 else [networks[first]]
    interfaces = tuple(Interface(name, f"172.20.0.{number + 2}") for name in on)
    return Container(f"id-{number}", f"draw-{number}", "alpine", interfaces=interfaces)
