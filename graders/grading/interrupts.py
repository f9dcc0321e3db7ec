"""Ctrl-C as a Jupyter kernel has it: it stops the cell that runs, and nothing else.

As in ipykernel, SIGINT has no effect between cells (``ipykernel.kernelbase``, the hooks around each
request); beyond that, a message that is being sent is sent whole.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupts:
    """Who may be interrupted now. Holds for the main thread, where Python handles signals."""

    def __init__(self) -> None:
        self._in_cell = False
        self._held = 0
        self._late = False
        signal.signal(signal.SIGINT, self._came)

    def _came(self, *_: object) -> None:
        if self._held:
            self._late = True
        elif self._in_cell:
            raise KeyboardInterrupt

    @contextmanager
    def cell(self) -> Iterator[None]:
        """A cell runs: SIGINT raises :class:`KeyboardInterrupt` in it."""
        self._in_cell = True
        try:
            yield
        finally:
            self._in_cell = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """SIGINT waits until this is over."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        if self._late and not self._held:
            self._late = False
            if self._in_cell:
                raise KeyboardInterrupt
