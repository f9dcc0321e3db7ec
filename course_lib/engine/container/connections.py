"""Changes of a container's attachments: at once where it runs, noted for its start where not."""

from __future__ import annotations

from collections.abc import Callable

from course_lib.engine.container.config import EndpointConfig, shared_container
from course_lib.engine.container.container import Container
from course_lib.engine.container.joining import names_of, owner_of, spec_of
from course_lib.engine.container.networking import ContainerNetworks
from course_lib.engine.container.registry import Registry
from course_lib.engine.errdefs import (
    Conflict,
    EngineError,
    InvalidParameter,
    NotFound,
    SystemFailure,
)
from course_lib.engine.network.attachment import dns_names
from course_lib.engine.network.controller import CONFLICT_SHARED, NetworkController


class Connections:
    """``docker network connect`` and ``disconnect``, and what else changes of attachments.

    :param save: writes a container's record.
    """

    def __init__(
        self,
        controller: NetworkController,
        networks: ContainerNetworks,
        registry: Registry,
        save: Callable[[Container], None],
    ) -> None:
        self._controller = controller
        self._joining = networks.joining
        self._linking = networks.linking
        self._registry = registry
        self._save = save

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
            self._save(container)

    async def _connect_running(
        self, container: Container, network_ref: str, config: EndpointConfig
    ) -> None:
        mode = container.host_config.network_mode
        if shared_container(mode) is not None:
            raise InvalidParameter(CONFLICT_SHARED)
        network_ref = await self._joining.bring_in(container, network_ref, config)
        network = self._controller.get(network_ref)
        self._joining.check_mode(container, network_ref)
        self._controller.check(network.name, spec_of(config))
        self._controller.check_combination(
            mode,
            [name for name in container.networks if name != network.name],
            network,
        )
        # As in dockerd this stays where the network refuses the container: its next start, then,
        # fails of it, too (Moby: ``updateNetworkSettings``).
        config.dns_names = names_of(container, network.name, config)
        container.networks.setdefault(network.name, config)
        endpoint = self._controller.join(owner_of(container), network.id, spec_of(config))
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
        self._controller.check(network.name, spec_of(config))
        mode = container.host_config.network_mode
        # As dockerd: who is to share a stack is noted for a network, and never joins it.
        alone = "" if shared_container(mode) is not None else mode
        self._controller.check_combination(alone, container.networks, network)
        config.dns_names = names_of(container, network.name, config)
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
                if self._joining.attacher is not None and config is not None and config.assigned:
                    await self._joining.attacher.detach(container.id, network.id)
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
            self._save(container)

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
            config.dns_names = list(dns_names(owner_of(container), config.aliases or ()))

    def remove_link(self, child: Container, name: str) -> None:
        """``docker rm --link PARENT/ALIAS``; see :meth:`.linking.Linking.remove`."""
        self._save(self._linking.remove(child, name))


def _refuse_removal(container: Container) -> None:
    if container.state.removing or container.state.dead:
        raise Conflict(
            f"container {container.id} is marked for removal and cannot be connected or "
            "disconnected to the network"
        )
