"""Open files that are neither in a container's tree nor a pipe or terminal."""

from __future__ import annotations

import errno
import os
import stat
from typing import Literal

from course_lib.engine.interfaces import FileStat, OpenFile


def os_error(code: int) -> OSError:
    """The ``OSError`` that Linux would give for ``code``."""
    return OSError(code, os.strerror(code))


class NullFile:
    """``/dev/null``: reads as empty, swallows what is written."""

    __slots__ = ()
    kind: Literal["device"] = "device"

    async def read(self, size: int = 65536, /) -> bytes:
        return b""

    async def write(self, data: bytes, /) -> None:
        return

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return 0

    def truncate(self, size: int, /) -> None:
        raise os_error(errno.EINVAL)

    def stat(self) -> FileStat:
        return FileStat(stat.S_IFCHR | 0o666, 0, 0, 0, 0, 3, 1, 5, rdev=os.makedev(1, 3))

    def isatty(self) -> bool:
        return False

    def dup(self) -> OpenFile:
        return self

    def close(self) -> None:
        return


class _Content:
    __slots__ = ("data", "position")

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)
        self.position = 0


class MemoryFile:
    """An unnamed regular file in memory: a here-document, a test's captured output.

    Duplicates share position and content, as duplicated descriptors do.
    """

    __slots__ = ("_content",)
    kind: Literal["file"] = "file"

    def __init__(self, data: bytes = b"") -> None:
        self._content = _Content(data)

    @property
    def content(self) -> bytes:
        """Everything in the file, wherever the position is."""
        return bytes(self._content.data)

    async def read(self, size: int = 65536, /) -> bytes:
        content = self._content
        chunk = bytes(content.data[content.position : content.position + size])
        content.position += len(chunk)
        return chunk

    async def write(self, data: bytes, /) -> None:
        content = self._content
        end = content.position + len(data)
        if content.position > len(content.data):
            content.data.extend(bytes(content.position - len(content.data)))
        content.data[content.position : end] = data
        content.position = end

    def seek(self, offset: int, whence: int = 0, /) -> int:
        content = self._content
        base = (0, content.position, len(content.data))[whence]
        if base + offset < 0:
            raise os_error(errno.EINVAL)
        content.position = base + offset
        return content.position

    def truncate(self, size: int, /) -> None:
        data = self._content.data
        del data[size:]
        data.extend(bytes(size - len(data)))

    def stat(self) -> FileStat:
        size = len(self._content.data)
        return FileStat(stat.S_IFREG | 0o600, 0, 0, size, 0, id(self._content) & 0xFFFFFF, 0, 1)

    def isatty(self) -> bool:
        return False

    def dup(self) -> OpenFile:
        twin = MemoryFile()
        twin._content = self._content
        return twin

    def close(self) -> None:
        return


class ClosedFile:
    """What a descriptor that is not open does: ``EBADF``."""

    __slots__ = ()
    kind: Literal["file"] = "file"

    async def read(self, size: int = 65536, /) -> bytes:
        raise os_error(errno.EBADF)

    async def write(self, data: bytes, /) -> None:
        raise os_error(errno.EBADF)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        raise os_error(errno.EBADF)

    def truncate(self, size: int, /) -> None:
        raise os_error(errno.EBADF)

    def stat(self) -> FileStat:
        raise os_error(errno.EBADF)

    def isatty(self) -> bool:
        return False

    def dup(self) -> OpenFile:
        raise os_error(errno.EBADF)

    def close(self) -> None:
        return
