"""Injected time.

Nothing in the engine asks the operating system for the time or sleeps on its own: it is handed
a :class:`Clock`. The real one serves users; tests hand in one that they advance by hand.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the engine needs to know of time."""

    def time_ns(self) -> int:
        """Wall-clock time as integer nanoseconds since the epoch (UTC)."""

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Suspend the calling task for that many seconds."""


class SystemClock:
    """The operating system's time."""

    def time_ns(self) -> int:
        return time.time_ns()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def rfc3339_nano(time_ns: int) -> str:
    """Format nanoseconds since the epoch as Go's ``time.RFC3339Nano`` in UTC.

    Go drops trailing zeros of the fraction, and the dot with them; clients compare such
    strings, so we do the same: ``2026-01-02T03:04:05.12Z``.
    """
    seconds, nanos = divmod(time_ns, 1_000_000_000)
    stamp = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{nanos:09d}".rstrip("0").rstrip(".")
    return f"{stamp}{fraction}Z"


ZERO_TIME = "0001-01-01T00:00:00Z"
"""Go's zero ``time.Time``, which dockerd shows for "never"."""
