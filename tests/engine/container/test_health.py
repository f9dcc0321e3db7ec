"""When probes run and what their results add up to, on a clock that the test moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from course_lib.engine.container.container import Container
from course_lib.engine.container.health import Health, ProbeResult, go_duration
from tests.engine.container.conftest import Bench, close_bench, open_bench

SECOND = 1_000_000_000


async def probed(bench: Bench, *command: str, **settings: Any) -> Container:
    """A running container with a health check."""
    check = {"Test": ["CMD", *command], **settings}
    return await bench.run("sleep", "1000000", name="probed", healthcheck=check)


def health(container: Container) -> Health:
    assert container.state.health is not None
    return container.state.health


def starts(container: Container) -> list[float]:
    """Seconds from the container's start to the probes that are remembered."""
    begin = container.state.started_ns
    return [(result.start_ns - begin) / SECOND for result in health(container).results]


async def test_first_probe_after_one_interval(bench: Bench) -> None:
    container = await probed(bench, "true")
    await bench.clock.advance(29)
    assert (health(container).status, starts(container)) == ("starting", [])
    await bench.clock.advance(1)
    assert (health(container).status, starts(container)) == ("healthy", [30])
    await bench.clock.advance(60)
    assert starts(container) == [30, 60, 90]


async def test_unhealthy_after_three_failures(bench: Bench) -> None:
    container = await probed(bench, "false", Interval=10 * SECOND)
    await bench.clock.advance(25)
    assert (health(container).status, health(container).failing_streak) == ("starting", 2)
    await bench.clock.advance(5)
    assert (health(container).status, health(container).failing_streak) == ("unhealthy", 3)


async def test_other_interval_while_it_starts(bench: Bench) -> None:
    settings = {"Interval": 10 * SECOND, "StartPeriod": 21 * SECOND, "StartInterval": 4 * SECOND}
    container = await probed(bench, "false", **settings, Retries=1)
    await bench.clock.advance(20)
    assert starts(container) == [4, 8, 12, 16, 20]
    assert health(container).status == "starting"
    await bench.clock.advance(20)
    assert starts(container)[-2:] == [24, 34]
    assert health(container).status == "unhealthy"


async def test_time_out(bench: Bench) -> None:
    settings = {"Interval": 10 * SECOND, "Timeout": 5 * SECOND}
    container = await probed(bench, "sleep", "1000", **settings)
    await bench.clock.advance(14)
    assert health(container).results == []
    await bench.clock.advance(1)
    (result,) = health(container).results
    assert (result.exit_code, result.output) == (-1, "Health check exceeded timeout (5s)")
    await bench.clock.advance(15)
    assert starts(container) == [10, 25]
    assert container.runtime is not None
    assert len(container.runtime.machine.processes()) == 1


async def test_no_probe_outlives_its_container(bench: Bench) -> None:
    container = await probed(bench, "sleep", "1000", Interval=SECOND)
    await bench.clock.advance(2)
    await bench.lifecycle.kill(container)
    assert (health(container).status, container.runtime) == ("unhealthy", None)
    await bench.clock.advance(100)
    assert health(container).results == []


async def test_health_is_kept(bench: Bench, tmp_path: Path) -> None:
    container = await probed(bench, "true")
    await bench.clock.advance(30)
    await bench.lifecycle.kill(container)
    kept = health(container)
    await close_bench(bench)
    again = await open_bench(tmp_path / "state", bench.clock)
    assert again.service.get("probed").state.health == kept
    await close_bench(again)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [([1, 1], "starting"), ([1, 1, 1], "unhealthy"), ([0, 1, 1], "healthy"), ([1, 0], "healthy")],
)
def test_results_add_up(codes: list[int], expected: str) -> None:
    found = Health()
    for code in codes:
        found.add(ProbeResult(0, 0, code, ""), retries=3, starting_up=False)
    assert found.status == expected


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (1_000_000, "1ms"),
        (1_500_000, "1.5ms"),
        (SECOND, "1s"),
        (1_500_000_000, "1.5s"),
        (60 * SECOND, "1m0s"),
        (3661 * SECOND, "1h1m1s"),
    ],
)
def test_spans_as_go_prints_them(nanoseconds: int, text: str) -> None:
    assert go_duration(nanoseconds) == text
