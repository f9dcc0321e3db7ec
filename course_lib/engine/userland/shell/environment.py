"""What a shell knows when it begins: its environment, and variables that are computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from course_lib.engine.userland.shell.splitting import DEFAULT_IFS
from course_lib.engine.userland.shell.variables import NAME

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell

ASH_PATH = "/sbin:/usr/sbin:/bin:/usr/bin"
"""What ash looks through where nobody has set a ``PATH``."""


def take_over(shell: Shell, env: Mapping[str, str]) -> None:
    """Take over the environment, and set what every shell has."""
    for name, value in env.items():
        if NAME.match(name):
            shell.variables.set(name, value, export=True)
    shell.variables.set("IFS", DEFAULT_IFS)
    if not shell.bash and shell.variables.get("PATH") is None:
        shell.variables.set("PATH", ASH_PATH, export=True)
    for name, value in (("PS1", "\\w \\$ "), ("PS2", "> "), ("PS4", "+ "), ("OPTIND", "1")):
        if shell.variables.get(name) is None or name == "OPTIND":
            shell.variables.set(name, value)
    shell.variables.set("PPID", str(shell.proc.ppid))
    level = env.get("SHLVL", "")
    shell.variables.set("SHLVL", str(int(level) + 1 if level.isdigit() else 1), export=True)
    shell.variables.set("PWD", _initial_directory(shell, env.get("PWD")))
    shell.variables.mark("PWD", exported=True)
    add_dynamic(shell)


def add_dynamic(shell: Shell) -> None:
    """Variables that are computed when they are read."""
    random = shell.machine.ids.random
    shell.variables.dynamic["RANDOM"] = lambda: str(random.randrange(32768))
    shell.variables.dynamic["LINENO"] = lambda: str(shell.line)
    if shell.bash:
        _add_bashs(shell)


def _add_bashs(shell: Shell) -> None:
    clock = shell.machine.clock
    begun = clock.time_ns()
    dynamic = shell.variables.dynamic
    dynamic["SECONDS"] = lambda: str((clock.time_ns() - begun) // 1_000_000_000)
    dynamic["EPOCHSECONDS"] = lambda: str(clock.time_ns() // 1_000_000_000)
    dynamic["BASHPID"] = lambda: str(shell.proc.pid)
    dynamic["UID"] = dynamic["EUID"] = lambda: str(shell.proc.uid)
    dynamic["HOSTNAME"] = lambda: shell.machine.hostname
    dynamic["BASH"] = lambda: "/bin/bash"
    shell.variables.dynamic_elements["PIPESTATUS"] = lambda: shell.pipe_statuses
    shell.variables.dynamic_elements["FUNCNAME"] = lambda: shell.calls[::-1]


def _initial_directory(shell: Shell, claimed: str | None) -> str:
    fs = shell.proc.fs
    try:
        if claimed and claimed.startswith("/"):
            there, here = fs.stat(claimed), fs.stat(shell.proc.cwd)
            if (there.dev, there.ino) == (here.dev, here.ino):
                return claimed
        return fs.realpath(shell.proc.cwd)
    except OSError:
        return shell.proc.cwd
