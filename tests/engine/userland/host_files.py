"""A FileSystem over a temporary directory, for tests of the userland alone.

It does no more than tests need: links are resolved within the directory, permissions are those
of whoever runs the tests.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from course_lib.engine.interfaces import FileStat, FileSystemUsage, MountEntry, OpenFile, Process
from course_lib.engine.userland.files import NullFile


class HostFile:
    """A regular file or directory of the host."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._closed = False

    @property
    def kind(self) -> Literal["file", "directory"]:
        return "directory" if stat.S_ISDIR(os.fstat(self._fd).st_mode) else "file"

    async def read(self, size: int = 65536, /) -> bytes:
        return os.read(self._fd, size)

    async def write(self, data: bytes, /) -> None:
        os.write(self._fd, data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return os.lseek(self._fd, offset, whence)

    def truncate(self, size: int, /) -> None:
        os.ftruncate(self._fd, size)

    def stat(self) -> FileStat:
        return _convert(os.fstat(self._fd))

    def isatty(self) -> bool:
        return False

    def dup(self) -> OpenFile:
        return HostFile(os.dup(self._fd))

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            os.close(self._fd)


class HostFiles:
    """The tree below ``root`` as a container's file system."""

    def __init__(self, root: Path, user: tuple[int, int] = (0, 0)) -> None:
        self._root = root
        self.user = user

    def as_user(
        self, uid: int, gid: int, groups: Sequence[int] = (), *, process: Process | None = None
    ) -> HostFiles:
        return HostFiles(self._root, (uid, gid))

    def realpath(self, path: str) -> str:
        return self._walk(path, True, 0)

    def _walk(self, path: str, follow_last: bool, depth: int) -> str:
        if depth > 40:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        done: list[str] = []
        parts = [part for part in path.split("/") if part not in ("", ".")]
        for number, part in enumerate(parts):
            if part == "..":
                done = done[:-1]
                continue
            here = "/" + "/".join([*done, part])
            last = number == len(parts) - 1
            real = self._root / here[1:]
            if real.is_symlink() and (follow_last or not last or path.endswith("/")):
                target = os.readlink(real)
                rest = "/".join(parts[number + 1 :])
                base = target if target.startswith("/") else "/".join(["", *done, target])
                return self._walk(f"{base}/{rest}" if rest else base, follow_last, depth + 1)
            if not last and not real.is_dir():
                code = errno.ENOTDIR if real.exists() else errno.ENOENT
                raise OSError(code, os.strerror(code))
            done.append(part)
        return "/" + "/".join(done)

    def _at(self, path: str, follow: bool = True) -> str:
        if not path:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        return os.path.join(self._root, self._walk(path, follow, 0)[1:])

    def open(self, path: str, flags: int, mode: int = 0o666, /) -> OpenFile:
        if path == "/dev/null":
            return NullFile()
        return HostFile(os.open(self._at(path), flags, mode))

    def stat(self, path: str, *, follow: bool = True) -> FileStat:
        return _convert(os.lstat(self._at(path, follow)))

    def listdir(self, path: str) -> list[str]:
        return os.listdir(self._at(path))

    def readlink(self, path: str) -> str:
        return os.readlink(self._at(path, False))

    def access(self, path: str, mode: int) -> bool:
        try:
            return os.access(self._at(path), mode)
        except OSError:
            return False

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        os.mkdir(self._at(path), mode)

    def rmdir(self, path: str) -> None:
        os.rmdir(self._at(path, False))

    def unlink(self, path: str) -> None:
        os.unlink(self._at(path, False))

    def rename(self, source: str, target: str) -> None:
        os.rename(self._at(source, False), self._at(target, False))

    def symlink(self, target: str, path: str) -> None:
        os.symlink(target, self._at(path, False))

    def link(self, source: str, path: str) -> None:
        os.link(self._at(source, False), self._at(path, False), follow_symlinks=False)

    def mkfifo(self, path: str, mode: int = 0o666) -> None:
        os.mkfifo(self._at(path), mode)

    def chmod(self, path: str, mode: int) -> None:
        os.chmod(self._at(path), mode)

    def chown(self, path: str, uid: int, gid: int, *, follow: bool = True) -> None:
        os.chown(self._at(path, follow), uid, gid, follow_symlinks=follow)

    def utime(self, path: str, atime_ns: int, mtime_ns: int, *, follow: bool = True) -> None:
        os.utime(self._at(path, follow), ns=(atime_ns, mtime_ns), follow_symlinks=follow)

    def mounts(self) -> Sequence[MountEntry]:
        return [MountEntry("overlay", "/", "overlay", "rw,relatime")]

    def usage(self, path: str) -> FileSystemUsage:
        return FileSystemUsage(1 << 30, 1 << 29, 1 << 29)

    def read_bytes(self, path: str) -> bytes:
        with open(self._at(path), "rb") as file:
            return file.read()

    def write_bytes(self, path: str, data: bytes, mode: int = 0o644) -> None:
        with open(self._at(path), "wb") as file:
            file.write(data)


def _convert(found: os.stat_result) -> FileStat:
    return FileStat(
        mode=found.st_mode, uid=found.st_uid, gid=found.st_gid, size=found.st_size,
        mtime_ns=found.st_mtime_ns, ino=found.st_ino, nlink=found.st_nlink, dev=found.st_dev,
        rdev=found.st_rdev,
    )  # fmt: skip
