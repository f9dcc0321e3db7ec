"""A container's files as one user sees them: the ``FileSystem`` of its processes."""

from __future__ import annotations

import errno
import os
import stat as statmod
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from course_lib.engine.fs.devices import DEV_SIZE
from course_lib.engine.fs.handles import can_read, can_write
from course_lib.engine.fs.inode import Inode, Tree, os_error
from course_lib.engine.fs.mounts import Mount, Mounted
from course_lib.engine.fs.namespace import SHM_DEVICE, MountNamespace
from course_lib.engine.fs.permissions import (
    EXECUTE,
    READ,
    ROOT,
    WRITE,
    Credentials,
    may_remove,
    permitted,
)
from course_lib.engine.fs.procfs import NoProcFiles, ProcFiles
from course_lib.engine.fs.tmpfs import TmpTree
from course_lib.engine.fs.walk import Location, walk
from course_lib.engine.interfaces import FileStat, FileSystemUsage, MountEntry, OpenFile

if TYPE_CHECKING:
    from socket import socket

    from course_lib.engine.clock import Clock
    from course_lib.engine.fs.overlay import RootFs

_T = TypeVar("_T")


def _named(call: Callable[..., _T]) -> Callable[..., _T]:
    """Let errors name the path in the container, never one of the host.

    The original error goes at once: its traceback would keep directories open.
    """

    def wrapped(self: ContainerFs, path: str, *args: Any, **options: Any) -> _T:
        try:
            return call(self, path, *args, **options)
        except OSError as error:
            number = error.errno or errno.EIO
        raise OSError(number, os.strerror(number), path)

    wrapped.__name__ = call.__name__
    wrapped.__doc__ = call.__doc__
    return wrapped


