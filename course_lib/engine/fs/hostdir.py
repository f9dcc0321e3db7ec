"""Real directories of the host as a tree: volumes, bind mounts and writable layers.

Nothing here ever follows a symbolic link of the host. A directory is reached by opening one
component after the other below its parent's descriptor with ``O_NOFOLLOW``, and every operation
names its file relative to such a descriptor; whoever swaps a directory for a link while we walk
gets ``ENOTDIR`` or ``ELOOP``, never a file outside. Links are resolved by :mod:`.walk`, within the
container's own tree.

Two policies decide about owners and modes:

* ``private`` trees (volumes, writable layers) belong to the engine: the host's files keep the
  engine's user as owner and stay accessible to it, what a container asked for is recorded in an
  :class:`~.owners.OwnerTable`. Set-uid bits never reach the host.
* ``shared`` trees (bind mounts) are the user's own files: ``chmod`` is real, and so is ``chown``
  where the engine runs as root; else an owner lasts as long as the container runs.

In both, the engine's user is shown as root and, as in a user namespace, users that have no place
in the container as ``nobody`` (65534); an engine run by root shows the host's numbers.
"""

from __future__ import annotations

import errno
import os
import socket
import stat as statmod
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.engine.fs.fifo import Fifos
from course_lib.engine.fs.handles import DirectoryFile, HostFile
from course_lib.engine.fs.inode import Inode, Tree, os_error
from course_lib.engine.fs.owners import Owner, OwnerTable
from course_lib.engine.interfaces import FileStat, FileSystemUsage

if TYPE_CHECKING:
    from course_lib.engine.interfaces import OpenFile

NOBODY = 65534
"""What Linux shows for an owner that a user namespace does not know."""

_PASSED_FLAGS = os.O_ACCMODE | os.O_APPEND | os.O_TRUNC
SAFE_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
PATH_ONLY = getattr(os, "O_PATH", os.O_RDONLY)
_DIRECTORY = PATH_ONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Held:
    """A descriptor that is closed when the last inode that needs it goes."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __del__(self) -> None:
        os.close(self.fd)


def open_without_links(path: str) -> int:
    """Open a directory by its absolute path, refusing a symbolic link in any component."""
    fd = os.open("/", _DIRECTORY)
    for part in path.split("/"):
        if part:
            try:
                below = os.open(part, _DIRECTORY, dir_fd=fd)
            finally:
                os.close(fd)
            fd = below
    return fd


class HostTree(Tree):
    """A directory, or one file, of the host.

    :param root: absolute path. For a ``shared`` tree it must be free of symbolic links
        (:func:`os.path.realpath`) and stays so: a link put there later is refused.
    :param owners: records of owners and modes; by default kept in memory only.
    :param shared: the policy for owners, see the module's text.
    :ivar device: shown as ``st_dev``; 0 shows the host's.
    """

    def __init__(
        self, root: Path, owners: OwnerTable | None = None, *, shared: bool = False
    ) -> None:
        self.path = root
        self.shared = shared
        self.owners = owners or OwnerTable()
        self.fifos = Fifos()
        self._uid = os.geteuid()
        self._gid = os.getegid()
        self.fstype = "ext4"

    @property
    def host_is_root(self) -> bool:
        return self._uid == 0

    def root(self) -> HostInode:
        if not self.shared:
            directory = Held(os.open(self.path, _DIRECTORY))
            return HostInode(self, directory, ".", os.stat(directory.fd))
        path = str(self.path)
        parent, name = os.path.split(path)
        directory = Held(open_without_links(parent))
        if not name:
            return HostInode(self, directory, ".", os.stat(directory.fd))
        found = os.stat(name, dir_fd=directory.fd, follow_symlinks=False)
        if statmod.S_ISLNK(found.st_mode):
            raise os_error(errno.ELOOP)
        return HostInode(self, directory, name, found)

    def usage(self) -> FileSystemUsage:
        path = self.path
        while not path.exists() and path != path.parent:
            path = path.parent
        return usage_of(path)

    def convert(self, host: os.stat_result) -> FileStat:
        """The container's view of a host file."""
        mode, uid, gid = self.shown(host)
        return FileStat(
            mode=mode,
            uid=uid,
            gid=gid,
            size=host.st_size,
            mtime_ns=host.st_mtime_ns,
            ino=host.st_ino,
            nlink=host.st_nlink,
            dev=self.device or host.st_dev,
            rdev=host.st_rdev,
        )

    def shown(self, host: os.stat_result) -> tuple[int, int, int]:
        """Mode, owner and group as the container sees them."""
        record = self.owners.get(host.st_ino)
        if record is not None:
            bits = host.st_mode & 0o7777
            if bits == record.real_mode:
                bits = record.mode
            return statmod.S_IFMT(host.st_mode) | bits, record.uid, record.gid
        uid, gid = host.st_uid, host.st_gid
        if uid == self._uid:
            uid = 0
        elif self._uid:
            uid = NOBODY
        if gid == self._gid:
            gid = 0
        elif self._uid:
            gid = NOBODY
        return host.st_mode, uid, gid

    def real_bits(self, mode: int, *, directory: bool) -> int:
        """The permission bits that a file gets on the host."""
        if self.shared:
            return mode & 0o7777
        return (mode & 0o777) | (0o700 if directory else 0o600)


