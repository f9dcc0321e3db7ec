"""The journal of a lesson: what stood before it, and what of what came since is its own.

There is one journal per engine and user, not per notebook: the engine is what is shared. The
second start of a lesson, another lesson, a check on the command line and a grader's next
submission all find in it what the lesson before them left.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from course_lib import places
from course_lib.catalog import Lesson
from course_lib.errors import JournalError
from course_lib.files import write_whole
from course_lib.standing import (
    SECOND_NS,
    Activity,
    Cell,
    Standing,
    StandingContainer,
    StandingNetwork,
    StandingService,
    StandingVolume,
)

FORMAT = 1
TOUCH_NS = 60 * SECOND_NS
"""A cell that names nothing of the lesson is noted if the last note is as old as this."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is written of the lesson that was started last.

    :param lesson: its key, ``networking/publish-a-service``; empty where none was started yet,
        or the last one was cleaned up.
    :param active_ns: when it was last known to be worked on; nanoseconds since the epoch.
    :param prepared: whatever the lesson's preparation wants to find again, by name.
    :param own: what belongs to a notebook that is no lesson of the course, where that was started.
    """

    lesson: str = ""
    started_ns: int = 0
    active_ns: int = 0
    before: Standing = field(default_factory=Standing)
    cells: tuple[Cell, ...] = ()
    prepared: Mapping[str, Any] = field(default_factory=dict)
    own: Lesson | None = None

    @property
    def activity(self) -> Activity:
        """When the lesson was active, for deciding what it brought."""
        return Activity(self.started_ns, max(self.started_ns, self.active_ns), self.cells)


@dataclass(frozen=True, slots=True)
class Journal:
    """The file in which an :class:`Entry` lies."""

    path: Path

    @classmethod
    def of_engine(cls, engine_id: str, environ: Mapping[str, str] = os.environ) -> Journal:
        """The journal of the engine with that ``ID`` (from ``docker info``)."""
        folder = places.data_folder(environ) / "journals"
        return cls(folder / f"{places.digest(engine_id)}.json")

    @property
    def events_path(self) -> Path:
        """Where the engine's events since the start of the lesson are kept, one a line."""
        return self.path.with_suffix(".events.jsonl")

    def read(self) -> Entry:
        """The entry as it was last written; an empty one where there is none.

        :raises JournalError: where the file is broken or of a newer release. Cleaning up by a
            journal that was misread could take the student's own things, so nothing is guessed.
        """
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Entry()
        except (OSError, ValueError) as error:
            raise self._broken(str(error)) from None
        try:
            if document["format"] > FORMAT:
                raise JournalError(
                    f"{self.path} was written by a newer release of the course",
                    "upgrade the course here",
                )
            before = document["before"]
            return Entry(
                lesson=document["lesson"],
                started_ns=document["started_ns"],
                active_ns=document["active_ns"],
                before=Standing(
                    tuple(
                        StandingContainer(c["id"], c["name"], c["image"], c["created_ns"])
                        for c in before["containers"]
                    ),
                    tuple(StandingNetwork(n["id"], n["name"]) for n in before["networks"]),
                    tuple(StandingVolume(v["name"]) for v in before["volumes"]),
                    tuple(before["tags"]),
                    # Since the lesson on overlay networks.
                    tuple(StandingService(s["id"], s["name"]) for s in before.get("services", ())),
                    bool(before.get("swarm", False)),
                ),
                cells=tuple(
                    Cell(c["start_ns"], c["end_ns"], tuple(c["words"])) for c in document["cells"]
                ),
                prepared=document["prepared"],
                own=_own_lesson(document.get("own")),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise self._broken(f"{error} is missing or wrong") from None

    def write(self, entry: Entry) -> None:
        """Replace the entry, as one step.

        :raises JournalError: where it cannot be written.
        """
        document = {"format": FORMAT, **asdict(entry)}
        try:
            write_whole(self.path, json.dumps(document).encode())
        except OSError as error:
            raise JournalError(f"{self.path} cannot be written: {error.strerror}") from None

    def add_cell(self, lesson: str, started_ns: int, cell: Cell) -> None:
        """Note that a cell of the lesson ran, unless another start came in between."""
        entry = self.read()
        if (entry.lesson, entry.started_ns) != (lesson, started_ns):
            return
        if cell.words:
            self.write(replace(entry, active_ns=cell.end_ns, cells=(*entry.cells, cell)))
        elif cell.end_ns - entry.active_ns >= TOUCH_NS:
            self.write(replace(entry, active_ns=cell.end_ns))

    def _broken(self, reason: str) -> JournalError:
        return JournalError(
            f"the journal {self.path} cannot be read: {reason}",
            "remove that file; what earlier lessons left then counts as your own",
        )


def _own_lesson(document: Mapping[str, Any] | None) -> Lesson | None:
    if document is None:
        return None
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in document.items()
    }
    return Lesson(**values)
