from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from graders.patience import Patience, patience_here, wait_until


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.now += seconds


@pytest.mark.parametrize(
    ("age", "own_command", "service", "seconds"),
    [
        (0, True, None, 3.0),
        (0, True, 20.0, 20.0),
        (15, True, 20.0, 5.0),
        (0, False, 20.0, 1.5),
        (3600, True, 20.0, 0.5),
        (-50, True, None, 3.0),
    ],
)
def test_patience_counts_from_the_start(
    age: float, own_command: bool, service: float | None, seconds: float
) -> None:
    assert Patience().seconds(age, own_command=own_command, service=service) == seconds


def test_patience_can_be_stretched() -> None:
    patience = Patience(factor=2)
    assert patience.seconds(1, own_command=True) == 5
    assert patience.seconds(3600, own_command=True) == patience.briefly == 1


@pytest.mark.parametrize(("load", "factor"), [(0.1, 1), (16, 1), (32, 2), (900, 20)])
def test_patience_grows_with_what_waits_for_the_cores(
    load: float, factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0))
    assert patience_here().factor == factor


def test_patience_is_the_usual_where_nobody_knows_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> tuple[float, float, float]:
        raise OSError

    monkeypatch.setattr("os.getloadavg", unknown)
    assert patience_here() == Patience()


def waiting(clock: FakeClock, going_on: Callable[[], bool] = lambda: True) -> Any:
    return partial(
        wait_until, seconds=lambda: 2.0, going_on=going_on, clock=clock, step=0.5, good=bool
    )


def test_wait_until_takes_the_first_good_look_without_waiting() -> None:
    clock = FakeClock()
    assert waiting(clock)(lambda: "page") == "page"
    assert clock.now == 100


def test_wait_until_looks_again_until_it_is_good() -> None:
    clock = FakeClock()
    assert waiting(clock)(lambda: clock.now >= 101) is True
    assert clock.now == 101


def test_wait_until_ends_at_the_deadline_with_the_last_look() -> None:
    clock = FakeClock()
    assert waiting(clock)(lambda: "") == ""
    assert clock.now == 102


def test_wait_until_ends_when_there_is_nothing_to_wait_for() -> None:
    clock = FakeClock()
    assert waiting(clock, going_on=lambda: False)(lambda: "") == ""
    assert clock.now == 100
