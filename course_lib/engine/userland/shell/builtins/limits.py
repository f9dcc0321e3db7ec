"""``umask``, ``ulimit`` and ``times``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.engine.userland.modes import parse_mode, symbolic
from course_lib.engine.userland.shell.errors import ShellError

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell

# What runc gives a container, with dockerd's defaults: what it is, the unit, the value.
_LIMITS: dict[str, tuple[str, str, str]] = {
    "c": ("core file size", "blocks", "unlimited"), "d": ("data seg size", "kb", "unlimited"),
    "e": ("scheduling priority", "", "0"), "f": ("file size", "blocks", "unlimited"),
    "l": ("max locked memory", "kb", "8192"), "m": ("max memory size", "kb", "unlimited"),
    "n": ("open files", "", ""), "r": ("real-time priority", "", "0"),
    "s": ("stack size", "kb", "8192"), "t": ("cpu time", "seconds", "unlimited"),
    "u": ("max user processes", "", "unlimited"), "v": ("virtual memory", "kb", "unlimited"),
    "x": ("file locks", "", "unlimited"),
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
    """Show and set limits: that of open files, which holds for redirections, and that of core
    files, which nothing writes. To set another one is refused."""
    letters = ""
    values = []
    for word in argv[1:]:
        if word.startswith("-") and len(word) > 1:
            letters += word[1:]
        else:
            values.append(word)
    hard, soft = "H" in letters, "S" in letters
    letters = letters.replace("H", "").replace("S", "")
    if "a" in letters:
        for letter, (text, unit, _) in _LIMITS.items():
            await shell.proc.out(f"{_named(shell, letter, text, unit)} {_value(shell, letter)}\n")
        return 0
    for letter in letters or "f":
        if letter not in _LIMITS:
            if shell.bash:
                await shell.complain(f"-{letter}: invalid option", "ulimit")
                return 2
            await shell.proc.err(f"ulimit: invalid option -- '{letter}'\n")
            return 1
        if values and not await _set(shell, letter, values[-1], hard=hard, soft=soft):
            return 1
        if not values:
            await shell.proc.out(f"{_value(shell, letter, hard=hard)}\n")
    return 0


def _named(shell: Shell, letter: str, text: str, unit: str) -> str:
    if not shell.bash:
        return f"{f'{text} ({unit})' if unit else text:<31} (-{letter})"
    given = f"{'kbytes' if unit == 'kb' else unit}, " if unit else ""
    return f"{text}{f'({given}-{letter})':>{40 - len(text)}}"


def _value(shell: Shell, letter: str, *, hard: bool = False) -> str:
    if letter == "c":
        return shell.core_limit
    if letter == "n":
        return str(shell.proc.open_files[hard])
    return _LIMITS[letter][2]


async def _set(shell: Shell, letter: str, value: str, *, hard: bool, soft: bool) -> bool:
    """Set a limit; without one of the two options the soft and the hard one."""
    if not value.isdigit() and value not in ("unlimited", "hard", "soft"):
        if shell.bash:
            await shell.complain(f"{value}: invalid number", "ulimit")
        else:
            await shell.proc.err(f"{shell.arg0}: invalid number '{value}'\n")
        return False
    before = shell.proc.open_files
    if letter == "c":
        shell.core_limit = value
        return True
    if letter == "n" and value != "unlimited":
        number = int(value) if value.isdigit() else before[value == "hard"]
        if number <= before[1]:
            both = hard == soft
            shell.proc.open_files = (
                number if soft or both else before[0], number if hard or both else before[1]
            )  # fmt: skip
            return True
    if shell.bash:
        name = _LIMITS[letter][0]
        await shell.complain(f"{name}: cannot modify limit: Operation not permitted", "ulimit")
    else:
        await shell.proc.err(f"{shell.arg0}: error setting limit: Operation not permitted\n")
    return False


async def times(shell: Shell, _argv: list[str]) -> int:
    """CPU time of the shell and of its children."""
    for used in (shell.proc.cpu, shell.proc.children_cpu):
        await shell.proc.out(f"{int(used // 60)}m{used % 60:.3f}s 0m0.000s\n")
    return 0
