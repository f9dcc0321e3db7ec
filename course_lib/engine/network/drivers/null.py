"""The drivers of the networks ``none`` and ``host``: nothing is plugged in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.engine.errdefs import Forbidden

if TYPE_CHECKING:
    from course_lib.engine.network.endpoint import Endpoint
    from course_lib.engine.network.network import Network
    from course_lib.engine.network.stack import Link, Stack


class NullDriver:
    """A container on such a network has the loopback interface alone, or the host's own stack.

    :param name: ``null`` or ``host``; there is one network of each.
    """

    has_addresses = False
    gives_way_out = False

    def __init__(self, name: str, *, shares_host: bool = False) -> None:
        self.name = name
        self.shares_host = shares_host
        self._network: Network | None = None

    def create_network(self, network: Network) -> None:
        if self._network is not None:
            raise Forbidden(f'only one instance of "{self.name}" network is allowed')
        self._network = network

    def delete_network(self, network: Network) -> None:
        raise Forbidden(f'network of type "{self.name}" cannot be deleted')

    def join(self, endpoint: Endpoint, stack: Stack, name: str) -> Link | None:
        return None

    def leave(self, endpoint: Endpoint, stack: Stack) -> None:
        return None
