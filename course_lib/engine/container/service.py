"""What can be done with containers: the one object that the API talks to."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.engine.clock import Clock
from course_lib.engine.container import links
from course_lib.engine.container.assembly import Assembler
from course_lib.engine.container.config import RestartPolicy
from course_lib.engine.container.connections import Connections
from course_lib.engine.container.container import (
    Container,
    NotRunning,
    Restarting,
    config_from_record,
    restore_into,
)
from course_lib.engine.container.create import Creator
from course_lib.engine.container.execs import Execs
from course_lib.engine.container.lifecycle import Lifecycle
from course_lib.engine.container.mounting import ContainerMounts
from course_lib.engine.container.networking import ContainerNetworks
from course_lib.engine.container.registry import Registry
from course_lib.engine.container.remove import Remover
from course_lib.engine.container.restart import check_policy
from course_lib.engine.container.top import Table, table
from course_lib.engine.container.validate import validate_host
from course_lib.engine.errdefs import Conflict, EngineError, InvalidParameter
from course_lib.engine.events import Events
from course_lib.engine.ids import Identities
from course_lib.engine.interfaces import Environment
from course_lib.engine.store import Record, StateError, Store

if TYPE_CHECKING:
    from course_lib.engine.fs.overlay import Change
    from course_lib.engine.image.store import ImageStore
    from course_lib.engine.network.controller import NetworkController
    from course_lib.engine.volume.service import VolumeService

log = logging.getLogger(__name__)

_SERVING_SECONDS = 0.25
"""How long the answer to a start waits at the most for what a server does first: a few milliseconds
each, more for the first of its kind, whose program is loaded then."""


class ContainerService:
    """The containers of the engine and everything that acts on them.

    :param root: ``STATE/containers``.
    :param socket: the engine's own, which containers can mount.
    :ivar registry: finds containers. :ivar creator, lifecycle, remover, execs, networks,
        mounts: one object for each kind of act.
    """

    def __init__(
        self,
        root: Path,
        store: Store,
        clock: Clock,
        ids: Identities,
        events: Events,
        images: ImageStore,
        volumes: VolumeService,
        networks: NetworkController,
        environment: Environment,
        host_name: str,
        socket: Path | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._images = images
        self.registry = Registry(ids)
        self.mounts = ContainerMounts(root, images, volumes, self.registry, clock, socket)
        self.networks = ContainerNetworks(networks, self.registry, clock)
        assembler = Assembler(clock, ids, environment, self.mounts)
        self._assembler = assembler
        linked = self.networks.linking.environment
        self.execs = Execs(clock, ids.of("execs"), events, assembler.new_host_pid, linked)
        self.lifecycle = Lifecycle(store, clock, events, assembler, self.networks, self.execs)
        self.connections = Connections(networks, self.networks, self.registry, self.lifecycle.save)
        self.creator = Creator(
            root,
            clock,
            ids,
            self.registry,
            images,
            self.mounts,
            self.networks,
            self.lifecycle,
            host_name,
        )
        self.remover = Remover(store, events, self.registry, self.lifecycle, self.mounts)
        self.lifecycle.auto_remove = self.remover.remove_automatically
        self._host_pids: dict[tuple[str, int], int] = {}

    # --- finding -------------------------------------------------------------------------

    def get(self, reference: str) -> Container:
        """See :meth:`Registry.get`."""
        return self.registry.get(reference)

    def using_image(self, image_id: str) -> Collection[Container]:
        """Containers that were made from an image."""
        return [container for container in self.registry if container.image_id == image_id]

    # --- changing ------------------------------------------------------------------------

    async def start(self, container: Container) -> None:
        """``docker start``; see :meth:`Lifecycle.start`."""
        self.lifecycle.check_startable(container)
        validate_host(container.host_config)
        await self.lifecycle.start(container)

    async def begin_serving(self, container: Container) -> None:
        """Let a server that was just started begin to listen, before somebody is told of its start.

        With Docker it starts beside the answer, and beside the client's next command; here all take
        turns. What never comes to rest does not keep the answer waiting for long.
        """
        if container.runtime is not None and container.config.exposed_ports:
            await container.runtime.machine.come_to_rest(_SERVING_SECONDS)

    async def rename(self, reference: str, new_name: str) -> None:
        """``docker rename``.

        :raises Conflict: the name is taken. :raises InvalidParameter: it is none, or the same.
        """
        if not reference or not new_name:
            raise InvalidParameter("Neither old nor new names may be empty")
        container = self.get(reference)
        async with container.lock:
            plain = new_name.removeprefix("/")
            if container.name == plain:
                raise InvalidParameter(
                    "Renaming a container with the same name as its current name"
                )
            shown = new_name if new_name.startswith("/") else f"/{new_name}"
            try:
                self.registry.reserve(shown, container.id)
            except EngineError as error:
                error.args = (f"Error when allocating new name: {error}",)
                raise
            old_name = container.name
            container.name = plain
            try:
                await self.connections.rename(container, old_name)
                self.lifecycle.save(container)
            except BaseException:
                container.name = old_name
                self.registry.release(plain, container.id)
                raise
            self.registry.release(old_name, container.id)
            for alias, child in (container.links or {}).items():
                self.registry.release_link(old_name, alias)
                self.registry.reserve_link(plain, alias, child.id)
            self.lifecycle.publish(container, "rename", oldName=f"/{old_name}")

    def update(
        self, container: Container, restart_policy: RestartPolicy | None, passive: dict[str, object]
    ) -> None:
        """``docker update``: another restart policy or limit, other settings that we only keep."""
        if restart_policy is not None:
            check_policy(restart_policy)
        if container.state.removing or container.state.dead:
            raise Conflict(
                f"Cannot update container {container.id}: container is marked for removal and "
                'cannot be "update"'
            )
        if restart_policy is not None and restart_policy.name:
            if container.host_config.auto_remove and restart_policy.name != "no":
                raise InvalidParameter(
                    f"Cannot update container {container.id}: Restart policy cannot be updated "
                    "because AutoRemove is enabled for the container"
                )
            container.host_config.restart_policy = restart_policy
            container.restart.policy = restart_policy
        kept = container.host_config.passive
        kept.update(passive)
        if container.runtime is not None:
            container.runtime.machine.limit_processes(kept.get("PidsLimit"))
        self.lifecycle.save(container)
        self.lifecycle.publish(container, "update")

    # --- looking -------------------------------------------------------------------------

    def top(self, container: Container, ps_args: str) -> Table:
        """``docker top``.

        :raises Conflict: it does not run.
        """
        if container.runtime is None:
            raise NotRunning(container)
        if container.state.restarting:
            raise Restarting(container)
        host_pids = {0: 0, 1: container.state.pid}

        def host_pid(pid: int) -> int:
            if pid not in host_pids:
                key = (container.id, pid)
                if key not in self._host_pids:
                    self._host_pids[key] = self._assembler.new_host_pid()
                host_pids[pid] = self._host_pids[key]
            return host_pids[pid]

        found = table(
            container.runtime.machine.processes(),
            ps_args,
            host_pid,
            self._clock.monotonic(),
            self._clock.time_ns(),
        )
        self.lifecycle.publish(container, "top")
        return found

    def changes(self, container: Container) -> list[Change]:
        """``docker diff``."""
        from course_lib.engine.fs.changes import changes_of

        return changes_of(self.mounts.rootfs(container))

    def sizes(self, container: Container) -> tuple[int, int]:
        """Bytes of the writable layer, and of everything together."""
        own = self.mounts.upper_size(container)
        try:
            image_size = self._images.get(container.image_id).size if container.image_id else 0
        except EngineError:
            image_size = 0
        return own, own + image_size

    # --- the engine's own start and end --------------------------------------------------

    def restore(self) -> list[Container]:
        """Find the containers of an earlier run; gives those that want to be started again."""
        wanted = []
        states = self._store.all("container-states")
        records = self._store.all("containers")
        for container_id, record in records.items():
            try:
                container = self._restore(container_id, record, states.pop(container_id, None))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise StateError(
                    f"{self._store.root / 'records'}: the record of container {container_id} "
                    f"is not readable: {error!r}"
                ) from None
            if self.lifecycle.recover(container):
                wanted.append(container)
        for container_id, record in records.items():
            if "links" in record:
                parent = self.registry.find(container_id)
                assert parent is not None
                links.restore(parent, record["links"], self.registry)
        for container_id in states:  # of containers that were being removed
            self._store.delete("container-states", container_id)
        return wanted

    def _restore(self, container_id: str, record: Record, state: Record | None) -> Container:
        config, host_config = config_from_record(record)
        container = self.creator.assemble(
            container_id,
            record["name"],
            record["created_ns"],
            config,
            host_config,
            record["image_id"],
        )
        restore_into(container, record, state)
        self.registry.reserve(record["name"], container_id)
        self.registry.add(container)
        self.mounts.restore(container, record["mounts"])
        return container

    async def close(self, grace: float = 2.0) -> None:
        """End all containers."""
        await self.lifecycle.close(list(self.registry), grace)
