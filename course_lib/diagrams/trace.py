"""A packet's way as a row of cards, joined by arrows up to where it stops. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from course_lib.diagrams import palette
from course_lib.diagrams.blocks import BOX_WIDTH, PAD
from course_lib.diagrams.palette import MARGIN, NAME_SIZE, SMALL_SIZE, TEXT_SIZE
from course_lib.diagrams.shapes import Area, Drawing, Label, Line, Shape
from course_lib.diagrams.text import Measure, shortened, wrapped
from course_lib.trace import Step, Trace

GAP = 26.0
"""Between cards; an arrow fits in."""
HEADS = {
    "sender": "who sends",
    "resolver": "who knows the name",
    "interface": "where it goes out",
    "network": "what carries it",
    "endpoint": "who gets it",
}
LEAST_WIDTH = 480.0
ARRIVED, STOPPED = "\N{CHECK MARK}", "\N{HEAVY MULTIPLICATION X}"


def lay_out_trace(trace: Trace, colours: Mapping[str, str], measure: Measure) -> Drawing:
    """Place the cards of a way side by side; what became of the packet stands below.

    :param colours: of the networks, by name.
    """
    cards = [_card(n, step, colours, measure) for n, step in enumerate(trace.steps, 1)]
    height = max(area.h for area, _ in cards)
    inner = max(len(cards) * (BOX_WIDTH + GAP) - GAP, LEAST_WIDTH)
    top = MARGIN + 40
    title = shortened(trace.title, inner, NAME_SIZE, measure, bold=True)
    last = max(n for n, step in enumerate(trace.steps) if step.reached)
    shapes: list[Shape] = [Label(2 * MARGIN, MARGIN + 20, title, NAME_SIZE, True)]
    for number, (area, labels) in enumerate(cards):
        x = 2 * MARGIN + number * (BOX_WIDTH + GAP)
        card = replace(area, x=x, y=top, h=height)
        shapes.append(card)
        shapes += [replace(label, x=label.x + x, y=label.y + top) for label in labels]
        if number:
            before, middle = x - GAP, top + height / 2
            passed = trace.steps[number].reached
            shapes.append(
                Line(((before + 3, middle), (x - 3, middle)), palette.INK, 1.8,
                     "solid" if passed else "dotted", arrow=passed)
            )  # fmt: skip
        if number == last:
            shapes += _seal(card, ARRIVED if trace.arrived else STOPPED)
    y = top + height + 28
    for line in wrapped(trace.verdict, inner - 20, NAME_SIZE, measure, bold=True, lines=3):
        shapes.append(Label(2 * MARGIN, y, line, NAME_SIZE, True))
        y += 18
    frame = Area(
        MARGIN, MARGIN, inner + 2 * MARGIN, y - MARGIN, palette.HOST_FILL, palette.MUTED, 1.6,
        radius=10, z=0, role="host",
    )  # fmt: skip
    return Drawing(frame.right + MARGIN, frame.bottom + MARGIN, (frame, *shapes))


def _card(
    number: int, step: Step, colours: Mapping[str, str], measure: Measure
) -> tuple[Area, list[Label]]:
    """A card at the origin, and its texts."""
    room = BOX_WIDTH - 2 * PAD
    ink = palette.INK if step.reached else palette.MUTED
    labels = [Label(PAD, PAD + 6, f"{number} {HEADS[step.kind]}", SMALL_SIZE, colour=palette.MUTED)]
    y = PAD + 26
    for text in wrapped(step.title, room, NAME_SIZE, measure, bold=True):
        labels.append(Label(PAD, y, text, NAME_SIZE, True, ink))
        y += 17
    for fact in step.facts:
        for text in wrapped(fact, room, TEXT_SIZE, measure, lines=3):
            labels.append(Label(PAD, y, text, TEXT_SIZE, colour=ink))
            y += 16
    colour = colours.get(step.network)
    fill = palette.BOX_FILL if step.reached else palette.STOPPED_FILL
    if colour and step.reached and step.kind == "network":
        fill = palette.tint(colour)
    area = Area(
        0, 0, BOX_WIDTH, y + 4, fill, colour or ink, 2.2 if colour else 1.3,
        "solid" if step.reached else "dashed", role=step.kind, key=step.title,
    )  # fmt: skip
    return area, labels


def _seal(card: Area, sign: str) -> list[Shape]:
    """The sign on the corner of the card where the way ends."""
    x, y = card.right - 20, card.y - 9
    return [
        Area(
            x, y, 28, 18, palette.MARKER, palette.INK, 1.2, form="pill", z=6, role="end", key=sign
        ),
        Label(x + 14, y + 9, sign, TEXT_SIZE, True, align="center", z=7),
    ]
