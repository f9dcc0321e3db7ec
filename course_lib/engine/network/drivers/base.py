"""What a network driver does (libnetwork: ``driverapi``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from course_lib.engine.network.endpoint import Endpoint
    from course_lib.engine.network.network import Network
    from course_lib.engine.network.stack import Link, Stack


class Driver(Protocol):
    """Makes networks of one kind work."""

    @property
    def name(self) -> str: ...
    @property
    def has_addresses(self) -> bool:
        """Whether networks get an address pool, and endpoints an address."""

    @property
    def shares_host(self) -> bool:
        """Whether its containers use the host's own namespace."""

    @property
    def gives_way_out(self) -> bool:
        """Whether the network's gateway leads a container to the outside."""

    def create_network(self, network: Network) -> None:
        """Bring a network up.

        :raises EngineError: its options are wrong; nothing was changed.
        """

    def delete_network(self, network: Network) -> None:
        """Take a network down; no endpoint is left on it."""

    def join(self, endpoint: Endpoint, stack: Stack, name: str) -> Link | None:
        """Plug a container in.

        :param name: what the interface is to be called, for instance ``eth0``.
        """

    def leave(self, endpoint: Endpoint, stack: Stack) -> None:
        """Unplug a container."""
