"""``docker diff``: what a container's writable layer changes in its image.

As dockerd reports it (moby ``pkg/archive``): a directory that is only there because something in
it changed counts as modified too; a file that was copied up and is as it was does not, and files
that the engine itself puts into every container are left out.
"""

from __future__ import annotations

import stat as statmod
from collections.abc import Sequence

from course_lib.engine.fs.inode import Inode
from course_lib.engine.fs.memory import OPAQUE, WHITEOUT
from course_lib.engine.fs.overlay import Change, RootFs, find_lower

MODIFIED, ADDED, DELETED = 0, 1, 2


def changes_of(rootfs: RootFs) -> list[Change]:
    """All changes, sorted by path."""
    upper = rootfs.root().upper
    if upper is None:
        return []
    found: list[Change] = []
    _collect(upper, tuple(layer.root() for layer in rootfs.layers), "", found)
    return sorted(found)


def _collect(upper: Inode, lowers: Sequence[Inode], path: str, found: list[Change]) -> bool:
    """Add the changes in one directory; whether there were any."""
    before = len(found)
    names = upper.names()
    if OPAQUE in names:
        kept = set(names)
        for name in {entry for lower in lowers for entry in lower.names()}:
            if name not in kept and not name.startswith(WHITEOUT) and find_lower(lowers, name):
                found.append(Change(f"{path}/{name}", DELETED))
    for name in names:
        if name.startswith(WHITEOUT * 2):
            continue
        if name.startswith(WHITEOUT):
            found.append(Change(f"{path}/{name[len(WHITEOUT) :]}", DELETED))
            continue
        child = upper.lookup(name)
        if child is None:
            continue
        _collect_child(child, find_lower(lowers, name), f"{path}/{name}", found)
    return len(found) > before


def _collect_child(child: Inode, below: tuple[Inode, ...], path: str, found: list[Change]) -> None:
    inside = False
    if child.is_directory():
        was_directory = bool(below) and below[0].is_directory()
        inside = _collect(child, below if was_directory else (), path, found)
    if not below:
        found.append(Change(path, ADDED))
    elif inside or _differs(child, below[0]):
        found.append(Change(path, MODIFIED))


def _differs(one: Inode, other: Inode) -> bool:
    """Whether a file shows that it was changed (moby ``statDifferent``).

    A directory does not by its time, and a time without a fraction is that of any in its second.
    """
    new, old = one.stat(), other.stat()
    if (new.mode, new.uid, new.gid) != (old.mode, old.uid, old.gid):
        return True
    if statmod.S_ISDIR(new.mode):
        return False
    seconds, fraction = divmod(new.mtime_ns, 10**9)
    old_seconds, old_fraction = divmod(old.mtime_ns, 10**9)
    same_time = seconds == old_seconds and (fraction == old_fraction or not fraction * old_fraction)
    return not same_time or new.size != old.size
