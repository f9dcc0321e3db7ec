"""From a path to something that can run: ``execve(2)`` of the emulated kernel."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass

from course_lib.engine.interfaces import Applet, FileSystem
from course_lib.engine.userland import applets
from course_lib.engine.userland.files import os_error

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MARK = b"#!embedded "
_HEAD = 256
_MAX_INTERPRETERS = 5


@dataclass(frozen=True, slots=True)
class Program:
    """An applet to run and the arguments it gets."""

    applet: Applet
    argv: tuple[str, ...]
    path: str


def search(fs: FileSystem, name: str, path: str | None, cwd: str) -> str:
    """The file that ``name`` stands for, as ``execvp(3)`` finds it; may be relative to ``cwd``.

    :param path: the value of ``PATH``; None where it is not set.
    :raises OSError: ``ENOENT`` if there is no such file, ``EACCES`` if only unusable ones.
    """
    if not name:
        raise os_error(errno.ENOENT)
    if "/" in name:
        check_executable(fs, absolute(cwd, name))
        return name
    denied = False
    for folder in (DEFAULT_PATH if path is None else path).split(":"):
        candidate = f"{(folder or '.').rstrip('/')}/{name}"
        try:
            check_executable(fs, absolute(cwd, candidate))
        except OSError as error:
            denied = denied or error.errno == errno.EACCES
            continue
        return candidate
    raise os_error(errno.EACCES if denied else errno.ENOENT)


def absolute(cwd: str, path: str) -> str:
    """``path`` as seen from ``cwd``; ``.`` and ``..`` stay for the file system to walk."""
    if path.startswith("/"):
        return path
    return f"{cwd.rstrip('/')}/{path}"


def check_executable(fs: FileSystem, path: str) -> None:
    """Raise what ``execve`` would raise for a file that may not be executed."""
    found = fs.stat(path)
    if not stat.S_ISREG(found.mode) or not found.mode & 0o111 or not fs.access(path, os.X_OK):
        raise os_error(errno.EACCES)


async def load(
    fs: FileSystem, root: FileSystem, path: str, argv: Sequence[str], cwd: str
) -> Program:
    """Read the first line of an executable and find what it asks for.

    :param fs: the tree with the caller's permissions; ``root`` the same without limits, because
        an executable need not be readable.
    :raises OSError: ``ENOENT``, ``EACCES``, ``ENOEXEC``, ``ELOOP`` (too many interpreters).
    """
    arguments = list(argv)
    for _ in range(_MAX_INTERPRETERS):
        full = absolute(cwd, path)
        check_executable(fs, full)
        file = root.open(full, os.O_RDONLY)
        try:
            head = await file.read(_HEAD)
        finally:
            file.close()
        line = head.partition(b"\n")[0]
        if line.startswith(MARK):
            name = os.fsdecode(line[len(MARK) :]).strip()
            applet = applets.find(name)
            if applet is None:
                raise os_error(errno.ENOEXEC)
            return Program(applet, tuple(arguments), full)
        if not line.startswith(b"#!"):
            raise os_error(errno.ENOEXEC)
        words = os.fsdecode(line[2:]).strip(" \t").replace("\t", " ").split(" ", 1)
        if not words[0]:
            raise os_error(errno.ENOEXEC)
        # Linux passes all that follows the interpreter as one argument.
        arguments = [words[0], *(w.strip() for w in words[1:]), path, *arguments[1:]]
        path = words[0]
    raise os_error(errno.ELOOP)
