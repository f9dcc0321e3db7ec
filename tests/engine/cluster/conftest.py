"""Two ends of a real connection on the loopback, with a clock that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from course_lib.engine.cluster.dial import dial
from course_lib.engine.cluster.handshake import Caller, Credentials
from course_lib.engine.cluster.link import Link
from course_lib.engine.cluster.listener import Listener
from course_lib.engine.cluster.methods import Methods
from tests.engine.conftest import ManualClock

SECRET = b"the secret of node one"
CLUSTER = "c0ffee"
SECONDS = 30.0
"""Within which what has to happen has happened, however busy the machine is."""


async def until(condition: Callable[[], object]) -> None:
    """Return once it holds."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


class Ends:
    """A listener, and a link to it as both of its ends see it.

    :ivar near: the end that called; :ivar far: the one that was called.
    """

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.near_methods, self.far_methods = Methods(), Methods()
        self.accepted: list[Link] = []
        self.listener = Listener(
            CLUSTER, self.allowed, self.far_methods, clock, self.accepted.append
        )
        self.near: Link
        self.far: Link

    @staticmethod
    def allowed(purpose: str, node: str) -> list[bytes]:
        """Who may call: node one, with its secret."""
        return [b"another", SECRET] if (purpose, node) == ("node", "one") else []

    async def start(self) -> None:
        """Listen, and call."""
        await self.listener.start("127.0.0.1", 0)
        self.near = await self.dial()
        self.near.start()
        await until(lambda: self.accepted)
        self.far = self.accepted[0]

    async def dial(
        self, secret: bytes = SECRET, *, node: str = "one", cluster: str = CLUSTER
    ) -> Link:
        """Call the listener."""
        shown = Credentials("node", node, secret, cluster)
        peer = Caller("manager", "two", 0)
        return await dial(self.listener.address, shown, peer, self.near_methods, self.clock)

    async def close(self) -> None:
        """Hang up."""
        self.near.close()
        await self.near.wait_closed()
        await self.listener.close()


@pytest.fixture
async def ends(clock: ManualClock) -> AsyncIterator[Ends]:
    ends = Ends(clock)
    await ends.start()
    yield ends
    await ends.close()
    leaked = asyncio.all_tasks() - {asyncio.current_task()}
    assert not leaked, leaked
