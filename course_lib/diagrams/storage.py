"""The scene of what containers keep where: volumes and paths of the host as bars. Pure.

The same visual language as for networks: a container stands on what it has mounted, and on the
strip at its edge is the path at which it sees that, read-only or not. What is inside is written
on the bar.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from course_lib.contents import Contents
from course_lib.diagrams import palette
from course_lib.diagrams.blocks import READ_ONLY
from course_lib.diagrams.scene import (
    NOWHERE,
    Bar,
    BarKind,
    Box,
    Mark,
    Scene,
    Stack,
    Wire,
    container_box,
    port_words,
    volume_name,
)
from course_lib.diagrams.since import Since
from course_lib.topology import Container, Difference, Mount, StoreKey, Topology, Volume

MOST_ITEMS = 5


def build_storage_scene(topology: Topology, since: Topology | None = None) -> Scene:
    """Sort a topology by its mounts; what differs from ``since`` is marked, what went is kept."""
    seen = Since.of(topology, since)
    containers, changes = seen.containers, seen.changes
    stacks = tuple(_stack(container, changes) for container in containers)
    contents = {**seen.was.contents, **topology.contents}
    bars = [*_volumes(seen.volumes, containers, contents, changes)]
    bars += _others(containers, contents, changes, len(bars))
    known = {bar.key for bar in bars}
    # A volume may be gone while a container that is about to go still names it.
    order = [bar.key for bar in bars]
    stacks = tuple(
        # In the order of the bars, for fewer wires that cross.
        replace(
            stack,
            wires=tuple(
                sorted((w for w in stack.wires if w.bar in known), key=lambda w: order.index(w.bar))
            ),
        )
        for stack in stacks
    )
    stacks = tuple(s if s.wires else replace(s, wires=(_nothing(),)) for s in stacks)
    if any(stack.bars == (NOWHERE,) for stack in stacks):
        bars.append(Bar(NOWHERE, "nowhere", "nothing mounted", "", "", palette.PLAIN))
    return Scene(topology.engine, tuple(bars), stacks, (), changes)


def bar_key(container: Container, mount: Mount) -> str:
    """What a mount leads to: a volume or a path is one for all, a tmpfs each its own."""
    if mount.kind in ("volume", "bind"):
        return f"{mount.kind}:{mount.source}"
    return f"{mount.kind}:{container.id}:{mount.target}"


# --- containers --------------------------------------------------------------------------


def _stack(container: Container, changes: Difference) -> Stack:
    box: Box = replace(container_box(container, changes), mounts=())
    by_bar: dict[str, list[Mount]] = {}
    for mount in container.mounts:
        by_bar.setdefault(bar_key(container, mount), []).append(mount)
    mark: Mark = "removed" if box.mark == "removed" else None
    live = container.running and mark is None
    wires = tuple(
        Wire(key, "", live=live, mark=mark, notes=tuple(_notes(mounts)))
        for key, mounts in by_bar.items()
    )
    ports = tuple(map(port_words, container.ports)) if mark is None else ()
    return Stack((box,), wires or (_nothing(),), ports)


def _nothing() -> Wire:
    return Wire(NOWHERE, "", live=False)


def _notes(mounts: Iterable[Mount]) -> Iterator[str]:
    """Where it is seen, and whether it can be written there."""
    for mount in mounts:
        yield mount.target
        if mount.read_only:
            yield READ_ONLY


# --- what is mounted ---------------------------------------------------------------------


def _volumes(
    volumes: Iterable[Volume],
    containers: Iterable[Container],
    contents: Mapping[StoreKey, Contents],
    changes: Difference,
) -> Iterator[Bar]:
    used = {m.source for c in containers for m in c.mounts if m.kind == "volume"}
    for index, volume in enumerate(volumes):
        words = "anonymous volume" if volume.anonymous else "volume"
        if volume.driver != "local":
            words = f"{words}, driver {volume.driver}"
        seen = contents.get(("volume", volume.name))
        yield Bar(
            key=f"volume:{volume.name}",
            kind="volume",
            title=volume_name(volume),
            subtitle=words,
            detail=_summary(seen) if volume.name in used else _unused(seen),
            colour=palette.network_colour(index),
            mark=changes.of("volume", volume.name),
            lines=tuple(_lines(seen)),
        )


def _others(
    containers: Iterable[Container],
    contents: Mapping[StoreKey, Contents],
    changes: Difference,
    index: int,
) -> Iterator[Bar]:
    """Paths of the host, and what lives in memory."""
    done = set()
    for container in containers:
        for mount in container.mounts:
            key = bar_key(container, mount)
            if mount.kind == "volume" or key in done:
                continue
            done.add(key)
            if mount.kind == "bind":
                seen = contents.get(("bind", mount.source))
                yield Bar(
                    key,
                    "bind",
                    posixpath.basename(mount.source.rstrip("/")) or "/",
                    _path_words(seen),
                    mount.source,
                    palette.network_colour(index),
                    mark=changes.of("path", mount.source),
                    lines=tuple(_lines(seen)),
                )
                index += 1
            else:
                kind: BarKind = "tmpfs"
                words = f"{container.name}'s alone, gone when it stops"
                where = "in memory" if mount.kind == "tmpfs" else ""
                # It comes and goes with its container.
                mark = changes.of("container", container.id)
                yield Bar(
                    key, kind, mount.kind, where, words, palette.PLAIN,
                    mark=None if mark == "changed" else mark,
                )  # fmt: skip


def _path_words(seen: Contents | None) -> str:
    if seen is None:
        return "path of the host"
    # A file has its name already: of what is in it, its size is left to say.
    size = f", {seen.items[0].measure}" if seen.kind == "file" else ""
    return f"{seen.kind} of the host{size}"


def _summary(seen: Contents | None) -> str:
    if seen is None:
        return ""
    return "" if seen.items else "empty"


def _unused(seen: Contents | None) -> str:
    summary = _summary(seen)
    return f"in no container, {summary}" if summary else "in no container"


def _lines(seen: Contents | None) -> Iterator[tuple[str, str]]:
    """Name and size of the first, and how many there are besides."""
    if seen is None or seen.kind != "folder":
        return
    # One more takes no more room than a line that says so.
    shown = seen.items if len(seen.items) == MOST_ITEMS + 1 else seen.items[:MOST_ITEMS]
    for item in shown:
        yield f"{item.name}/" if item.folder else item.name, item.measure
    left = len(seen.items) - len(shown)
    if left or not seen.complete:
        yield f"and {left if seen.complete else 'many'} more", ""
