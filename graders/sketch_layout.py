"""Laying a sketch out: things in two columns, links between them, each with its sign. Pure.

No state is told by colour alone: what is missing is dashed and says so, what is wrong has a
cross, what is right a check mark.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from course_lib.diagrams import palette
from course_lib.diagrams.palette import NAME_SIZE, SMALL_SIZE, TEXT_SIZE
from course_lib.diagrams.shapes import Area, Drawing, Form, Label, Line, Outline, Shape
from course_lib.diagrams.text import Measure, shortened
from graders.sketch import KIND_WORDS, STATE_WORDS, Kind, Shown, State, Thing

NODE_WIDTH = 200.0
STUB = 290.0
"""A link runs level that far, under its words."""
FAN = 84.0
"""From there on it slants to where it ends."""
SLOT = 27.0
GAP = 14.0
MARGIN = 16.0
SIGNS: dict[State, str] = {
    "met": "\N{HEAVY CHECK MARK}",
    "missing": "\N{WHITE CIRCLE}",
    "wrong": "\N{HEAVY BALLOT X}",
    "other": "",
}
COLOURS: dict[State, str] = {
    "met": "#007256", "missing": "#B34700", "wrong": "#B34700", "other": palette.MUTED,
}  # fmt: skip
"""Okabe and Ito's green and vermilion, dark enough for words on white."""
FORMS: dict[Kind, Form] = {"volume": "cylinder", "path": "folder", "port": "pill"}
LINK_WORDS: dict[State, str] = {"missing": "missing", "wrong": "not this"}


@dataclass(slots=True)
class _Node:
    thing: Thing
    state: State
    words: str
    slots: int
    sure: bool
    y: float = 0.0
    used: int = 0

    @property
    def height(self) -> float:
        return max(46.0 + (15.0 if self.words else 0.0) + self.lid, SLOT * self.slots + 8)

    @property
    def lid(self) -> float:
        return 7.0 if self.thing.kind in ("volume", "path") else 0.0

    def next_slot(self) -> float:
        """The height of its next free place for a link."""
        first = self.y + self.height / 2 - SLOT * (self.slots - 1) / 2
        self.used += 1
        return first + SLOT * (self.used - 1)


def lay_out_sketch(facts: Sequence[Shown], measure: Measure) -> Drawing:
    """Place what was expected and what was found.

    :param facts: each thing and link once, as :func:`graders.sketch.merged` gives them.
    """
    links = [fact for fact in facts if fact.to is not None]
    lefts = _column([f.thing for f in links], facts, [f.thing for f in links])
    targets = [f.to for f in links if f.to is not None]
    alone = [f.thing for f in facts if f.to is None]
    lefts = _column(
        [*lefts, *(t for t in alone if t.kind == "container" and t not in targets)],
        facts, [f.thing for f in links],
    )  # fmt: skip
    _stack(lefts.values())
    rights = _column([*targets, *(t for t in alone if t not in lefts)], facts, targets)
    _stack(_by_middle(rights, lefts, links))
    top = MARGIN + 34
    height = max((n.y + n.height for n in [*lefts.values(), *rights.values()]), default=0.0)
    left, right = MARGIN, MARGIN + NODE_WIDTH + STUB + FAN
    shapes: list[Shape] = [Label(MARGIN, MARGIN + 10, "Expected and found", NAME_SIZE, True)]
    for nodes, x in ((lefts, left), (rights, right)):
        for node in nodes.values():
            node.y += top
            shapes += _node(node, x, measure)
    for fact in _ordered(links, lefts, rights):
        assert fact.to is not None
        start = lefts[fact.thing].next_slot()
        end = rights[fact.to].next_slot()
        shapes += _link(fact, left + NODE_WIDTH, start, right, end, measure)
    y = top + height + 22
    # A thing that is there as expected has no colour: nothing to explain.
    states = {fact.state for fact in facts if fact.to is not None or fact.state != "met"}
    shapes += _legend(states, y, measure)
    return Drawing(right + NODE_WIDTH + MARGIN, y + MARGIN, tuple(shapes))


def _column(
    things: Iterable[Thing], facts: Sequence[Shown], ends: Sequence[Thing]
) -> dict[Thing, _Node]:
    own = {fact.thing: fact for fact in facts if fact.to is None}
    nodes: dict[Thing, _Node] = {}
    for thing in things:
        fact = own.get(thing)
        state: State = fact.state if fact else "other"
        words = fact.words if fact and fact.words else LINK_WORDS.get(state, "")
        if state == "wrong" and fact and not fact.words:
            words = "not expected"
        # Nobody said that it is there, and nothing found leads to it.
        sure = fact is not None or any(f.state != "missing" for f in facts if f.to == thing)
        sure = sure or thing.kind == "container"
        nodes.setdefault(thing, _Node(thing, state, words, ends.count(thing), sure))
    return nodes


