"""bash's ``time``: how long a pipeline took, in the form of ``TIMEFORMAT``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from course_lib.engine.userland.shell import interpreter
from course_lib.engine.userland.shell.errors import ShellExit

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.nodes import Timed
    from course_lib.engine.userland.shell.shell import Shell

_FORMAT = "\nreal\t%3lR\nuser\t%3lU\nsys\t%3lS"
_POSIX_FORMAT = "real %2R\nuser %2U\nsys %2S"
_DIRECTIVE = re.compile(r"%(?:(%)|(P)|([0-9]?)(l?)(.))", re.DOTALL)


async def timed(shell: Shell, node: Timed, *, tested: bool) -> int:
    """Run a command and tell how long it took; not where it ends a function."""
    clock, proc = shell.machine.clock, shell.proc
    started, used = clock.monotonic(), proc.cpu + proc.children_cpu
    end = None
    try:
        status = await interpreter.run(shell, node.body, tested=tested)
    except ShellExit as error:
        end, status = error, error.status
    seconds = {
        "R": clock.monotonic() - started,
        "U": proc.cpu + proc.children_cpu - used,
        "S": 0.0,
    }
    template = _POSIX_FORMAT if node.posix else shell.variables.get("TIMEFORMAT")
    await _tell(shell, _FORMAT if template is None else template, seconds)
    if end is not None:
        raise end
    return status


async def _tell(shell: Shell, template: str, seconds: dict[str, float]) -> None:
    def shown(match: re.Match[str]) -> str:
        percent, share, digits, long, letter = match.groups()
        if percent:
            return "%"
        if share:
            busy = seconds["U"] + seconds["S"]
            return f"{100 * busy / seconds['R'] if seconds['R'] else 0.0:.2f}"
        if letter not in seconds:
            raise ValueError(letter)
        return _duration(seconds[letter], min(3, int(digits or "3")), long=bool(long))

    try:
        text = _DIRECTIVE.sub(shown, template)
    except ValueError as error:
        await shell.complain(f"TIMEFORMAT: `{error}': invalid format character")
        return
    if template:
        await shell.proc.err(f"{text}\n")


def _duration(seconds: float, digits: int, *, long: bool) -> str:
    """Seconds, cut off behind so many digits; the long form with minutes."""
    whole, rest = divmod(int(seconds * 1000), 1000)
    part = f".{rest:03}"[: digits + 1] if digits else ""
    return f"{whole // 60}m{whole % 60}{part}s" if long else f"{whole}{part}"
