"""Address pools of the engine's networks (libnetwork: ``ipam``, ``ipamutils``).

Pools that nobody asked for come from a fixed list, in its order: 172.17.0.0/16 to 172.31.0.0/16,
then 192.168.0.0/20 to 192.168.240.0/20. As in libnetwork 26.1 the search goes on behind the last
pool handed out and wraps around.
"""

from __future__ import annotations

from collections.abc import Iterable

from course_lib.engine.errdefs import Forbidden, InvalidParameter, NotFound, Unavailable
from course_lib.engine.network.addresses import Subnet, parse_subnet
from course_lib.engine.network.ipam.addressset import AddressSet


class NoAvailableAddresses(Unavailable):
    """Every address of the pool, or of its range for containers, is taken."""

    def __init__(self) -> None:
        super().__init__("no available addresses on this pool")


class AddressInUse(Forbidden):
    """That very address was asked for and is taken."""

    def __init__(self) -> None:
        super().__init__("Address already in use")


class PoolOverlaps(Forbidden):
    """The subnet has addresses in common with that of another network."""

    def __init__(self) -> None:
        super().__init__("Pool overlaps with other one on this address space")


def default_pools() -> list[Subnet]:
    """The subnets that networks get on their own, in order."""
    pools = [parse_subnet(f"172.{second}.0.0/16") for second in range(17, 32)]
    pools += [parse_subnet(f"192.168.{third}.0/20") for third in range(0, 256, 16)]
    return pools


class AddressPool:
    """A subnet in use, and the range of it from which containers get addresses.

    :ivar gateway: the address that was reserved for the gateway, 0 for none.
    """

    __slots__ = ("_addresses", "gateway", "ip_range", "subnet")

    def __init__(self, subnet: Subnet, ip_range: Subnet | None, addresses: AddressSet) -> None:
        self.subnet = subnet
        self.ip_range = ip_range
        self.gateway = 0
        self._addresses = addresses

    def request(self, address: int | None = None) -> int:
        """Take an address: that one, or the lowest free one of the range.

        :raises InvalidParameter: it lies outside the subnet.
        :raises AddressInUse: it is taken. :raises NoAvailableAddresses: none is left.
        """
        if address is not None:
            if address not in self.subnet:
                raise InvalidParameter("requested address is out of range")
            if not self._addresses.take(address - self.subnet.base):
                raise AddressInUse
            return address
        block = self.ip_range or self.subnet
        start = block.base - self.subnet.base
        number = self._addresses.take_lowest(start, start + block.size - 1)
        if number is None:
            raise NoAvailableAddresses
        return self.subnet.base + number

    def taken(self, address: int) -> bool:
        """Whether an address of the subnet is in use."""
        return address - self.subnet.base in self._addresses

    def release(self, address: int) -> None:
        """Give an address back."""
        self._addresses.release(address - self.subnet.base)


class Allocator:
    """All address pools of the engine; no two overlap."""

    def __init__(self, predefined: Iterable[Subnet] | None = None) -> None:
        self._predefined = list(default_pools() if predefined is None else predefined)
        self._next = 0
        self._pools: dict[Subnet, AddressPool] = {}

    def request_pool(
        self, subnet: Subnet | None = None, ip_range: Subnet | None = None
    ) -> AddressPool:
        """Reserve a subnet: that one, or the next of the default ones that overlaps with none.

        :raises PoolOverlaps: another network uses addresses of it.
        :raises NotFound: the default pools are used up.
        """
        if subnet is None:
            subnet = self._next_predefined()
        elif any(subnet.overlaps(pool) for pool in self._pools):
            raise PoolOverlaps
        addresses = AddressSet(subnet.size)
        if subnet.size > 2:
            # The network's own address and (of IPv4) the broadcast address; blocks of one or
            # two addresses have neither.
            addresses.take(0)
            if not subnet.is_ipv6:
                addresses.take(subnet.size - 1)
        pool = AddressPool(subnet, ip_range, addresses)
        self._pools[subnet] = pool
        return pool

    def release_pool(self, pool: AddressPool) -> None:
        """Give a subnet back."""
        self._pools.pop(pool.subnet, None)

    def _next_predefined(self) -> Subnet:
        rotated = self._predefined[self._next :] + self._predefined[: self._next]
        for step, candidate in enumerate(rotated, start=self._next + 1):
            if not any(candidate.overlaps(pool) for pool in self._pools):
                self._next = step if step < len(self._predefined) else 0
                return candidate
        raise no_default_pool(4)


def no_default_pool(version: int) -> NotFound:
    """The engine has no subnet of that kind to give."""
    return NotFound(
        f"could not find an available, non-overlapping IPv{version} address pool among the "
        "defaults to assign to the network"
    )
