"""What differs between two topologies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from course_lib.contents import Contents
from course_lib.topology.model import Container, Network, Topology, Volume

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
