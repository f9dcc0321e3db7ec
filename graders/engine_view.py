"""What the Docker API says of a container or a network, frozen at one moment.

The keys of the API's JSON are known here alone; checks speak of names, addresses and ports.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile
from pathlib import PurePosixPath
from typing import Any

from graders.storage_view import MountView, mount_views

ANY_ADDRESS = frozenset({"", "0.0.0.0", "::"})


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """A port of a container that answers on the host."""

    container_port: str
    """With protocol, as in ``80/tcp``."""
    host_ip: str
    host_port: int
    chosen_by_docker: bool
    """The student left the choice of the host port to the engine."""

    @property
    def protocol(self) -> str:
        return self.container_port.partition("/")[2]


@dataclass(frozen=True, slots=True)
class ContainerView:
    """One container as ``docker inspect`` shows it; status ``missing`` where there is none."""

    id: str
    name: str
    status: str
    exit_code: int
    image_id: str
    image_ref: str
    own_command: bool
    """It runs the program that its image is made to run, maybe with other arguments."""
    program: str
    """What its image is made to run (``nginx``, ``catalina``), or an empty text."""
    network_mode: str
    addresses: Mapping[str, tuple[str, ...]]
    """By network name: IPv4 and IPv6 addresses without prefix length."""
    published: tuple[PublishedPort, ...]
    started_at: datetime | None
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By network name: what ``--net-alias`` gave it there. Links are no aliases."""
    mounts: tuple[MountView, ...] = ()
    read_only_root: bool = False

    @classmethod
    def missing(cls, name: str) -> ContainerView:
        """What is seen of a container that does not exist."""
        return cls("", name, "missing", 0, "", "", False, "", "", {}, (), None)

    @property
    def exists(self) -> bool:
        return self.status != "missing"

    @property
    def running(self) -> bool:
        return self.status == "running"

    @property
    def all_addresses(self) -> tuple[str, ...]:
        return tuple(address for found in self.addresses.values() for address in found)

    def mount_at(self, path: str) -> MountView | None:
        """What is mounted at exactly this path."""
        wanted = posixpath.normpath(path)
        return next((m for m in self.mounts if posixpath.normpath(m.target) == wanted), None)

    def mount_over(self, path: str) -> MountView | None:
        """What a path in the container lies on: the innermost mount at it or around it."""
        wanted = PurePosixPath(posixpath.normpath(path))
        around = [m for m in self.mounts if wanted.is_relative_to(posixpath.normpath(m.target))]
        return max(around, key=lambda m: len(posixpath.normpath(m.target)), default=None)

    def ports_of(self, container_port: str) -> tuple[PublishedPort, ...]:
        """Where ``container_port`` (``80/tcp``) is published on the host."""
        return tuple(p for p in self.published if p.container_port == container_port)


@dataclass(frozen=True, slots=True)
class PoolView:
    """Where a network takes addresses from, as it was asked for; empty text where nothing was."""

    subnet: str
    gateway: str = ""
    ip_range: str = ""
    reserved: Mapping[str, str] = field(default_factory=dict)
    """By name: addresses that are not handed out (``--aux-address``)."""


@dataclass(frozen=True, slots=True)
class NetworkView:
    """One network as ``docker network inspect`` shows it; no ``id`` where there is none."""

    id: str
    name: str
    driver: str
    internal: bool
    attachable: bool = False
    pools: tuple[PoolView, ...] = ()

    @classmethod
    def missing(cls, name: str) -> NetworkView:
        """What is seen of a network that does not exist."""
        return cls("", name, "", False)

    @property
    def exists(self) -> bool:
        return bool(self.id)


