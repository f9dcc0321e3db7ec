"""Programs about the terminal."""

from __future__ import annotations

from course_lib.engine.userland.applets.common import Options, program
from course_lib.engine.userland.process import ContainerProcess


@program("", "", "Clear screen", most=0)
async def clear(proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Clear the terminal."""
    await proc.out("\x1b[H\x1b[J")
    return 0


@program("", "", "Reset terminal (ESC codes)")
async def reset(proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Bring the terminal back to its usual state."""
    from course_lib.engine.userland.tty import Attributes, terminal_of

    terminal = terminal_of(proc.stdout)
    if terminal is not None:
        terminal.set_attributes(Attributes())
        await proc.out("\x1bc\x1b(B\x1b[m\x1b[J\x1b[?25h")
    return 0


@program("s", "", "Print file name of stdin's terminal", long={"silent": "s", "quiet": "s"})
async def tty(proc: ContainerProcess, options: Options, _words: list[str]) -> int:
    """Say which terminal standard input is."""
    terminal = proc.stdin.isatty()
    if "s" not in options:
        await proc.out("/dev/pts/0\n" if terminal else "not a tty\n")
    return int(not terminal)
