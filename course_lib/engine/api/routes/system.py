"""``/_ping``, ``/version``, ``/info``, ``/events``, ``/system/df``, ``/auth``."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import AsyncIterator
from typing import Any

from course_lib.engine.api.format import images as show_images
from course_lib.engine.api.format import volumes as show_volumes
from course_lib.engine.api.format.rows import row as container_row
from course_lib.engine.api.format.times import time_text
from course_lib.engine.api.messages import (
    AnyResponse,
    Request,
    Response,
    StreamResponse,
    encode,
    json_response,
)
from course_lib.engine.api.timestamps import unix_ns
from course_lib.engine.api.version import NEWEST, OLDEST, show
from course_lib.engine.engine import Engine
from course_lib.engine.errdefs import InvalidParameter, NotImplementedByEngine
from course_lib.engine.events import Event
from course_lib.engine.filters import Filters
from course_lib.engine.release import ENGINE_NAME, ENGINE_VERSION

_DF_TYPES = {"container", "image", "volume", "build-cache"}


class Handlers:
    """Handlers about the engine itself."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def get_version(self, request: Request) -> Response:
        details = {
            "ApiVersion": show(NEWEST),
            "Arch": _architecture(),
            "BuildTime": "",
            "Experimental": "false",
            "GitCommit": "",
            "GoVersion": "",
            "KernelVersion": platform.release(),
            "MinAPIVersion": show(OLDEST),
            "Os": "linux",
            "Python": platform.python_version(),
        }
        return json_response(
            {
                "Platform": {"Name": ENGINE_NAME},
                "Components": [{"Name": "Engine", "Version": ENGINE_VERSION, "Details": details}],
                "Version": ENGINE_VERSION,
                "ApiVersion": show(NEWEST),
                "MinAPIVersion": show(OLDEST),
                "GitCommit": "",
                "GoVersion": "",
                "Os": "linux",
                "Arch": _architecture(),
                "KernelVersion": platform.release(),
                "BuildTime": "",
            }
        )

    async def get_info(self, request: Request) -> Response:
        engine = self._engine
        states = [container.state for container in engine.containers.registry]
        paused = sum(state.paused for state in states)
        running = sum(state.running for state in states) - paused
        result: dict[str, Any] = {
            "ID": engine.id,
            "Containers": len(states),
            "ContainersRunning": running,
            "ContainersPaused": paused,
            "ContainersStopped": len(states) - running - paused,
            "Images": len(engine.images.images()),
            "Driver": "overlay2",
            "DriverStatus": [["Backing Filesystem", "embedded"]],
            "Plugins": {
                "Volume": ["local"],
                "Network": ["bridge", "host", "null", "overlay"],
                "Authorization": None,
                "Log": ["json-file", "local"],
            },
            **dict.fromkeys(
                (
                    "MemoryLimit",
                    "SwapLimit",
                    "KernelMemoryTCP",
                    "CpuCfsPeriod",
                    "CpuCfsQuota",
                    "CPUShares",
                    "CPUSet",
                ),
                False,
            ),
            "PidsLimit": True,
            "IPv4Forwarding": True,
            "BridgeNfIptables": True,
            "BridgeNfIp6tables": True,
            "Debug": False,
            "NFd": _open_files(),
            "OomKillDisable": False,
            "NGoroutines": 0,
            "SystemTime": time_text(engine.clock.time_ns()),
            "LoggingDriver": "json-file",
            "CgroupDriver": "none",
            "CgroupVersion": "2",
            "NEventsListener": engine.events.listeners,
            "KernelVersion": platform.release(),
            "OperatingSystem": ENGINE_NAME,
            "OSVersion": "",
            "OSType": "linux",
            "Architecture": platform.machine(),
            "IndexServerAddress": "https://index.docker.io/v1/",
            "RegistryConfig": {
                "AllowNondistributableArtifactsCIDRs": None,
                "AllowNondistributableArtifactsHostnames": None,
                "InsecureRegistryCIDRs": ["127.0.0.0/8"],
                "IndexConfigs": {
                    "docker.io": {
                        "Name": "docker.io",
                        "Mirrors": [],
                        "Secure": True,
                        "Official": True,
                    }
                },
                "Mirrors": None,
            },
            "NCPU": os.cpu_count() or 1,
            "MemTotal": total_memory(),
            "GenericResources": None,
            "DockerRootDir": str(engine.root),
            "HttpProxy": "",
            "HttpsProxy": "",
            "NoProxy": "",
            "Name": engine.host_name,
            "Labels": [],
            "ExperimentalBuild": False,
            "ServerVersion": ENGINE_VERSION,
            "Runtimes": {"runc": {"path": "runc"}},
            "DefaultRuntime": "runc",
            "Swarm": self._swarm_info(),
            "LiveRestoreEnabled": False,
            "Isolation": "",
            "InitBinary": "docker-init",
            "ContainerdCommit": {"ID": "", "Expected": ""},
            "RuncCommit": {"ID": "", "Expected": ""},
            "InitCommit": {"ID": "", "Expected": ""},
            "SecurityOptions": ["name=rootless"],
            "CDISpecDirs": [],
            "Warnings": None,
        }
        if request.version < (1, 42):
            result["KernelMemory"] = False
        if request.version < (1, 25):
            result["ExecutionDriver"] = "<not supported>"
            result["SecurityOptions"] = ["rootless"]
        return json_response(result)

    def _swarm_info(self) -> dict[str, Any]:
        """What ``docker info`` says of the swarm."""
        result: dict[str, Any] = {
            "NodeID": "",
            "NodeAddr": "",
            "LocalNodeState": "inactive",
            "ControlAvailable": False,
            "Error": "",
            "RemoteManagers": None,
        }
        if not self._engine.in_swarm:
            return result
        from course_lib.engine.api.format import swarm as show

        swarm, manager = self._engine.swarm, self._engine.swarm.manager
        result |= {
            "NodeID": swarm.node_id,
            "NodeAddr": swarm.address,
            "LocalNodeState": "active",
            "ControlAvailable": manager is not None,
            "RemoteManagers": [{"NodeID": swarm.manager_id, "Addr": swarm.manager_address}],
        }
        if manager is not None:
            nodes = list(manager.state.nodes)
            result |= {
                "Nodes": len(nodes),
                "Managers": sum(bool(node.manager_address) for node in nodes),
                "Cluster": show.cluster(manager.cluster),
            }
        return result

    # --- events --------------------------------------------------------------------------

    async def get_events(self, request: Request) -> AnyResponse:
        since = unix_ns(request.text("since"))
        until = unix_ns(request.text("until"))
        if since is not None and until is not None and since > until:
            raise InvalidParameter(
                f"`since` time ({request.text('since')}) cannot be after `until` time "
                f"({request.text('until')})"
            )
        filters = Filters.parse(request.text("filters"))
        events = self._engine.events.subscribe(since, until, filters)

        async def lines() -> AsyncIterator[bytes]:
            async for event in events:
                yield encode(_event(event))

        return StreamResponse(lines())

    # --- the rest ------------------------------------------------------------------------

    async def post_auth(self, request: Request) -> Response:
        raise NotImplementedByEngine("logging in to a registry")

    async def get_disk_usage(self, request: Request) -> Response:
        wanted = set(request.query.get("type", ())) if request.version >= (1, 42) else set()
        unknown = wanted - _DF_TYPES
        if unknown:
            raise InvalidParameter(f"unknown object type: {min(unknown)}")
        everything = not wanted
        result: dict[str, Any] = {}
        if everything or "image" in wanted:
            result |= self._images_usage(request)
        if everything or "container" in wanted:
            result["Containers"] = self._containers_usage(request)
        if everything or "volume" in wanted:
            result["Volumes"] = self._volumes_usage()
        if everything or "build-cache" in wanted:
            result["BuildCache"] = []
            if request.version < (1, 42):
                result["BuilderSize"] = 0
        return json_response(result)

    def _images_usage(self, request: Request) -> dict[str, Any]:
        images = self._engine.images
        rows = []
        layers: dict[str, int] = {}
        counts: dict[str, int] = {}
        for image in images.list():
            for layer in image.layers:
                layers[layer.diff_id] = layer.size
                counts[layer.diff_id] = counts.get(layer.diff_id, 0) + 1
        for image in images.list():
            shared = sum(layer.size for layer in image.layers if counts[layer.diff_id] > 1)
            used = len(self._engine.containers.using_image(image.id))
            rows.append(
                show_images.row(images, image, request.version, containers=used, shared=shared)
            )
        return {"LayersSize": sum(layers.values()), "Images": rows}

    def _containers_usage(self, request: Request) -> list[dict[str, Any]]:
        service = self._engine.containers
        now = self._engine.clock.time_ns()
        return [
            container_row(
                container,
                service.registry.link_names(container.id),
                service.networks.view(container),
                container.config.image,
                request.version,
                now,
                service.sizes(container),
            )
            for container in service.registry
        ]

    def _volumes_usage(self) -> list[dict[str, Any]]:
        rows = []
        for volume in self._engine.volumes.list(Filters()):
            row = show_volumes.volume(volume)
            row["UsageData"] = {
                "RefCount": len(self._engine.volumes.users(volume.name)),
                "Size": self._engine.volumes.size(volume.name),
            }
            rows.append(row)
        return rows


def _event(event: Event) -> dict[str, Any]:
    result: dict[str, Any] = {}
    attributes = dict(sorted(event.attributes.items()))
    if event.type in {"container", "image"}:  # fields of API 1.21 that clients still read
        result["status"] = event.action
        if event.actor_id:
            result["id"] = event.actor_id
        if event.type == "container" and "image" in attributes:
            result["from"] = attributes["image"]
    return result | {
        "Type": event.type,
        "Action": event.action,
        "Actor": {"ID": event.actor_id, "Attributes": attributes},
        "scope": event.scope,
        "time": event.time_ns // 1_000_000_000,
        "timeNano": event.time_ns,
    }


def _architecture() -> str:
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def resident_memory() -> int:
    """Bytes that this process occupies; 0 where that cannot be told."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def total_memory() -> int:
    """Bytes of memory of this machine."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0


def _open_files() -> int:
    folder = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"
    try:
        return len(os.listdir(folder))
    except OSError:
        return -1
