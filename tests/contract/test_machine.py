"""Random networks, containers and volumes: both engines show the same after every step.

The same worlds every time; ``python -m tests.contract.machine`` makes others.
"""

from __future__ import annotations

import pytest

from tests.contract.machine.running import run
from tests.contract.pairs import Pair

pytestmark = [pytest.mark.docker, pytest.mark.slow]

SEEDS = range(1, 8)
WORLDS, STEPS = 4, 100


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
def test_same_in_every_world(pair: Pair, seed: int) -> None:
    made = run(pair, seed, WORLDS, STEPS, shrink=False, show=False)
    assert made >= (WORLDS - 1) * STEPS  # the first world of Hypothesis is a trivial one
