"""The addresses of one pool that are taken, and the lowest one that is free.

libnetwork keeps a bitmap (``libnetwork/bitmap``) and, for networks of one host, hands out the
lowest free address: one that was released is the next to be given if it is the lowest. We keep
a set and, for each range that is allocated from, a heap of released numbers, so that taking the
next one costs O(log n) however full the pool is.
"""

from __future__ import annotations

from heapq import heappop, heappush


class _Range:
    """A range that addresses are drawn from. All numbers below ``cursor`` are taken or freed."""

    __slots__ = ("cursor", "end", "freed", "start")

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end
        self.cursor = start
        self.freed: list[int] = []


class AddressSet:
    """Numbers from 0 to ``size - 1``, each free or taken."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._taken: set[int] = set()
        self._ranges: dict[tuple[int, int], _Range] = {}

    def __len__(self) -> int:
        return len(self._taken)

    def __contains__(self, number: object) -> bool:
        return number in self._taken

    def take(self, number: int) -> bool:
        """Take that number; False where it is taken already."""
        if number in self._taken:
            return False
        self._taken.add(number)
        return True

    def take_lowest(self, start: int, end: int) -> int | None:
        """Take the lowest free number from ``start`` to ``end`` (included), or None."""
        pool = self._ranges.setdefault((start, end), _Range(start, end))
        while pool.freed:
            number = heappop(pool.freed)
            if number not in self._taken:
                self._taken.add(number)
                return number
        while pool.cursor <= end:
            number = pool.cursor
            pool.cursor += 1
            if number not in self._taken:
                self._taken.add(number)
                return number
        return None

    def release(self, number: int) -> None:
        """Give a number back; one that is free already stays so."""
        if number not in self._taken:
            return
        self._taken.discard(number)
        for pool in self._ranges.values():
            if pool.start <= number < pool.cursor:
                heappush(pool.freed, number)
