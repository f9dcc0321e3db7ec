"""Two connections made one: what comes in at either goes out at the other."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol


class End(Protocol):
    """An end of a connection."""

    async def read(self, size: int = 65536, /) -> bytes: ...
    async def write(self, data: bytes, /) -> None: ...
    def shutdown_write(self) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...


async def relay(one: End, other: End) -> None:
    """Carry bytes both ways until both sides have finished; a reset is passed on.

    Both ends are closed afterwards.
    """
    ways = [asyncio.ensure_future(_carry(*pair)) for pair in ((one, other), (other, one))]
    try:
        await asyncio.gather(*ways)
    except OSError:
        one.abort()
        other.abort()
    finally:
        for way in ways:
            way.cancel()
        await asyncio.wait(ways)
        for way in ways:
            if not way.cancelled():
                way.exception()
        one.close()
        other.close()


async def _carry(source: End, target: End) -> None:
    while data := await source.read():
        await target.write(data)
    with contextlib.suppress(OSError):
        target.shutdown_write()
