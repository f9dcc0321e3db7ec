"""What a check expected and what it found, as things and links: enough to draw the two together.

An expectation that failed says it in words; where it is about things that are joined (a container
and a network, a volume and a path) its finding ``shows`` the same as facts. They name nothing
that the words of the expectation and of what was found do not name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["container", "network", "volume", "path", "memory", "port", "host", "service"]
State = Literal["met", "missing", "wrong", "other"]
"""As expected; expected and not there; there and not as expected; there, and beside the point."""

MOST_OF_A_KIND = 6
"""Links of one thing to things of one kind, where nobody asked for any of them."""
_WEIGHT: dict[State, int] = {"other": 0, "met": 1, "missing": 2, "wrong": 3}
KIND_WORDS: dict[Kind, str] = {
    "container": "container",
    "network": "network",
    "volume": "volume",
    "path": "on the host",
    "memory": "in memory",
    "port": "host port",
    "host": "the host's",
    "service": "service",
}
STATE_WORDS: dict[State, str] = {
    "met": "as expected",
    "missing": "expected, not found",
    "wrong": "found, not expected",
    "other": "found besides",
}


@dataclass(frozen=True, slots=True)
class Thing:
    """Something with a name: a container, a network …"""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{KIND_WORDS[self.kind]} {self.name}"


@dataclass(frozen=True, slots=True)
class Shown:
    """One fact: about a thing, or about a link from it ``to`` another.

    ``words`` say more: the state of a container, the path at which a volume is; ``fault`` is what
    makes a link wrong that is where it belongs.
    """

    state: State
    thing: Thing
    to: Thing | None = None
    words: str = ""
    fault: str = ""

    def __str__(self) -> str:
        link = f" \N{RIGHTWARDS ARROW} {self.to}" if self.to else ""
        words = ", ".join(filter(None, (self.words, self.fault)))
        return f"{STATE_WORDS[self.state]}: {self.thing}{link}{f' ({words})' if words else ''}"

    def to_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "state": self.state, "kind": self.thing.kind, "name": self.thing.name,
        }  # fmt: skip
        if self.to is not None:
            document["to"] = {"kind": self.to.kind, "name": self.to.name}
        if self.words:
            document["words"] = self.words
        if self.fault:
            document["fault"] = self.fault
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Shown:
        """The inverse of :meth:`to_json`. Raises ``KeyError`` or ``TypeError`` for other data."""
        to = document.get("to")
        return cls(
            document["state"],
            Thing(document["kind"], document["name"]),
            Thing(to["kind"], to["name"]) if to else None,
            document.get("words", ""),
            document.get("fault", ""),
        )


def merged(facts: Iterable[Shown]) -> tuple[Shown, ...]:
    """Each thing and each link once, with the worst that is said of it, in their order."""
    found: dict[tuple[Thing, Thing | None, str], Shown] = {}
    for fact in facts:
        # Of a thing one state is shown; a link may be there at several paths.
        key = (fact.thing, fact.to, fact.words if fact.to else "")
        before = found.get(key)
        if before is None or _WEIGHT[fact.state] > _WEIGHT[before.state]:
            found[key] = fact
    # What is a link as expected, or not, need not be told a second time as merely there. At one
    # path of a container is one mount, by whatever name its source is called.
    told = {(f.thing, f.to) for f in found.values() if f.state != "other"}
    places = {
        (f.thing, f.words)
        for f in found.values()
        if f.to and f.words and f.state in ("met", "wrong")
    }
    return tuple(
        f
        for f in found.values()
        if f.state != "other" or ((f.thing, f.to) not in told and (f.thing, f.words) not in places)
    )


def concise(facts: Iterable[Shown]) -> tuple[Shown, ...]:
    """Without a crowd that is not asked for: of many networks that a container is on, some."""
    crowds: dict[tuple[State, Thing, Kind], list[Shown]] = {}
    kept = []
    for fact in facts:
        if fact.to is not None and fact.state in ("other", "wrong"):
            crowd = crowds.setdefault((fact.state, fact.thing, fact.to.kind), [])
            crowd.append(fact)
            if len(crowd) >= MOST_OF_A_KIND:
                continue
        kept.append(fact)
    for (state, thing, kind), crowd in crowds.items():
        rest = crowd[MOST_OF_A_KIND - 1 :]
        if len(rest) == 1:
            kept += rest
        elif rest:
            kept.append(Shown(state, thing, Thing(kind, f"and {len(rest)} more")))
    return tuple(kept)


def standing(facts: Collection[Shown]) -> Mapping[Thing, State]:
    """How each thing stands: as is said of it, and else by what leads to it.

    What is there, is there for everybody: one to which nothing leads, and of which nobody says
    that it is there, is expected and not found.
    """
    own = {fact.thing: fact.state for fact in facts if fact.to is None}
    there = {fact.thing for fact in facts} | {f.to for f in facts if f.state != "missing"}
    things = dict.fromkeys(t for fact in facts for t in (fact.thing, fact.to) if t is not None)
    return {t: own.get(t, "other" if t in there else "missing") for t in things}


def worth_drawing(facts: Collection[Shown]) -> bool:
    """Whether something is missing or wrong among them, and there is more than that one thing."""
    joined = len(facts) > 1 or any(fact.to for fact in facts)
    return joined and any(fact.state in ("missing", "wrong") for fact in facts)
