"""The overlay driver: one Ethernet segment for all nodes of a swarm, behind no bridge of the host.

Docker builds it of VXLAN tunnels; here the nodes' containers are members of the same segment,
those of other engines by stand-ins. It gives no way out: for that a container gets a second
interface, on the bridge network ``docker_gwbridge``.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from course_lib.engine.errdefs import InvalidParameter
from course_lib.engine.network.addresses import mac_of_address, random_mac
from course_lib.engine.network.drivers.bridge import MTU
from course_lib.engine.network.stack import Link, Segment, Stack

if TYPE_CHECKING:
    from course_lib.engine.network.endpoint import Endpoint
    from course_lib.engine.network.host import HostStack
    from course_lib.engine.network.network import Network

_MTU = 1450
"""1500 less the 50 bytes of a VXLAN header."""


class OverlayDriver:
    """Networks of a whole swarm."""

    name = "overlay"
    has_addresses = True
    shares_host = False
    gives_way_out = False

    def __init__(self, host: HostStack, rng: Random) -> None:
        self._host = host
        self._rng = rng

    def create_network(self, network: Network) -> None:
        subnet = network.subnet
        if subnet is None:
            raise InvalidParameter("ipv4 pool is empty")
        network.segment = Segment(f"ov-{network.id[:12]}", subnet, network.gateway)

    def delete_network(self, network: Network) -> None:
        network.segment = None

    def join(self, endpoint: Endpoint, stack: Stack, name: str) -> Link | None:
        network = endpoint.network
        if not endpoint.mac:
            endpoint.mac = mac_of_address(endpoint.address)
        link = self.link(network, stack, name, endpoint.address, endpoint.mac)
        stack.add_link(link)
        endpoint.link = link
        return link

    def link(self, network: Network, stack: Stack, name: str, address: int, mac: str = "") -> Link:
        """An interface on a network, not yet plugged in."""
        mtu = int(network.settings.options.get(MTU) or _MTU)
        inner, outer = self._host.next_index(), self._host.next_index()
        link = Link(
            stack,
            inner,
            name,
            "veth",
            mac or mac_of_address(address),
            mtu=mtu,
            address=address,
            segment=network.segment,
        )
        # Its other end is in the network's own namespace, where nobody looks.
        link.peer = Link(stack, outer, "veth", "veth", random_mac(self._rng), mtu=mtu)
        return link

    def leave(self, endpoint: Endpoint, stack: Stack) -> None:
        link = endpoint.link
        if link is not None:
            endpoint.link = None
            stack.remove_link(link)
