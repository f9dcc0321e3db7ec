"""A whole engine in this process, on a clock that the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from course_lib.engine.container.config import ContainerConfig, HostConfig
from course_lib.engine.container.container import Container
from course_lib.engine.container.create import CreateRequest
from course_lib.engine.engine import Engine
from tests.engine.conftest import ManualClock, settle


class Bench:
    """An engine with short words for what tests do again and again."""

    def __init__(self, engine: Engine, clock: ManualClock) -> None:
        self.engine = engine
        self.clock = clock
        self.service = engine.containers
        self.lifecycle = engine.containers.lifecycle

    async def create(
        self,
        *command: str,
        name: str = "",
        image: str = "alpine",
        host: dict[str, Any] | None = None,
        **config: Any,
    ) -> Container:
        request = CreateRequest(
            name,
            ContainerConfig(image=image, cmd=list(command) or None, **config),
            HostConfig(**(host or {})),
        )
        container, _ = await self.service.creator.create(request)
        return container

    async def run(self, *command: str, **options: Any) -> Container:
        container = await self.create(*command, **options)
        await self.service.start(container)
        return container

    async def finish(self, container: Container) -> int:
        """Let a program that does not wait for time come to its end."""
        for _ in range(200):
            if not container.state.running:
                break
            await settle()
        assert not container.state.running, container.state.status
        return container.state.exit_code

    def actions(self, container: Container) -> list[str]:
        """What the event log says of a container."""
        from course_lib.engine.filters import Filters

        return [
            event.action
            for event in self.engine.events.past(Filters(), 0)
            if event.actor_id == container.id
        ]

    def log(self, container: Container) -> str:
        """The text of its log file."""
        import json

        try:
            lines = container.log_path.read_text().splitlines()
        except FileNotFoundError:
            return ""
        return "".join(json.loads(line)["log"] for line in lines)


async def open_bench(root: Path, clock: ManualClock) -> Bench:
    """An engine on a state directory, new or found."""
    engine = Engine(root, seed=1, host_name="host", clock=clock)
    await engine.start()
    bench = Bench(engine, clock)
    for image in ("alpine", "nginx"):
        async for _ in engine.images.pull(image, "latest"):
            pass
    return bench


async def close_bench(bench: Bench) -> None:
    """End the engine as SIGTERM would, without waiting for anybody."""
    await bench.engine.containers.close(grace=0.2)
    await bench.engine.close()


@pytest.fixture
async def bench(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Bench]:
    bench = await open_bench(tmp_path / "state", clock)
    yield bench
    await close_bench(bench)
