"""Programs about the system and its processes."""

from __future__ import annotations

from course_lib.engine.interfaces import Process


async def true(_proc: Process) -> int:
    """Succeed."""
    return 0


async def false(_proc: Process) -> int:
    """Fail."""
    return 1


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


async def sleep(proc: Process) -> int:
    """Wait for the sum of the given times."""
    if len(proc.argv) < 2:
        await proc.err("BusyBox v1.36.1 () multi-call binary.\n\nUsage: sleep [N]...\n")
        return 1
    total = 0.0
    for word in proc.argv[1:]:
        number, unit = (word[:-1], word[-1]) if word[-1:] in _UNITS else (word, "s")
        try:
            total += float(number) * _UNITS[unit]
        except ValueError:
            await proc.err(f"sleep: invalid number '{word}'\n")
            return 1
    await proc.sleep(total)
    return 0
