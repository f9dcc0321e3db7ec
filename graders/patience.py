"""How long a check waits for what is still starting."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")


class Clock(Protocol):
    """Time as a check sees it; tests pass their own."""

    def monotonic(self) -> float:
        """Seconds, never going back."""

    def sleep(self, seconds: float, /) -> None:
        """Let ``seconds`` pass."""


class SystemClock:
    """The clock of this machine."""

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float, /) -> None:
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a check waits before it takes an answer for final.

    A container that runs what its image is made to run gets as long as its service needs
    (``service``, or what the check says), counted from its start; one that was told to run
    something else ``other_command``; and any container, however old, ``settled``: enough to
    forgive one lost packet. ``factor`` stretches it all, where everything takes longer.
    """

    service: float = 3.0
    other_command: float = 1.5
    settled: float = 0.5
    step: float = 0.1
    factor: float = 1.0

    def seconds(self, age: float, *, own_command: bool, service: float | None = None) -> float:
        """How long to wait for a container that started ``age`` seconds ago."""
        limit = (service or self.service) if own_command else self.other_command
        return max(self.briefly, limit * self.factor - max(0.0, age))

    @property
    def briefly(self) -> float:
        """For what is there at once."""
        return self.settled * self.factor


def patience_here() -> Patience:
    """As much patience as this machine needs now: what waits for a core takes its time.

    The usual is enough while no more than four wait for each core, as in grading. At eighty the
    patience ends: then a check takes too long, which in grading is an error and nobody's points.
    """
    try:
        for_each_core = os.getloadavg()[0] / (os.cpu_count() or 1)
    except OSError:  # not to be had on this system
        for_each_core = 1.0
    return Patience(factor=min(max(for_each_core / 4, 1.0), 20.0))


def wait_until(
    look: Callable[[], T],
    good: Callable[[T], bool],
    *,
    seconds: Callable[[], float],
    going_on: Callable[[], bool],
    clock: Clock,
    step: float,
) -> T:
    """Look until it is ``good``, at most ``seconds()`` and while ``going_on()``; the last look.

    ``seconds`` is asked only when the first look was not good.
    """
    seen = look()
    if good(seen):
        return seen
    deadline = clock.monotonic() + seconds()
    while clock.monotonic() < deadline and going_on():
        clock.sleep(step)
        seen = look()
        if good(seen):
            break
    return seen
