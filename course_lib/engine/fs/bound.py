"""What a bind mount brings: one directory or file of the host, and not whatever has its name.

As on Linux: who renames the source, or puts another file in its place, changes nothing of what a
container sees that has it mounted. Many editors save in this way. The next start of the container
looks at the path anew.
"""

from __future__ import annotations

import errno
import os
import socket
import stat as statmod
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.engine.fs.handles import HostFile
from course_lib.engine.fs.hostdir import (
    PATH_ONLY,
    SAFE_FLAGS,
    Held,
    HostInode,
    HostTree,
    open_without_links,
)
from course_lib.engine.fs.inode import os_error

if TYPE_CHECKING:
    from course_lib.engine.interfaces import OpenFile

_BY_DESCRIPTOR = Path("/proc/self/fd")
"""Where Linux has a name for what a descriptor stands for."""


class BoundTree(HostTree):
    """A ``shared`` tree that holds on to its root until it is closed.

    A single file can only be held where the system has names for descriptors; elsewhere it is
    looked up by its path each time.

    :param root: absolute path, free of symbolic links (:func:`os.path.realpath`).

    Raises ``OSError`` where the root does not exist or has become a link.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root, shared=True)
        self._held = _hold(root)

    def root(self) -> HostInode:
        held = self._held
        if held is None:
            return super().root()
        host = os.fstat(held.fd)
        if statmod.S_ISDIR(host.st_mode):
            return HostInode(self, held, ".", host)
        return _HeldFile(self, held, host)

    def close(self) -> None:
        self._held = None


def _hold(path: Path) -> Held | None:
    parent = Held(open_without_links(str(path.parent)))
    mode = os.stat(path.name or ".", dir_fd=parent.fd, follow_symlinks=False).st_mode
    if statmod.S_ISLNK(mode):
        raise os_error(errno.ELOOP)
    flags = PATH_ONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    if statmod.S_ISDIR(mode):
        flags |= os.O_DIRECTORY
    elif not _BY_DESCRIPTOR.exists():
        return None
    held = Held(os.open(path.name or ".", flags, dir_fd=parent.fd))
    if statmod.S_ISLNK(os.fstat(held.fd).st_mode):  # swapped since
        raise os_error(errno.ELOOP)
    return held


class _HeldFile(HostInode):
    """The one file of a mount. Its name is that of its descriptor: a link, which is followed."""

    __slots__ = ()

    def __init__(self, tree: BoundTree, held: Held, host: os.stat_result) -> None:
        super().__init__(tree, held, str(_BY_DESCRIPTOR / str(held.fd)), host)

    def _refresh(self) -> os.stat_result:
        self._host = os.fstat(self._directory.fd)
        return self._host

    def _open_file(self, host_flags: int, flags: int, mode: int) -> OpenFile:
        fd = os.open(self._name, host_flags | (SAFE_FLAGS & ~os.O_NOFOLLOW))
        return HostFile(fd, flags, self._tree.convert).handle()

    def _connect(self, connection: socket.socket) -> None:
        connection.connect(self._name)

    def _chmod_host(self, bits: int) -> None:
        os.chmod(self._name, bits)

    def _chown_host(self, uid: int, gid: int) -> None:
        os.chown(self._name, uid, gid)

    def utime(self, atime_ns: int, mtime_ns: int) -> None:
        os.utime(self._name, ns=(atime_ns, mtime_ns))
        self._refresh()
