"""One container joins one network: the endpoint that is asked for, what the swarm adds to it."""

from __future__ import annotations

from typing import Protocol

from course_lib.engine.container.config import EndpointConfig, is_user_defined
from course_lib.engine.container.container import Container
from course_lib.engine.errdefs import EngineError, NotFound, SystemFailure
from course_lib.engine.network.attachment import dns_names
from course_lib.engine.network.controller import NetworkController
from course_lib.engine.network.endpoint import Endpoint
from course_lib.engine.network.errors import InterfaceRefused
from course_lib.engine.network.model import EndpointOwner, EndpointSpec

_IN_A_HOOK = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: "
    "runc create failed: unable to start container process: error during container init: error "
    "running hook #0: error running hook: exit status 1, stdout: , stderr: "
)

MANAGED = "com.docker.swarm.task.id"
"""Label of the containers that belong to a task of a swarm."""


class Attacher(Protocol):
    """Networks of the swarm that this engine is a node of, for containers of no service."""

    async def attach(self, network_ref: str, container_id: str, address: str) -> tuple[str, str]:
        """Bring a network up here: gives its ID and the container's address on it.

        :raises EngineError: there is none, or it is not for such containers.
        """

    async def detach(self, container_id: str, network_id: str = "") -> None:
        """A container has left that network, or all."""


class Joining:
    """Brings single containers into single networks.

    :ivar attacher: who brings in networks of the swarm, while this engine is a node of one.
    """

    def __init__(self, controller: NetworkController) -> None:
        self._controller = controller
        self.attacher: Attacher | None = None

    async def join(self, container: Container, name: str) -> Endpoint:
        """At start: an endpoint on a network that the container is noted for.

        :raises EngineError: with dockerd's text.
        """
        config = container.networks[name]
        reference = config.network_id if config.network_id and is_user_defined(name) else name
        reference = await self.bring_in(container, reference, config)
        self._controller.get(reference)  # that it is missing comes before what else is wrong
        self.check_mode(container, name)
        try:
            endpoint = self._controller.join(owner_of(container), reference, spec_of(config))
        except NotFound:
            raise
        except InterfaceRefused as error:  # libnetwork makes it in a hook of runc's
            raise SystemFailure(f"{_IN_A_HOOK}{error}: unknown") from None
        except EngineError:  # dockerd notes the names before it tries
            config.dns_names = names_of(container, name, config)
            raise
        if endpoint.network_name != name:  # it was asked for by its ID
            del container.networks[name]
        config.network_id = endpoint.network_id
        config.dns_names = names_of(container, endpoint.network_name, config)
        container.networks[endpoint.network_name] = config
        return endpoint

    def check_mode(self, container: Container, name: str) -> None:
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

    async def bring_in(self, container: Container, ref: str, config: EndpointConfig) -> str:
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

    async def leave(self, container: Container) -> None:
        """The container has ended: what the swarm gave for its run goes back."""
        if self.attacher is not None and any(c.assigned for c in container.networks.values()):
            await self.attacher.detach(container.id)
        for config in container.networks.values():
            _give_back(config)


def owner_of(container: Container) -> EndpointOwner:
    """The container as networks know it."""
    return EndpointOwner(container.id, container.name, container.config.hostname)


def names_of(container: Container, name: str, config: EndpointConfig) -> list[str] | None:
    """What the container is called on a network; on the default bridge there are no names."""
    if not is_user_defined(name):
        return None
    return list(dns_names(owner_of(container), config.aliases or ()))


def spec_of(config: EndpointConfig) -> EndpointSpec:
    """What is asked of an endpoint, as the networks take it."""
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
