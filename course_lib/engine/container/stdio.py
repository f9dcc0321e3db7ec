"""Standard input, output and error of a container or exec instance, and the clients attached.

Programs write straight into the log and to the clients: there is no pipe and no task between,
so that an idle container costs next to nothing and nothing is lost when it ends. A client that
does not read holds the program up once 1 MiB waits for it, as in dockerd.
"""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from collections import deque
from typing import Literal

from course_lib.engine.clock import Clock
from course_lib.engine.container.logs import JsonLog, StreamKind
from course_lib.engine.interfaces import FileStat, OpenFile, Terminal

LIMIT = 1024 * 1024
"""Bytes that wait for one client before the program that wrote them waits too."""

_GRACE = 2.0
"""Seconds that children may keep writing after their parent has ended (as dockerd waits)."""


class Attachment:
    """One client that sees the output."""

    __slots__ = ("_changed", "_queue", "_size", "closed", "stderr", "stdout")

    def __init__(self, *, stdout: bool, stderr: bool) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.closed = False
        self._queue: deque[tuple[StreamKind, bytes]] = deque()
        self._size = 0
        self._changed: asyncio.Future[None] | None = None

    async def put(self, stream: StreamKind, data: bytes) -> None:
        """Queue output for the client, waiting for room."""
        if not (self.stdout if stream == "stdout" else self.stderr):
            return
        while self._size > LIMIT and not self.closed:
            await self._wait()
        if not self.closed:
            self._queue.append((stream, data))
            self._size += len(data)
            self._wake()

    async def next(self) -> tuple[StreamKind, bytes] | None:
        """What the client is to see next; ``None`` once there will be no more."""
        while not self._queue:
            if self.closed:
                return None
            await self._wait()
        stream, data = self._queue.popleft()
        self._size -= len(data)
        self._wake()
        return stream, data

    def close(self) -> None:
        """No more output: the container ended or the client left."""
        self.closed = True
        self._wake()

    async def _wait(self) -> None:
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._changed)

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set_result(None)
            self._changed = None


