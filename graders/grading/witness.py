"""The grader's own record of what happened on an engine.

A lesson keeps a journal for its checks, in the student's home; what stands there is the student's
word. Here the engine itself tells, from before the first cell on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from course_lib.preparation import seen_in
from course_lib.recorder import EventRecorder
from course_lib.standing import SECOND_NS, parse_time_ns
from graders.expectation import ObservationError
from graders.grading.model import MEGABYTE
from graders.past import Event, with_late
from graders.probe_container import observing

MOST = 64 * MEGABYTE
"""Of events, as JSON; what a lesson does is a thousandth of it."""
_IDLE_TALK = ("exec_", "attach", "top", "resize", "health_status")
"""What no check asks for, and what is told again and again."""


class Witness:
    """Listens to an engine while a notebook runs; a :class:`graders.past.Past`.

    It has a thread, so nothing should be forked between :meth:`start` and :meth:`close`.

    :param connect: makes a client for the listening alone.
    :param api: the SDK's ``APIClient`` of the checks.
    """

    def __init__(self, connect: Callable[[], Any], api: Any) -> None:
        self._api = api
        self._recorder = EventRecorder(connect, self._keep)
        self._recorded: list[Event] = []
        self._size = 0
        self._since_ns = 0

    def start(self) -> None:
        """Listen from now on.

        :raises ObservationError: the engine does not answer.
        """
        with observing():
            self._since_ns = parse_time_ns(self._api.info().get("SystemTime", ""))
            self._recorder.start(self._since_ns // SECOND_NS)

    def close(self) -> None:
        """Stop listening."""
        self._recorder.stop()

    @property
    def broken(self) -> bool:
        """Whether the engine has hung up meanwhile: it ended, and another may answer by now."""
        return self._recorder.broken

    def events(self) -> list[Event]:
        if self._size > MOST:
            raise ObservationError("more happened on the engine than can be kept")
        with observing():
            found = with_late(list(self._recorded), self._api, self._since_ns // SECOND_NS)
        return [event for event in found if int(event.get("timeNano") or 0) >= self._since_ns]

    def prepared(self, lesson: str) -> Mapping[str, Any]:
        return seen_in(lesson, self.events())

    def _keep(self, event: Event) -> None:
        if str(event.get("Action")).startswith(_IDLE_TALK):
            return
        self._size += len(json.dumps(event))
        if self._size <= MOST:
            self._recorded.append(event)
