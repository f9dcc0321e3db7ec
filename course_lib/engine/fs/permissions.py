"""Who may do what: Linux's permission bits, for the users of a container."""

from __future__ import annotations

import stat as statmod
from dataclasses import dataclass

from course_lib.engine.interfaces import FileStat

READ, WRITE, EXECUTE = 4, 2, 1


@dataclass(frozen=True, slots=True)
class Credentials:
    """User, group and further groups of a process."""

    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()

    @property
    def is_root(self) -> bool:
        return self.uid == 0

    def in_group(self, gid: int) -> bool:
        return gid == self.gid or gid in self.groups


ROOT = Credentials()


def permitted(stat: FileStat, who: Credentials, wanted: int) -> bool:
    """Whether ``who`` has all of the ``wanted`` bits (:data:`READ`, …) on a file.

    Root may do everything, except to execute a file that nobody may execute.
    """
    mode = stat.mode
    if who.uid == 0:
        return not wanted & EXECUTE or statmod.S_ISDIR(mode) or bool(mode & 0o111)
    if who.uid == stat.uid:
        bits = mode >> 6
    elif who.in_group(stat.gid):
        bits = mode >> 3
    else:
        bits = mode
    return bits & wanted == wanted


def may_remove(directory: FileStat, child: FileStat, who: Credentials) -> bool:
    """Whether the sticky bit of a directory lets ``who`` remove or rename that child."""
    if who.uid == 0 or not directory.mode & statmod.S_ISVTX:
        return True
    return who.uid in {child.uid, directory.uid}
