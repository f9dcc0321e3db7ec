"""What a check expected and what it found, as things and links: enough to draw the two together.

An expectation that failed says it in words; where it is about things that are joined (a container
and a network, a volume and a path) its finding ``shows`` the same as facts. They name nothing
that the words of the expectation and of what was found do not name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["container", "network", "volume", "path", "memory", "port", "host", "service"]
State = Literal["met", "missing", "wrong", "other"]
"""As expected; expected and not there; there and not as expected; there, and beside the point."""

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
    "other": "found",
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

    ``words`` say more: the state of a container, the path at which a volume is.
    """

    state: State
    thing: Thing
    to: Thing | None = None
    words: str = ""

    def __str__(self) -> str:
        link = f" \N{RIGHTWARDS ARROW} {self.to}" if self.to else ""
        words = f" ({self.words})" if self.words else ""
        return f"{STATE_WORDS[self.state]}: {self.thing}{link}{words}"

    def to_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "state": self.state, "kind": self.thing.kind, "name": self.thing.name,
        }  # fmt: skip
        if self.to is not None:
            document["to"] = {"kind": self.to.kind, "name": self.to.name}
        if self.words:
            document["words"] = self.words
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
    # What is a link as expected, or not, need not be told a second time as merely there.
    told = {(f.thing, f.to) for f in found.values() if f.state != "other"}
    # One that is wrong because of what is said behind its path is not there as expected besides.
    wrong = {
        (f.thing, f.to, f.words.partition(", ")[0]) for f in found.values() if f.state == "wrong"
    }
    return tuple(
        f
        for f in found.values()
        if (f.state != "other" or (f.thing, f.to) not in told)
        and (f.state != "met" or f.to is None or (f.thing, f.to, f.words) not in wrong)
    )


def worth_drawing(facts: Collection[Shown]) -> bool:
    """Whether something is missing or wrong among them, and there is more than that one thing."""
    joined = len(facts) > 1 or any(fact.to for fact in facts)
    return joined and any(fact.state in ("missing", "wrong") for fact in facts)
