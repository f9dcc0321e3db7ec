"""An endpoint: the attachment of one container to one network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from course_lib.engine.network.addresses import to_text
from course_lib.engine.network.model import EndpointResource, EndpointSpec
from course_lib.engine.network.names import NameTable

if TYPE_CHECKING:
    from course_lib.engine.network.network import Network
    from course_lib.engine.network.stack import Link

_NO_LINKS: Mapping[str, str] = {}


class Endpoint:
    """Exists while its container runs.

    :ivar name: the container's name when it joined; unique in the network.
    :ivar address: IPv4 as an integer, 0 on networks without addresses; ``address6``: of IPv6.
    :ivar dns_names: what it answers to on this network; None where names are not resolved.
    :ivar link: its interface, once it has joined.
    :ivar hidden: it is there for the way out alone and no attachment of the container's own.
    """

    __slots__ = (
        "address",
        "address6",
        "container_id",
        "dns_names",
        "gateway_address",
        "gateway_address6",
        "hidden",
        "id",
        "link",
        "links",
        "mac",
        "name",
        "network",
        "spec",
    )

    def __init__(
        self, endpoint_id: str, name: str, network: Network, container_id: str, spec: EndpointSpec
    ) -> None:
        self.id = endpoint_id
        self.name = name
        self.network = network
        self.container_id = container_id
        self.spec = spec
        self.address = 0
        self.address6 = 0
        self.gateway_address = 0
        self.gateway_address6 = 0
        self.hidden = False
        self.mac = ""
        self.dns_names: tuple[str, ...] | None = None
        self.links = _parse_links(spec)
        self.link: Link | None = None

    # --- what the API shows ----------------------------------------------------------------

    @property
    def network_id(self) -> str:
        return self.network.id

    @property
    def network_name(self) -> str:
        return self.network.name

    @property
    def names(self) -> NameTable:
        return self.network.names

    @property
    def ip_address(self) -> str:
        """``172.17.0.2``, ``""`` for none."""
        return to_text(self.address) if self.address else ""

    @property
    def prefix_length(self) -> int:
        """16 for 172.17.0.2/16, 0 for none."""
        subnet = self.network.subnet
        return subnet.prefix if self.address and subnet is not None else 0

    @property
    def gateway(self) -> str:
        """The network's gateway, ``""`` where it gives no way out."""
        return to_text(self.gateway_address) if self.gateway_address else ""

    @property
    def ipv6_address(self) -> str:
        """``fd00::2``, ``""`` for none."""
        return to_text(self.address6) if self.address6 else ""

    @property
    def prefix_length6(self) -> int:
        """64 for fd00::2/64, 0 for none."""
        subnet = self.network.subnet6
        return subnet.prefix if self.address6 and subnet is not None else 0

    @property
    def gateway6(self) -> str:
        """The network's gateway of IPv6, ``""`` where it gives no way out."""
        return to_text(self.gateway_address6) if self.gateway_address6 else ""

    def names_by_address(self) -> Iterator[tuple[str, str]]:
        """(key of a name table, address) for each of its addresses."""
        yield self.id, self.ip_address
        if self.address6:
            yield f"{self.id}/6", self.ipv6_address

    def resource(self) -> EndpointResource:
        """Its row in ``docker network inspect``."""
        address = f"{self.ip_address}/{self.prefix_length}" if self.address else ""
        address6 = f"{self.ipv6_address}/{self.prefix_length6}" if self.address6 else ""
        return EndpointResource(self.name, self.id, self.mac, address, address6)

    # --- order within a sandbox ------------------------------------------------------------

    @property
    def order(self) -> tuple[int, bool, bool, str]:
        """libnetwork's ``Endpoint.Less``: priority, not internal, with a gateway, network name."""
        network = self.network
        return (-self.spec.priority, network.internal, not self.gateway_address, network.name)


def _parse_links(spec: EndpointSpec) -> Mapping[str, str]:
    if not spec.links:
        return _NO_LINKS
    links = {}
    for link in spec.links:
        name, _, alias = link.partition(":")
        links[alias or name] = name
    return links
