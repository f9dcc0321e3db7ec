"""What lessons that run at the same time on one machine share, each on an engine of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from course_lib.catalog import Lesson
from course_lib.daemons import Topic


class SharedMachine:
    """The machine's ports, as far as lessons choose them."""

    def __init__(self) -> None:
        self._taken: set[int | Topic] = set()
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def used_by(self, lesson: Lesson) -> AsyncIterator[None]:
        """Waits until no other lesson has a port that this one needs."""
        wanted: set[int | Topic] = {*lesson.ports}
        if Topic.HOST_NETWORK in lesson.touches:
            # There a server takes the port that it listens on, whatever that is.
            wanted.add(Topic.HOST_NETWORK)
        async with self._changed:
            await self._changed.wait_for(lambda: not wanted & self._taken)
            self._taken |= wanted
        try:
            yield
        finally:
            async with self._changed:
                self._taken -= wanted
                self._changed.notify_all()
