"""The composition root: builds the services of an engine, starts and ends them."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from course_lib.engine.clock import Clock, SystemClock
from course_lib.engine.errdefs import EngineError
from course_lib.engine.events import Events
from course_lib.engine.ids import Identities
from course_lib.engine.store import StateError, Store

if TYPE_CHECKING:
    from course_lib.engine.cluster.engines import Engines
    from course_lib.engine.container.container import Container
    from course_lib.engine.container.service import ContainerService
    from course_lib.engine.image.catalogue import Catalogue
    from course_lib.engine.image.store import ImageStore
    from course_lib.engine.network.controller import NetworkController
    from course_lib.engine.swarm.swarm import Swarm
    from course_lib.engine.volume.service import VolumeService

_DURABLE = ("containers", "networks", "volumes", "images")
_WARM = (
    "api.routes.containers",
    "api.routes.streams",
    "api.routes.networks",
    "api.routes.images",
    "api.routes.exec",
    "fs.containerfs",
    "image.catalogue",
    "userland.machine",
    "userland.shell.dash",
    "userland.shell.main",
)
"""Modules that the first commands of a user need."""

LOCK = "engine.lock"
"""File in the state directory that an engine holds while it works there."""


class EngineInUse(StateError):
    """Another engine works on that state directory."""


class Services:
    """What an engine consists of, each part handed the parts that it needs."""

    def __init__(self, engine: Engine) -> None:
        from course_lib.engine.container.service import ContainerService
        from course_lib.engine.image.store import ImageStore
        from course_lib.engine.interfaces import Environment
        from course_lib.engine.network.controller import NetworkController
        from course_lib.engine.volume.service import VolumeService

        common = (engine.store, engine.clock, engine.ids, engine.events)
        self.images: ImageStore = ImageStore(engine.root / "images", *common, catalogue=catalogue)
        self.volumes: VolumeService = VolumeService(engine.root / "volumes", *common)
        self.networks: NetworkController = NetworkController(*common, host_name=engine.host_name)
        self.containers: ContainerService = ContainerService(
            engine.root / "containers",
            *common,
            self.images,
            self.volumes,
            self.networks,
            Environment(),
            engine.host_name,
            engine.socket,
        )


class Engine:
    """One embedded engine on one state directory.

    Its services are built when first needed, or soon after the start: an engine answers long
    before all its modules are loaded.

    :param root: the state directory; made if it is missing.
    :param seed: makes IDs, names and latencies repeat.
    :param socket_path: at which it answers: what ``-v /var/run/docker.sock:…`` mounts.
    :raises StateError: the directory is in use, broken, or of a newer release. Nothing has
        been changed then.
    """

    def __init__(
        self,
        root: Path,
        *,
        seed: int | None = None,
        host_name: str | None = None,
        clock: Clock | None = None,
        socket_path: Path | None = None,
    ) -> None:
        self.root = root
        self.socket = socket_path
        self.clock: Clock = clock or SystemClock()
        self.ids = Identities(seed)
        self.host_name = host_name or socket.gethostname().partition(".")[0] or "docker"
        self._services: Services | None = None
        self._swarm: Swarm | None = None
        self._engines: Engines | None = None
        self._background: list[asyncio.Task[None]] = []
        first = not (root / LOCK).exists()
        self._lock = _lock(root)
        try:
            self.store = Store(root)
            self.events = Events(self.clock)
            self.id = self._own_id()
        except BaseException:
            if first:
                # What is refused is left as it was, without a file of ours in it.
                (root / LOCK).unlink(missing_ok=True)
            self._lock.close()
            raise

    @property
    def services(self) -> Services:
        """All services, built now if they are not there yet."""
        if self._services is None:
            self._services = Services(self)
        return self._services

    @property
    def containers(self) -> ContainerService:
        """The containers."""
        return self.services.containers

    @property
    def networks(self) -> NetworkController:
        """The networks."""
        return self.services.networks

    @property
    def images(self) -> ImageStore:
        """The images."""
        return self.services.images

    @property
    def volumes(self) -> VolumeService:
        """The volumes."""
        return self.services.volumes

    @property
    def swarm(self) -> Swarm:
        """The engine's part in a swarm; its modules are loaded when first asked for."""
        if self._swarm is None:
            from course_lib.engine.cluster.engines import Engines
            from course_lib.engine.swarm.swarm import Swarm

            self._swarm = Swarm(
                self.store,
                self.clock,
                self.ids,
                self.events,
                self.containers,
                self.networks,
                self.images,
                self.host_name,
            )
            self._engines = Engines(self._swarm, self.store, self.networks, self.ids, self.clock)
        return self._swarm

    def overlay_peers(self, network_id: str) -> Sequence[tuple[str, str]]:
        """The nodes that have an overlay network up: their IDs and addresses."""
        return self._engines.peers(network_id) if self._engines is not None else ()

    @property
    def in_swarm(self) -> bool:
        """Whether this engine is a node of a swarm."""
        return self._swarm is not None and self._swarm.active

    @property
    def busy(self) -> bool:
        """Whether a container runs."""
        return self._services is not None and any(
            container.state.running for container in self._services.containers.registry
        )

    async def start(self) -> None:
        """Find what an earlier run left; containers start again where their policy says so.

        :raises StateError: a record cannot be read.
        """
        wanted: list[Container] = []
        if any(self.store.all(kind) for kind in _DURABLE):
            try:
                wanted = self.containers.restore()
                self.images.images()
                self.volumes.list()
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise StateError(
                    f"{self.root / 'records'}: not what this release writes: {error!r}"
                ) from None
        if self.store.all("swarm"):
            await self.swarm.restore()
            if self._engines is not None:
                await self._engines.restore()
        if wanted:
            self._background.append(asyncio.create_task(self._start_again(wanted)))

    async def _start_again(self, containers: list[Container]) -> None:
        later = [c for c in containers if any(map(self._is_elsewhere, c.networks))]
        for container in containers:
            if container not in later:
                await self.containers.lifecycle.start_again(container)
        if later and self._engines is not None:
            await self._engines.settled()
        for container in later:
            await self.containers.lifecycle.start_again(container)

    def _is_elsewhere(self, network: str) -> bool:
        """Whether that may be a network of the swarm, which its manager has to give."""
        try:
            return self.networks.get(network).shared
        except EngineError:
            return True

    def warm_up(self, delay: float = 0.05) -> None:
        """Load what the first commands need, step by step, once the engine has nothing to do."""
        self._background.append(asyncio.create_task(self._warm_up(delay)))

    async def _warm_up(self, delay: float) -> None:
        await self.clock.sleep(delay)
        _ = self.services
        for module in _WARM:
            await asyncio.sleep(0)
            import_module(f"course_lib.engine.{module}")

    async def close(self) -> None:
        """End all containers, keep everything that is durable, free the state directory."""
        for task in self._background:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._swarm is not None:
            await self._swarm.close()
        if self._services is not None:
            await self._services.containers.close()
            self._services.networks.close()
        self.store.close()
        self._lock.close()

    def _own_id(self) -> str:
        try:
            return str(self.store.read("engine", "identity")["id"])
        except KeyError:
            digits = self.ids.new_id()
            parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32])
            self.store.write("engine", "identity", {"id": "-".join(parts)})
            return "-".join(parts)


def _lock(root: Path) -> TextIO:
    """One engine at a time: the lock goes with the process, however it ends."""
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = open(root / LOCK, "a", encoding="ascii")  # noqa: SIM115
    except OSError as error:
        raise StateError(f"{root}: cannot be used: {error.strerror}") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise EngineInUse(f"{root}: in use by another embedded engine") from None
    os.set_inheritable(file.fileno(), False)
    return file


@cache
def catalogue() -> Catalogue:
    """The images that can be pulled, with the programs that there are; one for all engines here."""
    from course_lib.engine.image.catalogue import Catalogue
    from course_lib.engine.userland.applets import linked

    return Catalogue(linked)
