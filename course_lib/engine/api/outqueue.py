"""Knowing when a client has read what was sent to it.

The Docker SDK for Python reads the head of an answer through a buffer and then takes the bare
socket: what came right behind the head is lost in that buffer. dockerd is slow enough never to
notice; this engine waits until the kernel says that the head has been read.
"""

from __future__ import annotations

import asyncio
import fcntl
import struct
import sys
import termios

_TRIES = 100
_PAUSE = 0.001
_SO_NWRITE = 0x1024  # macOS: bytes that the other end has not taken yet


async def until_read(writer: asyncio.StreamWriter) -> None:
    """Wait until nothing is under way to the client, or a tenth of a second at most."""
    for attempt in range(_TRIES):
        if writer.is_closing() or not _waiting(writer):
            return
        await asyncio.sleep(0 if attempt < 10 else _PAUSE)


def _waiting(writer: asyncio.StreamWriter) -> int:
    """Bytes sent (on Linux with the kernel's book-keeping) that the client has not read."""
    if buffered := writer.transport.get_write_buffer_size():
        return buffered
    stream = writer.get_extra_info("socket")
    try:
        if sys.platform == "darwin":
            return int(stream.getsockopt(0xFFFF, _SO_NWRITE))
        answer = fcntl.ioctl(stream.fileno(), termios.TIOCOUTQ, b"\0" * 4)
        return int(struct.unpack("i", answer)[0])
    except OSError:  # it is closing
        return 0
