"""Whether a kernel that owes a reply will never give one.

A cell may sleep as long as its limit allows, and a busy machine may take its time. Two things no
honest kernel does, however slow it is: it reads no further request while it owes a reply, and it
does not sleep over a question about its variables.
"""

from __future__ import annotations

import fcntl
import socket
import sys
import termios
import time

import psutil

ASLEEP_SECONDS = 2.0
"""So long a kernel may sleep over a question, without any use of a processor."""
_NOTHING = bytes(4)


def all_read(control: socket.socket) -> bool:
    """Whether the other end has read all that was sent (``SIOCOUTQ``); False where nobody tells."""
    if sys.platform != "linux":
        return False
    return fcntl.ioctl(control, termios.TIOCOUTQ, _NOTHING) == _NOTHING


class Sleeper:
    """A process that is asked something, looked at now and then."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._used: float | None = None
        self._since = 0.0

    def asleep(self) -> bool:
        """Whether it has slept for :data:`ASLEEP_SECONDS`: its first thread, and no other busy."""
        now = time.monotonic()
        try:
            process = psutil.Process(self._pid)
            with process.oneshot():
                sleeping = process.status() == psutil.STATUS_SLEEPING
                used = sum(process.cpu_times()[:2])
        except psutil.Error:
            return False
        if not sleeping or used != self._used:
            self._used, self._since = used, now
        return now - self._since >= ASLEEP_SECONDS