def _stack(nodes: Iterable[_Node]) -> None:
    y = 0.0
    for node in nodes:
        node.y = y
        y += node.height + GAP


def _by_middle(
    rights: dict[Thing, _Node], lefts: dict[Thing, _Node], links: Sequence[Shown]
) -> list[_Node]:
    """In the order of what leads there: few links cross then."""

    def middle(thing: Thing) -> float:
        starts = [lefts[fact.thing].y for fact in links if fact.to == thing]
        return sum(starts) / len(starts) if starts else 1e9

    return [rights[thing] for thing in sorted(rights, key=middle)]


def _ordered(
    links: Sequence[Shown], lefts: dict[Thing, _Node], rights: dict[Thing, _Node]
) -> list[Shown]:
    def key(fact: Shown) -> tuple[float, float]:
        assert fact.to is not None
        return lefts[fact.thing].y, rights[fact.to].y

    return sorted(links, key=key)


def _node(node: _Node, x: float, measure: Measure) -> list[Shape]:
    room = NODE_WIDTH - 24
    missing, wrong = node.state == "missing", node.state == "wrong"
    colour = (
        COLOURS[node.state] if missing or wrong else palette.INK if node.sure else palette.MUTED
    )
    outline: Outline = "dashed" if missing else "solid" if node.sure else "dotted"
    name = shortened(node.thing.name, room, NAME_SIZE, measure, bold=True)
    y = node.y + node.lid + (node.height - node.lid - 46 - (15 if node.words else 0)) / 2
    shapes: list[Shape] = [
        Area(x, node.y, NODE_WIDTH, node.height, palette.PAPER, colour,
             2.2 if missing or wrong else 1.4, outline, FORMS.get(node.thing.kind, "box"),
             role=f"thing-{node.state}", key=node.thing.name),
        Label(x + 12, y + 14, KIND_WORDS[node.thing.kind], SMALL_SIZE, colour=palette.MUTED),
        Label(x + 12, y + 31, name, NAME_SIZE, True,
              palette.MUTED if missing or not node.sure else palette.INK),
    ]  # fmt: skip
    if node.words:
        text = shortened(f"{SIGNS[node.state]} {node.words}", room, TEXT_SIZE, measure, bold=True)
        shapes.append(Label(x + 12, y + 48, text, TEXT_SIZE, True, colour))
    return shapes


def _link(
    fact: Shown, x: float, start: float, to_x: float, end: float, measure: Measure
) -> list[Shape]:
    words = [LINK_WORDS.get(fact.state, ""), fact.words]
    text = f"{SIGNS[fact.state]} {': '.join(filter(None, words))}".strip()
    colour = COLOURS[fact.state]
    outline: Outline = "dashed" if fact.state == "missing" else "solid"
    width = {"missing": 2.2, "wrong": 3.0, "met": 1.8, "other": 1.2}[fact.state]
    bend = x + STUB
    shapes: list[Shape] = [Line(((x, start), (bend, start), (to_x, end)), colour, width, outline)]
    if text:
        text = shortened(text, STUB - 28, TEXT_SIZE, measure, bold=True)
        wide = measure(text, TEXT_SIZE, True) + 12
        middle = x + STUB / 2
        shapes += [
            Area(middle - wide / 2, start - 9, wide, 18, palette.PAPER, colour, 1.0, outline,
                 "pill", z=3, role=f"link-{fact.state}",
                 key=f"{fact.thing.name} {fact.to.name if fact.to else ''}"),
            Label(middle, start, text, TEXT_SIZE, True, colour, "center"),
        ]  # fmt: skip
    return shapes


def _legend(states: set[State], y: float, measure: Measure) -> list[Shape]:
    shapes: list[Shape] = []
    x = MARGIN
    for state in ("met", "missing", "wrong"):
        if state not in states:
            continue
        text = f"{SIGNS[state]} {STATE_WORDS[state]}"
        outline: Outline = "dashed" if state == "missing" else "solid"
        shapes += [
            Line(((x, y), (x + 26, y)), COLOURS[state], 2.2, outline),
            Label(x + 34, y, text, SMALL_SIZE, colour=palette.MUTED),
        ]
        x += 34 + measure(text, SMALL_SIZE, False) + 24
    return shapes
