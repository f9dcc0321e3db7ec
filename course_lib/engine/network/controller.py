"""The network controller: networks, sandboxes, and the endpoints between them.

It is what the rest of the engine calls (libnetwork: ``controller.go``, ``endpoint.go``; Moby:
``daemon/container_operations.go``). Everything happens at once on the engine's one loop: when a
call returns, interfaces, routes, names and ports are as they will be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

from course_lib.engine.clock import Clock
from course_lib.engine.errdefs import (
    Conflict,
    EngineError,
    Forbidden,
    InvalidParameter,
    NotFound,
    SystemFailure,
)
from course_lib.engine.filters import Filters
from course_lib.engine.ids import Identities
from course_lib.engine.network import etchosts
from course_lib.engine.network.addresses import to_text
from course_lib.engine.network.arrivals import Arrivals
from course_lib.engine.network.attachment import (
    Attachments,
    EndpointWatcher,
    dns_names,
    make_endpoint,
)
from course_lib.engine.network.balancer import Balancer
from course_lib.engine.network.contracts import EventLog, RecordStore
from course_lib.engine.network.drivers import BridgeDriver, Driver, NullDriver, OverlayDriver
from course_lib.engine.network.endpoint import Endpoint
from course_lib.engine.network.fabric import Fabric
from course_lib.engine.network.files import NameFolder
from course_lib.engine.network.host import HostStack
from course_lib.engine.network.ipam import Allocator
from course_lib.engine.network.model import (
    DEFAULT_NETWORK,
    DnsConfig,
    EndpointOwner,
    EndpointSpec,
    NetworkSpec,
    PortRequest,
    PublishedPort,
)
from course_lib.engine.network.network import Network
from course_lib.engine.network.portallocator import PortAllocator
from course_lib.engine.network.publisher import Publisher
from course_lib.engine.network.registry import NetworkRegistry
from course_lib.engine.network.remote import RemoteEndpoints
from course_lib.engine.network.resolver import Resolver
from course_lib.engine.network.sandbox import Sandbox, SandboxHandle
from course_lib.engine.network.sandboxes import SandboxFactory
from course_lib.engine.network.sandboxes import extra_hosts as parse_extra_hosts
from course_lib.engine.network.stack import Segment
from course_lib.engine.network.swarmnet import SwarmNetworks
from course_lib.engine.network.validation import check_endpoint

CONFLICT_SHARED = (
    "container sharing network namespace with another container or host cannot be connected to "
    "any other network"
)
_CONFLICT_HOST = "container cannot be disconnected from host network or connected to host network"
_CONFLICT_NONE = (
    "container cannot be connected to multiple networks with one of the networks in private "
    "(none) mode"
)


class NetworkController:
    """The engine's networking.

    :ivar swarm: the networks of the swarm that this engine is a node of.
    :param host_name: name of the emulated host.
    :param host_etc: folder with the real host's ``hosts`` and ``resolv.conf``.
    :raises EngineError: the networks on record cannot be brought up.
    """

    def __init__(
        self,
        store: RecordStore,
        clock: Clock,
        ids: Identities,
        events: EventLog,
        *,
        host_name: str,
        host_etc: Path = Path("/etc"),
        ports: PortAllocator | None = None,
    ) -> None:
        self.host_name = host_name
        self._ids = ids
        self._events = events
        # Latencies and the order of DNS answers have a source of their own, and so have the names
        # and addresses of links, so that how often a program pings does not change the IDs that
        # come after.
        rng = Random(ids.random.getrandbits(64))
        links = Random(ids.random.getrandbits(64))
        host = HostStack()
        fabric = Fabric(clock, rng)
        self._publisher = Publisher(host, ports or PortAllocator(), clock)
        fabric.host = host
        fabric.host_ports = self._publisher
        self._attachments = Attachments(self._publisher)
        self._remotes = RemoteEndpoints()
        self._factory = SandboxFactory(ids, host, fabric, Resolver(rng), host_etc)
        overlay = OverlayDriver(host, links)
        drivers: dict[str, Driver] = {
            "overlay": overlay,
            "bridge": BridgeDriver(host, links),
            "host": NullDriver("host", shares_host=True),
            "null": NullDriver("null"),
        }
        self._networks = NetworkRegistry(
            store, clock, ids, events, drivers, Allocator(), Allocator(())
        )
        self.swarm = SwarmNetworks(
            ids,
            self._networks,
            self._attachments,
            self._publisher,
            overlay,
            self.share,
            self._remotes,
        )
        self._sandboxes: dict[str, Sandbox] = {}
        self._handles: dict[str, SandboxHandle] = {}
        self._networks.restore()
        self.host = SandboxHandle(self._factory.make("", "host"))

    # --- networks ------------------------------------------------------------------------

    def create(self, spec: NetworkSpec) -> Network:
        """Make a network. See :meth:`NetworkRegistry.create`."""
        return self._networks.create(spec)

    def get(self, ref: str, *, scope: str = "") -> Network:
        """A network by ID, name or beginning of its ID."""
        return self._networks.get(ref, scope=scope)

    def list(self, filters: Filters | None = None) -> Sequence[Network]:
        """Networks in order of creation."""
        return self._networks.list(filters)

    def remove(self, ref: str) -> None:
        """Remove a network that nobody is on."""
        network = self._networks.get(ref)
        self._networks.remove(network.id)
        if network.shared:
            self._remotes.detach(network.id)

    def prune(self, filters: Filters | None = None, until_ns: int | None = None) -> Sequence[str]:
        """Remove unused networks of the user's own; their names."""
        return self._networks.prune(filters, until_ns)

    # --- sandboxes -----------------------------------------------------------------------

    def new_sandbox(
        self,
        container_id: str,
        mode: str,
        *,
        hostname: str = "",
        domainname: str = "",
        dns: DnsConfig | None = None,
        extra_hosts: Iterable[str] = (),
        link_hosts: Iterable[etchosts.Record] = (),
        files: NameFolder | Path | None = None,
        share_with: str = "",
        ports: Sequence[PortRequest] = (),
    ) -> SandboxHandle:
        """Make the network stack of a container that is about to start.

        Networks come with :meth:`join`, also for the modes ``none`` and ``host``. The files
        about names are written to ``files`` when the first network has been joined.

        :param mode: ``host``, ``none``, ``container``, or the network's name.
        :param extra_hosts: ``NAME:ADDRESS``; the address may be ``host-gateway``.
        :param link_hosts: (address, names) for links on the default bridge.
        :param files: folder for ``hosts`` and ``resolv.conf``.
        :param share_with: with ``container``: the container whose stack is used.
        :param ports: published as soon as a network gives a way out.
        :raises Conflict: ``share_with`` does not run.
        :raises InvalidParameter: a malformed ``extra_hosts`` entry.
        """
        self.delete_sandbox(container_id)
        if mode == "container":
            shared = self._sandboxes.get(share_with)
            if shared is None and share_with in self._handles:
                shared = self._handles[share_with].sandbox
            if shared is None:
                raise Conflict(f"cannot join network of a non running container: {share_with}")
            handle = SandboxHandle(shared)
        else:
            gateway = to_text(self.get(DEFAULT_NETWORK).gateway)
            sandbox = self._factory.make(
                container_id,
                mode,
                names=etchosts.own_names(hostname or container_id[:12], domainname),
                dns=dns,
                records=[*parse_extra_hosts(extra_hosts, gateway), *link_hosts],
                folder=files,
            )
            sandbox.requests = tuple(ports)
            self._sandboxes[container_id] = sandbox
            handle = SandboxHandle(sandbox)
        self._handles[container_id] = handle
        return handle

    def sandbox(self, container_id: str) -> SandboxHandle | None:
        """The handle of a running container."""
        return self._handles.get(container_id)

    def delete_sandbox(self, container_id: str) -> None:
        """Take a container off all networks and close what it has open; it has ended."""
        handle = self._handles.pop(container_id, None)
        if handle is not None:
            handle.close_all()
        sandbox = self._sandboxes.pop(container_id, None)
        if sandbox is None:
            return
        self._attachments.unpublish(sandbox)
        for endpoint in list(sandbox.endpoints):
            self._attachments.detach(sandbox, endpoint)
            if not endpoint.hidden:
                self.note(endpoint.network, "disconnect", container_id)

    # --- endpoints -----------------------------------------------------------------------

    def check(self, network_name: str, spec: EndpointSpec) -> None:
        """Check what is asked of an attachment, before the container exists or runs.

        The network need not exist yet. Any ID counts as that of a user-defined network.

        :raises InvalidParameter: with dockerd's list of faults.
        """
        try:
            pools = self.get(network_name).settings.pools
        except (NotFound, InvalidParameter):
            check_endpoint(network_name, spec, None)
        else:
            check_endpoint(network_name, spec, pools)

    def check_combination(self, mode: str, current: Iterable[str], network: Network) -> None:
        """Check that a container may have one more network.

        :param mode: its network mode; :param current: names of the networks it has.
        :raises InvalidParameter: ``host``, ``none`` and ``container`` stand alone.
        """
        if mode.startswith("container:"):
            raise InvalidParameter(CONFLICT_SHARED)
        if mode != "host" and network.driver.shares_host:
            raise InvalidParameter(_CONFLICT_HOST)
        for name in current:
            if name == network.name:
                return
            try:
                other = self.get(name)
            except EngineError:
                continue  # removed meanwhile
            if other.driver.shares_host or network.driver.shares_host:
                raise InvalidParameter(CONFLICT_SHARED)
            if "none" in (other.name, network.name):
                raise InvalidParameter(_CONFLICT_NONE)

    def join(self, owner: EndpointOwner, network_ref: str, spec: EndpointSpec) -> Endpoint:
        """Connect a running container, or one that is about to run, to a network.

        :raises EngineError: with dockerd's text; nothing was changed.
        """
        network = self.get(network_ref)
        sandbox = self._sandboxes.get(owner.id)
        if sandbox is None:
            if owner.id in self._handles:
                raise InvalidParameter(CONFLICT_SHARED)
            raise NotFound(f"sandbox for container {owner.id} not found")
        if network.endpoint_of(owner.id) is None:
            # Whoever starts on the host's network without its stack asked for it by ID: dockerd
            # sees no mode ``host`` in that, and gives a stack of its own with lo alone.
            starts = not sandbox.endpoints
            mode = "host" if sandbox.stack.is_host or starts else ""
            current = [e.network_name for e in sandbox.endpoints if not e.hidden]
            self.check_combination(mode, current, network)
        check_endpoint(network.name, spec, network.settings.pools)
        if network.settings.config_only:
            raise Forbidden("cannot create endpoint on configuration-only network")
        if network.endpoint_named(owner.name) is not None:
            raise Forbidden(
                f"endpoint with name {owner.name} already exists in network {network.name}"
            )
        endpoint = make_endpoint(self._ids.new_id(), owner, network, spec)
        self._attachments.attach(sandbox, endpoint)
        self.swarm.update_gateway(sandbox)
        self.note(network, "connect", owner.id)
        return endpoint

    def leave(self, container_id: str, network_ref: str) -> None:
        """Disconnect a running container from a network.

        :raises EngineError: it is not on that network, or may not leave it.
        """
        network = self.get(network_ref)
        endpoint = network.endpoint_of(container_id)
        sandbox = self._sandboxes.get(container_id)
        if sandbox is not None and sandbox.stack.is_host and endpoint is not None:
            raise InvalidParameter(_CONFLICT_HOST)
        if endpoint is None or sandbox is None:
            raise SystemFailure(
                f"container {container_id} is not connected to network {network.name}"
            )
        published = sandbox.publishing is endpoint
        self._attachments.detach(sandbox, endpoint)
        self.swarm.update_gateway(sandbox)
        successor = sandbox.gateway_endpoint
        if published and successor is not None:
            self._attachments.program_again(sandbox, successor)
        # dockerd 26.1 tells a live disconnect twice.
        self.note(network, "disconnect", container_id)
        self.note(network, "disconnect", container_id)

    def remove_endpoint(self, name: str, network_ref: str) -> None:
        """Forcibly take the endpoint of that name off a network, whoever has it.

        :raises NotFound: there is no such endpoint or network.
        """
        endpoint = self.get(network_ref).endpoint_named(name)
        sandbox = None if endpoint is None else self._sandboxes.get(endpoint.container_id)
        if endpoint is None or sandbox is None:
            raise NotFound(f"endpoint {name} not found")
        self._attachments.detach(sandbox, endpoint)

    def rename(self, container_id: str, name: str, hostname: str = "") -> None:
        """A container was renamed: its new name resolves, the old one no longer.

        As with dockerd, from then on it has names on the default bridge, too.
        """
        for endpoint in self.rename_endpoints(container_id, name):
            names, old = endpoint.network.names, endpoint.dns_names
            if old is not None:
                for key, address in endpoint.names_by_address():
                    names.remove(key, old, address)
            owner = EndpointOwner(container_id, name, hostname)
            endpoint.dns_names = dns_names(owner, endpoint.spec.aliases)
            for key, address in endpoint.names_by_address():
                names.add(key, endpoint.dns_names, address)
            if old is not None:
                self._attachments.tell(endpoint)

    def rename_endpoints(self, container_id: str, name: str) -> Sequence[Endpoint]:
        """Give a container's endpoints the name that ``network inspect`` shows."""
        sandbox = self._sandboxes.get(container_id)
        endpoints = sandbox.endpoints if sandbox is not None else ()
        for endpoint in endpoints:
            endpoint.network.rename(endpoint, name)
        return endpoints

    def endpoint(self, container_id: str, network_ref: str) -> Endpoint | None:
        """The endpoint of a running container on a network."""
        try:
            return self.get(network_ref).endpoint_of(container_id)
        except EngineError:
            return None

    def note(self, network: Network, action: str, container_id: str) -> None:
        """Publish ``connect`` or ``disconnect``; for a container that does not run, the caller."""
        attributes = {
            "container": container_id,
            "name": network.name,
            "type": network.driver_name,
        }
        self._events.publish("network", action, network.id, attributes)

    # --- other engines ---------------------------------------------------------------------

    @property
    def remotes(self) -> RemoteEndpoints:
        """The endpoints of other engines."""
        return self._remotes

    @property
    def arrivals(self) -> Arrivals:
        """Where traffic of other engines comes in."""
        return Arrivals(self._shared_segment)

    def share(self, network: Network) -> None:
        """Other engines have that network too: their endpoints on it are reachable from now on."""
        segment = network.segment
        assert segment is not None
        network.shared = True
        segment.remotes = self._remotes.members(network.id)
        self._remotes.attach(network.id, network.names)

    def watch(self, watcher: EndpointWatcher | None) -> None:
        """Tell that one of all endpoints on shared networks."""
        self._attachments.watcher = watcher

    def shared_endpoints(self) -> Sequence[Endpoint | Balancer]:
        """The endpoints of this engine on shared networks, load balancers among them."""
        shared = [network for network in self._networks.list() if network.shared]
        balancers = [network.balancer for network in shared if network.balancer is not None]
        return [*balancers, *(endpoint for network in shared for endpoint in network.endpoints())]

    def _shared_segment(self, network_id: str) -> Segment | None:
        try:
            network = self._networks.get(network_id)
        except EngineError:
            return None
        return network.segment if network.shared and network.id == network_id else None

    # --- published ports -----------------------------------------------------------------

    def publish(
        self, handle: SandboxHandle, requests: Sequence[PortRequest]
    ) -> tuple[PublishedPort, ...]:
        """Publish ports of a container, now if it has a way out, else when it gets one.

        :raises SystemFailure: with dockerd's text; nothing is published.
        """
        sandbox = handle.sandbox
        self._attachments.unpublish(sandbox)
        sandbox.requests = tuple(requests)
        endpoint = sandbox.gateway_endpoint
        if endpoint is not None:
            self._attachments.program(sandbox, endpoint)
        return sandbox.published

    def unpublish(self, handle: SandboxHandle) -> None:
        """Close all published ports of a container."""
        handle.sandbox.requests = ()
        self._attachments.unpublish(handle.sandbox)

    def close(self) -> None:
        """Close every socket (the engine ends). What is on record stays."""
        for container_id in list(self._handles):
            self._handles[container_id].close_all()
        self._publisher.close()
