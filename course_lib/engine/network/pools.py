"""The address pools of networks: subnet, range, gateway and reserved addresses.

libnetwork: ``Network.ipamAllocate``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from course_lib.engine.errdefs import EngineError, Forbidden, SystemFailure
from course_lib.engine.network.addresses import Subnet, parse_subnet, to_int
from course_lib.engine.network.ipam import AddressPool, Allocator
from course_lib.engine.network.ipam.allocator import (
    AddressInUse,
    PoolOverlaps,
    no_default_pool,
)
from course_lib.engine.network.model import IpamConfig
from course_lib.engine.network.network import Network, is_ipv6_block


class Pools:
    """Reserves what networks need."""

    def __init__(self, allocator: Allocator) -> None:
        self._allocator = allocator

    def allocate(self, network: Network, others: Iterable[Network], *, restored: bool) -> None:
        """Reserve the pools of a network, its gateways and the addresses it keeps back.

        :param others: the networks that there are.
        :param restored: take what is on record instead of what was asked for.
        :raises EngineError: something is not to be had; :meth:`release` gives the rest back.
        """
        for config in _wanted(network, restored=restored):
            subnet = parse_subnet(config.subnet) if config.subnet else None
            ip_range = parse_subnet(config.ip_range) if config.ip_range else None
            if subnet is not None and ip_range is not None:
                # libnetwork's allocator lets a pool with a range pass; its bridge driver does not.
                _check_conflict(network, config, subnet, ip_range, others)
            pool = self._allocator.request_pool(subnet, ip_range)
            network.pools.append(pool)
            pool.gateway = _reserve_gateway(pool, config.gateway)
            if pool.subnet.is_ipv6:
                network.gateway6 = network.gateway6 or pool.gateway
            else:
                network.gateway = network.gateway or pool.gateway
            for name, address in (config.aux_addresses or {}).items():
                try:
                    pool.request(to_int(address))
                except EngineError as error:
                    raise SystemFailure(
                        f"failed to allocate secondary ip address ({name}:{address}): {error}"
                    ) from error
        network.note_allocation()

    def release(self, network: Network) -> None:
        """Give everything back."""
        for pool in network.pools:
            self._allocator.release_pool(pool)
        network.pools.clear()


def _wanted(network: Network, *, restored: bool) -> Sequence[IpamConfig]:
    settings = network.settings
    if restored:
        reserved = {pool.subnet: pool.aux_addresses for pool in settings.pools}
        return [
            IpamConfig(pool.subnet, pool.ip_range, pool.gateway, reserved.get(pool.subnet))
            for pool in settings.allocated
        ]
    asked = [pool for pool in settings.pools if not is_ipv6_block(pool)] or [IpamConfig("")]
    if not settings.enable_ipv6:
        return asked  # libnetwork leaves the blocks of IPv6 alone then
    asked6 = [pool for pool in settings.pools if is_ipv6_block(pool)]
    if not asked6:
        raise no_default_pool(6)  # dockerd has none of IPv6 unless it is configured
    return [*asked, *asked6]


def _reserve_gateway(pool: AddressPool, wanted: str) -> int:
    try:
        return pool.request(to_int(wanted) if wanted else None)
    except EngineError as error:
        raise SystemFailure(f"failed to allocate gateway ({wanted}): {error}") from error


def _check_conflict(
    network: Network,
    config: IpamConfig,
    subnet: Subnet,
    ip_range: Subnet,
    others: Iterable[Network],
) -> None:
    for other in others:
        for pool in other.pools:
            if not subnet.overlaps(pool.subnet):
                continue
            if (pool.subnet, pool.ip_range) == (subnet, ip_range):
                raise PoolOverlaps
            if pool.subnet == subnet and config.gateway and pool.taken(to_int(config.gateway)):
                raise SystemFailure(
                    f"failed to allocate gateway ({config.gateway}): {AddressInUse()}"
                )
            raise Forbidden(
                f"cannot create network {network.id} (br-{network.id[:12]}): conflicts with "
                f"network {other.id} ({other.segment.name if other.segment else ''}): "
                "networks have overlapping IPv4"
            )
