"""What happened on an engine before a check looked: its events, and what the lesson put there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from course_lib.journal import Journal
from course_lib.recorder import read_events
from course_lib.standing import SECOND_NS, parse_time_ns
from graders.probe_container import observing

Event = Mapping[str, Any]


class Past(Protocol):
    """Where a check looks things up that the engine's state does not show any more."""

    def events(self) -> list[Event]:
        """What happened since the lesson started, oldest first."""

    def prepared(self, lesson: str) -> Mapping[str, Any]:
        """What ``lab.start`` put in place for a lesson; empty where it did not."""


class JournalPast:
    """As the lesson's own journal has it: for students, who have no reason to deceive themselves.

    :param api: the SDK's ``APIClient``.
    """

    def __init__(self, api: Any) -> None:
        self._api = api

    def events(self) -> list[Event]:
        with observing():
            journal = Journal.of_engine(self._api.info().get("ID") or "")
            since = journal.read().started_ns // SECOND_NS
            return with_late(read_events(journal.events_path), self._api, since)

    def prepared(self, lesson: str) -> Mapping[str, Any]:
        with observing():
            identity = self._api.info().get("ID") or ""
        entry = Journal.of_engine(identity).read()
        return entry.prepared if entry.lesson == lesson else {}


def with_late(recorded: Iterable[Event], api: Any, since: int) -> list[Event]:
    """The events that were recorded, and those that whoever records has not read yet.

    The engine remembers the last 256 alone, so that one way would not do without the other.

    :param since: whole seconds since the epoch.
    """
    # Up to now by the engine's own clock: until a later time it would wait for more.
    now = parse_time_ns(api.info().get("SystemTime", ""))
    until = f"{now // SECOND_NS}.{now % SECOND_NS:09d}" if now else None
    remembered = list(api.events(since=since, until=until, decode=True))
    known = {json.dumps(event, sort_keys=True): event for event in (*recorded, *remembered)}
    return sorted(known.values(), key=lambda event: int(event.get("timeNano") or 0))
