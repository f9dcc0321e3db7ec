"""bash's ``/dev/tcp/HOST/PORT`` and ``/dev/udp/HOST/PORT``: connections as files.

No files are there: bash opens a connection where a redirection names such a path (its
``lib/sh/netopen.c``).
"""

from __future__ import annotations

import errno
import re
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Protocol

from course_lib.engine.interfaces import DatagramSocket, FileStat, OpenFile
from course_lib.engine.userland import libc
from course_lib.engine.userland.files import os_error

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell

_PLACE = re.compile(r"/dev/(tcp|udp)/([^/]+)/(.+)")


def is_connection(path: str) -> bool:
    """Whether bash would connect instead of opening a file."""
    return _PLACE.fullmatch(path) is not None


async def connect(shell: Shell, path: str) -> OpenFile:
    """The connection that a path stands for.

    :raises OSError: it does not come about; what bash says before that has been said.
    """
    match = _PLACE.fullmatch(path)
    assert match is not None
    protocol, host, service = match.groups()
    proc = shell.proc
    # As glibc, which takes the lower bits of a number that is too large.
    port = int(service) % 65536 if service.isdigit() else libc.port_number(proc, service)
    try:
        if port is None:
            await shell.complain("Servname not supported for ai_socktype", service)
            raise os_error(errno.EINVAL)
        addresses = await libc.getaddrinfo(proc, host)
    except libc.ResolveError as error:
        temporary = "Temporary failure in name resolution"
        reason = temporary if error.temporary else "Name or service not known"
        await shell.complain(reason, host)
        raise os_error(errno.EINVAL) from None
    if protocol == "udp":
        socket = proc.net.bind_udp("::" if libc.is_ipv6(addresses[0]) else "0.0.0.0", 0)
        return ConnectionFile(_Datagrams(socket, (addresses[0], port)))
    refused = os_error(errno.EINVAL)
    for address in addresses:
        try:
            return ConnectionFile(await proc.net.connect(address, port))
        except OSError as error:
            refused = error
    await proc.err(f"{shell.arg0}: connect: {refused.strerror}\n")
    raise refused


class _Channel(Protocol):
    """Both directions of a connection."""

    async def read(self, size: int = 65536, /) -> bytes: ...
    async def write(self, data: bytes, /) -> None: ...
    def close(self) -> None: ...


class _Datagrams:
    """A UDP socket that talks to one peer."""

    def __init__(self, socket: DatagramSocket, peer: tuple[str, int]) -> None:
        self._socket = socket
        self._peer = peer
        self.close: Callable[[], None] = socket.close

    async def read(self, size: int = 65536, /) -> bytes:
        while True:
            data, source = await self._socket.receive()
            if source == self._peer:
                return data[:size]

    async def write(self, data: bytes, /) -> None:
        await self._socket.send(data, self._peer)


class ConnectionFile:
    """A descriptor of a connection, which ends with the last of its duplicates."""

    __slots__ = ("_channel", "_holders", "_open")
    kind: Literal["socket"] = "socket"

    def __init__(self, channel: _Channel, holders: list[None] | None = None) -> None:
        self._channel = channel
        self._holders = [] if holders is None else holders  # one entry for each open handle
        self._holders.append(None)
        self._open = True

    async def read(self, size: int = 65536, /) -> bytes:
        return await self._channel.read(size)

    async def write(self, data: bytes, /) -> None:
        await self._channel.write(data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        raise os_error(errno.ESPIPE)

    def truncate(self, size: int, /) -> None:
        raise os_error(errno.EINVAL)

    def stat(self) -> FileStat:
        return FileStat(stat.S_IFSOCK | 0o777, 0, 0, 0, 0, id(self._channel) & 0xFFFFFF, 8, 1)

    def isatty(self) -> bool:
        return False

    def dup(self) -> OpenFile:
        return ConnectionFile(self._channel, self._holders)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._holders.pop()
            if not self._holders:
                self._channel.close()
