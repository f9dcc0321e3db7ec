"""A live stream of events, opened before what it is to tell of happens."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.contract.harness import DEADLINE, Engine
from tests.contract.rawhttp import API, UnixConnection, target

Event = dict[str, Any]


class EventStream:
    """What the engine tells, as it comes.

    (Events of the past are no ground for a test: dockerd keeps 256 for all its users together.)

    :ivar seen: every event so far.
    """

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self._answer = answer
        self.seen: list[Event] = []

    def next(self) -> Event:
        """The next event.

        :raises TimeoutError: none came in time.
        """
        line = self._answer.readline()
        assert line, f"the stream has ended; seen: {self.actions()}"
        self.seen.append(json.loads(line))
        return self.seen[-1]

    def until(self, last: Callable[[Event], bool] | str) -> list[Event]:
        """Reads up to an event (a condition, or an action's name) and gives all seen so far."""
        deadline = time.monotonic() + DEADLINE
        while True:
            event = self.next()
            if event["Action"] == last if isinstance(last, str) else last(event):
                return self.seen
            assert time.monotonic() < deadline, f"not told in time; seen: {self.actions()}"

    def rest(self) -> list[Event]:
        """Reads to the end, which ``until`` sets, and gives all seen."""
        while line := self._answer.readline():
            self.seen.append(json.loads(line))
        return self.seen

    def actions(self, kind: str | None = None) -> list[str]:
        """The actions seen, of one type of object or of all."""
        return [event["Action"] for event in self.seen if kind in (None, event["Type"])]


@contextmanager
def events(engine: Engine, version: str = API, **params: Any) -> Iterator[EventStream]:
    """Opens a stream: ``filters={"container": [name]}``, ``since``, ``until`` as in the API.

    dockerd answers before it has subscribed, and what happens between is lost to a stream that
    begins with what comes: without ``since`` and ``until``, this one begins at the present moment.
    """
    if params.keys().isdisjoint({"since", "until"}):
        now = time.time_ns()
        params["since"] = f"{now // 10**9}.{now % 10**9:09d}"
    connection = UnixConnection(engine.socket, DEADLINE)
    try:
        connection.request("GET", target("/events", _given(params), version))
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        yield EventStream(answer)
    finally:
        connection.close()


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in params.items() if value is not None}
