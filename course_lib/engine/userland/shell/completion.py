"""What Tab can make of the word before the cursor, by the rules of BusyBox's ``lineedit``."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING

from course_lib.engine.userland import loader, users
from course_lib.engine.userland.shell import builtins

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell

_PIECE = re.compile(r"""\\(.)|'([^']*)'?|"([^"]*)"?|(.)""", re.DOTALL)
# Behind these a command begins; not in ``>&``, ``<&`` and ``>|``.
_COMMAND_BEGINS = re.compile(r"[;({`]|(?<![<>])&|(?<!>)\|")
_WORD_BEGINS = " <>|&="

_HIDDEN = "\x00"
"""Stands for a quoted character where only signs of the shell are looked for."""


def completions(shell: Shell, text: str) -> tuple[str, list[str]]:
    """The beginning of a name at the end of ``text``, unquoted, and the names it can become.

    Names are without their directory; those of directories end with a slash.
    """
    plain, signs = _unquote(text)
    start = max((match.end() for match in _COMMAND_BEGINS.finditer(signs)), default=0)
    start += len(signs[start:]) - len(signs[start:].lstrip(" "))
    command = signs[start:]
    word_start = 1 + max(signs.rfind(sign) for sign in _WORD_BEGINS)
    word = plain[max(start, word_start) :]
    if re.search("[ <>]", command):
        only_directories = plain[start:].startswith("cd ") and not re.search("[ <>]", command[3:])
        return _files(shell, word, only_directories=only_directories)
    if "/" in word:
        return _files(shell, word, only_directories=False)
    return word, _commands(shell, word)


def _unquote(text: str) -> tuple[str, str]:
    """The text without quotes, and the same with what was quoted hidden."""
    plain = signs = ""
    for match in _PIECE.finditer(text):
        escaped, single, double, char = match.groups()
        quoted = next((part for part in (escaped, single, double) if part is not None), None)
        plain += char if quoted is None else quoted
        signs += char if quoted is None else _HIDDEN * len(quoted)
    return plain, signs


def _commands(shell: Shell, prefix: str) -> list[str]:
    fs = shell.proc.fs
    names = {*builtins.all_names(shell), *shell.functions, *shell.aliases}
    for folder in (shell.variables.get("PATH") or loader.DEFAULT_PATH).split(":"):
        try:
            names.update(fs.listdir(shell.proc.path(folder or ".")))
        except OSError:
            continue
    names.update(name for name in _entries(shell, ".", prefix) if name.endswith("/"))
    return sorted(name for name in names if name.startswith(prefix))


def _files(shell: Shell, word: str, *, only_directories: bool) -> tuple[str, list[str]]:
    folder, slash, prefix = word.rpartition("/")
    if word.startswith("~") and not slash:
        names = (user.name for user in users.users(shell.machine.fs))
        found = sorted({f"~{name}/" for name in names if name.startswith(word[1:])})
        if found:
            return word, found
    if folder.startswith("~"):
        folder = _home(shell, folder)
    entries = _entries(shell, folder + slash or ".", prefix)
    return prefix, sorted(name for name in entries if name.endswith("/") or not only_directories)


def _entries(shell: Shell, folder: str, prefix: str) -> Iterator[str]:
    """Names in a directory that begin with ``prefix``."""
    fs = shell.proc.fs
    base = shell.proc.path(folder)
    try:
        names = fs.listdir(base)
    except OSError:
        return
    for name in names:
        if name.startswith(prefix):
            try:
                mode = fs.stat(f"{base.rstrip('/')}/{name}").mode
            except OSError:
                mode = stat.S_IFREG
            yield name + "/" * stat.S_ISDIR(mode)


def _home(shell: Shell, folder: str) -> str:
    """``~`` or ``~user`` at the beginning of a path, replaced where there is such a user."""
    name, slash, rest = folder[1:].partition("/")
    user = users.user_by_name(shell.machine.fs, name) if name else None
    home = user.home if user else None if name else shell.variables.get("HOME")
    return folder if home is None else home + slash + rest
