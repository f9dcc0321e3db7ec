"""What the tests of the engine share: a clock that stands still until it is told."""

from __future__ import annotations

import asyncio

import pytest


class ManualClock:
    """A clock that moves only by :meth:`advance`; sleepers wake in order."""

    def __init__(self, start_ns: int = 1_700_000_000_000_000_000) -> None:
        self._start = start_ns
        self._now = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def time_ns(self) -> int:
        return self._start + round(self._now * 1e9)

    def monotonic(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now + seconds, future))
        await future

    async def advance(self, seconds: float) -> None:
        """Let time pass; whoever is due wakes and runs before this returns."""
        end = self._now + seconds
        while True:
            await settle()
            self._sleepers = [entry for entry in self._sleepers if not entry[1].done()]
            due = min((entry for entry in self._sleepers), key=lambda entry: entry[0], default=None)
            if due is None or due[0] > end:
                break
            self._now = max(self._now, due[0])
            due[1].set_result(None)
        self._now = end
        await settle()


async def settle(rounds: int = 20) -> None:
    """Let everything that can run now run."""
    for _ in range(rounds):
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()
