"""Panels joined by the containers that several bars share: a layered graph. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from course_lib.diagrams.bars import bar_height
from course_lib.diagrams.blocks import BOX_WIDTH
from course_lib.diagrams.layers import lefts
from course_lib.diagrams.panels import (
    GAP,
    ROW_GAP,
    TUCK,
    Grid,
    Panel,
    columns,
    in_rows,
    standing,
    wire_shape,
)
from course_lib.diagrams.ports import Published, below_the_block, pills_height
from course_lib.diagrams.scene import Bar, Scene, Stack, Wire
from course_lib.diagrams.shapes import Line, Shape, moved
from course_lib.diagrams.text import Measure

TRACK = 9.0
"""Between wires that run side by side below the bars."""
MOST_TRACKS = 12
BESIDE = 4.0
"""Between the wires of one container that run side by side in a gap."""
MOST_GUESTS = 3
"""Lines on a bar about those who are on it and stand elsewhere."""
TOO_WIDE = 1.3
"""Times the room: beyond, texts get too small when a notebook shrinks the picture."""


@dataclass(slots=True)
class Component:
    """Panels joined by shared stacks; y is 0 on the top edge of its bars."""

    width: float
    rise: float
    """How high it is above its bars, with the pills of ports on their containers."""
    fall: float
    shapes: list[Shape]
    published: list[Published]


def components_of(scene: Scene, measure: Measure, room: float) -> list[Component]:
    """All of a scene's components, each as far as it can be within ``room``."""
    return [c for part in _parts(scene) for c in _components(*part, measure, room)]


def _parts(scene: Scene) -> list[tuple[list[Bar], list[Stack]]]:
    """Bars with the stacks on them, joined where stacks are on several bars."""
    group = {bar.key: bar.key for bar in scene.bars}

    def root(key: str) -> str:
        while group[key] != key:
            key = group[key]
        return key

    for stack in scene.stacks:
        for other in stack.bars[1:]:
            group[root(other)] = root(stack.bars[0])
    parts: dict[str, tuple[list[Bar], list[Stack]]] = {}
    for bar in scene.bars:
        parts.setdefault(root(bar.key), ([], []))[0].append(bar)
    for stack in scene.stacks:
        parts[root(stack.bars[0])][1].append(stack)
    return list(parts.values())


def _components(
    bars: list[Bar], stacks: list[Stack], measure: Measure, room: float
) -> list[Component]:
    """Joined by wires; where these would be too long to follow, names say the rest."""
    whole = _wired(bars, stacks, measure, room)
    if len(bars) == 1 or whole.width <= room * TOO_WIDE:
        return [whole]
    titles = {bar.key: bar for bar in bars}
    cut = [_cut_loose(stack, titles) for stack in stacks]
    return [
        _wired([_with_guests(bar, stacks)], [s for s in cut if s.bars == (bar.key,)], measure, room)
        for bar in bars
    ]


def _with_guests(bar: Bar, stacks: Sequence[Stack]) -> Bar:
    """The same, with those on it that stand on another bar: without a wire it would look empty."""
    guests = [
        (f"{owner.sign} {owner.name}", ", ".join(filter(None, (wire.address, *wire.notes))))
        for stack in stacks
        for owner, wire in ((stack.boxes[0], wire) for wire in stack.wires[1:])
        if wire.bar == bar.key and wire.mark != "removed"
    ]
    lines = guests[:MOST_GUESTS]
    if len(guests) > MOST_GUESTS:
        lines.append((f"and {len(guests) - MOST_GUESTS} more", ""))
    return replace(bar, lines=(*bar.lines, *lines))


def _cut_loose(stack: Stack, bars: Mapping[str, Bar]) -> Stack:
    """The same on its first bar alone; what else it is on is told in its box."""
    first, *others = stack.wires
    owner, *guests = stack.boxes
    also = tuple(
        (
            f"{bars[w.bar].title}: {', '.join(filter(None, (w.address, *w.notes)))}",
            bars[w.bar].colour,
        )
        for w in others
    )
    return replace(stack, wires=(first,), boxes=(replace(owner, also=also), *guests))


