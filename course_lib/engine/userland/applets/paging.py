"""``more``."""

from __future__ import annotations

from course_lib.engine.interfaces import OpenFile
from course_lib.engine.userland.applets.common import (
    Options,
    UsageError,
    byte_lines,
    open_input,
    program,
    reason,
)
from course_lib.engine.userland.process import ContainerProcess


@program("", "[FILE]...", "View FILE (or stdin) one screenful at a time")
async def more(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Print files; at a terminal wait after each screenful."""
    from course_lib.engine.userland.tty import terminal_of

    terminal = terminal_of(proc.stdout)
    keys = next((f for f in (proc.stderr, proc.stdin) if terminal_of(f)), None)
    height = (terminal.size[0] or 24) - 1 if terminal else 0
    status = 0
    shown = 0
    for name in words or ["-"]:
        if name == "-" and proc.stdin.isatty():
            raise UsageError
        try:
            file = open_input(proc, name)
        except OSError as error:
            await proc.err(f"more: {name}: {reason(error)}\n")
            status = 1
            continue
        async for line in byte_lines(proc, file):
            if terminal is not None and keys is not None and shown >= height:
                key = await _more_key(proc, keys)
                if key in (b"q", b"\x03", b""):
                    return status
                shown = height - 1 if key in (b"\r", b"\n") else 0
            await proc.out(line)
            shown += 1
        file.close()
    return status


async def _more_key(proc: ContainerProcess, keys: OpenFile) -> bytes:
    from course_lib.engine.userland.tty import terminal_of

    terminal = terminal_of(keys)
    assert terminal is not None
    before = terminal.attributes
    await proc.out("--More-- ")
    terminal.set_attributes(before.raw())
    try:
        return await keys.read(1)
    finally:
        terminal.set_attributes(before)
        await proc.out("\r        \r")
