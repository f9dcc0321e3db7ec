"""One container: what it is, in which state, and what of it runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.engine.container.config import (
    ContainerConfig,
    EndpointConfig,
    HostConfig,
    from_record,
    host_config_from_record,
    host_config_record,
    to_record,
)
from course_lib.engine.container.restart import RestartManager
from course_lib.engine.container.state import State
from course_lib.engine.container.stdio import Streams
from course_lib.engine.errdefs import Conflict
from course_lib.engine.interfaces import Machine, Process, Sandbox
from course_lib.engine.store import Record

if TYPE_CHECKING:
    from course_lib.engine.container.enginefiles import EngineFiles
    from course_lib.engine.container.exec import Exec
    from course_lib.engine.fs.containerfs import ContainerFs
    from course_lib.engine.image.model import Image
    from course_lib.engine.volume.mounts import MountPoint


class Runtime:
    """What exists only while the container runs."""

    __slots__ = ("fs", "machine", "probing", "process", "sandbox", "watcher")

    def __init__(
        self, fs: ContainerFs, machine: Machine, process: Process, sandbox: Sandbox
    ) -> None:
        self.fs = fs
        self.machine = machine
        self.process = process
        self.sandbox = sandbox
        self.watcher: asyncio.Task[None] | None = None
        self.probing: asyncio.Task[None] | None = None


class Container:
    """A container. :mod:`course_lib.engine.container.service` alone changes it.

    :ivar name: without the slash that the API shows.
    :ivar path, args: entrypoint and command joined: what is executed.
    :ivar links: alias → container, for those on the default bridge.
    :ivar networks: network name → what was asked of that attachment, in order of connection.
    :ivar files: ``hosts`` and its kin, once it has been started; shared with the containers that
        use its network.
    :ivar placed: files in memory that a swarm puts in: path → (content, mode, uid, gid).
    :ivar stopped_by_hand: a user stopped it, so its restart policy does not apply.
    """

    __slots__ = (
        "_lock",
        "args",
        "config",
        "created_ns",
        "execs",
        "files",
        "folder",
        "host_config",
        "id",
        "image",
        "image_id",
        "links",
        "mounts",
        "name",
        "networks",
        "path",
        "placed",
        "restart",
        "restart_task",
        "runtime",
        "state",
        "stopped_by_hand",
        "streams",
    )

    def __init__(
        self,
        container_id: str,
        name: str,
        created_ns: int,
        folder: Path,
        config: ContainerConfig,
        host_config: HostConfig,
        image_id: str,
        streams: Streams,
    ) -> None:
        self.id = container_id
        self.name = name
        self.created_ns = created_ns
        self.folder = folder
        self.config = config
        self.host_config = host_config
        self.image_id = image_id
        self.image: Image | None = None
        self.streams = streams
        command = [*(config.entrypoint or ()), *(config.cmd or ())]
        self.path = command[0] if command else ""
        self.args = command[1:]
        self.state = State()
        self.restart = RestartManager(host_config.restart_policy)
        self.restart_task: asyncio.Task[None] | None = None
        self.stopped_by_hand = False
        self.links: dict[str, Container] | None = None
        self.networks: dict[str, EndpointConfig] = {}
        self.mounts: list[MountPoint] = []
        self.files: EngineFiles | None = None
        self.placed: dict[str, tuple[bytes, int, int, int]] | None = None
        self.runtime: Runtime | None = None
        self.execs: dict[str, Exec] | None = None
        self._lock: asyncio.Lock | None = None

    @property
    def lock(self) -> asyncio.Lock:
        """Held while the container starts, is renamed, or changes networks."""
        if self._lock is None:
            self._lock = asyncio.Lock()
        return self._lock

    @property
    def upper(self) -> Path:
        """Its writable layer."""
        return self.folder / "upper"

    @property
    def log_path(self) -> Path:
        """The file of the ``json-file`` log driver."""
        return self.folder / f"{self.id}-json.log"

    def event_attributes(self) -> dict[str, str]:
        """What events about it carry: its labels, image and name."""
        return {**self.config.labels, "image": self.config.image, "name": self.name}

    def to_record(self) -> Record:
        """What a restart of the engine should find, but for the state."""
        record: Record = {
            "name": self.name,
            "created_ns": self.created_ns,
            "config": to_record(self.config),
            "host_config": host_config_record(self.host_config),
            "image_id": self.image_id,
            "mounts": [to_record(mount) for mount in self.mounts],
            "networks": [[name, to_record(config)] for name, config in self.networks.items()],
        }
        if self.links:
            record["links"] = {alias: child.id for alias, child in self.links.items()}
        return record

    def state_record(self) -> Record:
        """What changes with every start and end."""
        return {
            "state": self.state.to_record(),
            "restart_count": self.restart.count,
            "stopped_by_hand": self.stopped_by_hand,
            "network_ids": {name: entry.network_id for name, entry in self.networks.items()},
        }


def config_from_record(record: dict[str, Any]) -> tuple[ContainerConfig, HostConfig]:
    """The two configurations of a kept container."""
    return (
        from_record(ContainerConfig, record["config"]),
        host_config_from_record(record["host_config"]),
    )


def restore_into(container: Container, record: Record, state: Record | None) -> None:
    """Fill in what the constructor does not take; ``state`` is None for one never started."""
    container.networks = {
        name: from_record(EndpointConfig, config) for name, config in record["networks"]
    }
    if state is None:
        return
    container.state = State.from_record(state["state"])
    container.restart.count = state["restart_count"]
    container.stopped_by_hand = state["stopped_by_hand"]
    for name, network_id in state["network_ids"].items():
        if name in container.networks:
            container.networks[name].network_id = network_id


class NotRunning(Conflict):
    """``container ID is not running``."""

    def __init__(self, container: Container) -> None:
        super().__init__(f"container {container.id} is not running")


class Restarting(Conflict):
    """``Container ID is restarting, wait until the container is running``."""

    def __init__(self, container: Container) -> None:
        super().__init__(
            f"Container {container.id} is restarting, wait until the container is running"
        )
