"""The addresses that ``docker swarm init`` and ``join`` take (Moby: ``cluster/listen_addr.go``).

The emulated host has two interfaces: ``lo`` and ``eth0``. What is advertised where nothing is said
is 127.0.0.1, where other engines of this machine can reach this one.
"""

from __future__ import annotations

from course_lib.engine.errdefs import InvalidParameter
from course_lib.engine.network.addresses import is_address
from course_lib.engine.network.host import ADDRESS

DEFAULT_ADDRESS = "127.0.0.1"
DEFAULT_PORT = "2377"
_INTERFACES = {"lo": "127.0.0.1", "eth0": ADDRESS}


def _split(text: str) -> tuple[str, str]:
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        return text.strip("[]"), ""
    return host.strip("[]"), port


def remote_address(text: str) -> str:
    """An address with a port.

    :raises InvalidParameter: there is none.
    """
    if not text:
        raise InvalidParameter("invalid empty address")
    host, port = _split(text)
    return f"{host}:{port or DEFAULT_PORT}"


def listen_address(text: str) -> tuple[str, str]:
    """Where to listen: address and port.

    :raises InvalidParameter: with dockerd's text.
    """
    host, port = _split(text)
    host = _INTERFACES.get(host, host)
    if not is_address(host):
        raise InvalidParameter(
            "listen address must be an IP address or network interface (with optional port number)"
        )
    return host, port or DEFAULT_PORT


def advertise_address(text: str, listen: tuple[str, str]) -> tuple[str, str]:
    """Which address to tell others: address and port.

    :raises InvalidParameter: with dockerd's text.
    """
    if not text:
        host = DEFAULT_ADDRESS if listen[0] in {"0.0.0.0", "::"} else listen[0]
        return host, listen[1]
    host, port = _split(text)
    host = _INTERFACES.get(host, host)
    if not is_address(host) or host in {"0.0.0.0", "::"}:
        raise InvalidParameter(
            "advertise address must be a non-zero IP address or network interface (with optional "
            "port number)"
        )
    return host, port or listen[1]
