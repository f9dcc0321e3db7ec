"""A container's root file system: read-only layers under one writable directory.

The rules are those of the kernel's overlayfs: the topmost layer that has a name decides; a
directory shows the entries of all layers; a change to something below first copies it up; removing
something below leaves a whiteout. Renaming a directory that is not in the writable layer alone is
``EXDEV``, as with overlayfs' default (``redirect_dir=off``): ``mv`` then copies.

Whiteouts and opaque marks in the writable layer are the files of OCI layers (:mod:`.memory`), so
that a writable layer is a layer as soon as it is committed. Names that begin with ``.wh.`` can
therefore not be made in a container (``EPERM``).

The order of steps is such that an engine killed between two of them leaves either the old or the
new state: what is in the writable layer wins over a whiteout of the same name.
"""

from __future__ import annotations

import errno
import os
import stat as statmod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from course_lib.engine.fs.hostdir import HostInode, HostTree
from course_lib.engine.fs.inode import MAX_NAME, Inode, Tree, os_error
from course_lib.engine.fs.memory import OPAQUE, OVERLAY_DEVICE, WHITEOUT
from course_lib.engine.fs.owners import OwnerTable
from course_lib.engine.interfaces import FileStat, FileSystemUsage

if TYPE_CHECKING:
    from course_lib.engine.interfaces import OpenFile

_COPY_CHUNK = 1 << 20
_COPYING = f"{WHITEOUT}{WHITEOUT}copy"
"""What a file is called while it is copied up; only one is at a time."""


class Change(NamedTuple):
    """A line of ``docker diff``: kind 0 is modified, 1 added, 2 deleted."""

    path: str
    kind: int


class RootFs(Tree):
    """Layers and writable directory joined to one tree.

    Nothing is read or written when it is made; ``upper`` comes to be at the first change.

    :param layers: topmost first.
    :param upper: directory for all changes; owners and modes are recorded in ``upper.owners``
        beside it.
    :param read_only: as ``docker run --read-only``; mounts on it stay writable.
    :param created_ns: when the container was created. The topmost layer is the one that the
        engine puts on every image then, and what lies in it shows this time.
    """

    fstype = "overlay"
    device = OVERLAY_DEVICE

    def __init__(
        self,
        layers: Sequence[Tree],
        upper: Path,
        *,
        read_only: bool = False,
        created_ns: int | None = None,
    ) -> None:
        self.layers = tuple(layers)
        self.upper = upper
        self.read_only = read_only
        self.created_ns = created_ns
        self.owners = OwnerTable(upper.with_name(upper.name + ".owners"))
        self.upper_tree = HostTree(upper, self.owners)
        self.upper_tree.device = OVERLAY_DEVICE
        self._has_upper = os.path.isdir(upper)

    def root(self) -> OverlayInode:
        upper = self.upper_tree.root() if self._has_upper else None
        return OverlayInode(self, None, "", upper, tuple(layer.root() for layer in self.layers))

    def make_upper(self) -> HostInode:
        """The root of the writable layer, made if it is not there yet."""
        if not self._has_upper:
            self.upper.mkdir(mode=0o700, parents=True, exist_ok=True)
            top = self.layers[0].root().stat() if self.layers else None
            root = self.upper_tree.root()
            if top is not None:
                root.chmod(statmod.S_IMODE(top.mode))
                if top.uid or top.gid:
                    root.chown(top.uid, top.gid)
            self._has_upper = True
        return self.upper_tree.root()

    def usage(self) -> FileSystemUsage:
        return self.upper_tree.usage()

    def changes(self) -> list[Change]:
        """What the container changed in its image, sorted by path."""
        from course_lib.engine.fs.changes import changes_of

        return changes_of(self)

    def size(self) -> int:
        """Bytes in the writable layer (``SizeRw``)."""
        total = 0
        pending = [str(self.upper)] if self._has_upper else []
        while pending:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif not entry.name.startswith(WHITEOUT):
                        total += entry.stat(follow_symlinks=False).st_size
        return total


def has_whiteout(directory: Inode, name: str) -> bool:
    """Whether a layer's directory marks ``name`` as deleted."""
    marker = WHITEOUT + name
    if len(marker) > MAX_NAME // 4 and len(os.fsencode(marker)) > MAX_NAME:
        return False  # a name so long that there can be no mark for it
    return directory.lookup(marker) is not None


def find_lower(lowers: Sequence[Inode], name: str) -> tuple[Inode, ...]:
    """What read-only layers hold under ``name``: nothing, one file, or directories to merge."""
    found: list[Inode] = []
    for lower in lowers:
        child = lower.lookup(name)
        if child is None:
            if has_whiteout(lower, name):
                break
            continue
        if not child.is_directory():
            if not found:
                found.append(child)
            break
        found.append(child)
        if child.lookup(OPAQUE) is not None:
            break
    return tuple(found)


