"""``trap``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.engine.userland import signals
from course_lib.engine.userland.shell.builtins.variables import single_quoted
from course_lib.engine.userland.shell.errors import ShellError
from course_lib.engine.userland.shell.shell import ERR

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell


_NAMES = {0: "EXIT", ERR: "ERR"}


def _parse(word: str) -> int | None:
    return ERR if word.upper() == "ERR" else signals.parse(word)


async def trap(shell: Shell, argv: list[str]) -> int:
    """Say what runs when a signal comes or the shell ends."""
    words = argv[1:]
    if words[:1] == ["--"]:
        words = words[1:]
    if words and words[0][:1] == "-" and len(words[0]) > 1 and not shell.bash:
        raise ShellError(f"illegal option {words[0][:2]}", command="trap")
    if words[:1] == ["-l"]:
        for number, name in sorted(signals.NAMES.items()):
            await shell.proc.out(f"{number:>2}) {name}\n")
        return 0
    if not words or words == ["-p"]:
        for number, text in sorted(shell.traps.items()):
            name = _NAMES.get(number) or signals.name_of(number)
            if shell.bash and number not in _NAMES:
                name = f"SIG{name}"
            await shell.proc.out(f"trap -- {single_quoted(text)} {name}\n")
        return 0
    action: str | None = None
    if len(words) > 1 and not (words[0].isdigit() and _parse(words[0]) is not None):
        action = None if words[0] == "-" else words[0]
        words = words[1:]
    elif len(words) == 1 and not words[0].isdigit() and _parse(words[0]) is None:
        await shell.complain(f"{words[0]}: invalid signal specification", "trap")
        return 1
    status = 0
    for word in words:
        signum = _parse(word)
        if signum is None:
            await shell.complain(f"{word}: invalid signal specification", "trap")
            status = 1
            continue
        shell.set_trap(signum, action)
    return status
