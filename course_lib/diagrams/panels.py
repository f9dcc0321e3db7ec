"""A bar and what stands on it: containers in rows, wires down to the bar. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from course_lib.diagrams.bars import PAD, bar_shapes, bar_width
from course_lib.diagrams.blocks import BOX_WIDTH, Block, stack_block
from course_lib.diagrams.ports import Published, pills_height
from course_lib.diagrams.scene import Bar, Stack, Wire
from course_lib.diagrams.shapes import Line, Outline, Shape, moved
from course_lib.diagrams.text import Measure

GAP = 20.0
"""Between columns; wires of upper rows run down there."""
ROW_GAP = 16.0
APART = 32.0
"""Between panels, and between components of a line."""
EMPTY_PANEL = 240.0
TUCK = 9.0
"""Wires end that far inside their bar, which covers them: not every bar has a straight edge."""
DROP = 20.0
"""From a standing stack down to its bar."""


@dataclass(slots=True)
class Grid:
    """Blocks in rows; row 0 is the one next to the bar."""

    rows: list[list[tuple[Stack, Block]]]
    columns: int
    column_width: float

    @property
    def w(self) -> float:
        return self.columns * self.column_width + (self.columns - 1) * GAP if self.rows else 0.0


@dataclass(slots=True)
class Panel:
    """A bar and what stands on it, relative to the bar's top left corner (y up is negative)."""

    bar: Bar
    width: float
    shapes: list[Shape] = field(default_factory=list)
    rise: float = 0.0
    """How high it is above its bar, with the pills of its ports."""
    published: list[Published] = field(default_factory=list)


def columns(counts: Sequence[int], room: float) -> list[int]:
    """How many columns each panel gets: by how many stacks stand on it."""
    free = room - APART * (len(counts) - 1) - sum(EMPTY_PANEL for count in counts if not count)
    fair = [free * count / max(sum(counts), 1) for count in counts]
    return [max(1, int((share - 2 * PAD + GAP) // (BOX_WIDTH + GAP))) for share in fair]


def standing(
    bar: Bar, stacks: list[Stack], bars: Mapping[str, Bar], measure: Measure, columns: int
) -> Panel:
    """The panel of a bar with all stacks that are on it alone."""
    # Published ones next to the edge of the host, where their ports are.
    stacks = sorted(stacks, key=lambda stack: not stack.ports)
    grid = in_rows(stacks, bars, measure, columns, hanging=False)
    width = bar_width(bar, grid.w, measure)
    panel = Panel(bar, width)
    panel.shapes += bar_shapes(bar, width, measure)
    left = (width - grid.w) / 2
    y = -DROP
    for number, row in enumerate(grid.rows):
        height = max(block.h for _, block in row)
        for column, (stack, block) in enumerate(row):
            x = left + column * (grid.column_width + GAP) + (grid.column_width - block.w) / 2
            top = y - block.h
            panel.shapes += [moved(shape, x, top) for shape in block.shapes]
            if block.ports:
                panel.published.append(Published(block, x + block.w / 2, top))
            for wire in stack.wires:
                if wire.bar not in block.taps:
                    continue
                start = (x + block.taps[wire.bar][0], y)
                points = [start, (start[0], TUCK)]
                if number:
                    gutter = left + column * (grid.column_width + GAP) - GAP / 2
                    points = [start, (start[0], y + 6), (gutter, y + 6), (gutter, TUCK)]
                panel.shapes.append(wire_shape(wire, bar, points))
        y -= height + max(pills_height(block.ports) for _, block in row)
        panel.rise = -y
        y -= ROW_GAP
    return panel


def in_rows(
    stacks: list[Stack],
    bars: Mapping[str, Bar],
    measure: Measure,
    columns: int,
    *,
    hanging: bool,
) -> Grid:
    """The stacks as blocks, in rows of at most so many columns.

    :param hanging: below their bars; otherwise they stand on one.
    """
    blocks = [(s, stack_block(s, bars, measure, hanging=hanging)) for s in stacks]
    if not blocks:
        return Grid([], 0, 0.0)
    count = math.ceil(len(blocks) / columns)
    columns = math.ceil(len(blocks) / count)
    column_width = max(block.w for _, block in blocks)
    if hanging:
        rows = [blocks[i : i + columns] for i in range(0, len(blocks), columns)]
    else:
        # Filled from the top, so that the row farthest from the bar is a full one and comes first.
        rows = [blocks[i : i + columns] for i in range(0, len(blocks), columns)][::-1]
    return Grid(rows, columns, column_width)


def wire_shape(wire: Wire, bar: Bar, points: Iterable[tuple[float, float]]) -> Line:
    """The wire of an interface or a mount, in the colour of what it leads to."""
    outline: Outline = "dotted" if wire.mark == "removed" else "solid" if wire.live else "dashed"
    return Line(tuple(points), bar.colour, 3.0 if wire.mark == "new" else 1.8, outline)
