"""The picture in words: the same facts in the same order, for a screen reader, a log, a test."""

from __future__ import annotations

from collections.abc import Iterator

from course_lib.diagrams.blocks import READ_ONLY
from course_lib.diagrams.scene import HOST, NONE, Bar, Box, Scene, Stack, Wire, mount_source

STORES = ("volume", "bind", "tmpfs")


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
    inside = ", ".join(f"{name} ({size})" if size else name for name, size in bar.lines)
    if bar.kind in STORES:
        facts = ", ".join(filter(None, (bar.subtitle, bar.detail)))
        text = f"{bar.title} ({facts})" + (f" with {inside}" if inside else "")
        return f"{text}{_marked(bar.mark)}{':' if used else ''}"
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
    for path in wire.notes:
        facts.append(path if path == READ_ONLY else f"at {path}")
    if wire.address:
        facts.append(f"{'was ' if _left(owner, wire) else ''}at {wire.address}")
    if wire.aliases:
        facts.append(f"alias {', '.join(wire.aliases)}")
    others = [w for w in stack.wires if w.bar != key and not w.notes]
    on = [w.bar for w in others if not _left(owner, w)]
    gone = [w.bar for w in others if _left(owner, w)]
    facts += [f"{said} {', '.join(b)}" for said, b in (("also on", on), ("left", gone)) if b]
    if stack.ports:
        facts.append(f"published {', '.join(stack.ports)}")
    for mount in owner.mounts:
        facts.append(
            f"{mount_source(mount)} at {mount.target}{' (read-only)' if mount.read_only else ''}"
        )
    mark = "left" if _left(owner, wire) else owner.mark or wire.mark
    yield f"{', '.join(facts)}{_marked(mark)}"
    for guest in guests:
        state = f", {guest.state}" if guest.state else ""
        yield f"  {guest.name} from {guest.image}{state}, in the same stack{_marked(guest.mark)}"


def _left(owner: Box, wire: Wire) -> bool:
    """It went from this network, and is still there."""
    return wire.mark == "removed" and owner.mark != "removed"


def _marked(mark: str | None) -> str:
    return f" [{mark}]" if mark else ""
