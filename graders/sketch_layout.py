"""Laying a sketch out: things in two columns, links between them, each with its sign. Pure.

No state is told by colour alone: what is missing is dashed and says so, what is wrong has a
cross, what is right a check mark, what is there besides a thin line.

A picture is as narrow as its words allow, for in a narrow notebook it shrinks, and they with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from course_lib.diagrams import palette
from course_lib.diagrams.palette import NAME_SIZE, TEXT_SIZE
from course_lib.diagrams.shapes import Area, Drawing, Form, Label, Line, Outline, Shape
from course_lib.diagrams.text import Measure, shortened
from graders.sketch import KIND_WORDS, STATE_WORDS, Kind, Shown, State, Thing, standing

LEAST_NODE, MOST_NODE = 110.0, 200.0
"""How wide things are; those of a column are equally wide."""
LEAST_STUB, MOST_STUB = 100.0, 290.0
"""How far a link runs level, under its words."""
FAN = 56.0
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
OUTLINES: dict[State, Outline] = {"missing": "dashed"}
LINES: dict[State, float] = {"missing": 2.2, "wrong": 3.0, "met": 1.8, "other": 1.2}
LINK_WORDS: dict[State, str] = {"missing": "missing", "wrong": "not this"}
THING_WORDS: dict[State, str] = {"missing": "missing", "wrong": "not expected"}


@dataclass(slots=True)
class _Node:
    thing: Thing
    state: State
    words: str
    slots: int
    y: float = 0.0
    stretch: float = 0.0
    """How much higher it is than it has to be."""
    used: int = 0

    @property
    def height(self) -> float:
        least = 46.0 + (15.0 if self.words else 0.0) + self.lid
        return max(least, SLOT * self.slots + 8) + self.stretch

    @property
    def inset(self) -> float:
        """Of its words, from its left edge: that of a port is round."""
        return 22.0 if self.thing.kind == "port" else 12.0

    @property
    def lid(self) -> float:
        return 7.0 if self.thing.kind in ("volume", "path") else 0.0

    def next_slot(self) -> float:
        """The height of its next free place for a link."""
        step = SLOT + self.stretch / self.slots
        first = self.y + self.height / 2 - step * (self.slots - 1) / 2
        self.used += 1
        return first + step * (self.used - 1)


def lay_out_sketch(facts: Sequence[Shown], measure: Measure) -> Drawing:
    """Place what was expected and what was found.

    :param facts: each thing and link once, as :func:`graders.sketch.merged` gives them.
    """
    links = [fact for fact in facts if fact.to is not None]
    states = standing(facts)
    words = {fact.thing: fact.words for fact in facts if fact.to is None and fact.words}
    starts = [fact.thing for fact in links]
    targets = [fact.to for fact in links if fact.to is not None]
    alone = [fact.thing for fact in facts if fact.to is None]
    lefts = _column(
        [*starts, *(t for t in alone if t.kind == "container" and t not in targets)],
        states, words, starts,
    )  # fmt: skip
    rights = _column([*targets, *(t for t in alone if t not in lefts)], states, words, targets)
    _stretch(list(lefts.values()), list(rights.values()))
    _stack(lefts.values())
    _stack(_by_middle(rights, lefts, links))
    top = MARGIN + 34
    height = max((n.y + n.height for n in [*lefts.values(), *rights.values()]), default=0.0)
    left_width, right_width = _width(lefts.values(), measure), _width(rights.values(), measure)
    stub = min(MOST_STUB, max([LEAST_STUB, *(_link_width(f, measure) + 28 for f in links)]))
    left, right = MARGIN, MARGIN + left_width + stub + FAN
    title = Label(MARGIN, MARGIN + 10, "Expected and found", NAME_SIZE, True)
    shapes: list[Shape] = [title]
    for nodes, x, width in ((lefts, left, left_width), (rights, right, right_width)):
        for node in nodes.values():
            node.y += top
            shapes += _node(node, x, width, measure)
    for fact in _ordered(links, lefts, rights):
        assert fact.to is not None
        start = lefts[fact.thing].next_slot()
        end = rights[fact.to].next_slot()
        shapes += _link(fact, left + left_width, start, left + left_width + stub, right, end,
                        measure)  # fmt: skip
    width = right + right_width if rights else left + left_width
    width = max(width, MARGIN + measure(title.text, NAME_SIZE, True))
    # A thing that is there, as expected or besides, is a plain box: nothing to explain.
    told = {state for state in states.values() if state in THING_WORDS}
    used = {fact.state for fact in links} | told
    legend, width, bottom = _legend(used, width, top + height + 22, measure)
    return Drawing(width + MARGIN, bottom + MARGIN, (*shapes, *legend))


def _column(
    things: Iterable[Thing],
    states: Mapping[Thing, State],
    words: Mapping[Thing, str],
    ends: Sequence[Thing],
) -> dict[Thing, _Node]:
    return {
        thing: _Node(
            thing, states[thing], words.get(thing) or THING_WORDS.get(states[thing], ""),
            ends.count(thing),
        )
        for thing in things
    }  # fmt: skip


def _width(nodes: Iterable[_Node], measure: Measure) -> float:
    """How wide the things of a column are."""
    texts = [
        2 * node.inset + 2 + width
        for node in nodes
        for width in (
            measure(node.thing.name, NAME_SIZE, True),
            measure(_words(node), TEXT_SIZE, True),
        )
    ]
    return min(MOST_NODE, max([LEAST_NODE, *texts]))


def _words(node: _Node) -> str:
    return f"{SIGNS[node.state]} {node.words}".strip() if node.words else ""


def _stretch(lefts: Sequence[_Node], rights: Sequence[_Node]) -> None:
    """Both columns equally high, so that links run level: thirty that slant cannot be followed."""

    def total(nodes: Sequence[_Node]) -> float:
        return sum(node.height + GAP for node in nodes)

    short, tall = sorted((lefts, rights), key=total)
    lacking = total(tall) - total(short)
    joined = [node for node in short if node.slots > 1]
    slots = sum(node.slots for node in joined)
    for node in joined:
        node.stretch = lacking * node.slots / slots


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


def _node(node: _Node, x: float, width: float, measure: Measure) -> list[Shape]:
    left, room = x + node.inset, width - 2 * node.inset
    missing, wrong = node.state == "missing", node.state == "wrong"
    colour = COLOURS[node.state] if missing or wrong else palette.INK
    name = shortened(node.thing.name, room, NAME_SIZE, measure, bold=True)
    y = node.y + node.lid + (node.height - node.lid - 46 - (15 if node.words else 0)) / 2
    shapes: list[Shape] = [
        Area(x, node.y, width, node.height, palette.PAPER, colour,
             2.2 if missing or wrong else 1.4, OUTLINES.get(node.state, "solid"),
             FORMS.get(node.thing.kind, "box"), role=f"thing-{node.state}", key=node.thing.name),
        Label(left, y + 14, KIND_WORDS[node.thing.kind], TEXT_SIZE, colour=palette.MUTED),
        Label(left, y + 31, name, NAME_SIZE, True, palette.MUTED if missing else palette.INK),
    ]  # fmt: skip
    if node.words:
        text = shortened(_words(node), room, TEXT_SIZE, measure, bold=True)
        shapes.append(Label(left, y + 48, text, TEXT_SIZE, True, colour))
    return shapes


def _link_text(fact: Shown) -> str:
    """What stands on a link: its sign, what is the matter with it, and where it is."""
    words = [fact.fault or LINK_WORDS.get(fact.state, ""), fact.words]
    return f"{SIGNS[fact.state]} {': '.join(filter(None, words))}".strip()


def _link_width(fact: Shown, measure: Measure) -> float:
    return measure(_link_text(fact), TEXT_SIZE, True)


def _link(
    fact: Shown, x: float, start: float, bend: float, to_x: float, end: float, measure: Measure
) -> list[Shape]:
    text = _link_text(fact)
    colour = COLOURS[fact.state]
    outline = OUTLINES.get(fact.state, "solid")
    way = ((x, start), (bend, start), (to_x, end))
    shapes: list[Shape] = [Line(way, colour, LINES[fact.state], outline)]
    if text:
        text = shortened(text, bend - x - 27, TEXT_SIZE, measure, bold=True)
        wide = measure(text, TEXT_SIZE, True) + 12
        middle = (x + bend) / 2
        shapes += [
            Area(middle - wide / 2, start - 9, wide, 18, palette.PAPER, colour, 1.0, outline,
                 "pill", z=3, role=f"link-{fact.state}",
                 key=f"{fact.thing.name} {fact.to.name if fact.to else ''}"),
            Label(middle, start, text, TEXT_SIZE, True, colour, "center"),
        ]  # fmt: skip
    return shapes


def _legend(
    states: set[State], width: float, y: float, measure: Measure
) -> tuple[list[Shape], float, float]:
    """What explains these states, in lines within ``width``; and how far right and down it goes."""
    shapes: list[Shape] = []
    x = MARGIN
    for state in ("met", "missing", "wrong", "other"):
        if state not in states:
            continue
        text = f"{SIGNS[state]} {STATE_WORDS[state]}".strip()
        end = x + 34 + measure(text, TEXT_SIZE, False)
        if end > width and x > MARGIN:
            x, end, y = MARGIN, MARGIN + end - x, y + 18
        shapes += [
            Line(((x, y), (x + 26, y)), COLOURS[state], LINES[state], OUTLINES.get(state, "solid")),
            Label(x + 34, y, text, TEXT_SIZE, colour=palette.MUTED),
        ]
        width = max(width, end)
        x = end + 24
    return shapes, width, y
