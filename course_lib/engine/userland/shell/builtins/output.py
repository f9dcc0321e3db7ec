"""Builtins that are programs as well: ``echo`` and ``printf``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.engine.userland.applets import printing
from course_lib.engine.userland.shell import arrays

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell


async def echo(shell: Shell, argv: list[str]) -> int:
    """Print the arguments."""
    await shell.proc.out(printing.echo_text(argv[1:]))
    return 0


async def printf(shell: Shell, argv: list[str]) -> int:
    """Print formatted."""
    if argv[1:] in ([], ["--"]):
        await shell.proc.err(f"{shell.arg0_name()}: usage: printf FORMAT [ARGUMENT...]\n")
        return 2
    if shell.bash:
        return await _bash_printf(shell, argv[1:])
    return await printing.run_printf(shell.proc, argv[1:], shell.arg0_name())


async def _bash_printf(shell: Shell, words: list[str]) -> int:
    """Also ``%q``, and with ``-v NAME`` into a variable."""
    name = None
    if words[:1] == ["-v"] and len(words) > 2:
        name, words = words[1], words[2:]
    if words[:1] == ["--"]:
        words = words[1:]
    data, errors, status = printing.formatted(words[0], words[1:], quoting=True)
    if name is None:
        await shell.proc.out(data)
    else:
        text = data.decode("utf-8", "surrogateescape")
        arrays.write(shell, name, text)
    for message in errors:
        await shell.complain(message, "printf")
    return status
