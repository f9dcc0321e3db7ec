"""Published ports as pills: on the host's edge with a wire down, or on their container. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from course_lib.diagrams import palette
from course_lib.diagrams.blocks import BOX_WIDTH, Block
from course_lib.diagrams.palette import TEXT_SIZE
from course_lib.diagrams.shapes import Area, Label, Line, Shape
from course_lib.diagrams.text import Measure, shortened

HEIGHT = 18.0
STEP = HEIGHT + 2
LEAST_WIDTH, MOST_WIDTH = BOX_WIDTH - 4, BOX_WIDTH + 16
"""The widest still keep apart from those of the next column."""
MOST = 6
"""Pills of one container."""


@dataclass(frozen=True, slots=True)
class Published:
    """A standing block with published ports, and the middle of its upper edge."""

    block: Block
    middle: float
    top: float

    def moved(self, dx: float, dy: float = 0.0) -> Published:
        """The same elsewhere."""
        return Published(self.block, self.middle + dx, self.top + dy)


def pills_height(ports: Sequence[str]) -> float:
    """How much room the pills of these ports take."""
    return min(len(ports), MOST) * STEP


def on_the_edge(port: Published, edge: float, measure: Measure) -> list[Shape]:
    """The pills on the host's edge, and a wire down to the block."""
    return [
        *_pills(port.block.ports, port.middle, edge + 10, measure),
        Line(((port.middle, edge + 10), (port.middle, port.top)), palette.PORT, 2.0, arrow=True),
    ]


def on_the_block(port: Published, measure: Measure) -> list[Shape]:
    """The pills on the block's upper edge."""
    return _pills(port.block.ports, port.middle, port.top + 1, measure)


def below_the_block(block: Block, x: float, y: float, measure: Measure) -> list[Shape]:
    """The pills at the lower edge of a hanging block, whose wires are on its upper edge.

    They stand on its left, for on its right is its badge.
    """
    bottom = y + block.h + pills_height(block.ports) - 3
    return _pills(block.ports, x + BOX_WIDTH / 2, bottom, measure)


def _pills(ports: Sequence[str], middle: float, bottom: float, measure: Measure) -> list[Shape]:
    """Pills above each other, the lowest ending at ``bottom``."""
    if len(ports) > MOST:
        ports = [*ports[: MOST - 1], f"and {len(ports) - MOST + 1} more"]
    shapes: list[Shape] = []
    for number, port in enumerate(reversed(ports)):
        y = bottom - HEIGHT - number * STEP
        text = shortened(port, MOST_WIDTH - 12, TEXT_SIZE, measure, bold=True)
        width = max(LEAST_WIDTH, measure(text, TEXT_SIZE, True) + 12)
        shapes += [
            Area(middle - width / 2, y, width, HEIGHT, palette.tint(palette.PORT, 0.12),
                 palette.PORT, 1.3, form="pill", z=5, role="port", key=port),
            Label(middle, y + HEIGHT / 2, text, TEXT_SIZE, True, align="center", z=6),
        ]  # fmt: skip
    return shapes
