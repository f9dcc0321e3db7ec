"""Laying out one stack: its containers as boxes, its interfaces as strips on their edge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from course_lib.diagrams import palette
from course_lib.diagrams.palette import NAME_SIZE, SMALL_SIZE, TEXT_SIZE
from course_lib.diagrams.scene import HOST, NONE, NOWHERE, Bar, Box, Mark, Stack, Wire
from course_lib.diagrams.shapes import Area, Label, Outline, Shape
from course_lib.diagrams.text import Measure, rows, shortened, wrapped
from course_lib.topology import Mount, What

BOX_WIDTH = 156.0
STRIP_WIDTH = 116.0
STRIP_HEIGHT = 19.0
NOTE_WIDTH, NOTE_HEIGHT = 156.0, 15.0
"""Of a strip that has lines of words instead of an address."""
PAD = 9.0
MOST_MOUNTS = 4
MOST_ALSO = 6
MOST_TAGS = 3
SHARED_HEAD = 17.0
BADGES: dict[What, str] = {
    "new": "+ new", "removed": "\N{MINUS SIGN} removed", "changed": "~ changed",
}  # fmt: skip
BADGE_HEIGHT = 16.0
READ_ONLY = "read-only"


@dataclass(slots=True)
class Block:
    """Shapes in a rectangle of their own, and where wires and ports meet it.

    :param taps: by bar, the point of the edge where its wire begins.
    :param ports: texts of its published ports; they go above ``(w / 2, 0)``.
    """

    w: float
    h: float
    shapes: list[Shape] = field(default_factory=list)
    taps: dict[str, tuple[float, float]] = field(default_factory=dict)
    ports: tuple[str, ...] = ()


def stack_block(stack: Stack, bars: Mapping[str, Bar], measure: Measure, *, hanging: bool) -> Block:
    """The block of one stack.

    :param hanging: its interfaces are on top, because it hangs below its bars; otherwise it
        stands on its bar.
    """
    strips = [wire for wire in stack.wires if wire.bar != NOWHERE]
    joined = len(stack.boxes) > 1
    inset = 7.0 if joined else 0.0
    noted = any(wire.notes for wire in strips)
    strip_width = NOTE_WIDTH if noted else STRIP_WIDTH
    width = max(BOX_WIDTH, len(strips) * strip_width) + 2 * inset
    share = width / len(strips) if strips else width
    texts = [_strip_lines(wire, share - 8, measure) for wire in strips]
    tall = max(map(len, texts), default=0)
    strip = STRIP_HEIGHT + NOTE_HEIGHT * (tall - 1) if strips else 0.0
    block = Block(width, 0.0, ports=stack.ports)
    top = strip if hanging else 0.0
    y = top + (SHARED_HEAD if joined else 0.0)
    if joined and not hanging and stack.boxes[0].mark:
        y += BADGE_HEIGHT / 2  # the caption stays clear of the first badge
    boxes: list[tuple[Area, Box]] = []
    for number, box in enumerate(stack.boxes):
        tags = _tags(stack, bars) if number == 0 else []
        inner = _box(box, tags, inset, y, width - 2 * inset, measure)
        block.shapes += inner
        area = next(s for s in inner if isinstance(s, Area) and s.role == "container")
        boxes.append((area, box))
        y = area.bottom + (7.0 if joined else 0.0)
    bottom = y
    block.h = bottom + (0.0 if hanging else strip)
    if joined:
        frame = Area(
            0, top, width, bottom - top, palette.tint(palette.PLAIN, 0.10), palette.PLAIN,
            role="stack", key=stack.key, z=1, outline="dashed",
        )  # fmt: skip
        caption = Label(
            width / 2, top + SHARED_HEAD / 2 + 1, "one shared network stack", SMALL_SIZE,
            colour=palette.MUTED, align="center",
        )  # fmt: skip
        block.shapes = [frame, caption, *block.shapes]
    for number, (wire, lines) in enumerate(zip(strips, texts, strict=True)):
        x = number * share
        y = 0.0 if hanging else bottom
        block.shapes += _strip(wire, bars[wire.bar], lines, x, y, share, strip)
        block.taps[wire.bar] = (x + share / 2, 0.0 if hanging else block.h)
    for area, box in boxes:
        # Strips on top would be covered.
        block.shapes += badge(box.mark, area.right, area.bottom if hanging else area.y)
    return block


def badge(mark: Mark, right: float, y: float) -> list[Shape]:
    """The little word on a corner that says what happened to a thing."""
    if mark is None:
        return []
    text = BADGES[mark]
    width = 44.0 if mark == "new" else 70.0
    x = right - width + 8
    fill = palette.PAPER if mark == "removed" else palette.MARKER
    return [
        Area(x, y - BADGE_HEIGHT / 2, width, BADGE_HEIGHT, fill, palette.INK, 1.2, form="pill",
             z=6, role="badge", key=mark),
        Label(x + width / 2, y, text, SMALL_SIZE, True, palette.INK, "center", z=7),
    ]  # fmt: skip


def mark_line(mark: Mark) -> float:
    """How thick the outline of a thing is: thicker where it is new or changed."""
    return 2.6 if mark in ("new", "changed") else 1.3


def _box(
    box: Box, tags: list[tuple[str, str]], x: float, y: float, width: float, measure: Measure
) -> list[Shape]:
    """A container's box; its height follows from what is in it."""
    gone = box.mark == "removed"
    ink = palette.INK if box.live else palette.MUTED
    room = width - 2 * PAD
    left = x + PAD
    line = y + PAD + 7
    shapes: list[Shape] = []
    sign_width = measure(box.sign, TEXT_SIZE, False) + 6
    running = box.sign == palette.STATE_SIGNS["running"] and not gone
    colour = palette.RUNNING if running else ink
    shapes.append(Label(left, line, box.sign, TEXT_SIZE, colour=colour))
    for number, text in enumerate(
        wrapped(box.name, room - sign_width, NAME_SIZE, measure, bold=True)
    ):
        line += 16 if number else 0
        shapes.append(Label(left + sign_width, line, text, NAME_SIZE, True, ink, struck=gone))
    line += 17
    image = shortened(box.image, room, TEXT_SIZE, measure)
    shapes.append(Label(left, line, image, TEXT_SIZE, colour=palette.MUTED))
    if box.state and not gone:
        line += 16
        shapes.append(Label(left, line, box.state, TEXT_SIZE, True, palette.MUTED))
    bottom = line + 9
    for row, colour in _tag_rows(tags, room, measure):
        shapes += _pills(row, left, bottom + 2, colour, measure)
        bottom += 19
    for text, colour in box.also[:MOST_ALSO]:
        shown = shortened(text, room - 18, SMALL_SIZE, measure)
        shapes += [
            Area(left, bottom + 3, 11, 11, palette.tint(colour, 0.3), colour, 1, radius=2, z=3,
                 role="also", key=text),
            Label(left + 17, bottom + 8, shown, SMALL_SIZE),
        ]  # fmt: skip
        bottom += 17
    if len(box.also) > MOST_ALSO:
        text = f"and {len(box.also) - MOST_ALSO} more"
        shapes.append(Label(left, bottom + 8, text, SMALL_SIZE, colour=palette.MUTED))
        bottom += 17
    for mount in box.mounts[:MOST_MOUNTS]:
        shapes += _mount(mount, left, bottom + 8, room, measure)
        bottom += 17
    if len(box.mounts) > MOST_MOUNTS:
        text = f"and {len(box.mounts) - MOST_MOUNTS} more mounts"
        shapes.append(Label(left, bottom + 8, text, SMALL_SIZE, colour=palette.MUTED))
        bottom += 17
    outline: Outline = "dotted" if gone else "solid" if box.live else "dashed"
    fill = palette.BOX_FILL if box.live or gone else palette.STOPPED_FILL
    if box.mark == "new":
        fill = palette.tint(palette.MARKER, 0.25)
    area = Area(
        x, y, width, bottom + 6 - y, fill, ink, mark_line(box.mark), outline,
        role="container", key=box.id,
    )  # fmt: skip
    return [area, *shapes]