class Streams:
    """The three streams. They outlive the process: clients may attach before it starts.

    :param log: where output is kept; ``None`` for exec instances and ``--log-driver none``.
    """

    __slots__ = (
        "_attachments",
        "_closed",
        "_open",
        "_pump",
        "_reader",
        "_writer",
        "log",
        "open_stdin",
        "stdin_once",
        "terminal",
        "tty",
    )

    def __init__(
        self, log: JsonLog | None, *, tty: bool, open_stdin: bool, stdin_once: bool
    ) -> None:
        self.log = log
        self.tty = tty
        self.open_stdin = open_stdin
        self.stdin_once = stdin_once
        self.terminal: Terminal | None = None
        self._attachments: list[Attachment] = []
        self._reader: OpenFile | None = None
        self._writer: OpenFile | None = None
        self._pump: asyncio.Task[None] | None = None
        self._open = 0
        self._closed: asyncio.Future[None] | None = None

    # --- the program's side --------------------------------------------------------------

    def begin(self) -> tuple[OpenFile, OpenFile, OpenFile]:
        """The program starts: its descriptors 0, 1 and 2."""
        if self.log is not None:
            self.log.begin()
        if self.tty:
            terminal = self._terminal()
            self._pump = asyncio.create_task(self._pump_terminal(terminal))
            return terminal.slave(), terminal.slave(), terminal.slave()
        return self._stdin(), OutputFile(self, "stdout"), OutputFile(self, "stderr")

    async def output(self, stream: StreamKind, data: bytes) -> None:
        """What the program wrote."""
        if self.log is not None:
            self.log.append(stream, data)
        for attachment in list(self._attachments):
            await attachment.put(stream, data)

    async def end(self, clock: Clock) -> None:
        """The program has ended: the last output goes out, clients and log come to an end."""
        if self._pump is not None:
            await self._ended(self._pump, clock)
            self._pump.cancel()
            self._pump = None
        elif self._open:
            self._closed = asyncio.get_running_loop().create_future()
            await self._ended(self._closed, clock)
            self._closed = None
        self.abort()

    def abort(self) -> None:
        """Close everything at once; the next :meth:`begin` starts afresh."""
        if self.terminal is not None:
            self.terminal.hangup()
            self.terminal = None
        if self._pump is not None:
            self._pump.cancel()
            self._pump = None
        for end in (self._reader, self._writer):
            if end is not None:
                end.close()
        self._reader = self._writer = None
        for attachment in self._attachments:
            attachment.close()
        self._attachments.clear()
        if self.log is not None:
            self.log.end()

    async def _ended(self, awaited: asyncio.Future[None], clock: Clock) -> None:
        if awaited.done():
            return
        timer = asyncio.ensure_future(clock.sleep(_GRACE))
        try:
            await asyncio.wait({awaited, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()

    def opened(self, change: int) -> None:
        """A handle on the output was made (1) or closed (-1)."""
        self._open += change
        if not self._open and self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    async def _pump_terminal(self, terminal: Terminal) -> None:
        while data := await terminal.output():
            await self.output("stdout", data)

    def _stdin(self) -> OpenFile:
        if not self.open_stdin:
            from course_lib.engine.userland.files import NullFile

            return NullFile()
        self._pipe()
        reader, self._reader = self._reader, None
        assert reader is not None
        return reader

    def _pipe(self) -> None:
        if self._writer is None:
            from course_lib.engine.userland.pipe import pipe

            self._reader, self._writer = pipe()

    def _terminal(self) -> Terminal:
        if self.terminal is None:
            from course_lib.engine.userland.tty import new_terminal

            self.terminal = new_terminal()
        return self.terminal

    # --- the clients' side ---------------------------------------------------------------

    def attach(self, *, stdout: bool, stderr: bool) -> Attachment:
        """See the output from now on."""
        attachment = Attachment(stdout=stdout, stderr=stderr)
        self._attachments.append(attachment)
        return attachment

    def detach(self, attachment: Attachment) -> None:
        """The client has left."""
        attachment.close()
        if attachment in self._attachments:
            self._attachments.remove(attachment)

    async def feed(self, data: bytes) -> bool:
        """Input from a client; false where nobody will ever read it."""
        if self.tty:
            await self._terminal().feed(data)
            return True
        if not self.open_stdin:
            return False
        self._pipe()
        assert self._writer is not None
        try:
            await self._writer.write(data)
        except OSError:  # the program closed its end, or a client has ended the input
            return False
        return True

    def end_input(self) -> None:
        """A client has sent its last byte; only ``--interactive`` of one client closes stdin."""
        if self.open_stdin and not self.tty:
            self._pipe()
            assert self._writer is not None
            self._writer.close()

    def resize(self, rows: int, columns: int) -> None:
        """The window of the client has that size now."""
        if self.tty:
            self._terminal().resize(rows, columns)


class OutputFile:
    """Standard output or error as a program sees it: the writing end of a pipe."""

    __slots__ = ("_closed", "_stream", "_streams")
    kind: Literal["pipe"] = "pipe"

    def __init__(self, streams: Streams, stream: StreamKind) -> None:
        self._streams = streams
        self._stream: StreamKind = stream
        self._closed = False
        streams.opened(1)

    async def read(self, size: int = 65536, /) -> bytes:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    async def write(self, data: bytes, /) -> None:
        if self._closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if data:
            await self._streams.output(self._stream, bytes(data))

    def seek(self, offset: int, whence: int = 0, /) -> int:
        raise OSError(errno.ESPIPE, os.strerror(errno.ESPIPE))

    def truncate(self, size: int, /) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    def stat(self) -> FileStat:
        return FileStat(stat.S_IFIFO | 0o600, 0, 0, 0, 0, 2, 1, 14)

    def isatty(self) -> bool:
        return False

    def dup(self) -> OpenFile:
        return OutputFile(self._streams, self._stream)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._streams.opened(-1)
