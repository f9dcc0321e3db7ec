"""A controller with fakes for what the rest of the engine gives it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from course_lib.engine.ids import Identities
from course_lib.engine.network import (
    Endpoint,
    EndpointOwner,
    EndpointSpec,
    IpamConfig,
    IpamSpec,
    Network,
    NetworkController,
    NetworkSpec,
    PortRequest,
    SandboxHandle,
)
from course_lib.engine.network.portallocator import PortAllocator
from tests.engine.conftest import ManualClock


class MemoryStore:
    """Records in memory, as JSON so that only what can be kept is kept."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], str] = {}

    def write(self, kind: str, record_id: str, record: Mapping[str, Any]) -> None:
        self.records[kind, record_id] = json.dumps(record)

    def delete(self, kind: str, record_id: str) -> None:
        self.records.pop((kind, record_id), None)

    def all(self, kind: str) -> dict[str, dict[str, Any]]:
        return {i: json.loads(text) for (k, i), text in self.records.items() if k == kind}


class EventList:
    """Remembers what was published."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str, dict[str, str]]] = []

    def publish(
        self,
        type: str,
        action: str,
        actor_id: str,
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        self.seen.append((type, action, actor_id, dict(attributes or {})))

    def actions(self) -> list[str]:
        """``connect dev``, in order."""
        return [f"{action} {attributes.get('name')}" for _, action, _, attributes in self.seen]


def container_id(name: str) -> str:
    """An ID that starts with the name in hexadecimal and is no other container's."""
    return (name.encode().hex() + "f" * 64)[:64]


class World:
    """A controller and short words for what containers do with it."""

    def __init__(self, clock: ManualClock, folder: Path, *, store: MemoryStore | None = None):
        self.clock = clock
        self.store = store or MemoryStore()
        self.events = EventList()
        self.folder = folder
        etc = folder / "etc"
        etc.mkdir(exist_ok=True)
        (etc / "resolv.conf").write_text("nameserver 192.0.2.53\nsearch example.org\n")
        (etc / "hosts").write_text("127.0.0.1\tlocalhost\n192.0.2.1\tmachine\n")
        self.net = NetworkController(
            self.store,
            clock,
            Identities(7),
            self.events,
            host_name="machine",
            host_etc=etc,
            # Away from the ports that connections of this machine itself use.
            ports=PortAllocator(21000, 31999),
        )

    def network(self, name: str, subnet: str = "", **more: Any) -> Network:
        """Create a network."""
        ipam = IpamSpec(config=[IpamConfig(subnet)]) if subnet else None
        return self.net.create(NetworkSpec(name, ipam=ipam, **more))

    def run(
        self,
        name: str,
        *networks: str,
        ports: Sequence[PortRequest] = (),
        aliases: Sequence[str] = (),
        **more: Any,
    ) -> SandboxHandle:
        """Start a container on these networks."""
        handle = self.net.new_sandbox(
            container_id(name), networks[0] if networks else "none", ports=ports, **more
        )
        for network in networks:
            self.join(name, network, aliases=aliases)
        return handle

    def join(self, name: str, network: str, **spec: Any) -> Endpoint:
        """Connect a running container."""
        owner = EndpointOwner(container_id(name), name, more_hostname(name))
        return self.net.join(owner, network, EndpointSpec(**spec))

    def leave(self, name: str, network: str) -> None:
        """Disconnect a running container."""
        self.net.leave(container_id(name), network)

    def stop(self, name: str) -> None:
        """End a container."""
        self.net.delete_sandbox(container_id(name))

    def address(self, name: str, network: str) -> str:
        """The address of a container on a network."""
        endpoint = self.net.endpoint(container_id(name), network)
        assert endpoint is not None
        return endpoint.ip_address


def more_hostname(name: str) -> str:
    """The host name of a container: the beginning of its ID, as dockerd gives it."""
    return container_id(name)[:12]


@pytest.fixture
def world(clock: ManualClock, tmp_path: Path) -> Iterator[World]:
    world = World(clock, tmp_path)
    yield world
    world.net.close()
