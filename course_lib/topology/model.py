"""What an engine has at one moment: plain data, without an engine to be made and compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from course_lib.contents import Contents

Mode = Literal["bridge", "none", "host", "container"]
PREDEFINED = ("bridge", "host", "none")


@dataclass(frozen=True, slots=True)
class Subnet:
    """An address pool of a network, in CIDR, and its gateway (empty where there is none)."""

    cidr: str
    gateway: str = ""


@dataclass(frozen=True, slots=True)
class Network:
    """A network as ``docker network inspect`` shows it."""

    id: str
    name: str
    driver: str = "bridge"
    subnets: tuple[Subnet, ...] = ()
    internal: bool = False
    bridge: str = ""
    """Name of the host's interface, ``docker0`` or ``br-…``."""

    @property
    def predefined(self) -> bool:
        return self.name in PREDEFINED


@dataclass(frozen=True, slots=True)
class Interface:
    """A container's attachment to a network; ``address`` is empty while it does not run."""

    network: str
    address: str = ""
    prefix: int = 0
    mac: str = ""
    aliases: tuple[str, ...] = ()
    gateway: str = ""


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """A port of a container that answers on the host."""

    container_port: int
    protocol: str
    host_port: int
    host_ip: str = "0.0.0.0"


@dataclass(frozen=True, slots=True)
class Mount:
    """Something mounted into a container: a volume's name or a host path as ``source``."""

    kind: str
    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Container:
    """A container and its place in the network.

    :param state: Docker's word: created, running, paused, restarting, exited, dead.
    :param mode: whose network stack it uses; ``container`` is that of ``shares`` (an ID).
    """

    id: str
    name: str
    image: str
    state: str = "running"
    exit_code: int | None = None
    mode: Mode = "bridge"
    shares: str = ""
    interfaces: tuple[Interface, ...] = ()
    ports: tuple[PublishedPort, ...] = ()
    exposed: tuple[str, ...] = ()
    """Ports that the image or ``--expose`` declares and that are not published: ``80/tcp``."""
    mounts: tuple[Mount, ...] = ()

    @property
    def running(self) -> bool:
        return self.state == "running"

    def interface(self, network: str) -> Interface | None:
        """Its attachment to a network, if it has one."""
        return next((i for i in self.interfaces if i.network == network), None)


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume; an anonymous one has an ID for a name."""

    name: str
    driver: str = "local"

    @property
    def anonymous(self) -> bool:
        return len(self.name) == 64 and all(sign in "0123456789abcdef" for sign in self.name)


StoreKey = tuple[str, str]
"""``volume`` and its name, or ``bind`` and a path of the host."""


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything at one moment. Networks and containers stand in the order of their making."""

    networks: tuple[Network, ...] = ()
    containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    engine: str = ""
    """What to call the engine: ``embedded engine 26.1.5``."""
    contents: Mapping[StoreKey, Contents] = field(default_factory=dict)
    """What is in volumes and mounted paths, where somebody looked (:mod:`course_lib.storage`)."""

    def network(self, name: str) -> Network | None:
        return next((n for n in self.networks if n.name == name), None)

    def container(self, ref: str) -> Container | None:
        """The container with that name, ID or beginning of an ID."""
        named = next((c for c in self.containers if c.name == ref), None)
        return named or next((c for c in self.containers if ref and c.id.startswith(ref)), None)

    def on(self, network: str) -> tuple[Container, ...]:
        """The containers that are attached to a network."""
        return tuple(c for c in self.containers if c.interface(network) is not None)

    def without(
        self, containers: Collection[str], networks: Collection[str], volumes: Collection[str]
    ) -> Topology:
        """The same without these container and network IDs and volume names.

        A network stays where a remaining container is attached to it; so do Docker's own three.
        """
        kept = tuple(c for c in self.containers if c.id not in containers)
        used = {i.network for c in kept for i in c.interfaces}
        mounted = {m.source for c in kept for m in c.mounts if m.kind == "volume"}
        return replace(
            self,
            containers=kept,
            networks=tuple(
                n for n in self.networks if n.id not in networks or n.name in used or n.predefined
            ),
            volumes=tuple(v for v in self.volumes if v.name not in volumes or v.name in mounted),
        )
