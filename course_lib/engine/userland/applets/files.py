"""Programs that work on files."""

from __future__ import annotations

import os

from course_lib.engine.interfaces import Process


async def cat(proc: Process) -> int:
    """Print files."""
    status = 0
    for name in proc.argv[1:] or ["-"]:
        try:
            file = proc.stdin if name == "-" else proc.fs.open(proc.path(name), os.O_RDONLY)
            while chunk := await file.read():
                await proc.out(chunk)
            if name != "-":
                file.close()
        except OSError as error:
            await proc.err(f"cat: can't open '{name}': {error.strerror}\n")
            status = 1
    return status
