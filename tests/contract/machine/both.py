"""Does a thing to both engines at once and compares what comes of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.contract.harness import Bench
from tests.contract.machine.side import Side
from tests.contract.pairs import Pair


class DifferenceError(AssertionError):
    """The engines gave different answers to the same; the message shows both."""


class Both:
    """Both engines, and what stands on them: the same, or :class:`DifferenceError`.

    :ivar seen: what both engines list, as of the last step.
    """

    def __init__(self, pair: Pair) -> None:
        self.prefix = Bench(pair.dockerd).prefix
        self._threads = ThreadPoolExecutor(2)
        self.sides = tuple(
            self._threads.map(
                lambda engine: Side(engine, self.prefix), (pair.dockerd, pair.embedded)
            )
        )
        self.seen: Any = None
        self.look("at the beginning")

    def do(self, what: str, work: Callable[[Side], Any]) -> Any:
        """What ``work`` gives on dockerd, and on the embedded engine the same.

        :raises DifferenceError: it does not.
        """
        theirs, ours = self._threads.map(work, self.sides)
        if theirs != ours:
            raise DifferenceError(f"{what}\n" + "\n".join(different(theirs, ours)))
        return theirs

    def look(self, what: str) -> None:
        """Compares all that stands on the engines."""
        deadline = time.monotonic() + 5
        while True:
            try:
                self.seen = self.do(f"after {what}", Side.seen)
                return
            except DifferenceError:
                # dockerd lists from a copy that it writes a moment after it has answered.
                if time.monotonic() > deadline:
                    raise

    def close(self) -> None:
        """Leaves nothing behind on either engine."""
        try:
            list(self._threads.map(Side.close, self.sides))
        finally:
            self._threads.shutdown()


def different(theirs: Any, ours: Any, path: str = "") -> list[str]:
    """Where two documents differ, a line or two each."""
    if theirs == ours:
        return []
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return [
            line
            for key in sorted(theirs.keys() | ours.keys())
            for line in different(theirs.get(key), ours.get(key), f"{path}.{key}")
        ]
    lists = isinstance(theirs, list | tuple) and isinstance(ours, list | tuple)
    if lists and len(theirs) == len(ours):
        return [
            line
            for index, (its, mine) in enumerate(zip(theirs, ours, strict=True))
            for line in different(its, mine, f"{path}[{index}]")
        ]
    shown = [json.dumps(value, default=str, ensure_ascii=False) for value in (theirs, ours)]
    return [f"  {path or '.'}\n    dockerd:  {shown[0]}\n    embedded: {shown[1]}"]
