"""``trap``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.engine.userland import signals
from course_lib.engine.userland.shell.builtins.variables import single_quoted
from course_lib.engine.userland.shell.errors import ShellError

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell


async def trap(shell: Shell, argv: list[str]) -> int:
    """Say what runs when a signal comes or the shell ends."""
    words = argv[1:]
    if words[:1] == ["--"]:
        words = words[1:]
    if words[:1] == ["-l"]:
        for number, name in sorted(signals.NAMES.items()):
            await shell.proc.out(f"{number:>2}) {name}\n")
        return 0
    if not words or words == ["-p"]:
        for number, text in sorted(shell.traps.items()):
            name = "EXIT" if number == 0 else signals.name_of(number)
            if shell.bash and number:
                name = f"SIG{name}"
            await shell.proc.out(f"trap -- {single_quoted(text)} {name}\n")
        return 0
    action: str | None = None
    if len(words) > 1 and not (words[0].isdigit() and signals.parse(words[0]) is not None):
        action = None if words[0] == "-" else words[0]
        words = words[1:]
    elif len(words) == 1 and not words[0].isdigit() and signals.parse(words[0]) is None:
        raise ShellError(f"{words[0]}: invalid signal specification", 1, command="trap")
    status = 0
    for word in words:
        signum = signals.parse(word)
        if signum is None:
            await shell.complain(f"{word}: invalid signal specification", "trap")
            status = 1
            continue
        shell.set_trap(signum, action)
    return status
