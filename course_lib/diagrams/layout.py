"""Where everything goes: a scene becomes a drawing. Pure.

Every network is a bar. Containers on that network alone stand on it, in rows; containers on
several networks hang below the bars that they join. Networks that share containers form a
component, laid out as a layered graph (Sugiyama, by grandalf); components are then set like
words into lines, their bars on one line, within the width of a notebook.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from course_lib.diagrams import palette
from course_lib.diagrams.blocks import (
    BOX_WIDTH,
    Block,
    badge,
    mark_line,
    pills_height,
    port_pills,
    stack_block,
)
from course_lib.diagrams.palette import NAME_SIZE, SMALL_SIZE, TEXT_SIZE
from course_lib.diagrams.scene import Bar, BarKind, Scene, Stack, Store, Wire
from course_lib.diagrams.shapes import Area, Drawing, Form, Label, Line, Outline, Shape, moved
from course_lib.diagrams.text import Measure, shortened

GAP = 20.0
"""Between columns; wires of upper rows run down there."""
ROW_GAP = 16.0
MARGIN = 18.0
BAR_HEIGHT = 42.0
BAR_PAD = 12.0
BAR_LINE = 15.0
TUCK = 9.0
"""Wires end that far inside their bar, which covers them: not every bar has a straight edge."""
LINES_WIDTH = 230.0
"""Of a bar that says what is inside, at least."""
LINES_MOST = 320.0
"""How far to the right the sizes stand at most."""
DROP = 20.0
"""From a standing stack down to its bar."""
TRACK = 9.0
MOST_TRACKS = 12
"""Between wires that run side by side."""
STORE_WIDTH, STORE_HEIGHT = 176.0, 48.0
TOO_WIDE = 1.3
"""Times the room: beyond, texts get too small when a notebook shrinks the picture."""
APART = 32.0
"""Between components of a line, and between panels of a component."""
EMPTY_PANEL = 240.0
HEAD = 18.0
FOOT = 26.0
FORMS: dict[BarKind, Form] = {"volume": "cylinder", "bind": "folder"}
HOLLOW: tuple[BarKind, ...] = ("none", "tmpfs")


@dataclass(slots=True)
class _Grid:
    """Blocks in rows; row 0 is the one next to the bar."""

    rows: list[list[tuple[Stack, Block]]]
    columns: int
    column_width: float

    @property
    def w(self) -> float:
        return self.columns * self.column_width + (self.columns - 1) * GAP if self.rows else 0.0


@dataclass(slots=True)
class _Panel:
    """A bar and what stands on it, relative to the bar's top left corner (y up is negative)."""

    bar: Bar
    width: float
    shapes: list[Shape] = field(default_factory=list)
    rise: float = 0.0
    published: list[tuple[Block, float, float]] = field(default_factory=list)
    """Blocks with ports, and the middle and top of each."""


@dataclass(slots=True)
class _Component:
    """Panels joined by shared stacks; y is 0 on the top edge of its bars."""

    width: float
    rise: float
    fall: float
    shapes: list[Shape]
    published: list[tuple[Block, float, float]]


