"""Links of containers while they run: the addresses that they lead to (see :mod:`.links`)."""

from __future__ import annotations

from course_lib.engine.container import links
from course_lib.engine.container.container import Container
from course_lib.engine.container.registry import Registry
from course_lib.engine.errdefs import EngineError, SystemFailure
from course_lib.engine.network.controller import NetworkController


class Linking:
    """Tells containers where those are that they have links to."""

    def __init__(self, controller: NetworkController, registry: Registry) -> None:
        self._controller = controller
        self._registry = registry

    def hosts(self, container: Container) -> list[tuple[str, str]]:
        """(address, names) for ``/etc/hosts``; without the default bridge there are none.

        :raises SystemFailure: see :func:`.links.hosts`.
        """
        if "bridge" not in container.networks:
            return []
        return links.hosts(container, self._bridge_address)

    def environment(self, container: Container) -> list[str]:
        """Variables of a running container's links.

        :raises SystemFailure: a container that it is linked to does not run.
        """
        if not container.links or self._bridge_address(container) is None:
            return []
        return links.environment(container, self._bridge_address)

    def tell_parents(self, child: Container) -> None:
        """Containers with a link to this one learn its address anew (Moby: ``parents``)."""
        for name in self._registry.link_names(child.id):
            parent_name, _, alias = name.partition("/")
            parent = self._registry.get(parent_name)
            sandbox = self._controller.sandbox(parent.id)
            address = self._bridge_address(child)
            if parent.runtime is not None and sandbox is not None and address is not None:
                sandbox.files.move_host(alias.rpartition("/")[2], address)
                sandbox.files.flush()

    def remove(self, child: Container, name: str) -> Container:
        """``docker rm --link PARENT/ALIAS``: take a link of a container away.

        :returns: the container that had it.
        :raises SystemFailure: there is no such container, or no alias is named.
        """
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
        return parent

    def _bridge_address(self, container: Container) -> str | None:
        endpoint = self._controller.endpoint(container.id, "bridge")
        return None if endpoint is None else endpoint.ip_address
