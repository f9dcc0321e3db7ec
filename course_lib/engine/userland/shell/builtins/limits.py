"""``umask``, ``ulimit`` and ``times``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.engine.userland.modes import parse_mode, symbolic
from course_lib.engine.userland.shell.errors import ShellError

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell

# What runc gives a container, with dockerd's defaults; a block is 512 bytes.
_LIMITS: dict[str, tuple[str, str]] = {
    "t": ("cpu time (seconds)", "unlimited"), "f": ("file size (blocks)", "unlimited"),
    "d": ("data seg size (kb)", "unlimited"), "s": ("stack size (kb)", "8192"),
    "c": ("core file size (blocks)", "unlimited"), "m": ("resident set size (kb)", "unlimited"),
    "l": ("locked memory (kb)", "64"), "p": ("processes", "unlimited"),
    "n": ("file descriptors", "1048576"), "v": ("address space (kb)", "unlimited"),
    "w": ("locks", "unlimited"), "e": ("scheduling priority", "0"),
    "r": ("real-time priority", "0"),
}  # fmt: skip


async def umask(shell: Shell, argv: list[str]) -> int:
    """Show or set the bits that new files do not get."""
    words = argv[1:]
    show_symbolic = words[:1] == ["-S"]
    if show_symbolic:
        words = words[1:]
    if not words:
        mask = shell.proc.umask
        if show_symbolic:
            await shell.proc.out(symbolic(~mask & 0o777) + "\n")
        else:
            await shell.proc.out(f"{mask:04o}\n")
        return 0
    text = words[0]
    if text.isdigit():
        mode = int(text, 8) if all(c in "01234567" for c in text) else None
    else:
        changed = parse_mode(text, ~shell.proc.umask & 0o777, is_directory=False, umask=0)
        mode = None if changed is None else ~changed & 0o777
    if mode is None or mode > 0o777:
        raise ShellError(f"illegal mode: {text}", command="umask")
    shell.proc.umask = mode
    return 0


async def ulimit(shell: Shell, argv: list[str]) -> int:
    """Show limits; setting one is refused, but for that of core files, which nothing writes."""
    letters = ""
    values = []
    for word in argv[1:]:
        if word.startswith("-") and len(word) > 1:
            letters += word[1:].replace("H", "").replace("S", "")
        else:
            values.append(word)
    if "a" in letters:
        for letter, (text, value) in _LIMITS.items():
            await shell.proc.out(f"{text:<31} (-{letter}) {value}\n")
        return 0
    letters = letters or "f"
    for letter in letters:
        if letter not in _LIMITS:
            await shell.proc.err(f"ulimit: invalid option -- '{letter}'\n")
            return 1
        if values and letter == "c":
            shell.core_limit = values[-1]
            continue
        if values:
            raise ShellError("error setting limit: Operation not permitted", 1, command="ulimit")
        value = shell.core_limit if letter == "c" else _LIMITS[letter][1]
        await shell.proc.out(f"{value}\n")
    return 0


async def times(shell: Shell, _argv: list[str]) -> int:
    """CPU time of the shell and of its children."""
    used = shell.proc.cpu
    row = f"{int(used // 60)}m{used % 60:.3f}s 0m0.000s\n"
    await shell.proc.out(row + "0m0.000s 0m0.000s\n")
    return 0
