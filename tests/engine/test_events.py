"""The event log and its streams."""

import asyncio

import pytest

from course_lib.engine.events import KEPT, Event, Events
from course_lib.engine.filters import Filters
from tests.engine.conftest import ManualClock, settle


async def _collect(events: Events, into: list[Event], **arguments: object) -> None:
    async for event in events.subscribe(**arguments):  # type: ignore[arg-type]
        into.append(event)


@pytest.fixture
def events(clock: ManualClock) -> Events:
    return Events(clock)


async def test_stream_gets_what_comes_after(events: Events) -> None:
    got: list[Event] = []
    events.publish("container", "create", "c1")
    task = asyncio.create_task(_collect(events, got))
    await settle()
    events.publish("container", "start", "c1", {"name": "web"})
    await settle()
    assert [(event.action, dict(event.attributes)) for event in got] == [("start", {"name": "web"})]
    task.cancel()
    await asyncio.wait({task})
    assert events.listeners == 0


async def test_since_reaches_back(events: Events, clock: ManualClock) -> None:
    events.publish("container", "create", "c1")
    await clock.advance(10)
    now = clock.time_ns()
    events.publish("container", "start", "c1")
    got: list[Event] = []
    await _collect(events, got, since_ns=now, until_ns=now)
    assert [event.action for event in got] == ["start"]


async def test_until_in_the_future_ends_then(events: Events, clock: ManualClock) -> None:
    got: list[Event] = []
    task = asyncio.create_task(_collect(events, got, until_ns=clock.time_ns() + 5_000_000_000))
    await settle()
    events.publish("network", "create", "n1")
    await clock.advance(4)
    assert not task.done()
    await clock.advance(2)
    await task
    assert [event.action for event in got] == ["create"]


async def test_until_alone_reaches_back_too(events: Events, clock: ManualClock) -> None:
    events.publish("network", "create", "n1")
    got: list[Event] = []
    task = asyncio.create_task(_collect(events, got, until_ns=clock.time_ns() + 5_000_000_000))
    await settle()
    events.publish("network", "create", "n2")
    await clock.advance(6)
    await task
    assert [event.actor_id for event in got] == ["n1", "n2"]


async def test_only_the_newest_are_kept(events: Events, clock: ManualClock) -> None:
    for number in range(KEPT + 3):
        events.publish("container", "start", str(number))
    assert events.past(Filters(), 0)[0].actor_id == "3"


@pytest.mark.parametrize(
    ("fields", "passes"),
    [
        ({"type": ["container"]}, True),
        ({"type": ["network"]}, False),
        ({"event": ["exec_start"]}, True),
        ({"event": ["start"]}, False),
        ({"container": ["we"]}, True),
        ({"container": ["c1", "x"]}, True),
        ({"container": ["eb"]}, False),
        ({"image": ["nginx"]}, True),
        ({"image": ["alpine"]}, False),
        ({"label": ["stage=prod"]}, True),
        ({"label": ["stage=dev"]}, False),
    ],
)
async def test_filters(events: Events, fields: dict[str, list[str]], passes: bool) -> None:
    events.publish(
        "container",
        "exec_start: sh -c",
        "c1",
        {"name": "web", "image": "nginx:latest", "stage": "prod"},
    )
    assert bool(events.past(Filters(fields), 0)) is passes
