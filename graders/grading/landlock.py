"""Landlock: files and processes that a student's code cannot reach, without any namespace.

The second line where the system lets nobody make namespaces: Linux 5.13 and newer let any process
give up rights for itself and all that it starts. See ``landlock(7)``; numbers from
``<linux/landlock.h>``.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from course_lib import syscalls

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
"""The same on all architectures."""
_BENEATH = 1
_EXECUTE, _READ, _LIST = 1, 4, 8
_OF_FILES = 1 | 2 | 4 | 1 << 14 | 1 << 15
"""Execute, write, read, truncate, ioctl: what makes sense for a file alone."""
_SCOPED = 1 | 2
"""Abstract sockets and signals reach those under the same restriction only."""
READ_ONLY = _EXECUTE | _READ | _LIST
NAMES_ONLY = _LIST


@cache
def version() -> int:
    """The system's version of Landlock; 0 where it has none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(syscalls.libc().syscall(_CREATE, None, 0, 1)))


def restrict(rules: Iterable[tuple[Path, int]], writable: Iterable[Path]) -> bool:
    """Leave this process those paths, with all below them, and no others: whether that worked.

    ``no_new_privs`` has to be set. Signals are kept in from version 6 on (Linux 6.12).

    :param rules: paths, and what may be done there (:data:`READ_ONLY`, :data:`NAMES_ONLY`).
    :param writable: paths where anything may be done. What does not exist is left out.
    """
    found = version()
    if not found:
        return False
    everything = _everything(found)
    attributes = struct.pack("QQQ", everything, 0, _SCOPED)[: _size(found)]
    ruleset = _call(_CREATE, attributes, len(attributes), 0)
    try:
        for path, rights in [*rules, *((path, everything) for path in writable)]:
            _allow(ruleset, path, rights & everything)
        _call(_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)
    return True


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not path.is_dir():
            rights &= _OF_FILES
        _call(_ADD_RULE, ruleset, _BENEATH, struct.pack("=Qi", rights, descriptor), 0)
    finally:
        os.close(descriptor)


def _everything(found: int) -> int:
    """All rights to files that this version knows."""
    bits = 13 + (found >= 2) + (found >= 3) + (found >= 5)
    return (1 << bits) - 1


def _size(found: int) -> int:
    return 24 if found >= 6 else 16 if found >= 4 else 8


def _call(number: int, *words: bytes | int) -> int:
    result = int(syscalls.libc().syscall(number, *words))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), "landlock")
    return result
