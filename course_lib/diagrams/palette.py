"""The visual language of all pictures: colours, sizes, signs.

Colours are those of Okabe and Ito that are dark enough for a line on paper, and darker ones where
theirs are too pale: people with any common colour blindness tell them apart. Yet no fact is told by
colour alone: a state has its sign and its word, a network its name on the bar that its wires lead
to, a change its badge.

Lengths are CSS pixels, 100 to the inch; y grows downwards.
"""

from __future__ import annotations

INK = "#1a1a1a"
MUTED = "#595959"
FAINT = "#9a9a9a"
PAPER = "#ffffff"
HOST_FILL = "#f6f6f4"
BOX_FILL = "#ffffff"
STOPPED_FILL = "#ececec"

NETWORK_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#B8578F", "#5C4A00", "#4A3AA0", "#7A1F3D")
PLAIN = "#6b6b6b"
"""For what is no network of its own: host, none."""

RUNNING = "#009E73"
PORT = "#0072B2"
MARKER = "#F0E442"
"""Marks what changed, as a marker pen does; no network has it."""

WIDTH = 960.0
"""What fits into a notebook without scrolling or shrinking."""

MARGIN = 18.0
"""Left free around a host, and within it."""

NAME_SIZE = 13.0
TEXT_SIZE = 11.0
SMALL_SIZE = 10.0

STATE_SIGNS = {
    "running": "\N{BLACK RIGHT-POINTING TRIANGLE}",
    "paused": "\N{BLACK VERTICAL RECTANGLE}\N{BLACK VERTICAL RECTANGLE}",
    "restarting": "\N{CLOCKWISE OPEN CIRCLE ARROW}",
    "created": "\N{WHITE SQUARE}",
    "dead": "\N{HEAVY MULTIPLICATION X}",
}
STOPPED_SIGN = "\N{BLACK SQUARE}"


def tint(colour: str, strength: float = 0.16) -> str:
    """The colour thinned with white, dark text stays readable on it."""
    parts = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - part) * strength):02x}" for part in parts)


def network_colour(index: int) -> str:
    """The colour of the network in that place of the order."""
    return NETWORK_COLOURS[index % len(NETWORK_COLOURS)]
