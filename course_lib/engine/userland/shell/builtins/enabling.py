"""bash's ``enable``: which of its commands it runs itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.engine.userland.shell import builtins

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell


async def enable(shell: Shell, argv: list[str]) -> int:
    """Switch builtins off and on again, or list them."""
    words = argv[1:]
    letters = ""
    while words and words[0].startswith("-") and len(words[0]) > 1:
        letters += words.pop(0)[1:]
    for letter in letters:
        if letter not in "anps":
            known = letter in "df"
            reason = "loadable builtins are not available here" if known else "invalid option"
            await shell.complain(f"-{letter}: {reason}", "enable")
            return 1 if known else 2
    off = "n" in letters
    if not words or "p" in letters:
        for name in builtins.all_names(shell):
            disabled = name in shell.disabled
            if ("a" in letters or disabled == off) and (
                "s" not in letters or (builtins.is_special(name) and name != "local")
            ):
                await shell.proc.out(f"enable {'-n ' if disabled else ''}{name}\n")
        return 0
    status = 0
    for name in words:
        if name not in builtins.all_names(shell):
            await shell.complain(f"{name}: not a shell builtin", "enable")
            status = 1
        elif off:
            shell.disabled |= {name}
        else:
            shell.disabled -= {name}
    return status
