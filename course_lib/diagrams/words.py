"""The picture in words: the same facts in the same order, for a screen reader, a log, a test."""

from __future__ import annotations

from collections.abc import Iterator

from course_lib.diagrams.scene import HOST, NONE, Bar, Mark, Scene, Stack, build_scene, mount_source
from course_lib.topology import Topology


def describe(topology: Topology, since: Topology | None = None) -> str:
    """What the picture of a topology shows, one fact a line."""
    return describe_scene(build_scene(topology, since))


def describe_scene(scene: Scene) -> str:
    """What the picture of a scene shows."""
    lines = [f"host ({scene.title})" if scene.title else "host"]
    for bar in scene.bars:
        stacks = [stack for stack in scene.stacks if bar.key in stack.bars]
        lines.append(f"  {_bar(bar, bool(stacks))}")
        for stack in stacks:
            lines += [f"    {line}" for line in _stack(stack, bar.key)]
    if scene.stores:
        lines.append("  volumes")
        lines += [f"    {s.name}: {s.detail}{_marked(s.mark)}" for s in scene.stores]
    return "\n".join(lines)


def _bar(bar: Bar, used: bool) -> str:
    if bar.kind == "nowhere":
        return f"{bar.title}:"
    kind = {HOST: "the host's network stack", NONE: "no network"}.get(bar.kind)
    text = (
        f"{kind}: {bar.detail}" if kind else f"network {bar.title} ({bar.subtitle}, {bar.detail})"
    )
    return f"{text}{_marked(bar.mark)}{':' if used else ': nobody'}"


def _stack(stack: Stack, key: str) -> Iterator[str]:
    [wire] = [wire for wire in stack.wires if wire.bar == key]
    owner, *guests = stack.boxes
    facts = [f"{owner.name} from {owner.image}"]
    if owner.state and owner.mark != "removed":
        facts.append(owner.state)
    if wire.address:
        facts.append(f"at {wire.address}")
    if wire.aliases:
        facts.append(f"alias {', '.join(wire.aliases)}")
    others = [w.bar for w in stack.wires if w.bar != key]
    if others:
        facts.append(f"also on {', '.join(others)}")
    if stack.ports:
        facts.append(f"published {', '.join(stack.ports)}")
    for mount in owner.mounts:
        facts.append(
            f"{mount_source(mount)} at {mount.target}{' (read-only)' if mount.read_only else ''}"
        )
    yield f"{', '.join(facts)}{_marked(owner.mark or wire.mark)}"
    for guest in guests:
        state = f", {guest.state}" if guest.state else ""
        yield f"  {guest.name} from {guest.image}{state}, in the same stack{_marked(guest.mark)}"


def _marked(mark: Mark) -> str:
    return f" [{mark}]" if mark else ""
