"""How soon the engine is ready, how long ``import course_lib`` and a drawing take."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.engines import BenchEngine, spawn, wait_for
from tests.benchmarks.measure import Row, seconds, side_by_side


def rows() -> Iterator[Row]:
    """Process starts, each against a bare interpreter with asyncio and json.

    The interpreter may keep its bytecode, as it does for every user: a start that compiles all
    modules anew measures the compiler.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

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
