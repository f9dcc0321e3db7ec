"""Noticing which cells of the lesson's notebook run, and what of the lesson they name.

That is the evidence by which something counts as the lesson's own (see
:mod:`course_lib.standing`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from course_lib.standing import Cell, words_named_in


class CellWatch:
    """Listens to a shell's ``pre_run_cell`` and ``post_run_cell`` events.

    :param words: what to look for in the cells.
    :param tell: called with each finished cell.
    :param clock: nanoseconds since the epoch.
    """

    def __init__(
        self, words: Collection[str], tell: Callable[[Cell], None], clock: Callable[[], int]
    ) -> None:
        self._words = words
        self._tell = tell
        self._clock = clock
        self._running: tuple[int, tuple[str, ...]] | None = None

    def attach(self, shell: Any) -> None:
        """Start to listen; the cell that runs now counts from here on."""
        inputs = shell.user_ns.get("In") or [""]
        self._running = (self._clock(), words_named_in(inputs[-1], self._words))
        shell.events.register("pre_run_cell", self._before)
        shell.events.register("post_run_cell", self._after)

    def detach(self, shell: Any) -> None:
        """Stop listening."""
        shell.events.unregister("pre_run_cell", self._before)
        shell.events.unregister("post_run_cell", self._after)

    def _before(self, info: Any) -> None:
        self._running = (self._clock(), words_named_in(info.raw_cell or "", self._words))

    def _after(self, result: Any) -> None:
        if self._running is not None:
            start, words = self._running
            self._running = None
            self._tell(Cell(start, self._clock(), words))
