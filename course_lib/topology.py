"""A frozen picture of an engine: networks, containers, volumes, and how they are joined.

:func:`snapshot` is the only thing here that talks to an engine; all else is plain data, so that
diagrams and differences can be made, compared and tested without one. It reads what API 1.41 to
1.5x have in common.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from course_lib import inside
from course_lib.contents import Contents
from course_lib.images import familiar

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


# --- differences -------------------------------------------------------------------------

Kind = Literal["network", "container", "volume", "path"]
What = Literal["new", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs between two pictures; ``details`` say how it changed."""

    what: What
    kind: Kind
    name: str
    id: str
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        sign = {"new": "+", "removed": "-", "changed": "~"}[self.what]
        details = f": {', '.join(self.details)}" if self.details else ""
        name = self.name
        if self.kind == "volume" and Volume(name).anonymous:
            name = f"{name[:12]} (anonymous)"
        return f"{sign} {self.kind} {name}{details}"


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed from one picture to the next; empty (false) where nothing did."""

    changes: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __str__(self) -> str:
        return "\n".join(map(str, self.changes)) if self.changes else "nothing changed"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """How IPython shows it as the result of a cell: in words."""
        printer.text("Difference(…)" if cycle else str(self))

    def of(self, kind: Kind, key: str) -> What | None:
        """What happened to the thing with that ID (a volume's is its name, a path's itself)."""
        return next((c.what for c in self.changes if c.kind == kind and c.id == key), None)


def diff(before: Topology, after: Topology) -> Difference:
    """What changed, networks first, in the order of the pictures."""
    changes: list[Change] = []
    changes += _diff("network", before.networks, after.networks)
    changes += _diff("container", before.containers, after.containers)
    changes += _diff("volume", before.volumes, after.volumes)
    known = {(change.kind, change.id) for change in changes}
    for (kind, name), now in after.contents.items():
        was = before.contents.get((kind, name))
        details = tuple(_new_contents(was, now)) if was is not None else ()
        what: Kind = "volume" if kind == "volume" else "path"
        if details and (what, name) not in known:
            changes.append(Change("changed", what, name, name, details))
    return Difference(tuple(changes))


def _new_contents(was: Contents, now: Contents) -> Iterable[str]:
    """What came, went and changed in a folder; not below what was looked at."""
    old = {item.name: item for item in was.items}
    new = {item.name: item for item in now.items}
    yield from (f"+ {new[name]}" for name in new if name not in old and was.complete)
    yield from (f"- {old[name]}" for name in old if name not in new and now.complete)
    yield from (f"~ {new[name]}" for name in new if name in old and new[name] != old[name])


def _diff(
    kind: Kind,
    before: Iterable[Network | Container | Volume],
    after: Iterable[Network | Container | Volume],
) -> list[Change]:
    old = {_key(thing): thing for thing in before}
    new = {_key(thing): thing for thing in after}
    changes = [
        Change("removed", kind, thing.name, key) for key, thing in old.items() if key not in new
    ]
    for key, thing in new.items():
        if key not in old:
            changes.append(Change("new", kind, thing.name, key))
        elif thing != old[key]:
            details = tuple(_details(old[key], thing))
            changes.append(Change("changed", kind, thing.name, key, details))
    return changes


def _key(thing: Network | Container | Volume) -> str:
    return thing.name if isinstance(thing, Volume) else thing.id


def _details(old: object, new: object) -> Iterable[str]:
    if not isinstance(old, Container) or not isinstance(new, Container):
        return
    if old.name != new.name:
        yield f"renamed from {old.name}"
    if old.state != new.state:
        yield f"{old.state} \N{RIGHTWARDS ARROW} {new.state}"
    was = {interface.network: interface for interface in old.interfaces}
    now = {interface.network: interface for interface in new.interfaces}
    yield from (f"left {network}" for network in was if network not in now)
    for network, interface in now.items():
        address = f" as {interface.address}" if interface.address else ""
        if network not in was:
            yield f"joined {network}{address}"
        elif was[network].address != interface.address:
            yield f"address on {network}: {interface.address or 'none'}"
        elif was[network].aliases != interface.aliases:
            yield f"aliases on {network}: {', '.join(interface.aliases) or 'none'}"
    if old.ports != new.ports:
        shown = ", ".join(f"{p.host_port}\N{RIGHTWARDS ARROW}{p.container_port}" for p in new.ports)
        yield f"published: {shown or 'none'}"