def container_view(
    document: Mapping[str, Any], image_config: Mapping[str, Any] | None
) -> ContainerView:
    """From the answer of ``GET /containers/{id}/json`` and the configuration of its image."""
    config, state = document["Config"], document["State"]
    short_id = document["Id"][:12]
    networks = (document.get("NetworkSettings") or {}).get("Networks") or {}
    return ContainerView(
        id=document["Id"],
        name=document["Name"].lstrip("/"),
        status=_status(state),
        exit_code=int(state.get("ExitCode") or 0),
        image_id=document.get("Image", ""),
        image_ref=config.get("Image", ""),
        own_command=image_config is not None and _same_program(config, image_config),
        program=_program(image_config or {}),
        network_mode=document["HostConfig"].get("NetworkMode", ""),
        addresses={
            name: tuple(
                address
                for address in (
                    (settings or {}).get("IPAddress"),
                    (settings or {}).get("GlobalIPv6Address"),
                )
                if address
            )
            for name, settings in networks.items()
        },
        published=_published(document),
        started_at=parse_timestamp(state.get("StartedAt", "")),
        aliases={
            # Below API 1.45 the short ID stands behind them, from Engine 25 on the host name, too.
            name: tuple(takewhile(short_id.__ne__, (settings or {}).get("Aliases") or ()))
            for name, settings in networks.items()
        },
        mounts=mount_views(document),
        read_only_root=bool(document["HostConfig"].get("ReadonlyRootfs")),
    )


def network_view(document: Mapping[str, Any]) -> NetworkView:
    """From an entry of ``GET /networks``."""
    return NetworkView(
        id=document["Id"],
        name=document["Name"],
        driver=document.get("Driver", ""),
        internal=bool(document.get("Internal")),
        attachable=bool(document.get("Attachable")),
        pools=tuple(
            PoolView(
                subnet=pool.get("Subnet") or "",
                gateway=pool.get("Gateway") or "",
                ip_range=pool.get("IPRange") or "",
                reserved=pool.get("AuxiliaryAddresses") or pool.get("AuxAddress") or {},
            )
            for pool in (document.get("IPAM") or {}).get("Config") or ()
        ),
    )


def _status(state: Mapping[str, Any]) -> str:
    if state.get("Paused"):
        return "paused"
    return str(state.get("Status") or ("running" if state.get("Running") else "exited"))


def _same_program(config: Mapping[str, Any], image_config: Mapping[str, Any]) -> bool:
    entrypoint, command = _command(config)
    image_entrypoint, image_command = _command(image_config)
    if entrypoint != image_entrypoint:
        return False
    options = bool(command) and command[0].startswith("-")  # for an entrypoint that adds the rest
    return options or command[:1] == image_command[:1]


def _program(image_config: Mapping[str, Any]) -> str:
    entrypoint, command = _command(image_config)
    return posixpath.basename((command or entrypoint or ("",))[0]).removesuffix(".sh")


def _command(config: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(config.get("Entrypoint") or ()), tuple(config.get("Cmd") or ())


def _published(document: Mapping[str, Any]) -> tuple[PublishedPort, ...]:
    asked = document["HostConfig"].get("PortBindings") or {}
    actual = (document.get("NetworkSettings") or {}).get("Ports") or {}
    found = []
    for container_port, bindings in actual.items():
        # A port that was asked for stands in the configuration as plain digits; nothing, 0 or a
        # range there leaves the choice to the engine.
        fixed = {
            str(binding.get("HostPort", "")).strip() for binding in asked.get(container_port) or []
        } - {"0", ""}
        for binding in bindings or []:
            port = str(binding.get("HostPort", ""))
            if port.isdigit():
                found.append(
                    PublishedPort(
                        container_port,
                        binding.get("HostIp", ""),
                        int(port),
                        chosen_by_docker=port not in fixed,
                    )
                )
    return tuple(found)


def parse_timestamp(text: str) -> datetime | None:
    """RFC 3339 with nanoseconds; the zero time of a container that never ran is None."""
    if not text or text.startswith("0001-"):
        return None
    head, dot, rest = text.partition(".")
    if dot:
        digits = rest.rstrip("Z")
        for sign in "+-":
            digits, cut, zone = digits.partition(sign)
            if cut:
                rest = f"{digits[:6]}{sign}{zone}"
                break
        else:
            rest = f"{digits[:6]}+00:00"
        text = f"{head}.{rest}"
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
