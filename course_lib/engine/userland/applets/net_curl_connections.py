"""The connections of one ``curl``: kept open after an answer, for the next URL of that host."""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.engine.interfaces import StreamSocket
from course_lib.engine.userland.http_client import Exchange


@dataclass(slots=True)
class Connection:
    """One connection to a host.

    :param number: the how manieth of this ``curl``, from 0 on (``-v`` shows it).
    :param address: what the host's name resolved to.
    """

    number: int
    stream: StreamSocket
    address: str
    exchange: Exchange
    reused: bool = False

    def close(self) -> None:
        """Hang up."""
        self.stream.close()


class Connections:
    """Those that are open and idle, by host and port."""

    def __init__(self) -> None:
        self._idle: dict[tuple[str, int], Connection] = {}
        self.made = 0

    def opened(self, stream: StreamSocket, address: str) -> Connection:
        """A connection that was made just now."""
        self.made += 1
        return Connection(self.made - 1, stream, address, Exchange(stream))

    def idle(self, host: str, port: int) -> Connection | None:
        """One that was kept; whoever gets it has to give it back or close it."""
        found = self._idle.pop((host, port), None)
        if found is not None:
            found.reused = True
        return found

    def keep(self, host: str, port: int, connection: Connection) -> bool:
        """Keep a connection whose answer was read, unless one of its ends wants it closed."""
        if not connection.exchange.renew():
            connection.close()
            return False
        self._idle[host, port] = connection
        return True

    def close(self) -> None:
        """Close them all."""
        for connection in self._idle.values():
            connection.close()
        self._idle.clear()
