"""The Unix socket that clients connect to."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import stat
from pathlib import Path

from course_lib.engine.api.connection import ClientProtocol, Connection
from course_lib.engine.api.router import Router
from course_lib.engine.api.wire import header_lines
from course_lib.engine.clock import Clock
from course_lib.engine.errdefs import SystemFailure

_PATH_LIMIT = 107  # sun_path holds 108 bytes with the final NUL
_BUFFER = 256 * 1024


class SocketError(SystemFailure):
    """The socket cannot be made where it was asked for; the message says why."""


class ApiServer:
    """Accepts connections and answers them by a router.

    :param headers: added to every answer of a known route.
    """

    def __init__(self, router: Router, headers: tuple[tuple[str, str], ...], clock: Clock) -> None:
        self._router = router
        self._common = header_lines(headers)
        self._clock = clock
        self._server: asyncio.AbstractServer | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._path: Path | None = None
        self._inode: tuple[int, int] | None = None

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._tasks)

    async def start(self, path: Path) -> None:
        """Listen on a Unix socket that only this user can open.

        :raises SocketError: the path is too long, is something else, or is in use.
        """
        listener = bind(path)
        status = os.stat(path)
        self._path, self._inode = path, (status.st_dev, status.st_ino)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(self._protocol, sock=listener, backlog=4096)

    async def close(self) -> None:
        """Stop listening, end all connections, and take the socket away."""
        if self._server is not None:
            # asyncio leaves a socket open that it has accepted, but not yet wrapped, by now.
            await _settle()
            self._server.close()
        if self._path is not None and self._inode is not None:
            with contextlib.suppress(FileNotFoundError):
                status = self._path.stat()
                if (status.st_dev, status.st_ino) == self._inode:  # not a successor's socket
                    self._path.unlink()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
        await _settle()  # their sockets are closed one step later

    def _protocol(self) -> ClientProtocol:
        reader = asyncio.StreamReader(limit=_BUFFER)

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = Connection(
                self._router, protocol, reader, writer, self._common, self._clock
            )
            task = asyncio.create_task(connection.serve())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            task.add_done_callback(lambda _: writer.close())

        protocol = ClientProtocol(reader, connected)
        return protocol


async def _settle() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


def bind(path: Path) -> socket.socket:
    """Make the listening socket with mode 0600; replace one whose engine has died.

    :raises SocketError: see :meth:`ApiServer.start`.
    """
    if len(os.fsencode(path)) > _PATH_LIMIT:
        raise SocketError(
            f"socket path too long ({len(os.fsencode(path))} bytes, at most {_PATH_LIMIT}): {path}"
        )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SocketError(f"{path.parent}: cannot be made: {error.strerror}") from None
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise SocketError(f"{path}: exists and is not a socket")
        if _answers(path):
            raise SocketError(f"{path}: in use by another process")
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)  # the socket must never be open to others, not even for a moment
    try:
        listener.bind(os.fspath(path))
    except OSError as error:
        listener.close()
        raise SocketError(f"{path}: cannot be made: {error.strerror}") from None
    finally:
        os.umask(mask)
    listener.setblocking(False)
    return listener


def _answers(path: Path) -> bool:
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    probe.settimeout(1)
    try:
        probe.connect(os.fspath(path))
    except OSError as error:
        return error.errno not in {errno.ECONNREFUSED, errno.ENOENT}
    finally:
        probe.close()
    return True
