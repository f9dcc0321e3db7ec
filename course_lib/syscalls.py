"""System calls of Linux that Python has no words for (before 3.12, or at all)."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct

# <linux/sched.h>
NEWNS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x00020000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1  # <linux/sockios.h>, <linux/if.h>


def libc() -> ctypes.CDLL:
    """The C library of this process, with its ``errno``."""
    return ctypes.CDLL(None, use_errno=True)


def check(code: int, what: str) -> None:
    """:raises OSError: a call gave another code than 0."""
    if code:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def unshare(flags: int) -> None:
    """Namespaces of their own for the calling thread.

    :raises OSError: where it may not have them.
    """
    check(libc().unshare(flags), "unshare")


def setns(descriptor: int, flags: int) -> None:
    """Take the calling thread into the namespace behind a descriptor.

    :raises OSError: where it may not.
    """
    check(libc().setns(descriptor, flags), "setns")


def loopback_up() -> None:
    """Turn on the loopback interface of this thread's network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(probe, _GET_FLAGS, request))[1]
        fcntl.ioctl(probe, _SET_FLAGS, struct.pack("16sh22x", b"lo", flags | _UP))
