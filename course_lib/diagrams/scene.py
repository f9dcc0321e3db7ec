"""What a picture shows: a topology, sorted into bars, stacks and volumes, changes marked. Pure.

A *stack* is one network stack: a container, together with those that joined it by
``--network container:…``. A *bar* is something that stacks hang on: a network, the host's own
stack, or ``none``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from course_lib.diagrams import palette
from course_lib.diagrams.since import Since
from course_lib.topology import (
    Container,
    Difference,
    Interface,
    Mount,
    Network,
    PublishedPort,
    Topology,
    Volume,
    What,
)

Mark = What | None
BarKind = Literal["network", "host", "none", "nowhere", "volume", "bind", "tmpfs"]
HOST, NONE, NOWHERE = "host", "none", ""
DEFAULT = "bridge"
"""The network of those who ask for none."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A network (or its stand-in), a volume or a path, with the lines that are written on it."""

    key: str
    kind: BarKind
    title: str
    subtitle: str
    detail: str
    colour: str
    internal: bool = False
    mark: Mark = None
    lines: tuple[tuple[str, str], ...] = ()
    """What is inside, a name and its size each."""


@dataclass(frozen=True, slots=True)
class Box:
    """One container."""

    id: str
    name: str
    image: str
    state: str
    """The word for its state; empty while it simply runs."""
    sign: str
    live: bool
    mounts: tuple[Mount, ...] = ()
    mark: Mark = None
    also: tuple[tuple[str, str], ...] = ()
    """What it is joined to without a wire, in words, and the colour of that."""


@dataclass(frozen=True, slots=True)
class Wire:
    """An interface of a stack, or a mount, and the bar it leads to."""

    bar: str
    address: str
    aliases: tuple[str, ...] = ()
    live: bool = True
    mark: Mark = None
    notes: tuple[str, ...] = ()
    """What its strip says instead of an address, in lines."""


@dataclass(frozen=True, slots=True)
class Stack:
    """One network stack: its containers (the owner first), interfaces and published ports."""

    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]
    ports: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.boxes[0].id

    @property
    def bars(self) -> tuple[str, ...]:
        return tuple(wire.bar for wire in self.wires)


