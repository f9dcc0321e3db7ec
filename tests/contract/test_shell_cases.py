"""The shell and the tools of a BusyBox container say the same on both engines, word for word."""

from __future__ import annotations

import re

import pytest

from tests.contract.harness import Result
from tests.contract.pairs import Pair
from tests.contract.shellcases import CASES, play, scripts

pytestmark = pytest.mark.docker

BATCHES = sorted(path.stem for path in CASES.glob("*.txt"))

# The banner names version and builder; the usage after it is worded by ourselves.
_USAGE = re.compile(r"BusyBox v.*?\n\nUsage: (\S+).*", re.DOTALL)

_played: dict[str, tuple[list[Result], list[Result]]] = {}


def _both(pair: Pair, batch: str) -> tuple[list[Result], list[Result]]:
    """What the batch gives on dockerd and on the embedded engine; played once per process."""
    if batch not in _played:
        _played[batch] = pair.on_both(lambda bench: play(bench, scripts(batch)))
    return _played[batch]


def _plain(result: Result) -> Result:
    return Result(result.code, result.out, _USAGE.sub(r"usage of \1", result.err))


@pytest.mark.parametrize(
    ("batch", "number"),
    [
        # One process plays a batch, so that the container is started once.
        pytest.param(batch, number, marks=pytest.mark.xdist_group(f"shell-{batch}"))
        for batch in BATCHES
        for number in range(len(scripts(batch)))
    ],
)
def test_scripts_say_the_same(pair: Pair, batch: str, number: int) -> None:
    theirs, ours = _both(pair, batch)
    assert _plain(ours[number]) == _plain(theirs[number]), scripts(batch)[number]