def lay_out(scene: Scene, measure: Measure, width: float = palette.WIDTH) -> Drawing:
    """Place everything of a scene on a sheet about ``width`` wide and as high as need be."""
    room = width - 4 * MARGIN
    components = [c for part in _parts(scene) for c in _components(*part, measure, room)]
    lines = _lines(components, room)
    inner = max((sum(c.width for c in line) + APART * (len(line) - 1) for line in lines), default=0)
    title = f"host \N{MIDDLE DOT} {scene.title}" if scene.title else "host"
    inner = max(inner, measure(title, TEXT_SIZE, True), 300.0)
    if scene.stores:
        across = min(len(scene.stores), int((room + GAP) // (STORE_WIDTH + GAP)))
        inner = max(inner, across * (STORE_WIDTH + GAP) - GAP)

    # Ports sit on the host's edge, straight above their container, where nothing is in between.
    first = lines[0] if lines else []
    crowned = bool(first) and _crowned(lines)
    crown = max(
        (pills_height(b.ports) for c in first for b, _, _ in c.published), default=0.0
    ) if crowned else 0.0  # fmt: skip
    top = MARGIN + max(0.0, crown - 10)
    shapes: list[Shape] = []
    # The first line keeps room for its pills; on the host's edge they need it no more.
    y = top + HEAD + (max(24 - crown, 4) if crown else 0)
    for line in lines:
        rise = max(component.rise for component in line)
        x = 2 * MARGIN
        for component in line:
            shapes += [moved(shape, x, y + rise) for shape in component.shapes]
            for block, middle, block_top in component.published:
                at = (x + middle, y + rise + block_top)
                shapes += _published(block, at, top if crowned else None)
            x += component.width + APART
        y += rise + max(component.fall for component in line) + GAP * 1.4
    if scene.stores:
        stores, y = _stores(scene.stores, y, inner, measure)
        shapes += stores
    bottom = y - GAP * 1.4 + FOOT + 16
    frame = Area(
        MARGIN, top, inner + 2 * MARGIN, bottom - top, palette.HOST_FILL, palette.MUTED, 1.6,
        radius=10, z=0, role="host",
    )  # fmt: skip
    name = Label(2 * MARGIN, bottom - 16, title, TEXT_SIZE, True, palette.MUTED)
    shapes = [frame, name, *shapes]
    return Drawing(frame.right + MARGIN, bottom + MARGIN, tuple(shapes))


# --- what belongs together ---------------------------------------------------------------


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


def _lines(components: Sequence[_Component], room: float) -> list[list[_Component]]:
    lines: list[list[_Component]] = []
    used = 0.0
    for component in components:
        if not lines or used + component.width > room:
            lines.append([])
            used = 0.0
        lines[-1].append(component)
        used += component.width + APART
    return lines


# --- one component -----------------------------------------------------------------------


def _components(
    bars: list[Bar], stacks: list[Stack], measure: Measure, room: float
) -> list[_Component]:
    """Joined by wires; where these would be too long to follow, names say the rest."""
    whole = _wired(bars, stacks, measure, room)
    if len(bars) == 1 or whole.width <= room * TOO_WIDE:
        return [whole]
    titles = {bar.key: bar for bar in bars}
    cut = [_cut_loose(stack, titles) for stack in stacks]
    return [_wired([bar], [s for s in cut if s.bars == (bar.key,)], measure, room) for bar in bars]


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


def _wired(bars: list[Bar], stacks: list[Stack], measure: Measure, room: float) -> _Component:
    by_key = {bar.key: bar for bar in bars}
    alone = {bar.key: [s for s in stacks if s.bars == (bar.key,)] for bar in bars}
    shared: dict[tuple[str, ...], list[Stack]] = {}
    for stack in stacks:
        if len(stack.bars) > 1:
            shared.setdefault(tuple(sorted(stack.bars)), []).append(stack)
    columns = _columns([len(alone[bar.key]) for bar in bars], room)
    panels = [
        _panel(bar, alone[bar.key], by_key, measure, count)
        for bar, count in zip(bars, columns, strict=True)
    ]
    if not shared:
        [panel] = panels
        height = bar_height(panel.bar)
        return _Component(panel.width, panel.rise, height, panel.shapes, panel.published)
    across = max(1, int((room + GAP) // (BOX_WIDTH * 1.5 + GAP)) // len(shared))
    hanging = {
        key: _grid(group, by_key, measure, across, hanging=True) for key, group in shared.items()
    }
    places = _sugiyama(panels, hanging)
    return _joined(panels, hanging, places, by_key)


def _columns(counts: Sequence[int], room: float) -> list[int]:
    """How many columns each panel gets: by how many stacks stand on it."""
    free = room - APART * (len(counts) - 1) - sum(EMPTY_PANEL for count in counts if not count)
    fair = [free * count / max(sum(counts), 1) for count in counts]
    return [max(1, int((share - 2 * BAR_PAD + GAP) // (BOX_WIDTH + GAP))) for share in fair]


def _sugiyama(
    panels: Sequence[_Panel], hanging: Mapping[tuple[str, ...], _Grid]
) -> dict[str | tuple[str, ...], float]:
    """Left edges: of panels by their bar's key, of shared groups by their bars' keys."""
    from grandalf.graphs import Edge, Graph, Vertex
    from grandalf.layouts import SugiyamaLayout, VertexViewer

    tops = {panel.bar.key: Vertex(panel.bar.key) for panel in panels}
    lows = {key: Vertex(key) for key in hanging}
    widths: dict[object, float] = {panel.bar.key: panel.width for panel in panels}
    widths.update({key: grid.w for key, grid in hanging.items()})
    vertices = [*tops.values(), *lows.values()]
    for vertex in vertices:
        vertex.view = VertexViewer(widths[vertex.data], 40)
    edges = [Edge(tops[bar], lows[key]) for key in hanging for bar in key]
    graph = Graph(vertices, edges)
    layout = SugiyamaLayout(graph.C[0])
    layout.xspace = int(APART)
    layout.init_all(roots=list(tops.values()))
    layout.draw(4)
    lefts = {v.data: v.view.xy[0] - v.view.w / 2 for v in vertices}
    for layer in (list(tops), list(lows)):
        # The method leaves boxes of very different widths touching now and then.
        edge = -math.inf
        for key in sorted(layer, key=lambda k: lefts[k]):
            lefts[key] = max(lefts[key], edge + APART)
            edge = lefts[key] + widths[key]
    first = min(lefts.values())
    return {key: left - first for key, left in lefts.items()}


def _joined(
    panels: Sequence[_Panel],
    hanging: Mapping[tuple[str, ...], _Grid],
    places: Mapping[str | tuple[str, ...], float],
    bars: Mapping[str, Bar],
) -> _Component:
    """Panels side by side, the shared groups below them, and the wires between."""
    shapes: list[Shape] = []
    published: list[tuple[Block, float, float]] = []
    spans: dict[str, tuple[float, float]] = {}
    for panel in panels:
        x = places[panel.bar.key]
        spans[panel.bar.key] = (x, x + panel.width)
        shapes += [moved(shape, x, 0) for shape in panel.shapes]
        published += [(b, m + x, t) for b, m, t in panel.published]
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
            # Pills of published ports need room between the rows.
            y += max(pills_height(block.ports) for _, block in row)
            for column, (stack, block) in enumerate(row):
                x = places[key] + column * (grid.column_width + GAP)
                shapes += [moved(shape, x, y) for shape in block.shapes]
                if block.ports:
                    published.append((block, x + block.w / 2, y))
                for wire in stack.wires:
                    gutter = x - GAP / 2 + 4 * (key.index(wire.bar) - (len(key) - 1) / 2)
                    shapes.append(
                        _hung(
                            wire,
                            bars[wire.bar],
                            (x + block.taps[wire.bar][0], y),
                            spans[wire.bar],
                            level[key, wire.bar],
                            gutter if number else None,
                        )
                    )
            y += max(block.h for _, block in row)
            low = max(low, y)
            y += ROW_GAP
    rise = max(panel.rise for panel in panels)
    return _Component(wide, rise, low, shapes, published)


def _hung(
    wire: Wire,
    bar: Bar,
    start: tuple[float, float],
    span: tuple[float, float],
    level: float,
    gutter: float | None,
) -> Line:
    """From a hanging stack up to its bar: straight where it can be, else around the corner."""
    x, y = start
    left, right = span
    points = [start]
    if gutter is not None:
        points += [(x, y - 6), (gutter, y - 6)]
        x = gutter
    end = min(max(x, left + 14), right - 14)
    if end != x:
        points += [(x, level), (end, level)]
    return _wire(wire, bar, [*points, (end, bar_height(bar) - TUCK)])


def _panel(
    bar: Bar, stacks: list[Stack], bars: Mapping[str, Bar], measure: Measure, columns: int
) -> _Panel:
    # Published ones next to the edge of the host, where their ports are.
    stacks = sorted(stacks, key=lambda stack: not stack.ports)
    grid = _grid(stacks, bars, measure, columns, hanging=False)
    texts = measure(bar.title, NAME_SIZE, True) + measure(bar.subtitle, TEXT_SIZE, False) + 10
    least = max(min(texts, 300.0), measure(bar.detail, TEXT_SIZE, False)) + 2 * BAR_PAD
    if bar.lines:
        least = max(least, LINES_WIDTH)
    width = max(grid.w + 2 * BAR_PAD, least, 190.0)
    panel = _Panel(bar, width)
    panel.shapes += _bar(bar, width, measure)
    left = (width - grid.w) / 2
    y = -DROP
    for number, row in enumerate(grid.rows):
        height = max(block.h for _, block in row)
        for column, (stack, block) in enumerate(row):
            x = left + column * (grid.column_width + GAP) + (grid.column_width - block.w) / 2
            top = y - block.h
            panel.shapes += [moved(shape, x, top) for shape in block.shapes]
            if block.ports:
                panel.published.append((block, x + block.w / 2, top))
            for wire in stack.wires:
                if wire.bar not in block.taps:
                    continue
                start = (x + block.taps[wire.bar][0], y)
                points = [start, (start[0], TUCK)]
                if number:
                    gutter = left + column * (grid.column_width + GAP) - GAP / 2
                    points = [start, (start[0], y + 6), (gutter, y + 6), (gutter, TUCK)]
                panel.shapes.append(_wire(wire, bar, points))
        y -= height + max(pills_height(block.ports) for _, block in row)
        panel.rise = -y
        y -= ROW_GAP
    return panel


def _grid(
    stacks: list[Stack],
    bars: Mapping[str, Bar],
    measure: Measure,
    columns: int,
    *,
    hanging: bool,
) -> _Grid:
    blocks = [(s, stack_block(s, bars, measure, hanging=hanging)) for s in stacks]
    if not blocks:
        return _Grid([], 0, 0.0)
    count = math.ceil(len(blocks) / columns)
    columns = math.ceil(len(blocks) / count)
    column_width = max(block.w for _, block in blocks)
    if hanging:
        rows = [blocks[i : i + columns] for i in range(0, len(blocks), columns)]
    else:
        # Filled from the top, so that the row farthest from the bar is a full one and comes first.
        rows = [blocks[i : i + columns] for i in range(0, len(blocks), columns)][::-1]
    return _Grid(rows, columns, column_width)


# --- pieces ------------------------------------------------------------------------------


def _bar(bar: Bar, width: float, measure: Measure) -> list[Shape]:
    gone = bar.mark == "removed"
    if bar.kind == "nowhere":
        return [
            Area(0, 0, width, BAR_HEIGHT / 2, palette.HOST_FILL, palette.HOST_FILL, 0, z=1,
                 role="bar", key=bar.key),
            Label(width / 2, BAR_HEIGHT / 4, bar.title, TEXT_SIZE, colour=palette.MUTED,
                  align="center"),
        ]  # fmt: skip
    outline: Outline = "dotted" if gone else "dashed" if bar.kind in HOLLOW else "solid"
    height = bar_height(bar)
    form: Form = FORMS.get(bar.kind, "box")
    area = Area(
        0, 0, width, height, palette.PAPER if gone else palette.tint(bar.colour, 0.22),
        bar.colour,
        3.0 if bar.mark else 1.8, outline, form, radius=8, role="bar", key=bar.key,
    )  # fmt: skip
    y = 14.0 + _lid(bar)
    subtitle_width = measure(bar.subtitle, TEXT_SIZE, False)
    name = shortened(bar.title, width - 2 * BAR_PAD - subtitle_width - 8, NAME_SIZE, measure,
                     bold=True)  # fmt: skip
    title_width = measure(name, NAME_SIZE, True)
    detail = shortened(bar.detail, width - 2 * BAR_PAD, TEXT_SIZE, measure)
    shapes: list[Shape] = [
        area,
        Label(BAR_PAD, y, name, NAME_SIZE, True, struck=gone),
        Label(BAR_PAD + title_width + 8, y + 0.5, bar.subtitle, TEXT_SIZE, colour=palette.MUTED),
        *badge(bar.mark, width, 0),
    ]
    y += 16
    if detail:
        shapes.append(Label(BAR_PAD, y, detail, TEXT_SIZE))
        y += 16
    for text, size in bar.lines:
        right = min(width - BAR_PAD, LINES_MOST)
        room = right - BAR_PAD - measure(size, TEXT_SIZE, False) - 8
        shapes.append(Label(BAR_PAD, y, shortened(text, room, TEXT_SIZE, measure), TEXT_SIZE))
        if size:
            shapes.append(Label(right, y, size, TEXT_SIZE, colour=palette.MUTED, align="right"))
        y += BAR_LINE
    return shapes


def bar_height(bar: Bar) -> float:
    """How high a bar is, with all that is written on it."""
    missing = 0 if bar.detail else 16 if bar.lines else 10
    bottom = 4 if bar.kind == "volume" else 0
    return BAR_HEIGHT + _lid(bar) + BAR_LINE * len(bar.lines) - missing + bottom


def _lid(bar: Bar) -> float:
    """Room that the upper edge of its form takes."""
    return {"volume": 8.0, "bind": 6.0}.get(bar.kind, 0.0)


def _wire(wire: Wire, bar: Bar, points: Iterable[tuple[float, float]]) -> Line:
    outline: Outline = "dotted" if wire.mark == "removed" else "solid" if wire.live else "dashed"
    return Line(tuple(points), bar.colour, 3.0 if wire.mark == "new" else 1.8, outline)


def _crowned(lines: Sequence[Sequence[_Component]]) -> bool:
    """Whether every published container can be seen from the host's upper edge."""
    for number, line in enumerate(lines):
        for component in line:
            areas = [s for s in component.shapes if isinstance(s, Area) and s.role != "badge"]
            for block, middle, top in component.published:
                if number:
                    return False
                left, right = middle - block.w / 2, middle + block.w / 2
                if any(a.y < top - 1 and a.x < right and a.right > left for a in areas):
                    return False
    return True


def _published(block: Block, at: tuple[float, float], edge: float | None) -> list[Shape]:
    """The ports of a block: on the host's edge with a wire down, or on the block itself."""
    middle, top = at
    if edge is None:
        return port_pills(block.ports, middle, top + 1)
    return [
        *port_pills(block.ports, middle, edge + 10),
        Line(((middle, edge + 10), (middle, top)), palette.PORT, 2.0, arrow=True),
    ]


def _stores(
    stores: Sequence[Store], y: float, inner: float, measure: Measure
) -> tuple[list[Shape], float]:
    """The volumes, in rows at the foot."""
    shapes: list[Shape] = [
        Label(2 * MARGIN, y + 2, "volumes", TEXT_SIZE, True, palette.MUTED),
    ]
    y += 16
    across = max(1, int((inner + GAP) // (STORE_WIDTH + GAP)))
    for number, store in enumerate(stores):
        x = 2 * MARGIN + (number % across) * (STORE_WIDTH + GAP)
        top = y + (number // across) * (STORE_HEIGHT + ROW_GAP)
        gone = store.mark == "removed"
        name = shortened(store.name, STORE_WIDTH - 24, NAME_SIZE, measure, bold=True)
        detail = shortened(store.detail, STORE_WIDTH - 20, SMALL_SIZE, measure)
        shapes += [
            Area(x, top, STORE_WIDTH, STORE_HEIGHT, palette.PAPER,
                 palette.INK, mark_line(store.mark),
                 "dotted" if gone else "solid", "cylinder", role="volume", key=store.name),
            Label(x + STORE_WIDTH / 2, top + 22, name, NAME_SIZE, True, align="center",
                  struck=gone),
            Label(x + STORE_WIDTH / 2, top + 37, detail, SMALL_SIZE, colour=palette.MUTED,
                  align="center"),
            *badge(store.mark, x + STORE_WIDTH, top),
        ]  # fmt: skip
    count = math.ceil(len(stores) / across)
    return shapes, y + count * (STORE_HEIGHT + ROW_GAP) - ROW_GAP + GAP * 1.4
