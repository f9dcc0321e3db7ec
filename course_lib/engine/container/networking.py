"""A container's attachments: what was asked, what there is, and changes while it runs.

Follows Moby's ``daemon/container_operations.go``; the networks themselves are the controller's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from course_lib.engine.clock import Clock
from course_lib.engine.container import links
from course_lib.engine.container.config import EndpointConfig, is_user_defined, shared_container
from course_lib.engine.container.container import Container
from course_lib.engine.container.enginefiles import EngineFiles
from course_lib.engine.container.networkview import NetworkView, view_of
from course_lib.engine.container.ports import port_requests
from course_lib.engine.container.registry import Registry
from course_lib.engine.errdefs import (
    Conflict,
    EngineError,
    InvalidParameter,
    NotFound,
    SystemFailure,
)
from course_lib.engine.interfaces import Sandbox
from course_lib.engine.network.attachment import dns_names
from course_lib.engine.network.controller import CONFLICT_SHARED, NetworkController
from course_lib.engine.network.endpoint import Endpoint
from course_lib.engine.network.errors import InterfaceRefused
from course_lib.engine.network.model import DnsConfig, EndpointOwner, EndpointSpec

_IN_A_HOOK = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: "
    "runc create failed: unable to start container process: error during container init: error "
    "running hook #0: error running hook: exit status 1, stdout: , stderr: "
)

MANAGED = "com.docker.swarm.task.id"
"""Label of the containers that belong to a task of a swarm."""

Save = Callable[[Container], None]


class Attacher(Protocol):
    """Networks of the swarm that this engine is a node of, for containers of no service."""

    async def attach(self, network_ref: str, container_id: str, address: str) -> tuple[str, str]:
        """Bring a network up here: gives its ID and the container's address on it.

        :raises EngineError: there is none, or it is not for such containers.
        """

    async def detach(self, container_id: str, network_id: str = "") -> None:
        """A container has left that network, or all."""


class ContainerNetworks:
    """Brings containers and networks together.

    :ivar save: writes a container's record; set by the service.
    :ivar attacher: who brings in networks of the swarm, while this engine is a node of one.
    """

    def __init__(self, controller: NetworkController, registry: Registry, clock: Clock) -> None:
        self._clock = clock
        self._controller = controller
        self._registry = registry
        self.save: Save = _unset
        self.attacher: Attacher | None = None

    # --- creation ------------------------------------------------------------------------

    def validate(self, endpoints: Mapping[str, EndpointConfig]) -> None:
        """Check what is asked of attachments; the networks need not exist yet.

        :raises InvalidParameter: with dockerd's list of faults.
        """
        faults = []
        for name, config in endpoints.items():
            try:
                self._controller.check(name, _spec(config))
            except InvalidParameter as error:
                faults.append(f"invalid config for network {name}: {error}")
        if faults:
            raise InvalidParameter("\n".join(faults))

    def prepare(self, container: Container, endpoints: Mapping[str, EndpointConfig]) -> None:
        """Note which networks a new container is to join.

        :raises EngineError: a link leads nowhere.
        """
        mode = container.host_config.network_mode
        if container.config.network_disabled or shared_container(mode) is not None:
            return
        if is_user_defined(mode):
            container.host_config.links = None  # what counts there is asked of the endpoint
        else:
            links.register(container, self._registry)
        name = mode
        if is_user_defined(mode):
            try:
                network = self._controller.get(mode)
            except EngineError:
                network = None  # it may come to be before the start
            if network is not None:
                name = network.name
                endpoints = {
                    name if key == network.id else key: config for key, config in endpoints.items()
                }
        container.networks = dict(endpoints) or {name: EndpointConfig()}

    # --- start and end -------------------------------------------------------------------

    async def attach(self, container: Container) -> Sandbox:
        """The network stack of a container that starts: made, connected, its ports published.

        :raises EngineError: a network or port is not to be had; :meth:`release` cleans up.
        """
        mode = container.host_config.network_mode
        shared = shared_container(mode)
        if shared is not None:
            return self._share(container, shared)
        host, config = container.host_config, container.config
        files = container.files = EngineFiles(self._clock)
        files.write("hostname", f"{config.hostname}\n")
        sandbox = self._controller.new_sandbox(
            container.id,
            "none" if config.network_disabled else mode,
            hostname=config.hostname,
            domainname=config.domainname,
            dns=DnsConfig(host.dns or (), host.dns_search or (), host.dns_options or ()),
            extra_hosts=host.extra_hosts or (),
            link_hosts=(
                links.hosts(container, self._bridge_address)
                if "bridge" in container.networks
                else []
            ),
            files=files,
            ports=port_requests(container),
        )
        # The default bridge comes first, as in dockerd; the others in order of connection.
        names = sorted(container.networks, key=lambda name: name != "bridge")
        for name in names:
            await self._join(container, name)
        if not names:
            sandbox.files.flush()
        self._tell_parents(container)
        return sandbox

    def _share(self, container: Container, reference: str) -> Sandbox:
        target = self._registry.get(reference)
        if target is container:
            raise SystemFailure("cannot join own network")
        if not target.state.running:
            raise Conflict(f"cannot join network of a non running container: {reference}")
        if target.state.restarting:
            raise Conflict(
                f"Container {reference} is restarting, wait until the container is running"
            )
        container.config.hostname = target.config.hostname
        container.config.domainname = target.config.domainname
        container.files = target.files
        return self._controller.new_sandbox(container.id, "container", share_with=target.id)

    async def _join(self, container: Container, name: str) -> Endpoint:
        config = container.networks[name]
        reference = config.network_id if config.network_id and is_user_defined(name) else name
        reference = await self._bring_in(container, reference, config)
        self._controller.get(reference)  # that it is missing comes before what else is wrong
        self._check_mode(container, name)
        owner = EndpointOwner(container.id, container.name, container.config.hostname)
        try:
            endpoint = self._controller.join(owner, reference, _spec(config))
        except NotFound:
            raise
        except InterfaceRefused as error:  # libnetwork makes it in a hook of runc's
            raise SystemFailure(f"{_IN_A_HOOK}{error}: unknown") from None
        except EngineError:  # dockerd notes the names before it tries
            config.dns_names = self._dns_names(container, name, config)
            raise
        if endpoint.network_name != name:  # it was asked for by its ID
            del container.networks[name]
        config.network_id = endpoint.network_id
        config.dns_names = self._dns_names(container, endpoint.network_name, config)
        container.networks[endpoint.network_name] = config
        return endpoint

    @staticmethod
    def _dns_names(container: Container, name: str, config: EndpointConfig) -> list[str] | None:
        if not is_user_defined(name):
            return None
        owner = EndpointOwner(container.id, container.name, container.config.hostname)
        return list(dns_names(owner, config.aliases or ()))

    def _check_mode(self, container: Container, name: str) -> None:
        """Whoever joins another network needs that of its network mode, too.

        Moby: ``normalizeNetMode``.
        """
        mode = container.host_config.network_mode
        if mode != name and is_user_defined(mode):
            try:
                self._controller.get(mode)
            except NotFound as error:
                raise NotFound(
                    f"could not find a network matching network mode {mode}: {error}"
                ) from None

    def _bridge_address(self, container: Container) -> str | None:
        endpoint = self._controller.endpoint(container.id, "bridge")
        return None if endpoint is None else endpoint.ip_address

    def link_environment(self, container: Container) -> list[str]:
        """Variables of a running container's links.

        :raises SystemFailure: a container that it is linked to does not run.
        """
        if not container.links or self._bridge_address(container) is None:
            return []
        return links.environment(container, self._bridge_address)

    def _tell_parents(self, child: Container) -> None:
        """Containers with a link to this one learn its address anew (Moby: ``parents``)."""
        for name in self._registry.link_names(child.id):
            parent_name, _, alias = name.partition("/")
            parent = self._registry.get(parent_name)
            sandbox = self._controller.sandbox(parent.id)
            address = self._bridge_address(child)
            if parent.runtime is not None and sandbox is not None and address is not None:
                sandbox.files.move_host(alias.rpartition("/")[2], address)
                sandbox.files.flush()

    async def release(self, container: Container) -> None:
        """The container has ended: off all networks, all sockets closed."""
        self._controller.delete_sandbox(container.id)
        if self.attacher is not None and any(c.assigned for c in container.networks.values()):
            await self.attacher.detach(container.id)
        for config in container.networks.values():
            _give_back(config)

    async def _bring_in(self, container: Container, ref: str, config: EndpointConfig) -> str:
        """Have a network of the swarm brought up here, and an address on it given.

        Moby: ``daemon.findAndAttachNetwork``.

        :returns: how the network is to be called from now on.
        """
        if self.attacher is None or MANAGED in container.config.labels:
            return ref
        try:
            network = self._controller.get(ref)
        except NotFound:
            pass
        else:
            if not network.shared or network.endpoint_of(container.id) is not None:
                return ref
        try:
            network_id, address = await self.attacher.attach(ref, container.id, config.address)
        except EngineError as error:
            # Whatever kind of refusal it was, dockerd makes it one of its own.
            raise SystemFailure(f"Could not attach to network {ref}: {error}") from None
        if config.address:
            config.assigned = "kept"
        else:
            config.assigned = "address" if config.ipam else "all"
        config.address, config.ipam = address, True
        return network_id

    # --- changes -------------------------------------------------------------------------

    async def connect(self, container: Container, network_ref: str, config: EndpointConfig) -> None:
        """``docker network connect``; at once where the container runs.

        :raises EngineError: with dockerd's text.
        """
        async with container.lock:
            _refuse_removal(container)
            if container.runtime is not None:
                await self._connect_running(container, network_ref, config)
            else:
                self._connect_stopped(container, network_ref, config)
            self.save(container)

    async def _connect_running(
        self, container: Container, network_ref: str, config: EndpointConfig
    ) -> None:
        mode = container.host_config.network_mode
        if shared_container(mode) is not None:
            raise InvalidParameter(CONFLICT_SHARED)
        network_ref = await self._bring_in(container, network_ref, config)
        network = self._controller.get(network_ref)
        self._check_mode(container, network_ref)
        self._controller.check(network.name, _spec(config))
        self._controller.check_combination(
            mode,
            [name for name in container.networks if name != network.name],
            network,
        )
        owner = EndpointOwner(container.id, container.name, container.config.hostname)
        # As in dockerd this stays where the network refuses the container: its next start, then,
        # fails of it, too (Moby: ``updateNetworkSettings``).
        config.dns_names = self._dns_names(container, network.name, config)
        container.networks.setdefault(network.name, config)
        endpoint = self._controller.join(owner, network.id, _spec(config))
        config.network_id = endpoint.network_id
        container.networks[network.name] = config

    def _connect_stopped(
        self, container: Container, network_ref: str, config: EndpointConfig
    ) -> None:
        try:
            network = self._controller.get(network_ref)
        except EngineError:
            container.networks[network_ref] = config  # it may come to be before the start
            return
        self._controller.check(network.name, _spec(config))
        mode = container.host_config.network_mode
        # As dockerd: who is to share a stack is noted for a network, and never joins it.
        alone = "" if shared_container(mode) is not None else mode
        self._controller.check_combination(alone, container.networks, network)
        config.dns_names = self._dns_names(container, network.name, config)
        container.networks.setdefault(network.name, config)

    async def disconnect(self, container_ref: str, network_ref: str, *, force: bool) -> None:
        """``docker network disconnect``; at once where the container runs.

        :param force: also an endpoint whose container is gone.
        :raises EngineError: with dockerd's text.
        """
        try:
            container = self._registry.get(container_ref)
        except NotFound:
            if not force:
                raise
            self._controller.remove_endpoint(container_ref, network_ref)
            return
        async with container.lock:
            try:
                network = self._controller.get(network_ref)
            except EngineError:
                if container.runtime is not None and not force:
                    raise
                network = None
            if container.runtime is not None and network is not None:
                self._controller.leave(container.id, network.id)
                config = container.networks.pop(network.name, None)
                if self.attacher is not None and config is not None and config.assigned:
                    await self.attacher.detach(container.id, network.id)
            else:
                _refuse_removal(container)
                name = network.name if network is not None else network_ref
                if name not in container.networks:
                    raise SystemFailure(
                        f"container {container.id} is not connected to the network {name}"
                    )
                del container.networks[name]
                if network is not None:
                    self._controller.note(network, "disconnect", container.id)
            self.save(container)

    async def rename(self, container: Container, old: str) -> None:
        """The container has a new name: so have its endpoints and links.

        :param old: its name before.
        :raises EngineError: a network that it is noted for has refused it (see :meth:`connect`).
        """
        shared = shared_container(container.host_config.network_mode) is not None
        if container.runtime is None or shared:
            return
        try:
            for name in container.networks:
                network = self._controller.get(name)
                if network.endpoint_of(container.id) is None:
                    raise SystemFailure(f"no endpoint attached to network {network.name} found")
        except EngineError:
            # Moby puts the name back with the slash that begins it (``ContainerRename``).
            self._controller.rename_endpoints(container.id, f"/{old}")
            raise
        self._controller.rename(container.id, container.name, container.config.hostname)
        for config in container.networks.values():
            # As in dockerd on every network, the default bridge included.
            owner = EndpointOwner(container.id, container.name, container.config.hostname)
            config.dns_names = list(dns_names(owner, config.aliases or ()))

    def remove_link(self, child: Container, name: str) -> None:
        """``docker rm --link PARENT/ALIAS``: take a link of a container away."""
        parent_name, _, alias = name.strip("/").partition("/")
        if not alias:
            raise SystemFailure("Conflict, cannot remove the default link name of the container")
        try:
            parent = self._registry.get(parent_name)
        except EngineError:
            raise SystemFailure(
                f"Cannot get parent /{parent_name} for link name /{name.strip('/')}"
            ) from None
        if parent.links is not None and parent.links.pop(alias, None) is not None:
            self._registry.release_link(parent.name, alias)
            sandbox = self._controller.sandbox(parent.id)
            if parent.runtime is not None and sandbox is not None:
                names = links.hosts_names(alias, child)
                sandbox.files.remove_hosts(lambda line: line == names)
                sandbox.files.flush()
        self.save(parent)

    # --- looking -------------------------------------------------------------------------

    def view(self, container: Container) -> NetworkView:
        """The attachments as they are now."""
        sandbox = self._controller.sandbox(container.id)
        if sandbox is None or container.runtime is None:
            return NetworkView()
        if shared_container(container.host_config.network_mode) is not None:
            # dockerd shows no network of its own for a container that uses another's.
            return NetworkView()
        endpoints = [endpoint for endpoint in sandbox.endpoints if not endpoint.hidden]
        ports: dict[str, list[tuple[str, int]]] = {}
        # The way out of an overlay network is an endpoint that is not shown.
        if any(endpoint.gateway_address for endpoint in sandbox.endpoints):
            ports = {port: [] for port in sorted(container.config.exposed_ports or ())}
        for entry in sandbox.published:
            ports.setdefault(f"{entry.port}/{entry.protocol}", []).append(
                (entry.host_ip, entry.host_port)
            )
        return NetworkView(
            sandbox.id,
            sandbox.key,
            {endpoint.network_name: view_of(endpoint) for endpoint in endpoints},
            ports,
        )


def _spec(config: EndpointConfig) -> EndpointSpec:
    return EndpointSpec(
        config.address,
        config.address6,
        config.link_local or (),
        config.mac,
        config.aliases or (),
        config.links or (),
        config.driver_options,
    )


def _give_back(config: EndpointConfig) -> None:
    """An address that the swarm gave is the container's only while it runs."""
    if config.assigned == "all":
        config.ipam = False
    if config.assigned in {"all", "address"}:
        config.address = ""
    config.assigned = ""


def _refuse_removal(container: Container) -> None:
    if container.state.removing or container.state.dead:
        raise Conflict(
            f"container {container.id} is marked for removal and cannot be connected or "
            "disconnected to the network"
        )


def _unset(container: Container) -> None:
    raise AssertionError("the service has not said how to save a container")