def _tags(stack: Stack, bars: Mapping[str, Bar]) -> list[tuple[str, str]]:
    """Aliases with the colour of their network, which is named where there are several."""
    several = len(stack.wires) > 1
    return [
        (f"{alias} on {wire.bar}" if several else alias, bars[wire.bar].colour)
        for wire in stack.wires
        for alias in wire.aliases
    ]


def _tag_rows(
    tags: list[tuple[str, str]], room: float, measure: Measure
) -> list[tuple[list[str], str]]:
    found: list[tuple[list[str], str]] = []
    by_colour: dict[str, list[str]] = {}
    for text, colour in tags:
        by_colour.setdefault(colour, []).append(shortened(text, room - 44, SMALL_SIZE, measure))
    for colour, texts in by_colour.items():
        shown = texts[:MOST_TAGS]
        if len(texts) > MOST_TAGS:
            shown.append(f"+{len(texts) - MOST_TAGS}")
        sized = [(text, measure(text, SMALL_SIZE, False) + 12) for text in shown]
        found += [(row, colour) for row in rows(sized, room - 32, 4)]
    return found


def _pills(texts: list[str], x: float, y: float, colour: str, measure: Measure) -> list[Shape]:
    shapes: list[Shape] = [Label(x, y + 8, "alias", SMALL_SIZE, colour=palette.MUTED)]
    x += 32
    for text in texts:
        width = measure(text, SMALL_SIZE, False) + 12
        shapes.append(
            Area(x, y, width, 16, palette.tint(colour, 0.12), colour, 1, form="pill", z=3,
                 role="alias", key=text)
        )  # fmt: skip
        shapes.append(Label(x + width / 2, y + 8, text, SMALL_SIZE, align="center"))
        x += width + 4
    return shapes


