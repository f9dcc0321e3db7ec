"""The event log: what happened to containers, images, networks and volumes, and streams of it.

As in dockerd (``daemon/events``), the newest 256 events are kept for ``--since``, and a stream
that does not read for long loses events rather than holding the engine up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from course_lib.engine.clock import Clock
from course_lib.engine.filters import Filters

KEPT = 256
"""How many past events ``--since`` can reach."""

_QUEUED = 4096
_KINDS = (
    "daemon",
    "container",
    "plugin",
    "volume",
    "network",
    "node",
    "service",
    "secret",
    "config",
)
_WITH_DETAIL = {"health_status", "exec_create", "exec_start"}  # "exec_start: sh"


@dataclass(frozen=True, slots=True)
class Event:
    """One event. ``type`` is ``container``, ``image``, ``network``, ``volume`` …

    :param time_ns: nanoseconds since the epoch.
    """

    type: str
    action: str
    actor_id: str
    attributes: Mapping[str, str]
    time_ns: int
    scope: str = "local"


@dataclass(slots=True, eq=False)
class _Stream:
    filters: Filters
    queue: asyncio.Queue[Event] = field(default_factory=lambda: asyncio.Queue(_QUEUED))


class Events:
    """Publishes events to streams and remembers the newest."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._past: deque[Event] = deque(maxlen=KEPT)
        self._streams: set[_Stream] = set()

    def publish(
        self,
        type: str,
        action: str,
        actor_id: str,
        attributes: Mapping[str, str] | None = None,
        scope: str = "local",
    ) -> None:
        """Tell everybody that something happened now."""
        event = Event(type, action, actor_id, dict(attributes or {}), self._clock.time_ns(), scope)
        self._past.append(event)
        for stream in self._streams:
            if matches(stream.filters, event) and not stream.queue.full():
                stream.queue.put_nowait(event)

    def past(self, filters: Filters, since_ns: int, until_ns: int | None = None) -> list[Event]:
        """Remembered events from ``since_ns`` to ``until_ns`` (both included; 0 is no end)."""
        return [
            event
            for event in self._past
            if event.time_ns >= since_ns
            and (not until_ns or event.time_ns <= until_ns)
            and matches(filters, event)
        ]

    async def subscribe(
        self,
        since_ns: int | None = None,
        until_ns: int | None = None,
        filters: Filters | None = None,
    ) -> AsyncIterator[Event]:
        """Events as they come, until the reader leaves.

        :param since_ns: also those remembered since then, first.
        :param until_ns: end there, at once where it has passed; all that is remembered comes first,
            as from dockerd, unless ``since_ns`` says otherwise.
        """
        stream = _Stream(filters or Filters())
        self._streams.add(stream)
        timer: asyncio.Task[None] | None = None
        try:
            # Registered before the past is read and no await in between: nothing is lost or
            # seen twice.
            if since_ns is not None or until_ns is not None:
                past = self.past(stream.filters, since_ns or 0, until_ns)
            else:
                past = []
            for event in past:
                yield event
            if until_ns is None:
                while True:
                    yield await stream.queue.get()
            remaining = (until_ns - self._clock.time_ns()) / 1e9
            if remaining <= 0:
                return
            timer = asyncio.ensure_future(self._clock.sleep(remaining))
            while True:
                getter = asyncio.ensure_future(stream.queue.get())
                await asyncio.wait({getter, timer}, return_when=asyncio.FIRST_COMPLETED)
                if not getter.done():
                    getter.cancel()
                    return
                yield getter.result()
        finally:
            self._streams.discard(stream)
            if timer is not None:
                timer.cancel()

    @property
    def listeners(self) -> int:
        """How many streams are open (shown by ``docker info`` in debug mode)."""
        return len(self._streams)


def matches(filters: Filters, event: Event) -> bool:
    """Whether an event passes (Moby: ``daemon/events/filter.go``)."""
    if not filters:
        return True
    return (
        _action(filters, event.action)
        and filters.exact("type", event.type)
        and filters.exact("scope", event.scope)
        and filters.labels("label", event.attributes)
        and all(_named(filters, kind, event) for kind in _KINDS)
        and _image(filters, event)
    )


def _action(filters: Filters, action: str) -> bool:
    if _WITH_DETAIL.isdisjoint(filters.get("event")):
        return filters.exact("event", action)
    return filters.prefix("event", action)


def _named(filters: Filters, kind: str, event: Event) -> bool:
    # Moby does not look at the event's type here; nor do we.
    return filters.prefix(kind, event.actor_id) or filters.prefix(
        kind, event.attributes.get("name", "")
    )


def _image(filters: Filters, event: Event) -> bool:
    values = filters.get("image")
    if not values:
        return True
    known = event.attributes.get("name" if event.type == "image" else "image", "")
    candidates = {event.actor_id, known, known.split("@")[0], _without_tag(known)}
    return any(value in candidates for value in values)


def _without_tag(name: str) -> str:
    head, slash, tail = name.rpartition("/")
    return head + slash + tail.split(":", 1)[0]
