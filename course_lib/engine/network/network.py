"""A network: its settings, its addresses, its names, and who is on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from course_lib.engine.network.addresses import Subnet, to_text
from course_lib.engine.network.model import EndpointResource, IpamConfig, NetworkInfo
from course_lib.engine.network.names import NameTable

if TYPE_CHECKING:
    from course_lib.engine.network.balancer import Balancer
    from course_lib.engine.network.drivers.base import Driver
    from course_lib.engine.network.endpoint import Endpoint
    from course_lib.engine.network.ipam import AddressPool
    from course_lib.engine.network.stack import Segment


@dataclass(slots=True)
class NetworkSettings:
    """What is kept of a network over a restart.

    :ivar pools: as asked for; where nothing was, the pool that was chosen is in ``allocated``.
    :ivar allocated: subnets and gateways in use.
    """

    id: str
    name: str
    created_ns: int
    driver: str
    scope: str = "local"
    enable_ipv6: bool = False
    internal: bool = False
    attachable: bool = False
    ingress: bool = False
    config_from: str = ""
    config_only: bool = False
    ipam_driver: str = "default"
    ipam_options: dict[str, str] | None = None
    pools: list[IpamConfig] = field(default_factory=list)
    allocated: list[IpamConfig] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    def to_record(self) -> dict[str, Any]:
        """As a JSON record."""
        record = {name: getattr(self, name) for name in self.__dataclass_fields__}
        record["pools"] = [_pool_record(pool) for pool in self.pools]
        record["allocated"] = [_pool_record(pool) for pool in self.allocated]
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> NetworkSettings:
        """Back from a record; what a newer release added is ignored."""
        known = {key: record[key] for key in cls.__dataclass_fields__ if key in record}
        for key in ("pools", "allocated"):
            known[key] = [IpamConfig(**pool) for pool in known.get(key, ())]
        return cls(**known)


class Network:
    """A network of the engine. The controller alone changes it.

    :ivar pools: address pools, first the one whose gateway is the default route.
    :ivar segment: the wire that its driver made, None for networks without one.
    :ivar shared: whether other engines have it too.
    :ivar balancer: its load balancer, on overlay networks alone.
    """

    def __init__(self, settings: NetworkSettings, driver: Driver) -> None:
        self.settings = settings
        self.driver = driver
        self.names = NameTable()
        self.pools: list[AddressPool] = []
        self.gateway = 0
        self.gateway6 = 0
        self.segment: Segment | None = None
        self.shared = False
        self.balancer: Balancer | None = None
        self._by_container: dict[str, Endpoint] = {}
        self._by_name: dict[str, Endpoint] = {}

    @property
    def id(self) -> str:
        return self.settings.id

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def internal(self) -> bool:
        return self.settings.internal

    @property
    def labels(self) -> Mapping[str, str]:
        return self.settings.labels

    @property
    def driver_name(self) -> str:
        """The driver's name as shown; a configuration-only network has none of its own."""
        return self.settings.driver

    @property
    def created_ns(self) -> int:
        return self.settings.created_ns

    @property
    def subnet(self) -> Subnet | None:
        """The subnet from which containers get their address."""
        return self._first_subnet(ipv6=False)

    @property
    def subnet6(self) -> Subnet | None:
        """The subnet from which containers get their address of IPv6."""
        return self._first_subnet(ipv6=True)

    def _first_subnet(self, *, ipv6: bool) -> Subnet | None:
        subnets = (pool.subnet for pool in self.pools)
        return next((subnet for subnet in subnets if subnet.is_ipv6 == ipv6), None)

    def give_back(self, endpoint: Endpoint) -> None:
        """The addresses of an endpoint are free again."""
        for pool in self.pools:
            for address in (endpoint.address, endpoint.address6):
                if address in pool.subnet:
                    pool.release(address)

    # --- endpoints -------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._by_container)

    def add(self, endpoint: Endpoint) -> None:
        """An endpoint joins."""
        self._by_container[endpoint.container_id] = endpoint
        self._by_name[endpoint.name] = endpoint

    def remove(self, endpoint: Endpoint) -> None:
        """An endpoint leaves."""
        del self._by_container[endpoint.container_id]
        if self._by_name.get(endpoint.name) is endpoint:
            del self._by_name[endpoint.name]

    def rename(self, endpoint: Endpoint, name: str) -> None:
        """Its container was renamed."""
        self._by_name.pop(endpoint.name, None)
        endpoint.name = name
        self._by_name[name] = endpoint

    def endpoint_of(self, container_id: str) -> Endpoint | None:
        """The endpoint of that container."""
        return self._by_container.get(container_id)

    def endpoint_named(self, name: str) -> Endpoint | None:
        """The endpoint of that name."""
        return self._by_name.get(name)

    def endpoints(self) -> list[Endpoint]:
        """All endpoints in order of joining."""
        return list(self._by_container.values())

    # --- what the API shows ----------------------------------------------------------------

    def info(self, *, detailed: bool = True) -> NetworkInfo:
        """Everything that ``docker network inspect`` shows; without containers unless detailed."""
        settings = self.settings
        # IPv4 first; then, as they were chosen, those of a kind that was not asked for.
        shown = sorted(settings.pools, key=is_ipv6_block)
        for ipv6 in (False, True):
            if not any(is_ipv6_block(pool) == ipv6 for pool in settings.pools):
                shown += [pool for pool in settings.allocated if is_ipv6_block(pool) == ipv6]
        return NetworkInfo(
            id=settings.id,
            name=settings.name,
            created_ns=settings.created_ns,
            scope=settings.scope,
            driver=settings.driver,
            enable_ipv6=settings.enable_ipv6,
            ipam_driver=settings.ipam_driver,
            ipam_options=settings.ipam_options,
            ipam_config=shown or None,
            internal=settings.internal,
            attachable=settings.attachable,
            ingress=settings.ingress,
            config_from=settings.config_from,
            config_only=settings.config_only,
            options=settings.options,
            labels=settings.labels,
            containers=self._resources() if detailed else {},
        )

    def _resources(self) -> dict[str, EndpointResource]:
        rows = {e.container_id: e.resource() for e in self.endpoints()}
        balancer = self.balancer
        if balancer is not None:
            link = balancer.link
            address = f"{to_text(link.address)}/{balancer.segment.subnet.prefix}"
            rows[balancer.key] = EndpointResource(
                balancer.endpoint_name, balancer.endpoint_id, link.mac, address
            )
        return rows

    def note_allocation(self) -> None:
        """Put the pools in use into the record."""
        self.settings.allocated = [
            IpamConfig(
                str(pool.subnet),
                str(pool.ip_range) if pool.ip_range else "",
                to_text(pool.gateway) if pool.gateway else "",
            )
            for pool in self.pools
        ]


def is_ipv6_block(pool: IpamConfig) -> bool:
    """Whether a pool is one of IPv6."""
    return ":" in pool.subnet


def _pool_record(pool: IpamConfig) -> dict[str, Any]:
    return {
        "subnet": pool.subnet,
        "ip_range": pool.ip_range,
        "gateway": pool.gateway,
        "aux_addresses": None if pool.aux_addresses is None else dict(pool.aux_addresses),
    }
