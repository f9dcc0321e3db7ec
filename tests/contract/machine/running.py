"""Runs the state machine from a seed."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contract.machine.rules import Machine
from tests.contract.pairs import Pair


def run(pair: Pair, number: int, examples: int, steps: int, *, shrink: bool, show: bool) -> int:
    """Runs ``examples`` worlds of ``steps`` steps each; gives the number of steps made.

    :param number: the seed: the same worlds for the same seed.
    :param shrink: look for the shortest way to a difference (many runs).
    :param show: print each step.
    :raises AssertionError: the engines differ; a note tells how to see it again.
    """

    class Seeded(Machine):
        pass

    Seeded.pair = pair
    Seeded.steps = 0
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=False,
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.verbose if show else Verbosity.normal,
    )
    try:
        run_state_machine_as_test(seed(number)(Seeded), settings=chosen)
    except Exception as error:
        error.add_note(
            f"seed {number}; to see it again: python -m tests.contract.machine "
            f"--seed {number} --examples {examples} --steps {steps} [--shrink] [--show]"
        )
        raise
    return Seeded.steps
