"""Programs that print or transform text."""

from __future__ import annotations

from course_lib.engine.interfaces import Process


async def echo(proc: Process) -> int:
    """Print the arguments."""
    words = proc.argv[1:]
    newline = True
    if words[:1] == ["-n"]:
        newline = False
        words = words[1:]
    await proc.out(" ".join(words) + ("\n" if newline else ""))
    return 0
