"""Ctrl-C stops the cell that runs, and nothing else."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from graders.grading.interrupts import Interrupts


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    before = signal.getsignal(signal.SIGINT)
    yield Interrupts()
    signal.signal(signal.SIGINT, before)


def test_between_cells_nothing_is_stopped(interrupts: Interrupts) -> None:
    with interrupts.cell():
        pass
    signal.raise_signal(signal.SIGINT)
    with interrupts.held():
        signal.raise_signal(signal.SIGINT)
    # Nor is the next cell, by what came before it.
    with interrupts.cell(), interrupts.held():
        pass


def test_a_cell_is_stopped(interrupts: Interrupts) -> None:
    with pytest.raises(KeyboardInterrupt), interrupts.cell():
        signal.raise_signal(signal.SIGINT)


def test_a_message_of_a_cell_is_sent_whole(interrupts: Interrupts) -> None:
    sent = []

    def cell() -> None:
        with interrupts.held():
            signal.raise_signal(signal.SIGINT)
            sent.append("all of it")
        sent.append("and more")

    with pytest.raises(KeyboardInterrupt), interrupts.cell():
        cell()
    assert sent == ["all of it"]
