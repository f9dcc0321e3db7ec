"""Where an engine of a swarm listens, and where others reach it.

dockerd listens on all addresses and advertises that of its host. All engines of such a swarm are
on one machine here, so that an engine listens on a loopback address only: 127.0.0.1, or the one
that it is told (Linux has all of 127.0.0.0/8). Nobody from outside can call.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from course_lib.engine.errdefs import EngineError, InvalidParameter, NotImplementedByEngine

PORT = 2377
"""Docker's port for the management of a cluster."""

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen.

    :ivar port: 0 for any. :ivar chosen: whether the user named the port, so that no other will do.
    """

    host: str
    port: int
    chosen: bool


def manager_place(listen: str, advertise: str) -> Place:
    """Where a manager listens: port 2377, or any other where that one is taken.

    :param listen, advertise: as ``docker swarm init`` gives them, ``ADDRESS[:PORT]``; empty or
        ``0.0.0.0`` for what is usual.
    :raises NotImplementedByEngine: an address that is not on the loopback.
    :raises InvalidParameter: no address.
    """
    place = _place(listen, advertise)
    return place if place.chosen else Place(place.host, PORT, False)


def worker_place(listen: str, advertise: str) -> Place:
    """Where a worker listens: any port."""
    place = _place(listen, advertise)
    return place if place.chosen else Place(place.host, 0, False)


def remote_address(text: str) -> tuple[str, int]:
    """The address of a manager to join, ``ADDRESS[:PORT]``.

    :raises NotImplementedByEngine: it is on another machine. :raises InvalidParameter: it is none.
    """
    host, port = split(text)
    return _loopback(host), port or PORT


def split(text: str) -> tuple[str, int]:
    """``127.0.0.1:2377`` as address and port, 0 for none.

    :raises InvalidParameter: the port is none.
    """
    host, colon, port = text.rpartition(":")
    if not colon:
        return text, 0
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise InvalidParameter(f"invalid address {text}: no port")
    return host, int(port)


def _place(listen: str, advertise: str) -> Place:
    listen_host, listen_port = split(listen)
    host, port = split(advertise)
    if listen_port == PORT:
        listen_port = 0  # what the docker command says where the user said nothing
    if listen_host not in {"", "0.0.0.0"}:
        host = host or listen_host
        _loopback(listen_host)
    chosen = port or listen_port
    return Place(_loopback(host) if host else HOST, chosen, bool(chosen))


def _loopback(host: str) -> str:
    if host == "localhost":
        return HOST
    try:
        address = ipaddress.IPv4Address(host)
    except ValueError:
        raise _beyond(host) from None
    if not address.is_loopback:
        raise _beyond(host)
    return str(address)


def _beyond(host: str) -> EngineError:
    return NotImplementedByEngine(f"{host}: a swarm beyond this machine's 127.0.0.1")
