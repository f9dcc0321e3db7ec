"""All networks: made, found, listed, removed, and found again after a restart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from course_lib.engine.clock import Clock
from course_lib.engine.errdefs import (
    Conflict,
    EngineError,
    Forbidden,
    InvalidParameter,
    NotFound,
    NotImplementedByEngine,
    SystemFailure,
)
from course_lib.engine.filters import Filters
from course_lib.engine.ids import Identities
from course_lib.engine.network.contracts import EventLog, RecordStore
from course_lib.engine.network.drivers import Driver
from course_lib.engine.network.drivers.bridge import (
    BRIDGE_NAME,
    DEFAULT_BRIDGE,
    ENABLE_ICC,
    HOST_BINDING,
    MASQUERADE,
    MTU,
)
from course_lib.engine.network.errors import AmbiguousNetwork
from course_lib.engine.network.ipam import Allocator
from course_lib.engine.network.model import (
    DEFAULT_NETWORK,
    PREDEFINED,
    IpamSpec,
    NetworkSpec,
)
from course_lib.engine.network.network import Network, NetworkSettings
from course_lib.engine.network.pools import Pools
from course_lib.engine.network.validation import check_ipam

KIND = "networks"
"""Kind of the durable records."""

LIST_FILTERS = frozenset({"dangling", "driver", "id", "label", "name", "scope", "type"})
PRUNE_FILTERS = frozenset({"label", "label!", "until"})

_KNOWN_ELSEWHERE = frozenset({"macvlan", "ipvlan"})
_NO_SWARM = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect '
    "this node to swarm and try again."
)
_DEFAULT_BRIDGE_OPTIONS = {
    DEFAULT_BRIDGE: "true",
    ENABLE_ICC: "true",
    MASQUERADE: "true",
    HOST_BINDING: "0.0.0.0",
    BRIDGE_NAME: "docker0",
    MTU: "1500",
}


class NetworkRegistry:
    """The networks of the engine, by ID and by name.

    :param drivers: by name, as ``docker network create --driver`` gives it.
    """

    def __init__(
        self,
        store: RecordStore,
        clock: Clock,
        ids: Identities,
        events: EventLog,
        drivers: Mapping[str, Driver],
        allocator: Allocator,
        swarm_allocator: Allocator,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._events = events
        self._drivers = drivers
        self._pools = Pools(allocator)
        self._swarm_pools = Pools(swarm_allocator)
        self._by_id: dict[str, Network] = {}
        self._by_name: dict[str, Network] = {}

    # --- start ---------------------------------------------------------------------------

    def restore(self) -> None:
        """Bring up the networks that are on record, and the predefined ones where they are not.

        :raises SystemFailure: a record cannot be brought up; the message names the network.
        """
        found = []
        for network_id, record in self._store.all(KIND).items():
            try:
                found.append(NetworkSettings.from_record(record))
            except (TypeError, ValueError, AttributeError) as error:
                raise SystemFailure(
                    f"the record of network {network_id} is not readable: {error}"
                ) from None
        for settings in sorted(found, key=lambda s: s.created_ns):
            try:
                self._bring_up(settings, restored=True)
            except (EngineError, ValueError, KeyError) as error:
                reason = f"unknown driver {error}" if isinstance(error, KeyError) else error
                raise SystemFailure(f"network {settings.name} ({settings.id}): {reason}") from None
        for name, driver in (("none", "null"), ("host", "host"), ("bridge", "bridge")):
            if name not in self._by_name:
                options = dict(_DEFAULT_BRIDGE_OPTIONS) if name == DEFAULT_NETWORK else {}
                settings = NetworkSettings(
                    self._ids.new_id(), name, self._clock.time_ns(), driver, options=options
                )
                network = self._bring_up(settings)
                self._store.write(KIND, network.id, settings.to_record())

    # --- finding -------------------------------------------------------------------------

    def get(self, ref: str, *, scope: str = "") -> Network:
        """A network by ID, name or beginning of its ID.

        :param scope: of that scope only.
        :raises NotFound: there is none. :raises AmbiguousNetwork: there are several.
        """
        network = self._by_id.get(ref) or self._by_name.get(ref)
        if network is not None and scope in {"", network.settings.scope}:
            return network
        found = [
            n
            for n in self._by_id.values()
            if ref and n.id.startswith(ref) and scope in {"", n.settings.scope}
        ]
        if len(found) == 1:
            return found[0]
        if found:
            raise AmbiguousNetwork(ref, len(found))
        raise NotFound(f"network {ref} not found")

    def list(self, filters: Filters | None = None) -> Sequence[Network]:
        """Networks in order of creation.

        :raises InvalidParameter: a filter that does not exist, or a value without meaning.
        """
        networks = sorted(self._by_id.values(), key=lambda n: n.created_ns)
        if not filters:
            return networks
        filters.validate(LIST_FILTERS)
        dangling = _dangling(filters)
        for kind in filters.get("type"):
            if kind not in {"builtin", "custom"}:
                # A plain error in dockerd, which makes it one of the server.
                raise SystemFailure(f"invalid filter: 'type'='{kind}'")
        return [n for n in networks if _passes(n, filters, dangling)]

    # --- changing ------------------------------------------------------------------------

    def create(self, spec: NetworkSpec) -> Network:
        """Make a network; refusals are worded as dockerd's."""
        if spec.name in PREDEFINED or spec.name == "default":
            # dockerd's own text ends with a blank.
            raise Forbidden(f"operation is not permitted on predefined {spec.name} network ")
        driver_name = spec.driver or "bridge"
        if driver_name == "overlay":
            raise Forbidden(_NO_SWARM)
        ipam = spec.ipam or IpamSpec()
        check_ipam(ipam.config, enable_ipv6=spec.enable_ipv6)
        if not spec.name.strip():
            raise InvalidParameter(f"invalid name: {spec.name}")
        if spec.name in self._by_name:
            raise Conflict(f"network with name {spec.name} already exists")
        settings = NetworkSettings(
            id=self._ids.new_id(),
            name=spec.name,
            created_ns=self._clock.time_ns(),
            driver=driver_name,
            scope=spec.scope or "local",
            enable_ipv6=spec.enable_ipv6,
            internal=spec.internal,
            attachable=spec.attachable,
            ingress=spec.ingress,
            config_from=spec.config_from,
            config_only=spec.config_only,
            ipam_driver=ipam.driver or "default",
            ipam_options=None if ipam.options is None else dict(ipam.options),
            pools=list(ipam.config),
            options=dict(spec.options or {}),
            labels=dict(spec.labels or {}),
        )
        self._check_kind(settings)
        network = self._bring_up(settings)
        try:
            self._store.write(KIND, network.id, settings.to_record())
        except SystemFailure:  # the disk is full
            self._forget(network)
            raise
        self._publish(network, "create")
        return network

    def _forget(self, network: Network) -> None:
        """Take down what :meth:`_bring_up` made."""
        if not network.settings.config_only:
            network.driver.delete_network(network)
            self._pools_of(network).release(network)
        del self._by_id[network.id]
        self._by_name.pop(network.name, None)

    def _check_kind(self, settings: NetworkSettings) -> None:
        if settings.config_only:
            if settings.config_from:
                raise Forbidden(
                    "a configuration network cannot depend on another configuration network"
                )
            if settings.internal or settings.attachable or settings.ingress:
                raise Forbidden(
                    "configuration network can only contain network specific fields. Network "
                    "operator fields like [ ingress | internal | attachable | scope ] are not "
                    "supported."
                )
            settings.driver = "null"
            return
        if settings.driver in _KNOWN_ELSEWHERE:
            raise NotImplementedByEngine(f"network driver {settings.driver}")
        if settings.driver not in self._drivers:
            raise NotFound(f'plugin "{settings.driver}" not found')
        if settings.ingress:
            raise Forbidden("Ingress network can only be global scope network")
        if settings.scope == "swarm":
            raise Forbidden("cannot create a swarm scoped network when swarm is not active")
        if settings.config_from:
            self._apply_configuration(settings)
        if settings.ipam_driver not in {"default", "null"}:
            raise NotFound(f'plugin "{settings.ipam_driver}" not found')
        if settings.ipam_driver == "null":
            if settings.pools:
                raise InvalidParameter(
                    "null ipam driver does not handle specific address pool requests"
                )
            raise InvalidParameter("ipv4 pool is empty")  # says the bridge driver

    def _apply_configuration(self, settings: NetworkSettings) -> None:
        source = self._by_name.get(settings.config_from)
        if source is None or not source.settings.config_only:
            raise NotFound(f'configuration network "{settings.config_from}" does not exist')
        if settings.options or settings.pools:
            raise Forbidden(
                "user specified configurations are not supported if the network depends on a "
                "configuration network"
            )
        settings.enable_ipv6 = source.settings.enable_ipv6
        settings.ipam_driver = source.settings.ipam_driver
        settings.ipam_options = source.settings.ipam_options
        settings.pools = list(source.settings.pools)
        settings.options = dict(source.settings.options)
        settings.labels = {**source.settings.labels, **settings.labels}

    def bring_up(self, settings: NetworkSettings) -> Network:
        """Bring up a network of the swarm on this node; the manager keeps its record.

        :raises EngineError: it cannot be.
        """
        network = self._bring_up(settings)
        self._publish(network, "create")
        return network

    def take_down(self, network: Network) -> None:
        """A network of the swarm is not used on this node any more."""
        self._forget(network)
        self._publish(network, "destroy")

    def remove(self, ref: str) -> None:
        """Remove a network nobody is on.

        :raises Forbidden: it is predefined, or somebody is on it.
        """
        network = self.get(ref)
        if network.name in PREDEFINED:
            raise Forbidden(f"{network.name} is a pre-defined network and cannot be removed")
        if network.settings.config_only and self._users_of(network):
            raise Forbidden(
                f'error while removing network: configuration network "{network.name}" is in use'
            )
        if len(network):
            raise Forbidden(
                f"error while removing network: network {network.name} id {network.id} "
                "has active endpoints"
            )
        self._forget(network)
        self._store.delete(KIND, network.id)
        if not network.settings.config_only:
            self._publish(network, "destroy")

    def prune(self, filters: Filters | None = None, until_ns: int | None = None) -> Sequence[str]:
        """Remove all networks of the user's own that nobody is on; their names.

        :param until_ns: those created before that time only (the filter ``until``, resolved).
        """
        filters = filters or Filters()
        filters.validate(PRUNE_FILTERS)
        removed = []
        for network in self.list():
            excluded = filters.get("label!") and filters.labels("label!", network.labels)
            if (
                network.name in PREDEFINED
                or network.settings.config_only
                or network.driver_name == "overlay"
                or len(network)
                or (until_ns is not None and network.created_ns > until_ns)
                or not filters.labels("label", network.labels)
                or excluded
            ):
                continue
            self.remove(network.id)
            removed.append(network.name)
        return removed

    def _users_of(self, source: Network) -> Sequence[Network]:
        return [n for n in self._by_id.values() if n.settings.config_from == source.name]

    # --- bringing up ---------------------------------------------------------------------

    def _bring_up(self, settings: NetworkSettings, *, restored: bool = False) -> Network:
        driver = self._drivers[settings.driver]
        network = Network(settings, driver)
        if not settings.config_only:
            try:
                if driver.has_addresses:
                    self._pools_of(network).allocate(
                        network, self._by_id.values(), restored=restored
                    )
                driver.create_network(network)
            except EngineError:
                self._pools_of(network).release(network)
                raise
        self._by_id[network.id] = network
        self._by_name[network.name] = network
        return network

    def _pools_of(self, network: Network) -> Pools:
        """Networks of the swarm have an address space of their own ("GlobalDefault")."""
        return self._swarm_pools if network.driver_name == "overlay" else self._pools

    def _publish(self, network: Network, action: str) -> None:
        attributes = {"name": network.name, "type": network.driver_name}
        self._events.publish("network", action, network.id, attributes)