def _wired(bars: list[Bar], stacks: list[Stack], measure: Measure, room: float) -> Component:
    by_key = {bar.key: bar for bar in bars}
    alone = {bar.key: [s for s in stacks if s.bars == (bar.key,)] for bar in bars}
    shared: dict[tuple[str, ...], list[Stack]] = {}
    for stack in stacks:
        if len(stack.bars) > 1:
            shared.setdefault(tuple(sorted(stack.bars)), []).append(stack)
    counts = columns([len(alone[bar.key]) for bar in bars], room)
    panels = [
        standing(bar, alone[bar.key], by_key, measure, count)
        for bar, count in zip(bars, counts, strict=True)
    ]
    if not shared:
        [panel] = panels
        height = bar_height(panel.bar)
        return Component(panel.width, panel.rise, height, panel.shapes, panel.published)
    across = max(1, int((room + GAP) // (BOX_WIDTH * 1.5 + GAP)) // len(shared))
    hanging = {
        key: in_rows(group, by_key, measure, across, hanging=True) for key, group in shared.items()
    }
    places = lefts(panels, hanging)
    return _joined(panels, hanging, places, by_key, measure)


def _joined(
    panels: Sequence[Panel],
    hanging: Mapping[tuple[str, ...], Grid],
    places: Mapping[str | tuple[str, ...], float],
    bars: Mapping[str, Bar],
    measure: Measure,
) -> Component:
    """Panels side by side, the shared groups below them, and the wires between."""
    shapes: list[Shape] = []
    published: list[Published] = []
    spans: dict[str, tuple[float, float]] = {}
    for panel in panels:
        x = places[panel.bar.key]
        spans[panel.bar.key] = (x, x + panel.width)
        shapes += [moved(shape, x, 0) for shape in panel.shapes]
        published += [port.moved(x) for port in panel.published]
    wide = max(right for _, right in spans.values())
    # Bent wires of one group to one bar run together; each such pair has a track of its own.
    pairs = [(key, bar) for key in hanging for bar in key]
    deepest = max(bar_height(panel.bar) for panel in panels)
    level = {pair: deepest + 14 + TRACK * (n % MOST_TRACKS) for n, pair in enumerate(pairs)}
    below = deepest + 30 + TRACK * min(len(pairs), MOST_TRACKS)
    low = below
    for key, grid in hanging.items():
        y = below
        wide = max(wide, places[key] + grid.w)
        for number, row in enumerate(grid.rows):
            for column, (stack, block) in enumerate(row):
                x = places[key] + column * (grid.column_width + GAP)
                shapes += [moved(shape, x, y) for shape in block.shapes]
                shapes += below_the_block(block, x, y, measure)
                for place, wire in enumerate(stack.wires):
                    shapes.append(
                        _hung(
                            wire,
                            bars[wire.bar],
                            (x + block.taps[wire.bar][0], y),
                            spans[wire.bar],
                            level[key, wire.bar],
                            _aside(x, y, place, len(key)) if number else None,
                        )
                    )
            y += max(block.h + pills_height(block.ports) for _, block in row)
            low = max(low, y)
            y += ROW_GAP
    rise = max(panel.rise for panel in panels)
    return Component(wide, rise, low, shapes, published)


def _aside(x: float, y: float, place: int, count: int) -> tuple[float, float]:
    """Where the wire of a container's interface turns upwards in the gap on the left of it.

    Each has a track of its own, and they cross nowhere: the farther to the right an interface is,
    the higher its wire goes to the left, and the nearer to the containers up.
    """
    step = min(BESIDE, (ROW_GAP - 8) / count)
    return (x - GAP / 2 + step * (place - (count - 1) / 2), y - 6 - step * place)


def _hung(
    wire: Wire,
    bar: Bar,
    start: tuple[float, float],
    span: tuple[float, float],
    level: float,
    aside: tuple[float, float] | None,
) -> Line:
    """From a hanging stack up to its bar: straight where it can be, else around the corner.

    :param aside: where it turns upwards in the gap beside the rows above, if there are any.
    """
    x, _ = start
    left, right = span
    points = [start]
    if aside is not None:
        points += [(x, aside[1]), aside]
        x = aside[0]
    end = min(max(x, left + 14), right - 14)
    if end != x:
        points += [(x, level), (end, level)]
    return wire_shape(wire, bar, [*points, (end, bar_height(bar) - TUCK)])
