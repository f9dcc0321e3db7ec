"""Measuring two things side by side.

The machine's speed drifts, so the two are run in turn, A B A B …, and what counts is the median
of the ratios of neighbouring pairs.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report. ``target`` is what the project aims at, as text."""

    name: str
    value: str
    target: str
    met: bool | None = None

    def __str__(self) -> str:
        sign = {True: "met", False: "MISSED", None: ""}[self.met]
        return f"{self.name:45} {self.value:42} {self.target:10} {sign}"


@dataclass(frozen=True, slots=True)
class Ratio:
    """Medians of A and B in seconds, and the median of B/A pair by pair."""

    a: float
    b: float
    b_over_a: float

    def __str__(self) -> str:
        return f"{self.b_over_a:.1f}x ({self.a * 1000:.1f} ms against {self.b * 1000:.1f} ms)"


def seconds(action: Callable[[], object]) -> float:
    """Wall time of one call, in seconds."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def side_by_side(
    a: Callable[[], object],
    b: Callable[[], object],
    *,
    rounds: int = 5,
    clean: Callable[[], object] = lambda: None,
) -> Ratio:
    """Run A and B in turn, once to warm up and then ``rounds`` times; ``clean`` after each pair."""
    a()
    b()
    clean()
    pairs: list[tuple[float, float]] = []
    for _ in range(rounds):
        pairs.append((seconds(a), seconds(b)))
        clean()
    return Ratio(
        statistics.median(x for x, _ in pairs),
        statistics.median(y for _, y in pairs),
        statistics.median(y / x for x, y in pairs),
    )
