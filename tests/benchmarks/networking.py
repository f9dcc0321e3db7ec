"""What a name, a connection and a request cost, few containers against many."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from tests.benchmarks.engines import BenchEngine
from tests.benchmarks.load import CONNECTIONS, requests_per_second
from tests.benchmarks.measure import Row, seconds, side_by_side

FEW, MANY = 10, 1000
ENDPOINTS = 500
_TIMES = 100


def few_against_many(few: BenchEngine, many: BenchEngine) -> Iterator[Row]:
    """The same lookups and connections on an engine with ten containers and one with thousand."""
    for engine, count in ((few, FEW), (many, MANY)):
        _fill(engine, count)

    def inside(engine: BenchEngine, command: str) -> None:
        script = f"i=0; while [ $i -lt {_TIMES} ]; do {command} >/dev/null; i=$((i+1)); done"
        engine.cli("exec", "net-probe", "sh", "-c", script)

    nothing = side_by_side(lambda: inside(few, "true"), lambda: inside(many, "true"))
    for name, command in (("name lookup", "nslookup net-web"), ("connection", "nc -z net-web 80")):
        for engine in (few, many):
            engine.cli("exec", "net-probe", *command.split())  # raises where it fails
        ratio = side_by_side(
            lambda command=command: inside(few, command),  # type: ignore[misc]
            lambda command=command: inside(many, command),  # type: ignore[misc]
        )
        # What starting a program costs is not to hide what is measured.
        factor = (ratio.b - nothing.b) / (ratio.a - nothing.a)
        yield Row(
            f"{_TIMES} times {name}, {MANY} containers against {FEW}",
            f"{factor:.2f}x ({ratio.a * 1000:.0f} ms against {ratio.b * 1000:.0f} ms)",
            "<= 1.5x",
            factor <= 1.5,
        )
    client = many.client()
    client.api.inspect_network("net-half")
    taken = statistics.median(
        seconds(lambda: client.api.inspect_network("net-half")) for _ in range(9)
    )
    found = len(client.api.inspect_network("net-half")["Containers"])
    yield Row(
        f"network inspect of {found} endpoints",
        f"{taken * 1000:.1f} ms",
        "< 50 ms",
        taken < 0.05,
    )


def _fill(engine: BenchEngine, count: int) -> None:
    client = engine.client()
    for network in ("net-rest", "net-half"):
        client.networks.create(network, driver="bridge")

    def run(name: str, image: str, network: str, *command: str) -> None:
        client.containers.run(image, command, name=name, network=network, detach=True)

    run("net-web", "nginx", "net-half", "nginx", "-g", "daemon off;")
    run("net-probe", "alpine", "net-half", "sleep", "86400")
    for number in range(count - 2):
        network = "net-half" if number < min(ENDPOINTS - 2, count) else "net-rest"
        run(f"net-{number}", "alpine", network, "sleep", "86400")


def published(ours: BenchEngine) -> Iterator[Row]:
    """Requests to a published port, from clients outside that keep their connections."""
    client = ours.client()
    web = client.containers.run("nginx", name="bench-web", ports={"80/tcp": None}, detach=True)
    web.reload()
    port = int(web.ports["80/tcp"][0]["HostPort"])
    rate = requests_per_second("127.0.0.1", port)
    yield Row(
        f"requests to a published port, {CONNECTIONS} clients",
        f"{rate:.0f} a second",
        ">= 2000",
        rate >= 2000,
    )
