"""The same keys typed into a terminal on each engine, until both screens show the same.

The real ``docker`` command runs on a pseudo-terminal, and pyte is the terminal: what counts is
what somebody would see, not the bytes that draw it.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyte

from tests.contract.harness import DEADLINE, IDLE, Bench
from tests.contract.pairs import Pair
from tests.contract.terminal import Typist, at_terminal

SIZE = (24, 80)
Rooms = tuple[tuple[Bench, str], tuple[Bench, str]]
"""A container on dockerd, and one on the embedded engine."""


class Screen:
    """A terminal with a running ``docker`` command, and what it shows."""

    def __init__(self, user: Typist) -> None:
        self._user = user
        self._screen = pyte.Screen(SIZE[1], SIZE[0])
        self._stream = pyte.ByteStream(self._screen)
        # A shell may ask where the cursor is.
        self._screen.write_process_input = user.type  # type: ignore[method-assign, assignment]

    def type(self, keys: str) -> None:
        self._user.type(keys)

    def read(self) -> None:
        """Take in what has come."""
        while select.select([self._user.master], [], [], 0.01)[0]:
            try:
                data = os.read(self._user.master, 65536)
            except OSError:  # the command has ended
                return
            self._stream.feed(data)

    @property
    def rows(self) -> list[str]:
        """Its rows down to the last one with something on it or the cursor's."""
        rows = [row.rstrip() for row in self._screen.display]
        last = max([n for n, row in enumerate(rows) if row] + [self._screen.cursor.y])
        return rows[: last + 1]

    def ends_with(self, text: str) -> bool:
        """Whether ``text`` is the row of the cursor, or several rows down to it."""
        wanted = text.rstrip(" ").split("\n")
        end = self.cursor[0] + 1
        return self.rows[max(0, end - len(wanted)) : end] == wanted

    @property
    def cursor(self) -> tuple[int, int]:
        return self._screen.cursor.y, self._screen.cursor.x

    @property
    def state(self) -> tuple[list[str], tuple[int, int]]:
        """All that one can see."""
        return self.rows, self.cursor


class Screens:
    """One terminal on each engine."""

    def __init__(self, theirs: Screen, ours: Screen) -> None:
        self._screens = (theirs, ours)

    def type(self, keys: str, shown: str) -> None:
        """Type keys, and wait until both screens have changed, are the same and end with ``shown``.

        :raises AssertionError: they do not come to that; the message has both.
        """
        before = [screen.state for screen in self._screens]
        for screen in self._screens:
            screen.type(keys)

        def come() -> bool:
            theirs, ours = (screen.state for screen in self._screens)
            return theirs == ours and theirs != before[0] and ours != before[1] and self.show(shown)

        self._until(come, f"not {shown!r} on both after {keys!r}")

    def begin(self, prompt: str) -> None:
        """Wait for the shells' prompts, and clear the screens: not every BusyBox greets."""
        self._until(lambda: self.show(prompt), "no prompt")
        for screen in self._screens:
            if screen.rows != [prompt]:
                screen.type("\x0c")
        self._until(lambda: all(screen.rows == [prompt] for screen in self._screens), "not cleared")

    def show(self, text: str) -> bool:
        """Whether both screens end with a text."""
        return all(screen.ends_with(text) for screen in self._screens)

    def _until(self, condition: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + 2 * DEADLINE
        while True:
            for screen in self._screens:
                screen.read()
            if condition():
                return
            assert time.monotonic() < deadline, "\n".join(
                (otherwise, *map(_framed, ("dockerd", "embedded"), self._screens))
            )


def _framed(engine: str, screen: Screen) -> str:
    return "\n".join((f"{engine} {screen.cursor}", *(f"  |{row}" for row in screen.rows)))


@contextmanager
def shells(rooms: Rooms, program: str, prompt: str) -> Iterator[Screens]:
    """``docker exec -it CONTAINER PROGRAM``, a shell with that prompt, on both engines."""
    left, right = (
        at_terminal(bench, "exec", "-it", container, program, size=SIZE)
        for bench, container in rooms
    )
    with left as (theirs, _), right as (ours, _):
        screens = Screens(Screen(theirs), Screen(ours))
        screens.begin(prompt)
        yield screens


@contextmanager
def containers(pair: Pair, image: str = "alpine") -> Iterator[Rooms]:
    """An idle container of the same host name on each engine."""
    benches = [Bench(pair.dockerd), Bench(pair.embedded)]
    try:
        left, right = ((bench, bench.run("c", IDLE, image, Hostname="box")) for bench in benches)
        yield left, right
    finally:
        for bench in benches:
            bench.clean()