@dataclass(frozen=True, slots=True)
class Store:
    """A volume at the foot of the picture."""

    name: str
    detail: str
    mark: Mark = None


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that the picture shows."""

    title: str
    bars: tuple[Bar, ...]
    stacks: tuple[Stack, ...]
    stores: tuple[Store, ...]
    changes: Difference

    @property
    def colours(self) -> dict[str, str]:
        """Those of the bars, by key."""
        return {bar.key: bar.colour for bar in self.bars}


def recoloured(scene: Scene, before: Mapping[str, str]) -> Scene:
    """With the colours that bars had in the pictures before; what is new takes none of those."""
    shown = [bar for bar in scene.bars if bar.colour != palette.PLAIN]
    colours: dict[str, str] = {}
    for bar in shown:
        if before.get(bar.key, palette.PLAIN) not in (palette.PLAIN, *colours.values()):
            colours[bar.key] = before[bar.key]
    for bar in shown:
        if bar.key not in colours:
            wanted = (bar.colour, *palette.NETWORK_COLOURS)
            free = (colour for colour in wanted if colour not in colours.values())
            colours[bar.key] = next(free, bar.colour)
    bars = (replace(bar, colour=colours.get(bar.key, bar.colour)) for bar in scene.bars)
    return replace(scene, bars=tuple(bars))


def build_scene(topology: Topology, since: Topology | None = None) -> Scene:
    """Sort a topology for drawing; what differs from ``since`` is marked, what went is kept."""
    seen = Since.of(topology, since)
    networks = seen.networks
    before = {container.id: container for container in seen.was.containers}
    stacks = _stacks(seen.containers, before, seen.changes)
    stacks = _kept(stacks, {network.name for network in networks})
    used = {bar for stack in stacks for bar in stack.bars}
    return Scene(
        title=topology.engine,
        bars=tuple(_bars(networks, used, seen.changes)),
        stacks=stacks,
        stores=tuple(_stores(seen)),
        changes=seen.changes,
    )


def state_words(container: Container) -> str:
    """How to say its state: ``running``, ``exited (0)``."""
    if container.state in ("exited", "dead") and container.exit_code is not None:
        return f"{container.state} ({container.exit_code})"
    return container.state


def port_words(port: PublishedPort) -> str:
    """``localhost:8080 → 80``."""
    host = "localhost" if port.host_ip in ("0.0.0.0", "::", "127.0.0.1", "") else port.host_ip
    host = f"[{host}]" if ":" in host else host
    protocol = "" if port.protocol == "tcp" else f"/{port.protocol}"
    arrow = "\N{RIGHTWARDS ARROW}"
    return f"{host}:{port.host_port} {arrow} {port.container_port}{protocol}"


def volume_name(volume: Volume) -> str:
    """Its name; of an anonymous one the beginning of its ID."""
    return volume.name[:12] if volume.anonymous else volume.name


def mount_source(mount: Mount) -> str:
    """What is mounted: a volume by name, a path of the host, or the type where it has neither."""
    if mount.kind == "volume":
        return volume_name(Volume(mount.source))
    return mount.source or mount.kind


def _stacks(
    containers: Iterable[Container], before: Mapping[str, Container], changes: Difference
) -> tuple[Stack, ...]:
    listed = list(containers)
    known = {container.id for container in listed}
    guests: dict[str, list[Container]] = {}
    for container in listed:
        if container.mode == "container" and container.shares in known:
            guests.setdefault(container.shares, []).append(container)
    stacks = []
    for container in listed:
        if container.mode == "container" and container.shares in known:
            continue
        members = [container, *guests.get(container.id, [])]
        stacks.append(
            Stack(
                boxes=tuple(container_box(member, changes) for member in members),
                wires=tuple(_wires(container, before.get(container.id), changes)),
                # What is gone answers nowhere any more.
                ports=()
                if changes.of("container", container.id) == "removed"
                else tuple(map(port_words, container.ports)),
            )
        )
    return tuple(stacks)


def container_box(container: Container, changes: Difference) -> Box:
    """How a container is shown."""
    mark = changes.of("container", container.id)
    return Box(
        id=container.id,
        name=container.name,
        image=container.image,
        state="" if container.running else state_words(container),
        sign=palette.STATE_SIGNS.get(container.state, palette.STOPPED_SIGN),
        live=container.running and mark != "removed",
        mounts=container.mounts,
        mark=mark,
    )


def _wires(container: Container, old: Container | None, changes: Difference) -> Iterable[Wire]:
    mark = changes.of("container", container.id)
    if container.mode in ("host", "none"):
        gone: Mark = "removed" if mark == "removed" else None
        bar = HOST if container.mode == "host" else NONE
        yield Wire(bar, "", live=container.running and gone is None, mark=gone)
        return
    was = {interface.network for interface in old.interfaces} if old is not None else set()
    for interface in container.interfaces:
        fresh = mark == "changed" and interface.network not in was
        yield _wire(interface, container, "removed" if mark == "removed" else fresh and "new")
    now = {interface.network for interface in container.interfaces}
    for interface in old.interfaces if old is not None and mark == "changed" else ():
        if interface.network not in now:
            yield _wire(interface, container, "removed")
    if not container.interfaces and not (was - now and mark == "changed"):
        yield Wire(NOWHERE, "", live=False)


def _wire(interface: Interface, container: Container, mark: Mark | Literal[False]) -> Wire:
    return Wire(
        bar=interface.network,
        address=interface.address,
        aliases=interface.aliases,
        live=container.running and mark != "removed",
        mark=mark or None,
    )


def _kept(stacks: Iterable[Stack], networks: set[str]) -> tuple[Stack, ...]:
    """Without wires to networks that are no longer there and were not there before."""
    known = {*networks, HOST, NONE, NOWHERE}
    kept = []
    for stack in stacks:
        wires = tuple(wire for wire in stack.wires if wire.bar in known)
        kept.append(replace(stack, wires=wires or (Wire(NOWHERE, "", live=False),)))
    return tuple(kept)


def _bars(networks: Iterable[Network], used: set[str], changes: Difference) -> Iterable[Bar]:
    listed = [network for network in networks if network.name not in (HOST, NONE)]
    for index, network in enumerate(listed):
        if network.name == DEFAULT and DEFAULT not in used and (len(listed) > 1 or used):
            # Nobody made it and nobody is on it: beside what somebody did, it would only be noise.
            continue
        subnets = [
            f"{subnet.cidr}, gateway {subnet.gateway}" if subnet.gateway else subnet.cidr
            for subnet in network.subnets
        ]
        yield Bar(
            key=network.name,
            kind="network",
            title=network.name,
            subtitle=f"driver {network.driver}{', internal' if network.internal else ''}",
            detail="; ".join(subnets) or "no addresses",
            colour=palette.network_colour(index),
            internal=network.internal,
            mark=changes.of("network", network.id),
        )
    if HOST in used:
        detail = "the host's own interfaces and ports"
        yield Bar(HOST, "host", "host", "no network of its own", detail, palette.PLAIN)
    if NONE in used:
        yield Bar(NONE, "none", "none", "", "only lo: nothing in, nothing out", palette.PLAIN)
    if NOWHERE in used:
        yield Bar(NOWHERE, "nowhere", "on no network", "", "", palette.PLAIN)


def _stores(seen: Since) -> Iterable[Store]:
    """Volumes that containers use, and those that went: the others are on no network's picture."""
    users, used = _users(seen.now.containers), _users(seen.was.containers)
    for volume in seen.volumes:
        mark = seen.changes.of("volume", volume.name)
        # What is gone is shown as it was, as its containers are.
        names = (used if mark == "removed" else users).get(volume.name, [])
        kind = "anonymous, " if volume.anonymous else ""
        if names or mark == "removed":
            where = f"in {', '.join(names)}" if names else "in no container"
            yield Store(volume_name(volume), f"{kind}{where}", mark)


def _users(containers: Iterable[Container]) -> dict[str, list[str]]:
    """By volume: the names of the containers in which it is mounted."""
    users: dict[str, list[str]] = {}
    for container in containers:
        for mount in container.mounts:
            if mount.kind == "volume":
                users.setdefault(mount.source, []).append(container.name)
    return users
