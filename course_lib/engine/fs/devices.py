"""``/dev`` of a container: a small tmpfs with the devices that every container has.

What a device does follows from its number, as on Linux, wherever its node lies.
"""

from __future__ import annotations

import errno
import os
import stat as statmod
from typing import TYPE_CHECKING

from course_lib.engine.fs.handles import DeviceFile
from course_lib.engine.fs.inode import os_error
from course_lib.engine.fs.tmpfs import TmpDevice, TmpDirectory, TmpLink, TmpNode, TmpTree

if TYPE_CHECKING:
    from course_lib.engine.clock import Clock
    from course_lib.engine.fs.procfs import ProcTree
    from course_lib.engine.interfaces import FileStat, OpenFile

_MEMORY_DEVICES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}
_TTY_GROUP = 5

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
    """``/dev``: filled when it is first looked at, so that a container costs nothing for it.

    :param proc: says which terminal ``/dev/tty`` is.
    :param shm: whether there is a directory for ``/dev/shm``.
    """

    def __init__(self, proc: ProcTree, clock: Clock, device: int, *, shm: bool = True) -> None:
        super().__init__(clock, size=DEV_SIZE, mode=0o755, device=device)
        self._proc = proc
        self._directories = ("mqueue", "pts", *(("shm",) if shm else ()))
        self._filled = False

    def root(self) -> TmpDirectory:
        root = super().root()
        if not self._filled:
            self._filled = True
            self._fill(root)
        return root

    def _fill(self, root: TmpDirectory) -> None:
        for name, minor in _MEMORY_DEVICES.items():
            root.children[name] = TmpDevice(self, 0o666, os.makedev(1, minor))
        root.children["tty"] = _Terminal(self, 0o666, os.makedev(5, 0), self._proc)
        for name, target in _LINKS.items():
            root.children[name] = TmpLink(self, target, 0, 0)
        for name in self._directories:
            root.children[name] = TmpDirectory(self, statmod.S_IFDIR | 0o755, 0, 0)

    def close(self) -> None:
        super().close()
        self._filled = False


class _Terminal(TmpDevice):
    """The terminal of the process that opens it, ``ENXIO`` where it has none."""

    __slots__ = ("_proc",)

    def __init__(self, tree: TmpTree, mode: int, rdev: int, proc: ProcTree, gid: int = 0) -> None:
        super().__init__(tree, mode, rdev, gid)
        self._proc = proc

    def exists(self) -> bool:
        """Whether the process that looks has a terminal."""
        return self._proc.files.terminal() is not None

    def open(self, flags: int) -> OpenFile:
        handle = self._proc.files.terminal()
        if handle is None:
            raise os_error(errno.ENXIO)
        return handle.dup()


class PtsTree(TmpTree):
    """``/dev/pts``: holds ``0``, the terminal of the process that looks, where it has one."""

    fstype = "devpts"

    def __init__(self, proc: ProcTree, clock: Clock, device: int) -> None:
        super().__init__(clock, size=0, device=device)
        terminal = _Terminal(self, 0o620, os.makedev(136, 0), proc, gid=_TTY_GROUP)
        self._directory = _TerminalDirectory(self, terminal)
        self._directory.children["ptmx"] = TmpDevice(self, 0o666, os.makedev(5, 2))

    def root(self) -> TmpDirectory:
        return self._directory


class _TerminalDirectory(TmpDirectory):
    """The directory of a :class:`PtsTree`."""

    __slots__ = ("terminal",)

    def __init__(self, tree: TmpTree, terminal: _Terminal) -> None:
        super().__init__(tree, statmod.S_IFDIR | 0o755, 0, 0)
        self.terminal = terminal

    def lookup(self, name: str) -> TmpNode | None:
        if name == "0":
            return self.terminal if self.terminal.exists() else None
        return super().lookup(name)

    def names(self) -> list[str]:
        return ["0", *super().names()] if self.terminal.exists() else super().names()

    def create(self, name: str, flags: int, mode: int, uid: int, gid: int) -> OpenFile:
        raise os_error(errno.EACCES)

    def mkdir(self, name: str, mode: int, uid: int, gid: int) -> None:
        raise os_error(errno.EPERM)

    def symlink(self, name: str, target: str, uid: int, gid: int) -> None:
        raise os_error(errno.EPERM)

    def unlink(self, name: str) -> None:
        raise os_error(errno.EPERM)
