"""Everything at once: whatever is done to containers at the same time, nothing is left over."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from course_lib.engine.container.config import EndpointConfig, RestartPolicy
from course_lib.engine.errdefs import EngineError
from course_lib.engine.network.model import NetworkSpec
from tests.engine.conftest import ManualClock
from tests.engine.container.conftest import Bench

PROGRAMS = (
    ("sleep", "3"),
    ("sh", "-c", "exit 1"),
    ("sh", "-c", "trap 'exit 0' TERM; while :; do echo x; sleep 1; done"),
    ("ghost",),
)
POLICIES = ("no", "always", "on-failure", "unless-stopped")


async def _time_goes_by(clock: ManualClock) -> None:
    while True:
        await clock.advance(0.25)


@pytest.mark.parametrize("seed", range(12))
async def test_storm(bench: Bench, clock: ManualClock, seed: int) -> None:
    rng = random.Random(seed)
    service, lifecycle = bench.service, bench.lifecycle
    bench.engine.networks.create(NetworkSpec("dev"))
    containers = [
        await bench.create(
            *rng.choice(PROGRAMS),
            name=f"c{number}",
            host={
                "restart_policy": RestartPolicy(rng.choice(POLICIES)),
                "network_mode": rng.choice(("bridge", "dev", "none")),
                "binds": ["data:/data"],
            },
        )
        for number in range(6)
    ]

    async def one_act() -> None:
        container = rng.choice(containers)
        acts: list[Callable[[], Awaitable[object]]] = [
            lambda: service.start(container),
            lambda: service.start(container),
            lambda: lifecycle.stop(container, rng.choice((0, 1))),
            lambda: lifecycle.kill(container),
            lambda: lifecycle.restart(container, 0),
            lambda: service.connections.connect(container, "dev", EndpointConfig()),
            lambda: service.connections.disconnect(container.id, "dev", force=False),
            lambda: service.rename(container.id, f"n{rng.randrange(1000)}"),
            lambda: service.remover.remove(container, container.id, force=rng.random() < 0.2),
        ]
        for _ in range(rng.randrange(5)):
            await asyncio.sleep(0)
        try:
            async with asyncio.timeout(30):
                await rng.choice(acts)()
                if container.state.running and rng.random() < 0.3:
                    lifecycle.pause(container)
                    await asyncio.sleep(0)
                    lifecycle.unpause(container)
        except EngineError:
            pass  # refused: that is an answer

    time = asyncio.create_task(_time_goes_by(clock))
    for _ in range(12):
        await asyncio.gather(*(one_act() for _ in range(6)))
    for container in service.registry:
        async with asyncio.timeout(30):
            await service.remover.remove(container, container.id, force=True, volumes=True)
    time.cancel()
    assert len(service.registry) == 0
    assert bench.engine.store.all("containers") == {}
    assert bench.engine.store.all("container-states") == {}
    for name in ("bridge", "dev", "none"):
        assert bench.engine.networks.get(name).info().containers == {}
    assert bench.engine.volumes.users("data") == ()
    assert all(container.runtime is None for container in containers)
    assert all(container.restart_task is None for container in containers)
