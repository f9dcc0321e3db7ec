"""Whether an address answers, told sooner than a ping's second and not too soon."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from course_lib import inside
from course_lib.errors import EngineUnavailable

OWN, OTHER = "127.0.0.1", "10.0.0.2"
ANSWER = b"64 bytes from 10.0.0.2: seq=0 ttl=64 time=0.080 ms\n"
SILENCE = b"1 packets transmitted, 0 packets received, 100% packet loss\n"


class Engine:
    """An API whose pings print what a test says; what they wait for ends with the test."""

    def __init__(self, pings: dict[str, Callable[[], bytes]], code: int = 0) -> None:
        self._pings = pings
        self._code = code
        self.asked = list[str]()

    def exec_create(self, _container: str, command: list[str], **_options: Any) -> dict[str, str]:
        self.asked.append(command[-1])
        return {"Id": command[-1]}

    def written(self, address: str) -> tuple[bytes, bytes]:
        return self._pings[address](), b""

    def exec_inspect(self, _address: str) -> dict[str, int]:
        return {"ExitCode": self._code}


@pytest.fixture(autouse=True)
def _answers_of_pings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "exec_output", Engine.written)


@pytest.fixture
def over() -> Any:
    event = Event()
    yield event
    event.set()


def slow() -> Callable[[], float]:
    """A clock on which the loopback's answer takes a minute."""
    return iter((0.0, 60.0)).__next__


def test_an_answer_is_told_at_once() -> None:
    engine = Engine({OTHER: lambda: ANSWER, OWN: lambda: ANSWER})
    assert inside.answers(engine, "helper", OTHER, clock=slow())
    assert sorted(engine.asked) == [OTHER, OWN]


def test_silence_that_is_over_is_told_at_once() -> None:
    engine = Engine({OTHER: lambda: SILENCE, OWN: lambda: SILENCE})
    assert not inside.answers(engine, "helper", OTHER, clock=slow())


def test_silence_is_told_where_the_loopback_was_quicker(over: Event) -> None:
    def silence() -> bytes:
        over.wait()
        return SILENCE

    engine = Engine({OTHER: silence, OWN: lambda: ANSWER})
    assert not inside.answers(engine, "helper", OTHER, clock=lambda: 0.0)
    assert not over.is_set()


@pytest.mark.parametrize("own_says", [ANSWER, SILENCE], ids=["slow", "silent"])
def test_nothing_is_told_of_silence_by_a_loopback_that_is(own_says: bytes) -> None:
    compared = Event()

    def late() -> bytes:
        compared.wait()
        return ANSWER

    def own() -> bytes:
        compared.set()
        return own_says

    assert inside.answers(Engine({OTHER: late, OWN: own}), "helper", OTHER, clock=slow())


def test_an_engine_that_is_too_slow_tells_nothing(
    over: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inside, "COMMAND_SECONDS", 0.01)

    def never() -> bytes:
        over.wait()
        return SILENCE

    with pytest.raises(EngineUnavailable, match="no answer within"):
        inside.answers(Engine({OTHER: never, OWN: never}), "helper", OTHER)


def test_an_image_without_ping_tells_nothing() -> None:
    engine = Engine(dict.fromkeys((OTHER, OWN), lambda: b"exec: ping: not found"), code=127)
    with pytest.raises(EngineUnavailable, match="not found"):
        inside.answers(engine, "helper", OTHER)
