"""The shell and the tools of a BusyBox container say the same on both engines, word for word.

Some two thousand pieces of script, in the files of ``cases/``; each batch runs in one container,
those for bash in one of Debian's.
"""

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


def plain(result: Result) -> Result:
    """A result without what BusyBox and we word differently on purpose: usage."""
    return Result(result.code, result.out, _USAGE.sub(r"usage of \1", result.err))


@pytest.mark.timeout(400)  # hundreds of processes, on a machine that may be busy
@pytest.mark.parametrize("batch", BATCHES)
def test_scripts_say_the_same(pair: Pair, batch: str) -> None:
    given = scripts(batch)
    room = ("nginx", "bash") if batch.startswith("bash") else ("alpine", "sh")
    theirs, ours = pair.on_both(lambda bench: play(bench, given, *room))
    wrong = [
        f"{script}\n  dockerd:  {plain(its)}\n  embedded: {plain(mine)}"
        for script, its, mine in zip(given, theirs, ours, strict=True)
        if plain(its) != plain(mine)
    ]
    assert not wrong, f"{len(wrong)} of {len(given)} scripts differ:\n" + "\n".join(wrong)


def test_there_are_scripts_enough() -> None:
    assert sum(len(scripts(batch)) for batch in BATCHES) >= 850
