"""The load balancer of an overlay network on one node: virtual addresses, and who is behind them.

Docker gives each overlay network on each node a sandbox of its own (``lb-NETWORK``; for the
routing mesh ``ingress-sbox``), in which IPVS passes connections to a virtual address on to the
tasks in turn, from an address of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from course_lib.engine.network.addresses import to_text
from course_lib.engine.network.remote import RemoteEndpoint
from course_lib.engine.network.stack import Link, Segment, Stack

Backend = Link | RemoteEndpoint
"""Who takes a connection to a virtual address: a task here, or on another engine."""


class Balancer(Stack):
    """A network's load balancing sandbox. To other engines it is an endpoint without a name.

    :ivar key: what it is called among the containers of the network; :ivar endpoint_name: and
        its endpoint.
    :ivar link: its interface, whose address a task sees as its client.
    """

    def __init__(
        self, key: str, endpoint_name: str, endpoint_id: str, network_id: str, link: Link
    ) -> None:
        super().__init__()
        link.stack = self
        self.key = key
        self.endpoint_name = endpoint_name
        self.endpoint_id = endpoint_id
        self.network_id = network_id
        self.link = link
        self._virtual: dict[int, _Virtual] = {}
        self.add_link(link)

    @property
    def segment(self) -> Segment:
        """The network that it serves."""
        assert self.link.segment is not None
        return self.link.segment

    def is_local(self, address: int) -> bool:
        return address in self._virtual or super().is_local(address)

    def serve(self, address: int, backends: Sequence[int]) -> None:
        """Stand at a virtual address for those addresses, in place of what was said before."""
        known = self._virtual.get(address)
        if known is None:
            known = self._virtual[address] = _Virtual()
            self.segment.members.setdefault(address, self.link)
        known.backends = list(backends)

    def forget(self, address: int) -> None:
        """A virtual address is no more."""
        known = self._virtual.pop(address, None)
        if known is not None and self.segment.members.get(address) is self.link:
            del self.segment.members[address]

    @property
    def id(self) -> str:
        """Of its endpoint."""
        return self.endpoint_id

    @property
    def name(self) -> str:
        """Of its endpoint."""
        return self.endpoint_name

    @property
    def mac(self) -> str:
        """Of its interface."""
        return self.link.mac

    @property
    def dns_names(self) -> tuple[str, ...] | None:
        """It answers to none."""
        return None

    @property
    def ip_address(self) -> str:
        """Of its interface."""
        return to_text(self.link.address)

    def choose(self, address: int) -> Backend | None:
        """Who gets the next connection to a virtual address; None where nobody is there."""
        virtual = self._virtual.get(address)
        if virtual is None:
            return None
        for _ in virtual.backends:
            virtual.turn = (virtual.turn + 1) % len(virtual.backends)
            turn = virtual.backends[virtual.turn]
            found = self.segment.members.get(turn) or self.segment.remotes.get(turn)
            if found is not None:
                return found
        return None


class _Virtual:
    __slots__ = ("backends", "turn")

    def __init__(self) -> None:
        self.backends: list[int] = []
        self.turn = -1
