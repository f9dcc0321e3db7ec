"""Open files: what a file descriptor of a container's process refers to.

:class:`Description` is Linux's open file description (position and flags, shared by duplicates),
:class:`Handle` one descriptor that refers to it. Reads and writes of files never wait, so a
program that does nothing else would never let another one run: each description gives way to the
loop after every megabyte that went through it, or after as many small calls as would cost about
the same time.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from course_lib.engine.fs.inode import os_error
from course_lib.engine.interfaces import FileStat

if TYPE_CHECKING:
    from course_lib.engine.interfaces import OpenFile

Kind = Literal["file", "directory", "pipe", "tty", "socket", "device"]

CHUNK = 1 << 20
"""Bytes moved between two chances for others to run."""

_CALL_COST = 4096
"""What a call counts beside its bytes."""


def can_read(flags: int) -> bool:
    """Whether a descriptor opened with these flags reads."""
    return flags & os.O_ACCMODE in (os.O_RDONLY, os.O_RDWR)


def can_write(flags: int) -> bool:
    """Whether a descriptor opened with these flags writes."""
    return flags & os.O_ACCMODE in (os.O_WRONLY, os.O_RDWR)


class Description:
    """An open file description; subclasses give it content.

    The methods with a leading ``do_`` are called with access already checked.
    """

    kind: Kind = "file"

    def __init__(self, flags: int) -> None:
        self.flags = flags
        self.references = 0
        self._spent = 0

    def handle(self) -> Handle:
        """A new descriptor for this description."""
        return Handle(self)

    async def give_way(self, size: int) -> None:
        """Let others run once enough was done."""
        self._spent += size + _CALL_COST
        if self._spent >= CHUNK:
            self._spent = 0
            await asyncio.sleep(0)

    async def do_read(self, size: int) -> bytes:
        raise os_error(errno.EINVAL)

    async def do_write(self, data: bytes) -> None:
        raise os_error(errno.EINVAL)

    def seek(self, offset: int, whence: int) -> int:
        raise os_error(errno.ESPIPE)

    def do_truncate(self, size: int) -> None:
        raise os_error(errno.EINVAL)

    def stat(self) -> FileStat:
        raise NotImplementedError

    def isatty(self) -> bool:
        return False

    def release(self) -> None:
        """The last handle was closed."""


class Handle:
    """One reference to a description: the ``OpenFile`` that processes hold."""

    __slots__ = ("_description",)

    def __init__(self, description: Description) -> None:
        description.references += 1
        self._description: Description | None = description

    def _get(self) -> Description:
        if self._description is None:
            raise os_error(errno.EBADF)
        return self._description

    @property
    def kind(self) -> Kind:
        return self._get().kind

    async def read(self, size: int = 65536, /) -> bytes:
        description = self._get()
        if not can_read(description.flags):
            raise os_error(errno.EBADF)
        return await description.do_read(size)

    async def write(self, data: bytes, /) -> None:
        description = self._get()
        if not can_write(description.flags):
            raise os_error(errno.EBADF)
        await description.do_write(data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._get().seek(offset, whence)

    def truncate(self, size: int, /) -> None:
        description = self._get()
        if size < 0 or not can_write(description.flags):
            raise os_error(errno.EINVAL)
        description.do_truncate(size)

    def stat(self) -> FileStat:
        return self._get().stat()

    def isatty(self) -> bool:
        return self._get().isatty()

    def dup(self) -> OpenFile:
        return Handle(self._get())

    def close(self) -> None:
        description, self._description = self._description, None
        if description is not None:
            description.references -= 1
            if not description.references:
                description.release()

    def __del__(self) -> None:
        # A process that was killed between open and close must not keep a descriptor of the
        # engine for ever.
        self.close()


def seek_position(current: int, size: int, offset: int, whence: int) -> int:
    """The new position as ``lseek`` computes it; ``EINVAL`` where it would be negative."""
    base = {os.SEEK_SET: 0, os.SEEK_CUR: current, os.SEEK_END: size}.get(whence)
    if base is None or base + offset < 0:
        raise os_error(errno.EINVAL)
    return base + offset


class HostFile(Description):
    """A regular file of the host, through a real file descriptor.

    :param convert: makes of the host's ``stat`` what the container shall see.
    """

    def __init__(self, fd: int, flags: int, convert: Callable[[os.stat_result], FileStat]) -> None:
        super().__init__(flags)
        self._fd = fd
        self._convert = convert

    async def do_read(self, size: int) -> bytes:
        data = os.read(self._fd, min(size, CHUNK))
        await self.give_way(len(data))
        if len(data) < CHUNK or size <= CHUNK:
            return data
        parts = [data]
        size -= len(data)
        while size > 0:
            data = os.read(self._fd, min(size, CHUNK))
            if not data:
                break
            parts.append(data)
            size -= len(data)
            await self.give_way(len(data))
        return b"".join(parts)

    async def do_write(self, data: bytes) -> None:
        view = memoryview(data)
        while True:
            written = os.write(self._fd, view[:CHUNK])
            view = view[written:]
            await self.give_way(written)
            if not view:
                return

    def seek(self, offset: int, whence: int) -> int:
        if whence not in (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END):
            raise os_error(errno.EINVAL)
        return os.lseek(self._fd, offset, whence)

    def do_truncate(self, size: int) -> None:
        os.ftruncate(self._fd, size)

    def stat(self) -> FileStat:
        return self._convert(os.fstat(self._fd))

    def release(self) -> None:
        os.close(self._fd)


class BytesFile(Description):
    """Read-only content that is already there: catalogue files, ``/proc``."""

    def __init__(self, content: bytes, stat: FileStat) -> None:
        super().__init__(os.O_RDONLY)
        self._content = content
        self._position = 0
        self._stat = stat

    async def do_read(self, size: int) -> bytes:
        data = self._content[self._position : self._position + size]
        self._position += len(data)
        await self.give_way(len(data))
        return data

    def seek(self, offset: int, whence: int) -> int:
        self._position = seek_position(self._position, len(self._content), offset, whence)
        return self._position

    def stat(self) -> FileStat:
        return self._stat


class DirectoryFile(Description):
    """An open directory: it can be examined, not read."""

    kind: Kind = "directory"

    def __init__(self, stat: Callable[[], FileStat]) -> None:
        super().__init__(os.O_RDONLY)
        self._stat = stat

    async def do_read(self, size: int) -> bytes:
        raise os_error(errno.EISDIR)

    def seek(self, offset: int, whence: int) -> int:
        return 0

    def stat(self) -> FileStat:
        return self._stat()


class DeviceFile(Description):
    """A character device: what reading gives and writing does is decided by two functions.

    :param read: bytes of at most the wanted size.
    :param write: raises where writing fails; ``None`` takes everything.
    """

    kind: Kind = "device"

    def __init__(
        self,
        flags: int,
        stat: FileStat,
        read: Callable[[int], bytes],
        write: Callable[[bytes], None] | None = None,
    ) -> None:
        super().__init__(flags)
        self._stat = stat
        self._read = read
        self._write = write

    async def do_read(self, size: int) -> bytes:
        data = self._read(min(size, CHUNK))
        await self.give_way(len(data))
        return data

    async def do_write(self, data: bytes) -> None:
        if self._write is not None:
            self._write(data)
        await self.give_way(len(data))

    def seek(self, offset: int, whence: int) -> int:
        return 0

    def stat(self) -> FileStat:
        return self._stat
