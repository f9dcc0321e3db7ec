"""What a student's processes use is known without looking at more of them than is allowed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from graders.grading import usage
from graders.grading.model import Limits
from tests.contract.harness import until

CHAIN = 'if [ "$1" = 6 ]; then sleep 1000; else sh -c "$0" "$0" $(($1 + 1)); fi; :'
"""A shell that starts a shell, and so on: six, the last of which starts a ``sleep``."""


@pytest.fixture
def chain() -> Iterator[int]:
    """The number of the first of seven processes, each of which has started the next."""
    with subprocess.Popen(["sh", "-c", CHAIN, CHAIN, "1"], start_new_session=True) as first:
        until(lambda: len(usage.tree(first.pid)) == 6)
        yield first.pid
        os.killpg(first.pid, signal.SIGKILL)


def test_processes_are_counted_to_the_limit(chain: int) -> None:
    assert usage.over_limits(chain, Limits(processes=7)) == ""
    assert usage.over_limits(chain, Limits(processes=3)) == "it started more than 3 processes"
    assert len(usage.tree(chain, 3)) == 3


def test_memory_is_that_of_all() -> None:
    assert usage.over_limits(os.getpid(), Limits(processes=10_000, memory_mb=1)) == (
        "it used more than 1 MB of memory"
    )
    assert usage.over_limits(os.getpid(), Limits(processes=10_000, memory_mb=1_000_000)) == ""


def test_who_has_ended_uses_nothing(chain: int) -> None:
    os.killpg(chain, signal.SIGKILL)
    os.waitid(os.P_PID, chain, os.WEXITED | os.WNOWAIT)
    assert usage.tree(chain) == []
    assert usage.over_limits(chain, Limits(processes=1, memory_mb=1)) == ""
