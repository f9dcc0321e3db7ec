"""What ``find`` may ask about a file: ``-name``, ``-size``, ``-newer`` and their kin.

A test is made of the word's argument and then asked about one file after the other. Files have one
time here, that of their last change, so there is neither ``-atime`` nor ``-ctime``.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Awaitable, Callable

from course_lib.engine.interfaces import FileStat
from course_lib.engine.userland.applets.common import (
    Fail,
    base_name,
    group_id,
    integer,
    is_gnu,
    reason,
    user_id,
)
from course_lib.engine.userland.modes import parse_mode
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.shell import patterns

_TYPES: dict[str, Callable[[int], bool]] = {
    "f": stat.S_ISREG, "d": stat.S_ISDIR, "l": stat.S_ISLNK, "b": stat.S_ISBLK,
    "c": stat.S_ISCHR, "p": stat.S_ISFIFO, "s": stat.S_ISSOCK,
}  # fmt: skip
_UNITS = {"": 512, "b": 512, "c": 1, "w": 2, "k": 1024, "M": 1 << 20, "G": 1 << 30}


class Here:
    """The file that an expression is asked about.

    :ivar prune: set by ``-prune``: what is below it is not looked at.
    """

    __slots__ = ("depth", "found", "path", "prune")

    def __init__(self, path: str, found: FileStat, depth: int) -> None:
        self.path = path
        self.found = found
        self.depth = depth
        self.prune = False


Test = Callable[[Here], Awaitable[bool]]


def at_once(fits: Callable[[Here], bool]) -> Test:
    """A test for which there is nothing to wait."""

    async def test(here: Here) -> bool:
        return fits(here)

    return test


def constant(value: bool) -> Test:
    """``-true``, ``-false``, and what is a setting rather than a test."""
    return at_once(lambda _here: value)


def _name(_proc: ContainerProcess, pattern: str) -> Test:
    return at_once(lambda here: patterns.matches(pattern, base_name(here.path)))


def _iname(_proc: ContainerProcess, pattern: str) -> Test:
    low = pattern.lower()
    return at_once(lambda here: patterns.matches(low, base_name(here.path).lower()))


def _path(_proc: ContainerProcess, pattern: str) -> Test:
    return at_once(lambda here: patterns.matches(pattern, here.path))


def _ipath(_proc: ContainerProcess, pattern: str) -> Test:
    low = pattern.lower()
    return at_once(lambda here: patterns.matches(low, here.path.lower()))


def _regex(_proc: ContainerProcess, text: str) -> Test:
    from course_lib.engine.userland import regex

    expression = regex.basic(text)
    return at_once(lambda here: expression.fullmatch(here.path) is not None)


def _type(_proc: ContainerProcess, letters: str) -> Test:
    kinds = [kind for letter in letters.split(",") if (kind := _TYPES.get(letter)) is not None]
    if len(kinds) < len(letters.split(",")):
        raise Fail(f"invalid argument '{letters}' to '-type'")
    return at_once(lambda here: any(kind(here.found.mode) for kind in kinds))


def _perm(_proc: ContainerProcess, text: str) -> Test:
    mode = parse_mode(text.lstrip("-/"), 0, is_directory=False, umask=0)
    if mode is None:
        raise Fail(f"invalid mode '{text}'")
    wanted = mode

    def fits(here: Here) -> bool:
        bits = stat.S_IMODE(here.found.mode)
        if text.startswith("-"):
            return bits & wanted == wanted
        if text.startswith("/"):
            return bool(bits & wanted) or not wanted
        return bits == wanted

    return at_once(fits)


def _number(text: str) -> Callable[[int], bool]:
    """``5``, ``+5`` (more than) or ``-5`` (less than)."""
    value = integer(text.lstrip("+-"))
    if text.startswith("+"):
        return lambda actual: actual > value
    if text.startswith("-"):
        return lambda actual: actual < value
    return lambda actual: actual == value


def _age(proc: ContainerProcess, text: str, unit: int) -> Test:
    """:param unit: in seconds, of which begun ones do not count."""
    fits, now = _number(text), proc.machine.clock.time_ns()
    return at_once(lambda here: fits((now - here.found.mtime_ns) // (unit * 1_000_000_000)))


def _mtime(proc: ContainerProcess, text: str) -> Test:
    return _age(proc, text, 86400)


def _mmin(proc: ContainerProcess, text: str) -> Test:
    return _age(proc, text, 60)


def _stat(proc: ContainerProcess, name: str) -> FileStat:
    try:
        return proc.fs.stat(proc.path(name))
    except OSError as error:
        raise Fail(f"can't stat '{name}': {reason(error)}") from None


def _newer(proc: ContainerProcess, name: str) -> Test:
    limit = _stat(proc, name).mtime_ns
    return at_once(lambda here: here.found.mtime_ns > limit)


def _same_file(proc: ContainerProcess, name: str) -> Test:
    other = _stat(proc, name)
    return at_once(lambda here: (here.found.dev, here.found.ino) == (other.dev, other.ino))


def _size(proc: ContainerProcess, text: str) -> Test:
    match = re.fullmatch(r"([+-]?\d+)([bcwkMG]?)", text)
    if match is None:
        raise Fail(f"invalid number '{text}'")
    unit = _UNITS[match[2]]
    if is_gnu(proc):
        fits = _number(match[1])
    else:  # BusyBox counts bytes
        sign = match[1][0] if match[1][0] in "+-" else ""
        fits = _number(f"{sign}{int(match[1].lstrip('+-')) * unit}")
        unit = 1
    return at_once(lambda here: fits(-(-here.found.size // unit)))


def _links(_proc: ContainerProcess, text: str) -> Test:
    fits = _number(text)
    return at_once(lambda here: fits(here.found.nlink))


def _inum(_proc: ContainerProcess, text: str) -> Test:
    fits = _number(text)
    return at_once(lambda here: fits(here.found.ino))


def _user(proc: ContainerProcess, name: str) -> Test:
    uid = user_id(proc, name)
    return at_once(lambda here: here.found.uid == uid)


def _group(proc: ContainerProcess, name: str) -> Test:
    gid = group_id(proc, name)
    return at_once(lambda here: here.found.gid == gid)


def _empty(proc: ContainerProcess) -> Test:
    def fits(here: Here) -> bool:
        if stat.S_ISDIR(here.found.mode):
            return not proc.fs.listdir(proc.path(here.path))
        return stat.S_ISREG(here.found.mode) and here.found.size == 0

    return at_once(fits)


def _executable(proc: ContainerProcess) -> Test:
    return at_once(lambda here: proc.fs.access(proc.path(here.path), os.X_OK))


WITH_ARGUMENT: dict[str, Callable[[ContainerProcess, str], Test]] = {
    "-name": _name, "-iname": _iname, "-path": _path, "-ipath": _ipath, "-regex": _regex,
    "-type": _type, "-perm": _perm, "-mtime": _mtime, "-mmin": _mmin, "-newer": _newer,
    "-samefile": _same_file, "-size": _size, "-links": _links, "-inum": _inum, "-user": _user,
    "-group": _group,
}  # fmt: skip
"""Tests of a word with an argument; they raise :class:`Fail` where that makes no sense."""

ALONE: dict[str, Callable[[ContainerProcess], Test]] = {
    "-empty": _empty,
    "-executable": _executable,
    "-true": lambda _proc: constant(True),
    "-false": lambda _proc: constant(False),
}
"""Tests of a word alone."""
