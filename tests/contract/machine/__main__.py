"""``python -m tests.contract.machine``: the state machine for as long as one likes."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from contextlib import ExitStack

from tests.contract import engines
from tests.contract.machine.running import run
from tests.contract.pairs import Pair


def main() -> int:
    """Run seed after seed; the exit code is 1 where the engines differed."""
    parser = argparse.ArgumentParser(prog="python -m tests.contract.machine", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="the first seed (default: by time)")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, one after the other")
    parser.add_argument("--examples", type=int, default=10, help="worlds per seed")
    parser.add_argument("--steps", type=int, default=50, help="steps per world")
    parser.add_argument("--shrink", action="store_true", help="look for the shortest way")
    parser.add_argument("--show", action="store_true", help="print each step")
    words = parser.parse_args()
    first = int(time.time()) if words.seed is None else words.seed
    total = failed = 0
    with ExitStack() as stack:
        pair = Pair(*(stack.enter_context(one()) for one in (engines.dockerd, engines.embedded)))
        for number in range(first, first + words.seeds):
            begun = time.monotonic()
            try:
                made = run(
                    pair, number, words.examples, words.steps, shrink=words.shrink, show=words.show
                )
            except Exception:
                failed += 1
                traceback.print_exc()
                continue
            total += made
            print(f"seed {number}: {made} steps, {time.monotonic() - begun:.1f} s", flush=True)
    print(f"{total} steps alike, {failed} of {words.seeds} seeds with a difference")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
