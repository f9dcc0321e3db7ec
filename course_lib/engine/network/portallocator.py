"""Host ports in use, and the next one that is free (libnetwork: ``portallocator``).

Ephemeral ports are handed out upwards, each behind the last one, so that a port which was just
given back is not used again at once.
"""

from __future__ import annotations

from course_lib.engine.errdefs import SystemFailure

FIRST, LAST = 32768, 60999
"""Linux's default ``ip_local_port_range``, which dockerd uses."""


class PortAlreadyAllocated(SystemFailure):
    """Another container has published that port."""

    def __init__(self, host_ip: str, port: int) -> None:
        super().__init__(f"Bind for {host_ip}:{port} failed: port is already allocated")


class AllPortsAllocated(SystemFailure):
    """No port of the range is left."""

    def __init__(self) -> None:
        super().__init__("all ports are allocated")


class PortAllocator:
    """The ports taken per address and protocol."""

    def __init__(self, first: int = FIRST, last: int = LAST) -> None:
        self._default = (first, last)
        self._taken: dict[tuple[str, str], set[int]] = {}
        self._last: dict[tuple[str, str, int, int], int] = {}

    @property
    def ephemeral_ports(self) -> int:
        """How many ephemeral ports there are."""
        return self._default[1] - self._default[0] + 1

    def request(self, host_ip: str, protocol: str, first: int = 0, last: int = 0) -> int:
        """Take ``first``, or the next free port of ``first`` to ``last``, or an ephemeral one.

        :raises PortAlreadyAllocated: that one port is taken.
        :raises AllPortsAllocated: the range is used up.
        """
        taken = self._taken.setdefault((host_ip, protocol), set())
        if first and first == (last or first):
            if first in taken:
                raise PortAlreadyAllocated(host_ip, first)
            taken.add(first)
            return first
        begin, end = (first, last) if first else self._default
        key = (host_ip, protocol, begin, end)
        port = self._last.get(key, end)
        for _ in range(end - begin + 1):
            port = port + 1 if port < end else begin
            if port not in taken:
                taken.add(port)
                self._last[key] = port
                return port
        raise AllPortsAllocated

    def release(self, host_ip: str, protocol: str, port: int) -> None:
        """Give a port back."""
        self._taken.get((host_ip, protocol), set()).discard(port)
