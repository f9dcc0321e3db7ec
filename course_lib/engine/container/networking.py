"""A container's attachments: what was asked, and what there is while it runs.

Follows Moby's ``daemon/container_operations.go``; the networks themselves are the controller's.
"""

from __future__ import annotations

from collections.abc import Mapping

from course_lib.engine.clock import Clock
from course_lib.engine.container import links
from course_lib.engine.container.config import EndpointConfig, is_user_defined, shared_container
from course_lib.engine.container.container import Container
from course_lib.engine.container.enginefiles import EngineFiles
from course_lib.engine.container.joining import Joining, spec_of
from course_lib.engine.container.linking import Linking
from course_lib.engine.container.networkview import NetworkView, view_of
from course_lib.engine.container.ports import port_requests
from course_lib.engine.container.registry import Registry
from course_lib.engine.errdefs import Conflict, EngineError, InvalidParameter, SystemFailure
from course_lib.engine.interfaces import Sandbox
from course_lib.engine.network.controller import NetworkController
from course_lib.engine.network.model import DnsConfig


class ContainerNetworks:
    """Brings containers and networks together.

    :ivar joining: brings a container into a network.
    :ivar linking: what leads to containers by ``--link``.
    """

    def __init__(self, controller: NetworkController, registry: Registry, clock: Clock) -> None:
        self._clock = clock
        self._controller = controller
        self._registry = registry
        self.joining = Joining(controller)
        self.linking = Linking(controller, registry)

    # --- creation ------------------------------------------------------------------------

    def validate(self, endpoints: Mapping[str, EndpointConfig]) -> None:
        """Check what is asked of attachments; the networks need not exist yet.

        :raises InvalidParameter: with dockerd's list of faults.
        """
        faults = []
        for name, config in endpoints.items():
            try:
                self._controller.check(name, spec_of(config))
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
            link_hosts=self.linking.hosts(container),
            files=files,
            ports=port_requests(container),
        )
        # The default bridge comes first, as in dockerd; the others in order of connection.
        names = sorted(container.networks, key=lambda name: name != "bridge")
        for name in names:
            await self.joining.join(container, name)
        if not names:
            sandbox.files.flush()
        self.linking.tell_parents(container)
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

    async def release(self, container: Container) -> None:
        """The container has ended: off all networks, all sockets closed."""
        self._controller.delete_sandbox(container.id)
        await self.joining.leave(container)

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
