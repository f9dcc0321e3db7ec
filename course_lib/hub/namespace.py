"""Network namespaces for people's servers, with one door into them: the hub's own API.

A socket belongs to the namespace in which it was made, whoever holds it. So nothing has to carry
bytes between the hub and a person's server, and no address leads from one person to another:

- the hub listens *in* each namespace on the address of its API, with a socket made there;
- a server answers the proxy on a socket made outside, which it inherits.

Needs ``CAP_SYS_ADMIN``. Namespaces are a thread's own, so each is made in a thread that ends.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_NEWNET = 0x40000000  # <linux/sched.h>
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1  # <linux/sockios.h>, <linux/if.h>
_BACKLOG = 128


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace: a descriptor that keeps it, and a socket that listens in it."""

    descriptor: int
    listener: socket.socket


def make(port: int) -> Namespace:
    """A new namespace with a loopback interface; it listens there on ``127.0.0.1:port``.

    :raises OSError: where this process may not make one.
    """

    def made() -> Namespace:
        _check(_libc().unshare(_NEWNET))
        _loopback_up()
        return Namespace(_own(), _listen(port))

    return _in_a_thread(made)


def enter(process: int, port: int) -> Namespace:
    """The namespace that a process is in, with a new listener there.

    :raises OSError: the process is gone.
    """

    def entered() -> Namespace:
        descriptor = os.open(f"/proc/{process}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        _check(_libc().setns(descriptor, _NEWNET))
        return Namespace(descriptor, _listen(port))

    return _in_a_thread(entered)


def same(process: int) -> bool:
    """Whether a process is in this process's network namespace."""
    return os.stat(f"/proc/{process}/ns/net").st_ino == os.stat("/proc/self/ns/net").st_ino


def _own() -> int:
    return os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY)


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(probe, _GET_FLAGS, request))[1]
        fcntl.ioctl(probe, _SET_FLAGS, struct.pack("16sh22x", b"lo", flags | _UP))


def _in_a_thread(work: Callable[[], Namespace]) -> Namespace:
    found: list[Namespace | BaseException] = []

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(code: int) -> None:
    if code:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


ENTER = Path(__file__).with_name("enter.sh")
"""The first process of a person's world: see there."""
