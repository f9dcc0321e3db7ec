"""How fast containers and networks come and go, against dockerd."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator

from tests.benchmarks.engines import BenchEngine
from tests.benchmarks.measure import Row, seconds, side_by_side

IMAGE = "alpine"
COMMAND = ["sleep", "86400"]


def against_dockerd(ours: BenchEngine, theirs: BenchEngine) -> Iterator[Row]:
    """``docker run -d`` by CLI and SDK, ``network create`` and ``rm`` by SDK."""
    labels = {"course.bench": "1"}
    clients = {engine.host: engine.client() for engine in (ours, theirs)}

    def clean() -> None:
        for client in clients.values():
            for container in client.containers.list(all=True, filters={"label": "course.bench"}):
                container.remove(force=True)

    def run_cli(engine: BenchEngine) -> None:
        engine.cli("run", "-d", "--label", "course.bench=1", IMAGE, *COMMAND)

    def run_sdk(engine: BenchEngine) -> None:
        clients[engine.host].containers.run(IMAGE, COMMAND, detach=True, labels=labels)

    ratio = side_by_side(lambda: run_cli(ours), lambda: run_cli(theirs), clean=clean)
    yield Row("docker run -d by the CLI", str(ratio), ">= 10x", ratio.b_over_a >= 10)
    ratio = side_by_side(lambda: run_sdk(ours), lambda: run_sdk(theirs), rounds=9, clean=clean)
    yield Row("docker run -d by the SDK", str(ratio), ">= 50x", ratio.b_over_a >= 50)

    def three_pings(engine: BenchEngine) -> None:
        for _ in range(3):
            clients[engine.host].ping()

    # `run` is three requests (create, inspect, start): what the client alone takes for as many,
    # with dockerd's `run` between them as above, is the least that any engine could reach.
    floor = side_by_side(lambda: three_pings(ours), lambda: run_sdk(theirs), rounds=9, clean=clean)
    yield Row("three empty requests by the SDK, against run", str(floor), "")

    numbers = itertools.count()

    def network(engine: BenchEngine) -> None:
        net = clients[engine.host].networks.create(f"bench-{next(numbers)}")
        net.remove()

    ratio = side_by_side(lambda: network(ours), lambda: network(theirs), rounds=9)
    yield Row("network create + rm by the SDK", str(ratio), ">= 20x", ratio.b_over_a >= 20)


def many(ours: BenchEngine, count: int = 1000) -> Iterator[Row]:
    """Start ``count`` containers on one network: time of the last against the tenth, memory."""
    client = ours.client()
    idle = ours.rss_kib()
    yield Row("resident when idle", f"{idle / 1024:.1f} MiB", "<= 45 MB", idle * 1024 <= 45e6)
    client.networks.create("bench-many", driver="bridge")
    times: list[float] = []
    for number in range(count):
        times.append(
            seconds(
                lambda number=number: client.containers.run(  # type: ignore[misc]
                    IMAGE, COMMAND, detach=True, network="bench-many", name=f"many-{number}"
                )
            )
        )
    early, late = statistics.median(times[5:25]), statistics.median(times[-20:])
    yield Row(
        f"container {count} against container 10",
        f"{late / early:.2f}x ({early * 1000:.1f} ms, {late * 1000:.1f} ms)",
        "<= 1.5x",
        late / early <= 1.5,
    )
    each = (ours.rss_kib() - idle) / count
    yield Row("memory per running container", f"{each:.0f} KiB", "<= 150 KB", each * 1.024 <= 150)