def usage_of(path: Path) -> FileSystemUsage:
    """What ``statvfs`` tells about the host's file system at ``path``."""
    answer = os.statvfs(path)
    return FileSystemUsage(
        total=answer.f_blocks * answer.f_frsize,
        free=answer.f_bfree * answer.f_frsize,
        available=answer.f_bavail * answer.f_frsize,
    )


class HostInode(Inode):
    """A file of the host, named relative to the descriptor of its directory."""

    __slots__ = ("_below", "_directory", "_host", "_name", "_tree")

    def __init__(self, tree: HostTree, directory: Held, name: str, host: os.stat_result) -> None:
        self._tree = tree
        self._directory = directory
        self._name = name
        self._host = host
        self._below: Held | None = directory if name == "." else None

    @property
    def tree(self) -> HostTree:
        return self._tree

    def stat(self) -> FileStat:
        return self._tree.convert(self._host)

    def file_type(self) -> int:
        return statmod.S_IFMT(self._host.st_mode)

    def same_as(self, other: Inode) -> bool:
        return (
            isinstance(other, HostInode)
            and self._tree is other._tree
            and os.path.samestat(self._host, other._host)
        )

    def _opened(self) -> int:
        """A descriptor of this directory, for what lies in it."""
        if self._below is None:
            if not statmod.S_ISDIR(self._host.st_mode):
                raise os_error(errno.ENOTDIR)
            self._below = Held(os.open(self._name, _DIRECTORY, dir_fd=self._directory.fd))
        return self._below.fd

    def lookup(self, name: str) -> HostInode | None:
        fd = self._opened()
        try:
            host = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            return None
        assert self._below is not None
        return HostInode(self._tree, self._below, name, host)

    def names(self) -> list[str]:
        fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._opened())
        try:
            return os.listdir(fd)
        finally:
            os.close(fd)

    def readlink(self) -> str:
        return os.readlink(self._name, dir_fd=self._directory.fd)

    def open(self, flags: int) -> OpenFile:
        kind = self.file_type()
        if kind == statmod.S_IFDIR:
            tree, fd = self._tree, self._opened()
            keep = self._below
            return DirectoryFile(lambda: (keep, tree.convert(os.stat(fd)))[1]).handle()
        if kind == statmod.S_IFIFO:
            return self._tree.fifos.open((self._host.st_dev, self._host.st_ino), flags, self.stat())
        if kind == statmod.S_IFCHR:
            from course_lib.engine.fs.devices import open_device

            return open_device(self.stat(), flags)
        if kind != statmod.S_IFREG:
            raise os_error(errno.ENXIO)
        return self._open_file(flags & _PASSED_FLAGS, flags, 0)

    def connect(self) -> socket.socket:
        if self.file_type() != statmod.S_IFSOCK:
            raise os_error(errno.ECONNREFUSED)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            self._connect(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self, connection: socket.socket) -> None:
        connection.connect(f"{_path_of(self._directory.fd)}/{self._name}")

    def _open_file(self, host_flags: int, flags: int, mode: int) -> OpenFile:
        fd = os.open(self._name, host_flags | SAFE_FLAGS, mode, dir_fd=self._directory.fd)
        if not statmod.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)  # swapped on the host between our look and our opening
            raise os_error(errno.ENXIO)
        return HostFile(fd, flags, self._tree.convert).handle()

    def _allowed(self, mode: int) -> bool:
        try:
            return os.access(self._name, mode, dir_fd=self._directory.fd, effective_ids=True)
        except NotImplementedError:
            return os.access(self._name, mode, dir_fd=self._directory.fd)

    def readable(self) -> bool:
        return not self._tree.shared or self._tree.host_is_root or self._allowed(os.R_OK)

    def writable(self) -> bool:
        return not self._tree.shared or self._tree.host_is_root or self._allowed(os.W_OK)

    # --- what a directory holds ------------------------------------------------------------

    def create(self, name: str, flags: int, mode: int, uid: int, gid: int) -> OpenFile:
        fd = self._opened()
        host_flags = (flags & _PASSED_FLAGS) | os.O_CREAT | os.O_EXCL | SAFE_FLAGS
        bits = self._tree.real_bits(mode, directory=False)
        # Permissions that the file shall not have in the end must not stop us from opening it.
        new = os.open(name, host_flags, bits | 0o600, dir_fd=fd)
        try:
            os.fchmod(new, bits)
            host = os.fstat(new)
            self._own(new, host, mode, uid, gid)
        except BaseException:
            os.close(new)
            os.unlink(name, dir_fd=fd)
            raise
        return HostFile(new, flags, self._tree.convert).handle()

    def mkdir(self, name: str, mode: int, uid: int, gid: int) -> None:
        os.mkdir(name, 0o700, dir_fd=self._opened())
        self._settle(name, mode, uid, gid)

    def mkfifo(self, name: str, mode: int, uid: int, gid: int) -> None:
        os.mkfifo(name, 0o600, dir_fd=self._opened())
        self._settle(name, mode, uid, gid)

    def symlink(self, name: str, target: str, uid: int, gid: int) -> None:
        os.symlink(target, name, dir_fd=self._opened())
        child = self.lookup(name)
        if child is not None:
            self._tree.owners.drop(child._host.st_ino)
            if uid or gid:
                child.chown(uid, gid)

    def _settle(self, name: str, mode: int, uid: int, gid: int) -> None:
        """Give a file that was just made its mode and owner."""
        child = self.lookup(name)
        if child is None:
            return
        try:
            self._tree.owners.drop(child._host.st_ino)  # of a file that had this number before
            child.chmod(mode)
            if uid or gid:
                child.chown(uid, gid)
        except BaseException:
            (self.rmdir if child.is_directory() else self.unlink)(name)
            raise

    def _own(self, fd: int, host: os.stat_result, mode: int, uid: int, gid: int) -> None:
        """Record owner and mode of a new file, or set them where the tree is the user's own."""
        tree = self._tree
        if tree.shared and tree.host_is_root:
            if uid or gid:
                os.fchown(fd, uid, gid)
            return
        bits = host.st_mode & 0o7777
        if uid or gid or bits != mode & 0o7777:
            tree.owners.set(host.st_ino, Owner(uid, gid, mode & 0o7777, bits))
        else:
            tree.owners.drop(host.st_ino)  # of a file that had this number before

    def link(self, name: str, inode: Inode) -> None:
        if not isinstance(inode, HostInode) or inode._tree is not self._tree:
            raise os_error(errno.EXDEV)
        os.link(
            inode._name,
            name,
            src_dir_fd=inode._directory.fd,
            dst_dir_fd=self._opened(),
            follow_symlinks=False,
        )

    def unlink(self, name: str) -> None:
        child = self.lookup(name)
        os.unlink(name, dir_fd=self._opened())
        if child is not None:
            child._gone()

    def rmdir(self, name: str) -> None:
        child = self.lookup(name)
        os.rmdir(name, dir_fd=self._opened())
        if child is not None:
            child._gone(directory=True)

    def _gone(self, *, directory: bool = False) -> None:
        """A name of this file was removed: its record goes with the last one."""
        if directory or self._host.st_nlink <= 1:
            self._tree.owners.drop(self._host.st_ino)

    def rename(self, name: str, target: Inode, new_name: str) -> None:
        if not isinstance(target, HostInode) or target._tree is not self._tree:
            raise os_error(errno.EXDEV)
        replaced = target.lookup(new_name)
        os.rename(name, new_name, src_dir_fd=self._opened(), dst_dir_fd=target._opened())
        if replaced is not None:
            replaced._gone(directory=replaced.is_directory())

    # --- the inode itself ------------------------------------------------------------------

    def _refresh(self) -> os.stat_result:
        self._host = os.stat(self._name, dir_fd=self._directory.fd, follow_symlinks=False)
        return self._host

    def chmod(self, mode: int) -> None:
        _, uid, gid = self._tree.shown(self._host)
        bits = self._tree.real_bits(mode, directory=self.is_directory())
        self._chmod_host(bits)
        tree, host = self._tree, self._refresh()
        if tree.shared:
            return
        record = tree.owners.get(host.st_ino)
        if record is not None or bits != mode & 0o7777:
            tree.owners.set(host.st_ino, Owner(uid, gid, mode & 0o7777, host.st_mode & 0o7777))

    def chown(self, uid: int, gid: int) -> None:
        tree = self._tree
        mode, old_uid, old_gid = tree.shown(self._host)
        if tree.shared and tree.host_is_root:
            self._chown_host(uid, gid)
            self._refresh()
            return
        tree.owners.set(
            self._host.st_ino,
            Owner(
                old_uid if uid < 0 else uid,
                old_gid if gid < 0 else gid,
                mode & 0o7777,
                self._host.st_mode & 0o7777,
            ),
        )

    def _chmod_host(self, bits: int) -> None:
        _chmod_no_follow(self._name, self._directory.fd, bits)

    def _chown_host(self, uid: int, gid: int) -> None:
        os.chown(self._name, uid, gid, dir_fd=self._directory.fd, follow_symlinks=False)

    def utime(self, atime_ns: int, mtime_ns: int) -> None:
        os.utime(
            self._name,
            ns=(atime_ns, mtime_ns),
            dir_fd=self._directory.fd,
            follow_symlinks=False,
        )
        self._refresh()


def _path_of(fd: int) -> str:
    """A path of an open directory.

    On Linux that of its descriptor: nobody can put another directory in between, and it is never
    too long. Elsewhere (macOS: ``fcntl(2)``, ``F_GETPATH``) the one that it has now.
    """
    if sys.platform == "darwin":
        import fcntl

        return os.fsdecode(fcntl.fcntl(fd, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
    return f"/proc/self/fd/{fd}"


def _chmod_no_follow(name: str, dir_fd: int, bits: int) -> None:
    """``chmod`` that never goes through a link put in place behind our back.

    Linux has no such call before 6.6; the file is pinned by a descriptor that gives no access,
    and changed by that descriptor's own name.
    """
    if os.chmod in os.supports_follow_symlinks:
        os.chmod(name, bits, dir_fd=dir_fd, follow_symlinks=False)
        return
    fd = os.open(name, PATH_ONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        if statmod.S_ISLNK(os.fstat(fd).st_mode):
            raise os_error(errno.ELOOP)
        os.chmod(f"/proc/self/fd/{fd}", bits)
    finally:
        os.close(fd)
