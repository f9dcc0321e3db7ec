"""Where an engine of a swarm listens, and where others reach it.

dockerd listens on all addresses and advertises one of its host. All engines of such a swarm are
on one machine here, so that an engine listens on a loopback address only: 127.0.0.1, or the one
that it is told (Linux has all of 127.0.0.0/8). Whatever else is advertised, nobody from outside
can call; the join command that a manager gives names the address where it really listens. A
worker that is told nothing gets an address of its own from its manager.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from course_lib.engine.errdefs import InvalidParameter, NotImplementedByEngine

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

    :param listen, advertise: ``ADDRESS[:PORT]`` as ``docker swarm init`` gives them.
    :raises InvalidParameter: a port that is none.
    """
    place = _place(listen, advertise)
    return place if place.chosen else Place(place.host, PORT, False)


def worker_place(listen: str, advertise: str) -> Place:
    """Where a worker listens: any port.

    :raises InvalidParameter: a port that is none.
    """
    place = _place(listen, advertise)
    return place if place.chosen else Place(place.host, 0, False)


def names_host(listen: str, advertise: str) -> bool:
    """Whether the user says at which address of this machine."""
    return any(_is_loopback(_split(text)[0]) for text in (listen, advertise))


def remote_address(text: str) -> tuple[str, int]:
    """The address of a manager to join, ``ADDRESS[:PORT]``.

    :raises NotImplementedByEngine: it is on another machine.
    :raises InvalidParameter: a port that is none.
    """
    host, port = _split(text)
    if not _is_loopback(host):
        raise NotImplementedByEngine(f"{host}: a swarm beyond this machine's 127.0.0.1")
    return HOST if host == "localhost" else host, port or PORT


def _split(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon:
        return text, 0
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise InvalidParameter(f"invalid address {text}: no port")
    return host, int(port)


def _place(listen: str, advertise: str) -> Place:
    listen_host, listen_port = _split(listen)
    host, port = _split(advertise)
    # 2377 is what the docker command says where the user said nothing.
    chosen = next((p for p in (port, listen_port) if p not in {0, PORT}), 0)
    found = next((h for h in (host, listen_host) if _is_loopback(h)), HOST)
    return Place(HOST if found == "localhost" else found, chosen, bool(chosen))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return False
