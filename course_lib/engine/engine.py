"""The composition root: builds the services of an engine, starts and ends them."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from course_lib.engine.clock import Clock, SystemClock
from course_lib.engine.container.service import ContainerService
from course_lib.engine.events import Events
from course_lib.engine.ids import Identities
from course_lib.engine.image.store import ImageStore
from course_lib.engine.interfaces import Environment
from course_lib.engine.network.controller import NetworkController
from course_lib.engine.store import StateError, Store
from course_lib.engine.volume.service import VolumeService

if TYPE_CHECKING:
    from course_lib.engine.container.container import Container

ENGINE_VERSION = "26.1.5"
"""The release of dockerd that the engine behaves as."""
ENGINE_NAME = "Embedded Docker Engine"


class EngineInUse(StateError):
    """Another engine works on that state directory."""


class Engine:
    """One embedded engine on one state directory.

    :param root: the state directory; made if it is missing.
    :param seed: makes IDs, names and latencies repeat.
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
    ) -> None:
        self.root = root
        self.clock = clock or SystemClock()
        self.ids = Identities(seed)
        self.host_name = host_name or socket.gethostname().partition(".")[0] or "docker"
        self._lock = _lock(root)
        try:
            self.store = Store(root)
            self.id = self._own_id()
            self.events = Events(self.clock)
            self.images = ImageStore(
                root / "images", self.store, self.clock, self.ids, self.events, applets=_applets
            )
            self.volumes = VolumeService(
                root / "volumes", self.store, self.clock, self.ids, self.events
            )
            self.networks = NetworkController(
                self.store, self.clock, self.ids, self.events, host_name=self.host_name
            )
            self.containers = ContainerService(
                root / "containers",
                self.store,
                self.clock,
                self.ids,
                self.events,
                self.images,
                self.volumes,
                self.networks,
                Environment(),
                self.host_name,
            )
        except BaseException:
            self._unlock()
            raise
        self._again: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Find what an earlier run left; containers start again where their policy says so."""
        try:
            wanted = self.containers.restore()
        except (KeyError, TypeError, ValueError) as error:
            raise StateError(
                f"{self.root}: a record of a container is not readable: {error!r}"
            ) from None
        if wanted:
            self._again = asyncio.create_task(self._start_again(wanted))

    async def _start_again(self, containers: list[Container]) -> None:
        for container in containers:
            await self.containers.lifecycle.start_again(container)

    async def close(self) -> None:
        """End all containers, keep everything that is durable, free the state directory."""
        if self._again is not None:
            self._again.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._again
        await self.containers.close()
        self._unlock()

    def _own_id(self) -> str:
        try:
            return str(self.store.read("engine", "identity")["id"])
        except KeyError:
            digits = self.ids.new_id()
            parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32])
            self.store.write("engine", "identity", {"id": "-".join(parts)})
            return "-".join(parts)

    def _unlock(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
        self._lock.close()


def _lock(root: Path) -> TextIO:
    """One engine at a time: the lock goes with the process, however it ends."""
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = open(root / "engine.lock", "a", encoding="ascii")  # noqa: SIM115
    except OSError as error:
        raise StateError(f"{root}: cannot be used: {error.strerror}") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise EngineInUse(f"{root}: in use by another embedded engine") from None
    os.set_inheritable(file.fileno(), False)
    return file


def _applets() -> tuple[str, ...]:
    """What the programs of the base images link to; read when an image is first used."""
    from course_lib.engine.userland.applets import names

    return tuple(names())
