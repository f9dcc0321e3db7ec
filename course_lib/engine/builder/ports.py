"""``EXPOSE``: port specifications (go-connections ``nat.ParsePortSpecs``)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from course_lib.engine.container.validate import parse_port_range
from course_lib.engine.errdefs import EngineError


def exposed(specifications: Iterable[str]) -> list[str]:
    """``80``, ``53/udp``, ``8000-8002`` as ``80/tcp`` … one by one.

    :raises EngineError: with the library's words.
    """
    found: list[str] = []
    for text in specifications:
        *host, port = text.split(":")
        if len(host) > 1:
            _check_address(":".join(host[:-1]))
        port, _, protocol = port.partition("/")
        if not port:
            raise EngineError(f"No port specified: {text}<empty>")
        ports = parse_port_range(port)
        if ports is None:
            raise EngineError(f"Invalid containerPort: {port}")
        if host and host[-1] and parse_port_range(host[-1]) is None:
            raise EngineError(f"Invalid hostPort: {host[-1]}")
        protocol = (protocol or "tcp").lower()
        if protocol not in {"tcp", "udp", "sctp"}:
            raise EngineError(f"Invalid proto: {protocol}")
        found += [f"{number}/{protocol}" for number in range(ports[0], ports[1] + 1)]
    return found


def _check_address(text: str) -> None:
    if not text:
        return
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        raise EngineError(f"Invalid ip address: {text}") from None
