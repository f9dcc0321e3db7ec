"""Makes a container of what a client asked for (Moby: ``daemon/create.go``)."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.engine.clock import Clock
from course_lib.engine.container import merge
from course_lib.engine.container.config import (
    ContainerConfig,
    EndpointConfig,
    HostConfig,
    shared_container,
)
from course_lib.engine.container.container import Container
from course_lib.engine.container.lifecycle import Lifecycle
from course_lib.engine.container.logs import JsonLog
from course_lib.engine.container.mounting import ContainerMounts
from course_lib.engine.container.networking import ContainerNetworks
from course_lib.engine.container.registry import Registry
from course_lib.engine.container.stdio import Streams
from course_lib.engine.container.validate import validate
from course_lib.engine.errdefs import EngineError, InvalidParameter, NotFound
from course_lib.engine.ids import Identities

if TYPE_CHECKING:
    from course_lib.engine.image.model import Image
    from course_lib.engine.image.store import ImageStore


@dataclass(slots=True)
class CreateRequest:
    """``POST /containers/create``. ``networks``: network name or ID → what is asked of it."""

    name: str
    config: ContainerConfig
    host_config: HostConfig
    networks: dict[str, EndpointConfig] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


class Creator:
    """Validates, completes, names, prepares and registers new containers."""

    def __init__(
        self,
        root: Path,
        clock: Clock,
        ids: Identities,
        registry: Registry,
        images: ImageStore,
        mounts: ContainerMounts,
        networks: ContainerNetworks,
        lifecycle: Lifecycle,
        host_name: str,
    ) -> None:
        self._root = root
        self._clock = clock
        self._ids = ids
        self._registry = registry
        self._images = images
        self._mounts = mounts
        self._networks = networks
        self._lifecycle = lifecycle
        self._host_name = host_name

    async def create(self, request: CreateRequest) -> tuple[Container, list[str]]:
        """Make a container; also tells what the user should be warned of.

        :raises NotFound: no such image. :raises InvalidParameter: a setting makes no sense.
        :raises Conflict: the name is taken.
        """
        config, host_config = request.config, request.host_config
        warnings = validate(config, host_config) + request.warnings
        image = self._images.get(config.image) if config.image else None
        self._networks.validate(request.networks)
        if image is not None:
            merge.merge(config, image.config)
        merge.finish(config)
        container_id = self._ids.new_id()
        name = self._registry.reserve(request.name, container_id)
        folder = self._root / container_id
        container = None
        try:
            container = self.build(container_id, name, config, host_config, image)
            await self._mounts.create(container, image)
            self._networks.prepare(container, request.networks)
            self._lifecycle.save(container)
        except BaseException:
            self._registry.release(name, container_id)
            for alias in (container.links or ()) if container is not None else ():
                self._registry.release_link(name, alias)
            if container is not None:
                self._mounts.release(container, remove_anonymous=True)
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._registry.add(container)
        self._lifecycle.publish(container, "create")
        return container, warnings

    def build(
        self,
        container_id: str,
        name: str,
        config: ContainerConfig,
        host_config: HostConfig,
        image: Image | None,
    ) -> Container:
        """The object, from complete configurations. Its folder comes with its first file."""
        self._resolve_shared_network(host_config)
        self._resolve_shared_memory(host_config)
        if not config.hostname:  # that of a shared stack comes with the start
            config.hostname = (
                self._host_name if host_config.network_mode == "host" else container_id[:12]
            )
        return self.assemble(
            container_id,
            name,
            self._clock.time_ns(),
            config,
            host_config,
            image.id if image is not None else "",
        )

    def assemble(
        self,
        container_id: str,
        name: str,
        created_ns: int,
        config: ContainerConfig,
        host_config: HostConfig,
        image_id: str,
    ) -> Container:
        """The object alone: for new containers and for those found after a restart."""
        folder = self._root / container_id
        log = None
        if host_config.log_driver != "none":
            log = JsonLog(folder / f"{container_id}-json.log", self._clock)
        streams = Streams(
            log, tty=config.tty, open_stdin=config.open_stdin, stdin_once=config.stdin_once
        )
        return Container(
            container_id, name, created_ns, folder, config, host_config, image_id, streams
        )

    def _resolve_shared_memory(self, host_config: HostConfig) -> None:
        """``--ipc container:NAME``, likewise; one that does not exist is told at once."""
        name = host_config.ipc_mode.partition("container:")[2]
        if name:
            try:
                found = self._registry.get(name)
            except NotFound as error:
                raise InvalidParameter(str(error)) from None
            host_config.ipc_mode = f"container:{found.id}"

    def _resolve_shared_network(self, host_config: HostConfig) -> None:
        """``container:NAME`` is kept as ``container:ID``, so that a rename does not break it."""
        shared = shared_container(host_config.network_mode)
        if shared is not None:
            try:
                found = self._registry.get(shared)
            except EngineError:
                return  # told at the start, as dockerd does
            host_config.network_mode = f"container:{found.id}"
