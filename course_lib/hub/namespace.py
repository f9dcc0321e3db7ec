"""Network namespaces for people's servers, with one door into them: the hub's own API.

A socket belongs to the namespace in which it was made, whoever holds it. So nothing has to carry
bytes between the hub and a person's server, and no address leads from one person to another:

- the hub listens *in* each namespace on the address of its API, with a socket made there;
- a server answers the proxy on a socket made outside, which it inherits.

Needs ``CAP_SYS_ADMIN``. Namespaces are a thread's own, so each is made in a thread that ends.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from course_lib import syscalls

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
        syscalls.unshare(syscalls.NEWNET)
        syscalls.loopback_up()
        return Namespace(_own(), _listen(port))

    return _in_a_thread(made)


def enter(process: int, port: int) -> Namespace:
    """The namespace that a process is in, with a new listener there.

    :raises OSError: the process is gone.
    """

    def entered() -> Namespace:
        descriptor = os.open(f"/proc/{process}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        syscalls.setns(descriptor, syscalls.NEWNET)
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


ENTER = Path(__file__).with_name("enter.sh")
"""The first process of a person's world: see there."""