class ContainerFs:
    """Root file system and mounts of one container, with one user's permissions.

    Implements :class:`course_lib.engine.interfaces.FileSystem`. The constructor gives root's
    view; mount points that do not exist are made, as by runc. ``OSError`` from the constructor
    means that a mount cannot be made (its source is missing, its target lies in a file or is of
    the other kind); ``filename`` is its target then, ``filename2`` its source.

    :param mounts: in any order; a mount within another one comes after it by itself.
    :param proc: what ``/proc`` shows; can be set later (:attr:`proc`).
    :param shm: what is mounted on ``/dev/shm``: the size of a new one in bytes, or another
        container's (:attr:`shm`); without one there is no such directory.
    :param kernel: whether ``/proc``, ``/sys`` and ``/dev`` are there, as for a process.
    :param read_only_paths: paths of ``/proc`` that cannot be written to.
    :param masked_paths: paths of ``/proc`` and ``/sys`` behind which there is nothing.
    """

    def __init__(
        self,
        rootfs: RootFs,
        mounts: Sequence[Mount] = (),
        *,
        proc: ProcFiles | None = None,
        clock: Clock,
        shm: Tree | int | None = DEV_SIZE,
        kernel: bool = True,
        read_only_paths: Collection[str] = (),
        masked_paths: Collection[str] = (),
    ) -> None:
        self.shm = TmpTree(clock, size=shm, device=SHM_DEVICE) if isinstance(shm, int) else shm
        self._namespace = MountNamespace(
            rootfs,
            mounts,
            proc or NoProcFiles(),
            clock,
            shm=self.shm,
            kernel=kernel,
            read_only=read_only_paths,
            masked=masked_paths,
        )
        self._who = ROOT

    @property
    def proc(self) -> ProcFiles:
        """What ``/proc`` shows, for all users' views at once."""
        return self._namespace.proc.files

    @proc.setter
    def proc(self, files: ProcFiles) -> None:
        self._namespace.proc.files = files

    @property
    def rootfs(self) -> RootFs:
        return self._namespace.rootfs

    def close(self) -> None:
        """Forget what lies in memory (tmpfs)."""
        self._namespace.close()

    def as_user(self, uid: int, gid: int, groups: Sequence[int] = ()) -> ContainerFs:
        """The same tree for another user."""
        view = object.__new__(ContainerFs)
        view.shm = self.shm
        view._namespace = self._namespace
        view._who = Credentials(uid, gid, tuple(groups))
        return view

    # --- looking ---------------------------------------------------------------------------

    def _walk(self, path: str, *, follow: bool = True) -> Location:
        return walk(self._namespace.mounts, path, self._who, follow=follow)

    def _name(self, path: str) -> Location:
        """Where a name is to be made, removed or changed."""
        return walk(self._namespace.mounts, path, self._who, follow=False, for_name=True)

    def _find(self, path: str, *, follow: bool = True) -> tuple[Location, Inode]:
        location = self._walk(path, follow=follow)
        if location.inode is None:
            raise os_error(errno.ENOENT)
        return location, location.inode

    def _require(self, inode: Inode, wanted: int) -> FileStat:
        stat = inode.stat()
        if not permitted(stat, self._who, wanted):
            raise os_error(errno.EACCES)
        return stat

    @_named
    def stat(self, path: str, *, follow: bool = True) -> FileStat:
        return self._find(path, follow=follow)[1].stat()

    @_named
    def listdir(self, path: str) -> list[str]:
        _, inode = self._find(path)
        if not inode.is_directory():
            raise os_error(errno.ENOTDIR)
        self._require(inode, READ)
        return inode.names()

    @_named
    def readlink(self, path: str) -> str:
        _, inode = self._find(path, follow=False)
        if not inode.is_link():
            raise os_error(errno.EINVAL)
        return inode.readlink()

    @_named
    def realpath(self, path: str) -> str:
        return self._walk(path).path

    def access(self, path: str, mode: int) -> bool:
        """Whether the user may read, write or execute (:data:`os.R_OK` …); false for none."""
        try:
            location, inode = self._find(path)
        except OSError:
            return False
        if mode & os.X_OK and not inode.is_directory() and location.mount.no_exec:
            return False
        if not permitted(inode.stat(), self._who, mode & 7):
            return False
        if mode & os.W_OK:
            regular = inode.file_type() in {statmod.S_IFREG, statmod.S_IFDIR}
            if (location.mount.read_only and regular) or not inode.writable():
                return False
        return not mode & os.R_OK or inode.readable()

    def mounts(self) -> Sequence[MountEntry]:
        return [mounted.entry() for mounted in self._namespace.mounts.values()]

    @_named
    def mounted_at(self, path: str) -> Mounted:
        """The mount in which a file lies."""
        return self._find(path)[0].mount

    @_named
    def usage(self, path: str) -> FileSystemUsage:
        return self._find(path)[1].tree.usage()

    # --- opening ---------------------------------------------------------------------------

    @_named
    def open(self, path: str, flags: int, mode: int = 0o666, /) -> OpenFile:
        exclusive = flags & os.O_CREAT and flags & os.O_EXCL
        follow = not (flags & os.O_NOFOLLOW or exclusive)
        creates = bool(flags & os.O_CREAT)
        mounts = self._namespace.mounts
        location = walk(mounts, path, self._who, follow=follow, for_name=creates)
        if creates and location.must_be_directory and location.parent is not None:
            raise os_error(errno.EISDIR)
        if location.inode is None:
            if not flags & os.O_CREAT:
                raise os_error(errno.ENOENT)
            parent, (uid, gid, _) = self._new_in(location)
            return parent.create(location.name, flags, mode & 0o7777, uid, gid)
        if exclusive:
            raise os_error(errno.EEXIST)
        inode = location.inode
        kind = inode.file_type()
        if kind == statmod.S_IFLNK:
            raise os_error(errno.ELOOP)
        changes = can_write(flags) or bool(flags & os.O_TRUNC)
        if kind == statmod.S_IFDIR:
            if changes or flags & os.O_CREAT:
                raise os_error(errno.EISDIR)
        elif flags & os.O_DIRECTORY:
            raise os_error(errno.ENOTDIR)
        if not self._who.is_root:
            wanted = (READ if can_read(flags) else 0) | (WRITE if changes else 0)
            self._require(inode, wanted)
        if changes and location.mount.read_only and kind in {statmod.S_IFREG, statmod.S_IFDIR}:
            raise os_error(errno.EROFS)
        return inode.open(flags)

    @_named
    def connect(self, path: str) -> socket:
        """See the protocol."""
        _, inode = self._find(path)
        self._require(inode, WRITE)
        return inode.connect()

    # --- changing --------------------------------------------------------------------------

    def _writable_parent(self, location: Location) -> Inode:
        """The directory in which a name is to be made or removed, if that is allowed."""
        assert location.parent is not None
        if location.parent_mount.read_only:
            raise os_error(errno.EROFS)
        if not self._who.is_root:
            self._require(location.parent, WRITE | EXECUTE)
        return location.parent

    def _new_in(self, location: Location) -> tuple[Inode, tuple[int, int, int]]:
        """Directory for a new file, and the file's owner, group and inherited mode bits."""
        if location.inode is not None:
            raise os_error(errno.EEXIST)
        parent = self._writable_parent(location)
        gid, inherited = self._who.gid, 0
        stat = parent.stat()
        if stat.mode & statmod.S_ISGID:
            gid, inherited = stat.gid, statmod.S_ISGID
        return parent, (self._who.uid, gid, inherited)

    @_named
    def mkdir(self, path: str, mode: int = 0o777) -> None:
        location = self._name(path)
        parent, (uid, gid, inherited) = self._new_in(location)
        parent.mkdir(location.name, (mode & 0o1777) | inherited, uid, gid)

    @_named
    def mkfifo(self, path: str, mode: int = 0o666) -> None:
        location = self._name(path)
        parent, (uid, gid, _) = self._new_in(location)
        parent.mkfifo(location.name, mode & 0o777, uid, gid)

    def symlink(self, target: str, path: str) -> None:
        """Make a link at ``path`` whose text is ``target``."""
        self._symlink(path, target)

    @_named
    def _symlink(self, path: str, target: str) -> None:
        if not target:
            raise os_error(errno.ENOENT)
        if "\0" in target:
            raise os_error(errno.EINVAL)
        location = self._name(path)
        if location.inode is None and location.must_be_directory:
            raise os_error(errno.ENOENT)
        parent, (uid, gid, _) = self._new_in(location)
        parent.symlink(location.name, target, uid, gid)

    def link(self, source: str, path: str) -> None:
        """Make a further name for the file ``source``; a link is not followed."""
        self._link(source, path)

    @_named
    def _link(self, source: str, path: str) -> None:
        old, inode = self._find(source, follow=False)
        new = self._name(path)
        if new.inode is None and new.must_be_directory:
            raise os_error(errno.ENOENT)
        if new.inode is not None:
            raise os_error(errno.EEXIST)
        if old.mount is not new.parent_mount:
            raise os_error(errno.EXDEV)
        parent, _ = self._new_in(new)
        if inode.is_directory():
            raise os_error(errno.EPERM)
        parent.link(new.name, inode)

    def _removable(self, location: Location) -> tuple[Inode, Inode]:
        """Directory and child of a name that is to be removed."""
        if location.parent_mount.read_only:
            raise os_error(errno.EROFS)
        if location.inode is None:
            raise os_error(errno.ENOENT)
        parent = self._writable_parent(location)
        if not self._who.is_root and not may_remove(
            parent.stat(), location.inode.stat(), self._who
        ):
            raise os_error(errno.EPERM)
        return parent, location.inode

    @_named
    def rmdir(self, path: str) -> None:
        location = self._name(path)
        if location.parent is None:
            last = path.rstrip("/").rpartition("/")[2]
            refusal = {".": errno.EINVAL, "..": errno.ENOTEMPTY}.get(last, errno.EBUSY)
            raise os_error(refusal)
        parent, inode = self._removable(location)
        if not inode.is_directory():
            raise os_error(errno.ENOTDIR)
        if location.is_mount_point:
            raise os_error(errno.EBUSY)
        parent.rmdir(location.name)

    @_named
    def unlink(self, path: str) -> None:
        location = self._name(path)
        if location.parent is None:
            raise os_error(errno.EISDIR)
        parent, inode = self._removable(location)
        if inode.is_directory():
            raise os_error(errno.EISDIR)
        if location.must_be_directory:
            raise os_error(errno.ENOTDIR)
        if location.is_mount_point:
            raise os_error(errno.EBUSY)
        parent.unlink(location.name)

    @_named
    def rename(self, source: str, target: str) -> None:
        old = self._name(source)
        new = self._name(target)
        if old.parent is None or new.parent is None:
            raise os_error(errno.EBUSY)
        if old.parent_mount is not new.parent_mount:
            raise os_error(errno.EXDEV)
        parent, inode = self._removable(old)
        is_directory = inode.is_directory()
        if not is_directory and (old.must_be_directory or new.must_be_directory):
            raise os_error(errno.ENOTDIR)
        if is_directory and f"{new.path}/".startswith(f"{old.path}/") and new.path != old.path:
            raise os_error(errno.EINVAL)
        if new.inode is None:
            there = self._writable_parent(new)
        else:
            if f"{old.path}/".startswith(f"{new.path}/") and new.path != old.path:
                raise os_error(errno.ENOTEMPTY)
            there, replaced = self._removable(new)
            if replaced.same_as(inode):
                return
            if is_directory and not replaced.is_directory():
                raise os_error(errno.ENOTDIR)
            if not is_directory and replaced.is_directory():
                raise os_error(errno.EISDIR)
        if self._holds_mounts(old.path) or (new.inode is not None and new.is_mount_point):
            raise os_error(errno.EBUSY)
        if is_directory and not self._who.is_root and parent is not there:
            self._require(inode, WRITE)  # its ".." changes
        parent.rename(old.name, there, new.name)

    def _holds_mounts(self, path: str) -> bool:
        prefix = f"{path}/"
        return any(f"{target}/".startswith(prefix) for target in self._namespace.mounts)

    def _own(self, path: str, *, follow: bool = True) -> tuple[Inode, FileStat]:
        """A file whose attributes are to be changed."""
        location, inode = self._find(path, follow=follow)
        if location.mount.read_only:
            raise os_error(errno.EROFS)
        return inode, inode.stat()

    @_named
    def chmod(self, path: str, mode: int) -> None:
        inode, stat = self._own(path)
        if not self._who.is_root:
            if self._who.uid != stat.uid:
                raise os_error(errno.EPERM)
            if not statmod.S_ISDIR(stat.mode) and not self._who.in_group(stat.gid):
                mode &= ~statmod.S_ISGID
        inode.chmod(mode & 0o7777)

    @_named
    def chown(self, path: str, uid: int, gid: int, *, follow: bool = True) -> None:
        inode, stat = self._own(path, follow=follow)
        if not self._who.is_root:
            keeps_owner = uid in {-1, stat.uid} and self._who.uid == stat.uid
            if not keeps_owner or not (gid in {-1, stat.gid} or self._who.in_group(gid)):
                raise os_error(errno.EPERM)
        inode.chown(uid, gid)
        dropped = stat.mode & statmod.S_ISUID
        if stat.mode & statmod.S_IXGRP:
            dropped |= stat.mode & statmod.S_ISGID
        if statmod.S_ISREG(stat.mode) and dropped:
            inode.chmod(statmod.S_IMODE(stat.mode) & ~dropped)

    @_named
    def utime(self, path: str, atime_ns: int, mtime_ns: int, *, follow: bool = True) -> None:
        inode, stat = self._own(path, follow=follow)
        if self._who.uid not in {0, stat.uid} and not permitted(stat, self._who, WRITE):
            raise os_error(errno.EACCES)
        inode.utime(atime_ns, mtime_ns)

    # --- whole files -----------------------------------------------------------------------

    def read_bytes(self, path: str) -> bytes:
        """The whole content of a regular file, at once."""
        handle: OpenFile = self.open(path, os.O_RDONLY)

        async def read() -> bytes:
            parts = []
            while data := await handle.read(1 << 20):
                parts.append(data)
            return b"".join(parts)

        return _at_once(read, handle, path)

    def write_bytes(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Make or replace the content of a regular file, at once."""
        handle: OpenFile = self.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        _at_once(lambda: handle.write(data), handle, path)


def _at_once(make: Callable[[], Coroutine[Any, Any, _T]], handle: OpenFile, path: str) -> _T:
    """Run reading or writing to its end; ``EAGAIN`` where it would wait for somebody."""
    steps = make()
    try:
        while True:
            if steps.send(None) is not None:
                raise os_error(errno.EAGAIN, path)
    except StopIteration as end:
        result: _T = end.value
        return result
    except OSError as error:
        number = error.errno or errno.EIO
        raise OSError(number, os.strerror(number), path) from None
    finally:
        steps.close()
        handle.close()
