"""Tasks that wait for something to change."""

from __future__ import annotations

import asyncio


class Waiters:
    """Wakes every task that waits; each then looks for itself whether its time has come.

    Waking all instead of one means that a task which is cancelled while it is being woken
    takes nobody else's turn away.
    """

    __slots__ = ("_futures",)

    def __init__(self) -> None:
        self._futures: list[asyncio.Future[None]] | None = None

    async def wait(self) -> None:
        """Return after the next :meth:`wake`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._futures is None:
            self._futures = []
        self._futures.append(future)
        try:
            await future
        finally:
            if self._futures is not None and future in self._futures:
                self._futures.remove(future)

    def wake(self) -> None:
        """Let all go on that wait now."""
        futures, self._futures = self._futures, None
        for future in futures or ():
            if not future.done():
                future.set_result(None)

    def __bool__(self) -> bool:
        return bool(self._futures)
