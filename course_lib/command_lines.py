"""Lines that begin with ``!``, without what makes each of them slow.

IPython runs them on a pseudo-terminal (pexpect, ptyprocess). A lesson has fifty such lines, and
some things in each take as long as the command, or longer:

- The kernel's process is copied, to be replaced by a shell at once: with matplotlib in it that is
  15 ms for the copy, and as much again for the Python that runs in it until then. A process that is
  *spawned* has no copy. (Linux alone: elsewhere a terminal is not to be had without code of ours
  between copy and command.)
- A shell comes up to start the command. Of ``docker`` and plain words it makes nothing else than
  the same words.
- When IPython has read the last of the output it waits for the end of the command, so that there is
  an exit status. Then ptyprocess, on giving up the terminal, sleeps 0.1 s "to let the process end",
  which it has.

And one thing is wrong in it, which a busy machine brings about: output is lost (see `_hastened`).
"""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import signal
import sys
import termios
from collections.abc import Mapping
from functools import cache
from pathlib import PurePath
from typing import Any

_COMMAND = "docker"
_WORD = r"""(?:[\w@%+=:,./-]|'[^']*'|"[^"$`\\!]*")+"""
_PLAIN = re.compile(rf"[ \t]*{_COMMAND}(?:[ \t]+{_WORD})*[ \t]*", re.ASCII)
"""Nothing that a shell replaces, joins or redirects."""
_SHELLS = ("sh", "bash", "dash")


def hasten() -> None:
    """Let ``!`` lines of this process start quickly, and return as soon as their command ended."""
    import pexpect

    if not getattr(pexpect.spawn, "hastened", False):
        pexpect.spawn = _hastened(pexpect.spawn)  # type: ignore[misc]


@cache
def _hastened(spawn: Any) -> Any:
    from pexpect import EOF

    class Spawn(spawn):  # type: ignore[misc]
        hastened = True

        def _spawnpty(self, args: Any, **words: Any) -> Any:
            plain = words == {"env": None, "cwd": None, "echo": True, "preexec_fn": None}
            if plain and sys.platform == "linux":
                try:
                    process = _spawned(*without_shell(args, os.environ))
                except OSError:  # a script that does not say by what it is read: shells know
                    process = _spawned(args[0], args)
            else:
                process = super()._spawnpty(args, **words)
            process.delayafterclose = 0
            return process

        def read_nonblocking(self, size: int = 1, timeout: float = -1) -> bytes:
            """As there; and the end is the end of the output, not of the process.

            pexpect waits for output, in vain, and then asks whether the process lives. It may have
            written and ended in between: what it wrote is there, and pexpect calls it the end.
            """
            try:
                return bytes(super().read_nonblocking(size, timeout))
            except EOF:
                if not select.select([self.child_fd], [], [], 0)[0]:
                    raise
            try:
                return os.read(self.child_fd, size)
            except OSError as error:  # EIO: nothing more, on Linux
                raise EOF(str(error)) from None  # type: ignore[no-untyped-call]

    return Spawn


def without_shell(
    arguments: list[str | bytes], environ: Mapping[str, str]
) -> tuple[str | bytes, list[str | bytes]]:
    """The program to start for ``SHELL -c COMMAND``, and its arguments.

    The shell with its own, where only that knows what the command means.
    """
    shell, *rest = map(os.fsdecode, arguments)
    plain = len(rest) == 2 and rest[0] == "-c" and _PLAIN.fullmatch(rest[1])
    # What bash reads before a command, and functions that it was given.
    told = "BASH_ENV" in environ or any(name.startswith("BASH_FUNC_") for name in environ)
    if plain and not told and PurePath(shell).name in _SHELLS:
        program = shutil.which(_COMMAND, path=environ.get("PATH"))
        if program is not None:
            return program, [*shlex.split(rest[1])]
    return arguments[0], arguments


def _spawned(program: str | bytes, arguments: list[str | bytes]) -> Any:
    """What ``PtyProcess.spawn`` gives, for a program that is named by its path."""
    from ptyprocess.ptyprocess import PtyProcess

    leader, follower = os.openpty()
    try:
        termios.tcsetwinsize(leader, (24, 80))  # as there
        # A leader of a session that opens a terminal has it for its own: Ctrl-C reaches it there.
        terminal = os.ttyname(follower)
        pid = os.posix_spawn(
            program, arguments, os.environ, setsid=True,
            # Whoever was started in the background ignores Ctrl-C; a command is not to.
            setsigdef=[signal.SIGINT],
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, terminal, os.O_RDWR, 0),
                (os.POSIX_SPAWN_DUP2, 0, 1),
                (os.POSIX_SPAWN_DUP2, 0, 2),
            ],
        )  # fmt: skip
    except OSError:
        os.close(leader)
        raise
    finally:
        os.close(follower)
    return PtyProcess(pid, leader)  # type: ignore[no-untyped-call]
