"""Networks of a swarm on this node: brought up when first used, taken down when left.

Moby: ``daemon/network.go`` (``setupIngress``, ``CreateManagedNetwork``), libnetwork's
``default_gateway.go``: a container on an overlay network alone gets its way out by a second
interface, on ``docker_gwbridge``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from course_lib.engine.errdefs import EngineError, NotFound
from course_lib.engine.ids import Identities
from course_lib.engine.network.addresses import mac_of_address, to_int
from course_lib.engine.network.attachment import Attachments, make_endpoint
from course_lib.engine.network.balancer import Balancer
from course_lib.engine.network.drivers.overlay import OverlayDriver
from course_lib.engine.network.hostsocket import HOST
from course_lib.engine.network.model import (
    EndpointOwner,
    EndpointSpec,
    IpamSpec,
    NetworkSpec,
    PortRequest,
    PublishedPort,
)
from course_lib.engine.network.network import Network, NetworkSettings
from course_lib.engine.network.publisher import Publisher
from course_lib.engine.network.registry import NetworkRegistry
from course_lib.engine.network.remote import RemoteEndpoints
from course_lib.engine.network.sandbox import Sandbox
from course_lib.engine.network.services import NetworkServices, ServiceBinding
from course_lib.engine.network.stack import Stack

if TYPE_CHECKING:
    from course_lib.engine.network.endpoint import Endpoint

GATEWAY_BRIDGE = "docker_gwbridge"
INGRESS_SANDBOX = "ingress-sbox"

_GATEWAY_OPTIONS = {
    "com.docker.network.bridge.enable_icc": "false",
    "com.docker.network.bridge.enable_ip_masquerade": "true",
    "com.docker.network.bridge.name": GATEWAY_BRIDGE,
}


class SwarmNetworks:
    """What this node has of the swarm's networks.

    :ivar address: the node's own on this machine, at which the routing mesh listens.
    """

    def __init__(
        self,
        ids: Identities,
        registry: NetworkRegistry,
        attachments: Attachments,
        publisher: Publisher,
        overlay: OverlayDriver,
        share: Callable[[Network], None],
        remotes: RemoteEndpoints,
    ) -> None:
        self.address = HOST
        self._ids = ids
        self._registry = registry
        self._attachments = attachments
        self._publisher = publisher
        self._overlay = overlay
        self._share = share
        self._remotes = remotes
        self._services: dict[str, NetworkServices] = {}
        self._bindings: dict[str, list[ServiceBinding]] = {}
        self._published: dict[str, tuple[tuple[PublishedPort, ...], list[tuple[int, int]]]] = {}
        self._ingress_gateway: Endpoint | None = None

    # --- networks ------------------------------------------------------------------------

    def ensure_gateway_bridge(self) -> None:
        """``docker_gwbridge`` is there, made if it is not."""
        try:
            self._registry.get(GATEWAY_BRIDGE)
        except NotFound:
            spec = NetworkSpec(GATEWAY_BRIDGE, "bridge", IpamSpec(), options=_GATEWAY_OPTIONS)
            self._registry.create(spec)

    def bring_up(self, settings: NetworkSettings, balancer: str) -> Network:
        """A network that is needed here, brought up if it is not.

        :param settings: with the pools that the manager chose.
        :param balancer: address of this node's load balancer on it, without prefix length.
        """
        try:
            return self._registry.get(settings.id)
        except NotFound:
            pass
        network = self._registry.bring_up(settings)
        self._share(network)
        address = to_int(balancer)
        link = self._overlay.link(network, Stack(), "eth0", address, mac_of_address(address))
        key = INGRESS_SANDBOX if settings.ingress else f"lb-{settings.name}"
        name = "ingress-endpoint" if settings.ingress else f"{settings.name}-endpoint"
        network.balancer = Balancer(key, name, self._ids.new_id(), network.id, link)
        network.pools[0].request(address)
        if self._attachments.watcher is not None:
            self._attachments.watcher.changed(network.balancer)
        self._services[network.id] = NetworkServices(network)
        self._services[network.id].set(self._bindings.get(network.id, ()))
        if settings.ingress:
            self._join_gateway_bridge(network.balancer)
        return network

    def _join_gateway_bridge(self, ingress: Balancer) -> None:
        bridge = self._registry.get(GATEWAY_BRIDGE)
        owner = EndpointOwner(INGRESS_SANDBOX, f"gateway_{INGRESS_SANDBOX}")
        endpoint = make_endpoint(self._ids.new_id(), owner, bridge, EndpointSpec())
        endpoint.hidden = True
        endpoint.dns_names = None
        bridge.add(endpoint)
        bridge.driver.join(endpoint, ingress, "eth1")
        self._ingress_gateway = endpoint

    def take_down(self, network_id: str, *, force: bool = False) -> None:
        """A network that nobody here uses any more; one that somebody uses stays.

        :param force: also the routing mesh, which stays as long as the node is in the swarm.
        """
        try:
            network = self._registry.get(network_id)
        except EngineError:
            return
        if network.id != network_id or len(network) or (network.settings.ingress and not force):
            return
        gateway = self._ingress_gateway
        if network.settings.ingress and gateway is not None and network.balancer is not None:
            gateway.network.driver.leave(gateway, network.balancer)
            gateway.network.remove(gateway)
            gateway.network.pools[0].release(gateway.address)
            self._ingress_gateway = None
        self._services.pop(network_id, None)
        if network.balancer is not None:
            network.balancer.remove_link(network.balancer.link)
            if self._attachments.watcher is not None:
                self._attachments.watcher.gone(network.balancer)
        self._registry.take_down(network)
        self._remotes.detach(network.id)

    def leave(self) -> None:
        """The node is in no swarm any more: nothing of the swarm's stays but the bridge."""
        for published, _ in self._published.values():
            self._publisher.unpublish(published)
        self._published.clear()
        self._bindings.clear()
        for network_id in list(self._services):
            self.take_down(network_id, force=True)

    # --- services ------------------------------------------------------------------------

    def set_services(self, bindings: Mapping[str, Sequence[ServiceBinding]]) -> None:
        """All services of all networks (by network ID) as they are now."""
        self._bindings = {network_id: list(group) for network_id, group in bindings.items()}
        for network_id, services in self._services.items():
            services.set(self._bindings.get(network_id, ()))

    def services(self, network_id: str) -> Sequence[ServiceBinding]:
        """The services on a network, as last told."""
        return self._bindings.get(network_id, [])

    def publish(
        self, service_id: str, ports: Sequence[tuple[int, int]], vip: str, ingress: str
    ) -> None:
        """Publish a service's ports by the routing mesh, in place of those before.

        :param ports: (target, published). :param vip: the service's address on the network
            ``ingress`` (an ID).
        :raises SystemFailure: a port cannot be bound; nothing was changed then.
        """
        before, had = self._published.get(service_id, ((), []))
        if had == list(ports):
            return
        fresh = [port for port in ports if port not in had]
        gone = [port for port in before if (port.port, port.host_port) not in ports]
        balancer = self._registry.get(ingress).balancer
        assert balancer is not None
        requests = [PortRequest(target, host_port=published) for target, published in fresh]
        kept = tuple(port for port in before if port not in gone)
        address = to_int(vip) if vip else 0
        added = self._publisher.publish_shared(
            requests, lambda: balancer.choose(address), balancer.link.address, self.address
        )
        self._publisher.unpublish(gone)
        if ports:
            self._published[service_id] = (kept + added, list(ports))
        else:
            self._published.pop(service_id, None)

    def check_ports(self, service_id: str, ports: Sequence[tuple[int, int]]) -> None:
        """Whether ports (target, published) that a service does not have yet can be had.

        :raises SystemFailure: one cannot be bound.
        """
        _, had = self._published.get(service_id, ((), []))
        requests = [PortRequest(t, host_port=p) for t, p in ports if (t, p) not in had]
        self._publisher.unpublish(
            self._publisher.publish_shared(requests, lambda: None, 0, self.address)
        )

    # --- the way out ---------------------------------------------------------------------

    def update_gateway(self, sandbox: Sandbox) -> None:
        """Give a container a way out, or take it, after its networks have changed."""
        hidden = next((e for e in sandbox.endpoints if e.hidden), None)
        others = [e for e in sandbox.endpoints if not e.hidden]
        needed = not any(e.gateway_address for e in others) and any(
            e.network.driver_name == "overlay" and not e.network.internal for e in others
        )
        if hidden is not None and not needed:
            self._attachments.detach(sandbox, hidden)
        elif hidden is None and needed:
            bridge = self._registry.get(GATEWAY_BRIDGE)
            owner = EndpointOwner(sandbox.container_id, f"gateway_{sandbox.id[:12]}")
            endpoint = make_endpoint(self._ids.new_id(), owner, bridge, EndpointSpec())
            endpoint.hidden = True
            endpoint.dns_names = None
            self._attachments.attach(sandbox, endpoint)