def _dangling(filters: Filters) -> bool | None:
    values = filters.get("dangling")
    if not values:
        return None
    if len(values) > 1:
        raise InvalidParameter('got more than one value for filter key "dangling"')
    if values[0] not in {"0", "1", "true", "false"}:
        raise InvalidParameter(
            'invalid value for filter \'dangling\', must be "true" (or "1"), or "false" (or "0")'
        )
    return values[0] in {"1", "true"}


def _passes(network: Network, filters: Filters, dangling: bool | None) -> bool:
    predefined = network.name in PREDEFINED
    # dockerd's listing carries no containers, so "in use" means predefined there.
    if dangling is not None and dangling == predefined:
        return False
    return passes(
        network.name,
        network.id,
        network.driver_name,
        network.settings.scope,
        network.labels,
        filters,
    )


def passes(
    name: str, network_id: str, driver: str, scope: str, labels: Mapping[str, str], filters: Filters
) -> bool:
    """Whether a network passes the filters of a listing."""
    kinds = filters.get("type")
    if kinds and ("builtin" if name in PREDEFINED else "custom") not in kinds:
        return False
    return (
        filters.exact("driver", driver)
        and filters.match("name", name)
        and filters.match("id", network_id)
        and filters.labels("label", labels)
        and filters.exact("scope", scope)
    )
