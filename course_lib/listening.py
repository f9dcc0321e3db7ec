"""What a lesson attaches to while it is active: the notebook's cells, the engine's events."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from course_lib import braces, first_cell, pasted, showing, slips
from course_lib.catalog import Lesson
from course_lib.cells import CellWatch
from course_lib.errors import JournalError
from course_lib.journal import Journal
from course_lib.recorder import EventFile, EventRecorder
from course_lib.standing import Cell, words_of

if TYPE_CHECKING:
    from docker import DockerClient


class Listening:
    """One lesson at a time.

    :param clock: nanoseconds since the epoch.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._watch: CellWatch | None = None
        self._recorder: EventRecorder | None = None

    def start(
        self, lesson: Lesson, journal: Journal, started: int, client: Callable[[], DockerClient]
    ) -> None:
        """Note what cells name, explain what students paste, keep the events of checks.

        :param started: when the lesson did, by the clock.
        :param client: makes a connection of the recorder's own, where the lesson wants events.
        """
        shell = showing.shell()
        if shell is not None:

            def note(cell: Cell) -> None:
                # Losing a note costs tidiness alone; an error here would show below every cell.
                with suppress(JournalError):
                    journal.add_cell(lesson.key, started, cell)

            self._watch = CellWatch(words_of(lesson), note, self._clock)
            self._watch.attach(shell)
            braces.attach(shell)
            first_cell.attach(shell)
            pasted.attach(shell)
            slips.attach(shell)
        if lesson.events:
            self._recorder = EventRecorder(client, EventFile(journal.events_path).keep)
            self._recorder.start(started // 1_000_000_000)

    def stop(self) -> None:
        """Listen to nothing any more; what explains to students stays."""
        shell = showing.shell()
        if self._watch is not None and shell is not None:
            self._watch.detach(shell)
        if self._recorder is not None:
            self._recorder.stop()
        self._watch = self._recorder = None
