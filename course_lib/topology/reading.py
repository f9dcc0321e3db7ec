"""Reading a topology from an engine: what API 1.41 to 1.5x have in common."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from typing import Any

from course_lib import inside
from course_lib.images import familiar
from course_lib.topology.model import (
    Container,
    Interface,
    Mount,
    Network,
    PublishedPort,
    Subnet,
    Topology,
    Volume,
)


def snapshot(client: Any, *, ignore: Collection[str] = (), engine: str = "") -> Topology:
    """Read the topology from an engine.

    :param client: a :class:`docker.DockerClient`.
    :param ignore: IDs of containers that need no closer look: they are left out.
    :param engine: what to call the engine in the picture.
    :raises docker.errors.DockerException: where the engine does not answer.
    """
    from docker.errors import NotFound

    api = client.api
    networks = tuple(_network(entry) for entry in sorted(api.networks(), key=_network_order))
    containers = []
    # Engines list the newest first. By their order, for `Created` here is in whole seconds.
    entries = [
        entry
        for entry in reversed(api.containers(all=True))
        if entry["Id"] not in ignore and inside.LABEL not in (entry.get("Labels") or {})
    ]
    for entry in sorted(entries, key=lambda e: int(e.get("Created", 0))):
        # The list knows neither aliases nor exit codes nor what a container exposes.
        with contextlib.suppress(NotFound):
            containers.append(_container(entry, api.inspect_container(entry["Id"])))
    volumes = tuple(
        sorted(
            (Volume(v["Name"], v.get("Driver", "local")) for v in api.volumes()["Volumes"] or []),
            key=lambda volume: (volume.anonymous, volume.name),
        )
    )
    return Topology(networks, tuple(containers), volumes, engine)


def _network_order(entry: Mapping[str, Any]) -> tuple[bool, str, str]:
    return (entry["Name"] != "bridge", entry.get("Created") or "", entry["Name"])


def _network(entry: Mapping[str, Any]) -> Network:
    pools = (entry.get("IPAM") or {}).get("Config") or []
    options = entry.get("Options") or {}
    driver = entry.get("Driver", "")
    bridge = options.get("com.docker.network.bridge.name", "")
    if driver == "bridge" and not bridge:
        bridge = f"br-{entry['Id'][:12]}"
    return Network(
        id=entry["Id"],
        name=entry["Name"],
        driver=driver,
        subnets=tuple(Subnet(p.get("Subnet", ""), p.get("Gateway", "")) for p in pools),
        internal=bool(entry.get("Internal")),
        bridge=bridge,
    )


def _container(entry: Mapping[str, Any], details: Mapping[str, Any]) -> Container:
    container_id = entry["Id"]
    mode_text = str((details.get("HostConfig") or {}).get("NetworkMode") or "default")
    mode, _, target = mode_text.partition(":")
    state = details.get("State") or {}
    settings = details.get("NetworkSettings") or {}
    name = str(details.get("Name") or container_id[:12]).lstrip("/")
    config = details.get("Config") or {}
    exit_code = state.get("ExitCode")
    ports = _published(settings.get("Ports") or {})
    published = {f"{port.container_port}/{port.protocol}" for port in ports}
    return Container(
        id=container_id,
        name=name,
        image=familiar(str(config.get("Image") or entry.get("Image") or "")),
        state="paused" if state.get("Paused") else str(state.get("Status") or entry["State"]),
        exit_code=exit_code if isinstance(exit_code, int) else None,
        mode=mode if mode in ("none", "host", "container") else "bridge",  # type: ignore[arg-type]
        shares=target if mode == "container" else "",
        interfaces=tuple(
            _interface(network, endpoint or {}, {name, container_id[:12]})
            for network, endpoint in (settings.get("Networks") or {}).items()
            if network not in ("host", "none")
        ),
        ports=ports,
        exposed=tuple(p for p in sorted(config.get("ExposedPorts") or {}) if p not in published),
        mounts=_mounts(details),
    )


def _interface(network: str, endpoint: Mapping[str, Any], itself: Collection[str]) -> Interface:
    # Before API 1.45 the short ID stands among the aliases, though nobody asked for it.
    aliases = [a for a in endpoint.get("Aliases") or [] if a not in itself]
    return Interface(
        network=network,
        address=endpoint.get("IPAddress") or endpoint.get("GlobalIPv6Address") or "",
        prefix=int(endpoint.get("IPPrefixLen") or 0),
        mac=endpoint.get("MacAddress") or "",
        aliases=tuple(dict.fromkeys(aliases)),
        gateway=endpoint.get("Gateway") or "",
    )


def _published(ports: Mapping[str, Any]) -> tuple[PublishedPort, ...]:
    found = set()
    for key, bindings in ports.items():
        number, _, protocol = key.partition("/")
        listed = [
            PublishedPort(
                int(number),
                protocol or "tcp",
                int(binding["HostPort"]),
                binding.get("HostIp") or "0.0.0.0",
            )
            for binding in bindings or []
            if binding.get("HostPort")
        ]
        # dockerd lists the same once more for IPv6; for a reader it is one published port.
        plain = [port for port in listed if port.host_ip != "::"]
        found.update(plain or listed)
    return tuple(sorted(found, key=lambda p: (p.host_port, p.container_port)))


def _mounts(details: Mapping[str, Any]) -> tuple[Mount, ...]:
    found = {mount.target: mount for mount in map(_mount, details.get("Mounts") or [])}
    # Those of --tmpfs stand in the configuration alone.
    for target, options in ((details.get("HostConfig") or {}).get("Tmpfs") or {}).items():
        found.setdefault(target, Mount("tmpfs", "", target, "ro" in (options or "").split(",")))
    return tuple(sorted(found.values(), key=lambda mount: mount.target))


def _mount(entry: Mapping[str, Any]) -> Mount:
    kind = entry.get("Type", "volume")
    source = entry.get("Name") if kind == "volume" else entry.get("Source")
    return Mount(kind, source or "", entry.get("Destination", ""), not entry.get("RW", True))
