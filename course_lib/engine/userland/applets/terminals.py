"""Programs about the terminal."""

from __future__ import annotations

from course_lib.engine.userland.applets.common import Fail, Options, integer, program
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


@program(
    "aF:g",
    "[-a|g] [-F DEVICE] [SETTING]...",
    "Without arguments, prints baud rate, line discipline, and deviations from stty sane",
    permute=False,
)
async def stty(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Show or change the settings of the terminal."""
    from dataclasses import replace

    from course_lib.engine.userland.tty import Attributes, terminal_of

    terminal = terminal_of(proc.stdin)
    if terminal is None:
        raise Fail("standard input: Not a tty")
    mode = terminal.attributes
    rows, columns = terminal.size
    if not words:
        flags = {"icanon": mode.icanon, "echo": mode.echo, "isig": mode.isig, "icrnl": mode.icrnl,
                 "opost": mode.opost}  # fmt: skip
        size_text = f" rows {rows}; columns {columns};" if "a" in options else ""
        await proc.out(f"speed 38400 baud;{size_text} line = 0;\n")
        shown = [n if on else f"-{n}" for n, on in flags.items() if "a" in options or not on]
        if shown:
            await proc.out(" ".join(shown) + "\n")
        return 0
    words = list(words)
    while words:
        word = words.pop(0)
        name, on = word.removeprefix("-"), not word.startswith("-")
        if word == "size":
            await proc.out(f"{rows} {columns}\n")
        elif word in ("rows", "cols", "columns") and words:
            value = integer(words.pop(0), low=0)
            size = terminal.size
            terminal.resize(*((value, size[1]) if word == "rows" else (size[0], value)))
        elif word == "sane" or word in ("cooked", "-raw"):
            mode = Attributes()
        elif word == "raw":
            mode = replace(mode.raw(), opost=False)
        elif name in ("icanon", "echo", "isig", "icrnl", "opost"):
            mode = replace(mode, **{name: on})
        elif name in ("echoe", "echok", "echoctl", "iexten", "ixon", "onlcr", "echoke", "icrnl"):
            continue
        else:
            raise Fail(f"invalid argument '{word}'")
    terminal.set_attributes(mode)
    return 0