def _mount(mount: Mount, x: float, y: float, room: float, measure: Measure) -> list[Shape]:
    form = {"volume": "cylinder", "bind": "folder"}.get(mount.kind, "box")
    source = mount.source
    if mount.kind == "volume" and len(source) == 64:
        source = source[:6] + "\N{HORIZONTAL ELLIPSIS}"
    arrow = "\N{RIGHTWARDS ARROW}"
    text = f"{source} {arrow} {mount.target}" if source else f"{mount.kind} {arrow} {mount.target}"
    if mount.read_only:
        text += " (ro)"
    text = shortened(text, room - 18, SMALL_SIZE, measure)
    return [
        Area(x, y - 5.5, 11, 11, palette.tint(palette.PLAIN, 0.3), palette.INK, 1, form=form,  # type: ignore[arg-type]
             radius=2, z=3, role="mount", key=mount.source),
        Label(x + 17, y, text, SMALL_SIZE),
    ]  # fmt: skip


def _strip_lines(wire: Wire, room: float, measure: Measure) -> list[str]:
    """What stands on a strip; a path is broken once where it has to be."""
    words = {HOST: "the host's interfaces", NONE: "lo only"}
    if wire.notes:
        return [
            line
            for note in wire.notes
            for line in wrapped(note, room, TEXT_SIZE, measure, bold=True)
        ]
    text = words.get(wire.bar) or wire.address or "no address"
    return [shortened(text, room, TEXT_SIZE, measure)]


def _strip(
    wire: Wire, bar: Bar, lines: list[str], x: float, y: float, width: float, height: float
) -> list[Shape]:
    gone = wire.mark == "removed"
    outline: Outline = "dotted" if gone else "solid" if wire.live else "dashed"
    fill = palette.tint(bar.colour, 0.2) if wire.live else palette.PAPER
    colour = palette.INK if wire.live else palette.MUTED
    first = y + height / 2 - NOTE_HEIGHT * (len(lines) - 1) / 2
    return [
        Area(x, y, width, height, fill, bar.colour, 2.2 if wire.mark == "new" else 1.3,
             outline, radius=3, z=3, role="interface", key=wire.bar),
        *(
            Label(x + width / 2, first + number * NOTE_HEIGHT, line, TEXT_SIZE,
                  wire.mark == "new" or line == READ_ONLY, colour, "center", struck=gone, z=4)
            for number, line in enumerate(lines)
        ),
    ]  # fmt: skip
