"""``/dev`` of a container: a small tmpfs with the devices that every container has.

What a device does follows from its number, as on Linux, wherever its node lies.
"""

from __future__ import annotations

import errno
import os
import stat as statmod
from typing import TYPE_CHECKING

from course_lib.engine.fs.handles import DeviceFile
from course_lib.engine.fs.inode import Inode, os_error
from course_lib.engine.fs.tmpfs import TmpDevice, TmpDirectory, TmpLink, TmpTree

if TYPE_CHECKING:
    from course_lib.engine.clock import Clock
    from course_lib.engine.interfaces import FileStat, OpenFile, Process

_MEMORY_DEVICES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}
_TERMINAL = os.makedev(5, 0)
_CONSOLE = os.makedev(5, 1)
_TERMINALS = frozenset({_TERMINAL, _CONSOLE, os.makedev(136, 0)})

_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}

DEV_SIZE = 64 << 20
"""Size of ``/dev`` and ``/dev/shm`` (dockerd's default)."""


def _no_space(data: bytes) -> None:
    if data:
        raise os_error(errno.ENOSPC)


def open_device(stat: FileStat, flags: int) -> OpenFile:
    """Open a character device by its number; ``ENXIO`` for one that is not emulated."""
    rdev = stat.rdev
    if rdev == os.makedev(1, 3):
        return DeviceFile(flags, stat, lambda _: b"").handle()
    if rdev == os.makedev(1, 5):
        return DeviceFile(flags, stat, bytes).handle()
    if rdev == os.makedev(1, 7):
        return DeviceFile(flags, stat, bytes, _no_space).handle()
    if rdev in {os.makedev(1, 8), os.makedev(1, 9)}:
        return DeviceFile(flags, stat, os.urandom).handle()
    raise os_error(errno.ENXIO)


class DevTree(TmpTree):
    """``/dev``: filled when it is first looked at, so that a container costs nothing for it."""

    def __init__(self, clock: Clock, device: int) -> None:
        super().__init__(clock, size=DEV_SIZE, mode=0o755, device=device)
        self._filled = False

    def root(self, process: Process | None = None) -> Inode:
        root = super().root()
        assert isinstance(root, TmpDirectory)
        if not self._filled:
            self._filled = True
            self._fill(root)
        return _DevRoot(root, process)

    def _fill(self, root: TmpDirectory) -> None:
        for name, minor in _MEMORY_DEVICES.items():
            self._add_device(root, name, os.makedev(1, minor), 0o666)
        self._add_device(root, "tty", _TERMINAL, 0o666)
        for name, target in _LINKS.items():
            root.children[name] = TmpLink(self, target, 0, 0)
        for name in ("pts", "shm", "mqueue"):
            mode = statmod.S_IFDIR | (0o755 if name == "pts" else 0o1777)
            root.children[name] = TmpDirectory(self, mode, 0, 0)
        pts = root.children["pts"]
        assert isinstance(pts, TmpDirectory)
        self._add_device(pts, "ptmx", os.makedev(5, 2), 0o666)

    def _add_device(self, directory: TmpDirectory, name: str, rdev: int, mode: int) -> None:
        directory.children[name] = TmpDevice(self, mode, rdev)


class _DevRoot(Inode):
    """The root of ``/dev`` as one process sees it: ``tty`` and ``console`` are its terminal."""

    __slots__ = ("_process", "_root")

    def __init__(self, root: TmpDirectory, process: Process | None) -> None:
        self._root = root
        self._process = process

    @property
    def tree(self) -> TmpTree:
        return self._root.tree

    def stat(self) -> FileStat:
        return self._root.stat()

    def file_type(self) -> int:
        return statmod.S_IFDIR

    def lookup(self, name: str) -> Inode | None:
        child = self._root.lookup(name)
        if isinstance(child, TmpDevice) and child.rdev in _TERMINALS:
            return _Terminal(child, self._process)
        return child

    def names(self) -> list[str]:
        return self._root.names()

    def open(self, flags: int) -> OpenFile:
        return self._root.open(flags)

    def create(self, name: str, flags: int, mode: int, uid: int, gid: int) -> OpenFile:
        return self._root.create(name, flags, mode, uid, gid)

    def mkdir(self, name: str, mode: int, uid: int, gid: int) -> None:
        self._root.mkdir(name, mode, uid, gid)

    def mkfifo(self, name: str, mode: int, uid: int, gid: int) -> None:
        self._root.mkfifo(name, mode, uid, gid)

    def symlink(self, name: str, target: str, uid: int, gid: int) -> None:
        self._root.symlink(name, target, uid, gid)

    def link(self, name: str, inode: Inode) -> None:
        self._root.link(name, inode._device if isinstance(inode, _Terminal) else inode)

    def unlink(self, name: str) -> None:
        self._root.unlink(name)

    def rmdir(self, name: str) -> None:
        self._root.rmdir(name)

    def rename(self, name: str, target: Inode, new_name: str) -> None:
        self._root.rename(name, target._root if isinstance(target, _DevRoot) else target, new_name)

    def chmod(self, mode: int) -> None:
        self._root.chmod(mode)

    def chown(self, uid: int, gid: int) -> None:
        self._root.chown(uid, gid)

    def utime(self, atime_ns: int, mtime_ns: int) -> None:
        self._root.utime(atime_ns, mtime_ns)


class _Terminal(Inode):
    """``/dev/tty``: the terminal of the process that opens it, ``ENXIO`` where it has none."""

    __slots__ = ("_device", "_process")

    def __init__(self, device: TmpDevice, process: Process | None) -> None:
        self._device = device
        self._process = process

    @property
    def tree(self) -> TmpTree:
        return self._device.tree

    def stat(self) -> FileStat:
        return self._device.stat()

    def same_as(self, other: Inode) -> bool:
        return isinstance(other, _Terminal) and self._device is other._device

    def open(self, flags: int) -> OpenFile:
        if self._process is not None:
            for handle in self._process.fds.values():
                if handle.isatty():
                    return handle.dup()
        raise os_error(errno.ENXIO)

    def chmod(self, mode: int) -> None:
        self._device.chmod(mode)

    def chown(self, uid: int, gid: int) -> None:
        self._device.chown(uid, gid)

    def utime(self, atime_ns: int, mtime_ns: int) -> None:
        self._device.utime(atime_ns, mtime_ns)
