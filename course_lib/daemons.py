"""Which kind of Docker answers, and what is different there for the lessons.

A Docker Engine on the student's own Linux is what the lessons are written for. The others run
somewhere else (in a virtual machine, in a namespace of their own, on another computer) or are
another program that speaks the same API. Each difference here belongs to a topic, and a lesson
that touches the topic (``touches`` in ``course.toml``) says so when it starts.

Sources: Docker's manuals on rootless mode (`Tips`, `Troubleshooting`), on the host network driver
and on networking in Docker Desktop; Colima's and Podman's own documentation. Rootless Docker
26.1 and Podman 5.4 were also run with every lesson.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit


class Kind(StrEnum):
    """The kinds that are told apart, by what people call them."""

    ENGINE = "Docker Engine"
    ROOTLESS = "rootless Docker"
    DESKTOP = "Docker Desktop"
    COLIMA = "Colima"
    PODMAN = "Podman"
    REMOTE = "a Docker on another machine"


class Topic(StrEnum):
    """What lessons are about that is not the same everywhere."""

    SWARM = "swarm"
    HOST_NETWORK = "host-network"
    ADDRESSES = "container-addresses"
    LOW_PORTS = "low-ports"
    BIND_MOUNTS = "bind-mounts"
    VOLUME_FOLDERS = "volume-folders"
    PING = "ping"
    CONNECTIONS = "connections"
    CHOSEN_PORTS = "chosen-ports"
    BUILD_NETWORK = "build-network"


@dataclass(frozen=True, slots=True)
class Difference:
    """What a student meets there.

    :param missing: the topic cannot be had at all; a lesson about it has to run elsewhere.
    """

    topic: Topic
    text: str
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Daemon:
    """A kind of Docker, and how it differs for the lessons."""

    kind: Kind
    differences: tuple[Difference, ...] = ()

    def concerning(self, topics: Collection[Topic]) -> tuple[Difference, ...]:
        """The differences that somebody who uses these topics should know of."""
        return tuple(found for found in self.differences if found.topic in topics)


_IN_A_MACHINE = (
    Difference(
        Topic.ADDRESSES,
        "a container's own address answers other containers only, not this machine",
    ),
    Difference(Topic.VOLUME_FOLDERS, "volumes lie inside the virtual machine"),
)
_NAMESPACED = "a container's own address answers containers only: the networks are not this host's"
_DIFFERENCES: Mapping[Kind, tuple[Difference, ...]] = {
    Kind.ENGINE: (),
    Kind.ROOTLESS: (
        Difference(Topic.SWARM, "rootless Docker has no overlay networks", missing=True),
        Difference(
            Topic.HOST_NETWORK,
            "`--net host` means the network stack of rootless Docker, not this machine's",
        ),
        Difference(Topic.ADDRESSES, _NAMESPACED),
        Difference(
            Topic.LOW_PORTS,
            "ports below 1024 cannot be published, unless the machine's "
            "net.ipv4.ip_unprivileged_port_start is lower",
        ),
        Difference(
            Topic.VOLUME_FOLDERS,
            "volumes lie in your home, usually in ~/.local/share/docker/volumes; what other users "
            "of a container own has high user numbers there",
        ),
    ),
    Kind.DESKTOP: (
        Difference(
            Topic.HOST_NETWORK,
            "`--net host` means the virtual machine's network stack, unless host networking is "
            "enabled in Settings, Resources, Network",
        ),
        *_IN_A_MACHINE,
        Difference(
            Topic.BIND_MOUNTS,
            "only folders that are shared in Settings, Resources, File sharing can be mounted",
        ),
    ),
    Kind.COLIMA: (
        Difference(Topic.HOST_NETWORK, "`--net host` means the virtual machine's network stack"),
        *_IN_A_MACHINE,
        Difference(
            Topic.BIND_MOUNTS,
            "only folders of your home can be mounted, unless colima was told more",
        ),
    ),
    Kind.PODMAN: (
        Difference(Topic.SWARM, "Podman has no overlay networks and no services", missing=True),
        Difference(
            Topic.PING,
            "Podman's containers may ping only where NET_RAW is among the default_capabilities in "
            "containers.conf",
        ),
        Difference(
            Topic.ADDRESSES,
            "run without root, Podman keeps networks apart from this machine: a container's own "
            "address answers containers on its network only",
        ),
        Difference(
            Topic.HOST_NETWORK, "run without root, `--net host` does not see Podman's networks"
        ),
        Difference(Topic.LOW_PORTS, "run without root, ports below 1024 cannot be published"),
        Difference(Topic.VOLUME_FOLDERS, "`podman info` says where volumes lie"),
        Difference(
            Topic.CONNECTIONS,
            "Podman tells nobody that a container joins or leaves a network, has no names of the "
            "form `name.network`, and calls the default network `podman`: some exercises about "
            "these cannot be passed there",
        ),
        Difference(
            Topic.CHOSEN_PORTS,
            "Podman does not say whether it chose a port or you did: an exercise about that "
            "cannot be passed there",
        ),
        Difference(Topic.BUILD_NETWORK, "Podman does not heed `docker build --network`"),
    ),
    Kind.REMOTE: (
        Difference(Topic.ADDRESSES, "containers and their published ports are on that machine"),
        Difference(Topic.HOST_NETWORK, "`--net host` means that machine's network stack"),
        Difference(Topic.BIND_MOUNTS, "paths to mount are those of that machine, not of this one"),
        Difference(Topic.VOLUME_FOLDERS, "volumes lie on that machine"),
    ),
}
_SELINUX = Difference(
    Topic.BIND_MOUNTS,
    "SELinux is on: containers may read a mounted folder of yours only with `:z` behind it, as in "
    '-v "$PWD/site:/usr/share/nginx/html:z"',
)


def examine(
    host: str, product: str, info: Mapping[str, Any], platform: str = sys.platform
) -> Daemon:
    """What kind of Docker this is.

    :param host: its ``DOCKER_HOST``.
    :param product: ``Docker`` or ``Podman``.
    :param info: the answer of ``GET /info``.
    :param platform: of this machine, as :data:`sys.platform` says it.
    """
    kind = _kind(host, product, info, platform)
    found = _DIFFERENCES[kind]
    if _has_option(info, "selinux"):
        found = (*found, _SELINUX)
    return Daemon(kind, found)


def _kind(host: str, product: str, info: Mapping[str, Any], platform: str) -> Kind:
    if product == "Podman":
        return Kind.PODMAN
    if info.get("OperatingSystem") == "Docker Desktop":
        return Kind.DESKTOP
    if str(info.get("Name", "")).startswith("colima") or "/.colima/" in host:
        return Kind.COLIMA
    if _has_option(info, "rootless"):
        return Kind.ROOTLESS
    address = urlsplit(host)
    if address.scheme not in ("unix", "npipe") and address.hostname not in (
        "localhost",
        "127.0.0.1",
        "::1",
    ):
        return Kind.REMOTE
    # On a Mac or Windows every Docker runs in some virtual machine.
    return Kind.ENGINE if platform == "linux" else Kind.DESKTOP


def _has_option(info: Mapping[str, Any], name: str) -> bool:
    return any(
        f"name={name}" in str(option).split(",") for option in info.get("SecurityOptions") or []
    )