class OverlayInode(Inode):
    """A file as the layers together show it.

    ``upper`` is its part in the writable layer, ``lowers`` what the layers below contribute: the
    directories to merge with it, or the one file that it is.
    """

    __slots__ = ("_lowers", "_name", "_parent", "_tree", "_upper")

    def __init__(
        self,
        tree: RootFs,
        parent: OverlayInode | None,
        name: str,
        upper: HostInode | None,
        lowers: tuple[Inode, ...],
    ) -> None:
        self._tree = tree
        self._parent = parent
        self._name = name
        self._upper = upper
        self._lowers = lowers

    @property
    def tree(self) -> RootFs:
        return self._tree

    @property
    def upper(self) -> HostInode | None:
        return self._upper

    @property
    def lowers(self) -> tuple[Inode, ...]:
        return self._lowers

    def _top(self) -> Inode:
        return self._upper if self._upper is not None else self._lowers[0]

    def _is_pure_upper(self) -> bool:
        return not self._lowers

    def stat(self) -> FileStat:
        top = self._top().stat()
        when, tree = top.mtime_ns, self._tree
        if tree.created_ns is not None and self._top().tree is tree.layers[0]:
            when = tree.created_ns
        merged = statmod.S_ISDIR(top.mode) and (self._upper is not None) + len(self._lowers) > 1
        return FileStat(
            mode=top.mode,
            uid=top.uid,
            gid=top.gid,
            size=top.size,
            mtime_ns=when,
            ino=top.ino,
            nlink=1 if merged else top.nlink,
            dev=self._tree.device,
            rdev=top.rdev,
        )

    def file_type(self) -> int:
        return self._top().file_type()

    def lookup(self, name: str) -> OverlayInode | None:
        if name.startswith(WHITEOUT):
            return None
        upper: HostInode | None = None
        if self._upper is not None:
            upper = self._upper.lookup(name)
            if upper is None:
                if self._lowers and has_whiteout(self._upper, name):
                    return None
            elif not upper.is_directory() or upper.lookup(OPAQUE) is not None:
                return OverlayInode(self._tree, self, name, upper, ())
        lowers = find_lower(self._lowers, name)
        if upper is not None:
            if lowers and not lowers[0].is_directory():
                lowers = ()
        elif not lowers:
            return None
        return OverlayInode(self._tree, self, name, upper, lowers)

    def names(self) -> list[str]:
        if not self.is_directory():
            raise os_error(errno.ENOTDIR)
        seen: dict[str, bool] = {}
        parts: list[Inode] = [] if self._upper is None else [self._upper]
        for part in [*parts, *self._lowers]:
            entries = part.names()
            hidden = [name[len(WHITEOUT) :] for name in entries if name.startswith(WHITEOUT)]
            for name in entries:
                if not name.startswith(WHITEOUT):
                    seen.setdefault(name, True)
            for name in hidden:
                seen.setdefault(name, False)
        return [name for name, visible in seen.items() if visible]

    def readlink(self) -> str:
        return self._top().readlink()

    def open(self, flags: int) -> OpenFile:
        if self.is_directory():
            return self._top().open(flags)
        if flags & (os.O_ACCMODE | os.O_TRUNC):
            return self._copy_up(with_content=not flags & os.O_TRUNC).open(flags)
        return self._top().open(flags)

    # --- copying up ------------------------------------------------------------------------

    def _copy_up(self, *, with_content: bool = True) -> HostInode:
        """This file in the writable layer; brought there first if it is not there yet."""
        if self._upper is not None:
            return self._upper
        if self._parent is None:
            self._upper = self._tree.make_upper()
            return self._upper
        parent = self._parent._copy_up()
        lower, name = self._lowers[0], self._name
        old = self.stat()
        mode = statmod.S_IMODE(old.mode)
        kind = statmod.S_IFMT(old.mode)
        upper = parent.lookup(name)  # another inode object of this file may have done it already
        if upper is not None:
            self._upper = upper
            self._lowers = self._lowers if kind == statmod.S_IFDIR else ()
            return upper
        if kind == statmod.S_IFDIR:
            parent.mkdir(name, mode, old.uid, old.gid)
        elif kind == statmod.S_IFLNK:
            parent.symlink(name, lower.readlink(), old.uid, old.gid)
        elif kind == statmod.S_IFIFO:
            parent.mkfifo(name, mode, old.uid, old.gid)
        elif kind == statmod.S_IFREG:
            self._copy_content(parent, lower, old, with_content=with_content)
        else:
            raise os_error(errno.EPERM)
        upper = parent.lookup(name)
        if upper is None:
            raise os_error(errno.ESTALE)
        upper.utime(old.mtime_ns, old.mtime_ns)
        self._upper = upper
        if kind != statmod.S_IFDIR:
            self._lowers = ()
        return upper

    def _copy_content(
        self, parent: HostInode, lower: Inode, old: FileStat, *, with_content: bool
    ) -> None:
        """Copy under a hidden name and rename: a killed engine leaves no half of a file."""
        hidden = _COPYING
        mode = statmod.S_IMODE(old.mode)
        if parent.lookup(hidden) is not None:
            parent.unlink(hidden)
        target = parent.create(hidden, os.O_WRONLY, mode, old.uid, old.gid)
        try:
            if with_content:
                source = lower.open(os.O_RDONLY)
                try:
                    copy_now(source, target)
                finally:
                    source.close()
        except BaseException:
            parent.unlink(hidden)
            raise
        finally:
            target.close()
        parent.rename(hidden, parent, self._name)

    # --- changes to a directory ------------------------------------------------------------

    def _check_name(self, name: str) -> None:
        if name.startswith(WHITEOUT):
            raise os_error(errno.EPERM)

    def _lower_has(self, name: str) -> bool:
        return bool(find_lower(self._lowers, name))

    def _uncover(self, upper: HostInode, name: str) -> None:
        """Remove the whiteout of a name that is in use again."""
        if self._lowers and has_whiteout(upper, name):
            upper.unlink(WHITEOUT + name)

    def _cover(self, upper: HostInode, name: str) -> None:
        """Hide what lower layers have under that name."""
        if self._lower_has(name) and not has_whiteout(upper, name):
            upper.create(WHITEOUT + name, os.O_WRONLY, 0o600, 0, 0).close()

    def create(self, name: str, flags: int, mode: int, uid: int, gid: int) -> OpenFile:
        self._check_name(name)
        upper = self._copy_up()
        made = upper.create(name, flags, mode, uid, gid)
        self._uncover(upper, name)
        return made

    def mkdir(self, name: str, mode: int, uid: int, gid: int) -> None:
        self._check_name(name)
        upper = self._copy_up()
        upper.mkdir(name, mode, uid, gid)
        if self._lower_has(name):
            self._make_opaque(upper, name)
        self._uncover(upper, name)

    def _make_opaque(self, upper: HostInode, name: str) -> None:
        made = upper.lookup(name)
        if made is not None and made.lookup(OPAQUE) is None:
            before = made.stat().mtime_ns
            made.create(OPAQUE, os.O_WRONLY, 0o600, 0, 0).close()
            made.utime(before, before)

    def mkfifo(self, name: str, mode: int, uid: int, gid: int) -> None:
        self._check_name(name)
        upper = self._copy_up()
        upper.mkfifo(name, mode, uid, gid)
        self._uncover(upper, name)

    def symlink(self, name: str, target: str, uid: int, gid: int) -> None:
        self._check_name(name)
        upper = self._copy_up()
        upper.symlink(name, target, uid, gid)
        self._uncover(upper, name)

    def link(self, name: str, inode: Inode) -> None:
        self._check_name(name)
        if not isinstance(inode, OverlayInode) or inode._tree is not self._tree:
            raise os_error(errno.EXDEV)
        source = inode._copy_up()
        upper = self._copy_up()
        upper.link(name, source)
        self._uncover(upper, name)

    def unlink(self, name: str) -> None:
        upper = self._copy_up()
        self._cover(upper, name)
        if upper.lookup(name) is not None:
            upper.unlink(name)

    def rmdir(self, name: str) -> None:
        child = self.lookup(name)
        if child is None:
            raise os_error(errno.ENOENT)
        if child.names():
            raise os_error(errno.ENOTEMPTY)
        upper = self._copy_up()
        self._cover(upper, name)
        if child._upper is not None:
            _clear_marks(child._upper)
            upper.rmdir(name)

    def rename(self, name: str, target: Inode, new_name: str) -> None:
        if not isinstance(target, OverlayInode) or target._tree is not self._tree:
            raise os_error(errno.EXDEV)
        target._check_name(new_name)
        child = self.lookup(name)
        if child is None:
            raise os_error(errno.ENOENT)
        replaced = target.lookup(new_name)
        if child.is_directory():
            if not child._is_pure_upper():
                raise os_error(errno.EXDEV)
            if replaced is not None and replaced.names():
                raise os_error(errno.ENOTEMPTY)
        child._copy_up()
        here = self._copy_up()
        there = target._copy_up()
        if child.is_directory():
            if target._lower_has(new_name):
                self._make_opaque(here, name)
            if replaced is not None and replaced._upper is not None:
                _clear_marks(replaced._upper)
        self._cover(here, name)
        here.rename(name, there, new_name)
        target._uncover(there, new_name)

    # --- changes to the inode itself -------------------------------------------------------

    def chmod(self, mode: int) -> None:
        self._copy_up().chmod(mode)

    def chown(self, uid: int, gid: int) -> None:
        self._copy_up().chown(uid, gid)

    def utime(self, atime_ns: int, mtime_ns: int) -> None:
        self._copy_up().utime(atime_ns, mtime_ns)


def _clear_marks(directory: HostInode) -> None:
    """Remove whiteouts from a directory that shows nothing any more."""
    for name in directory.names():
        if name.startswith(WHITEOUT):
            directory.unlink(name)


def copy_now(source: OpenFile, target: OpenFile) -> None:
    """Copy all bytes without giving way: a copy-up happens inside one call of a program."""

    async def copy() -> None:
        while data := await source.read(_COPY_CHUNK):
            await target.write(data)

    steps = copy().__await__()
    try:
        while True:
            next(steps)
    except StopIteration:
        return
