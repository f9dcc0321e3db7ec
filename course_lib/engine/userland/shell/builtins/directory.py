"""``cd`` and ``pwd``."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from course_lib.engine.userland.files import os_error
from course_lib.engine.userland.shell.errors import ShellError

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell


async def cd(shell: Shell, argv: list[str]) -> int:
    """Change the working directory."""
    words = argv[1:]
    physical = False
    while words and words[0].startswith("-") and len(words[0]) > 1:
        option = words.pop(0)
        if option == "--":
            break
        for letter in option[1:]:
            if letter not in "LP":
                raise ShellError(f"illegal option -{letter}", command=argv[0])
            physical = letter == "P"
    target = words[0] if words else shell.variables.get("HOME") or ""
    show = False
    if target == "-":
        target = shell.variables.get("OLDPWD") or ""
        show = True
        if not target:
            if shell.bash:
                await shell.complain("OLDPWD not set", argv[0])
                return 1
            target = shell.proc.cwd
    if not words and not target:
        if shell.bash:
            await shell.complain("HOME not set", argv[0])
            return 1
        return 0
    candidates = [target]
    if not target.startswith(("/", "./", "../")) and target not in (".", ".."):
        prefixes = (shell.variables.get("CDPATH") or "").split(":")
        candidates = [f"{p}/{target}" for p in prefixes if p] + candidates
    for number, candidate in enumerate(candidates):
        try:
            _change(shell, candidate, physical)
        except OSError as error:
            if number < len(candidates) - 1:
                continue
            if shell.bash:
                await shell.complain(f"{target}: {error.strerror}", argv[0])
            else:
                # ash raises here; as cd is no special builtin the shell goes on.
                await shell.complain(f"can't cd to {target}: {error.strerror}", argv[0])
            return 2 if not shell.bash else 1
        if show or number < len(candidates) - 1:
            await shell.proc.out(f"{shell.variables.get('PWD')}\n")
        return 0
    return 0


def _change(shell: Shell, target: str, physical: bool) -> None:
    fs = shell.proc.fs
    logical = shell.variables.get("PWD") or shell.proc.cwd
    if not target:
        return
    base = target if target.startswith("/") else f"{logical.rstrip('/')}/{target}"
    path = fs.realpath(shell.proc.path(target)) if physical else os.path.normpath(base)
    path = "/" + path.lstrip("/")
    found = fs.stat(path)
    if not stat.S_ISDIR(found.mode):
        raise os_error(errno.ENOTDIR)
    if not fs.access(path, os.X_OK):
        raise os_error(errno.EACCES)
    shell.variables.set("OLDPWD", logical, export=True)
    shell.variables.set("PWD", path, export=True)
    shell.proc.cwd = fs.realpath(path)


async def pwd(shell: Shell, argv: list[str]) -> int:
    """Print the working directory."""
    for word in argv[1:]:
        if word.startswith("-") and word.strip("-LP"):
            raise ShellError(f"illegal option -{word[1:2]}", command="pwd")
    if "-P" in argv[1:]:
        await shell.proc.out(f"{shell.proc.cwd}\n")
    else:
        await shell.proc.out(f"{shell.variables.get('PWD') or shell.proc.cwd}\n")
    return 0
