"""Whether an address answers, told sooner than a ping's second and not too soon."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread, current_thread
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

    def exec_start(self, address: str, **_options: Any) -> tuple[bytes, bytes]:
        return self._pings[address](), b""

    def exec_inspect(self, _address: str) -> dict[str, int]:
        return {"ExitCode": self._code}


@pytest.fixture
def over() -> Any:
    event = Event()
    yield event
    event.set()


def test_an_answer_is_told_at_once() -> None:
    engine = Engine({OTHER: lambda: ANSWER})
    assert inside.answers(engine, "helper", OTHER, head_start=60)
    assert engine.asked == [OTHER]


def test_silence_that_is_over_is_told_at_once() -> None:
    engine = Engine({OTHER: lambda: SILENCE}, code=1)
    assert not inside.answers(engine, "helper", OTHER, head_start=60)


def test_silence_is_told_where_the_loopback_was_quicker(over: Event) -> None:
    asked = Event()

    def silence() -> bytes:
        asked.set()
        over.wait()
        return SILENCE

    def own() -> bytes:
        asked.wait()
        return ANSWER

    engine = Engine({OTHER: silence, OWN: own})
    assert not inside.answers(engine, "helper", OTHER, head_start=0)
    assert engine.asked == [OTHER, OWN]


def test_an_answer_counts_that_comes_while_the_loopback_is_asked() -> None:
    asked, compared = Event(), Event()
    asking = list[Thread]()

    def late() -> bytes:
        asking.append(current_thread())
        asked.set()
        compared.wait()
        return ANSWER

    def own() -> bytes:
        asked.wait()
        compared.set()
        asking[0].join()
        return ANSWER

    assert inside.answers(Engine({OTHER: late, OWN: own}), "helper", OTHER, head_start=0)


def test_a_loopback_without_an_answer_tells_nothing() -> None:
    compared = Event()

    def late() -> bytes:
        compared.wait()
        return ANSWER

    def own() -> bytes:
        compared.set()
        return SILENCE

    assert inside.answers(Engine({OTHER: late, OWN: own}), "helper", OTHER, head_start=0)


def test_an_engine_that_is_too_slow_tells_nothing(
    over: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inside, "COMMAND_SECONDS", 0.01)

    def never() -> bytes:
        over.wait()
        return SILENCE

    with pytest.raises(EngineUnavailable, match="no answer within"):
        inside.answers(Engine({OTHER: never, OWN: never}), "helper", OTHER, head_start=0)


def test_an_image_without_ping_tells_nothing() -> None:
    engine = Engine({OTHER: lambda: b"exec: ping: not found"}, code=127)
    with pytest.raises(EngineUnavailable, match="not found"):
        inside.answers(engine, "helper", OTHER)
