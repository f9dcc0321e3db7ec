"""Lines that begin with ``!``, without the tenth of a second that each of them sleeps.

IPython runs them on a pseudo-terminal (pexpect). When it has read the last of the output it waits
for the end of the command, so that there is an exit status. Then ptyprocess, on giving up the
terminal, sleeps 0.1 s "to let the process end", which it has. A lesson has fifty such lines.
"""

from __future__ import annotations

from functools import cache
from typing import Any


def hasten() -> None:
    """Let ``!`` lines of this process return as soon as their command has ended."""
    import pexpect

    if not getattr(pexpect.spawn, "hastened", False):
        pexpect.spawn = _hastened(pexpect.spawn)  # type: ignore[misc]


@cache
def _hastened(spawn: Any) -> Any:
    class Spawn(spawn):  # type: ignore[misc]
        hastened = True

        def _spawnpty(self, args: Any, **words: Any) -> Any:
            process = super()._spawnpty(args, **words)
            process.delayafterclose = 0
            return process

    return Spawn
