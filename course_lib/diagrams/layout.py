"""Where everything goes: a scene becomes a drawing. Pure.

Every network is a bar. Containers on that network alone stand on it, in rows
(:mod:`~course_lib.diagrams.panels`); containers on several networks hang below the bars that they
join (:mod:`~course_lib.diagrams.components`). Networks that share containers form a component;
components are set here like words into lines, their bars on one line, within the width of a
notebook.
"""

from __future__ import annotations

from collections.abc import Sequence

from course_lib.diagrams import palette, ports, stores
from course_lib.diagrams.components import Component, components_of
from course_lib.diagrams.palette import MARGIN, TEXT_SIZE
from course_lib.diagrams.panels import APART, GAP
from course_lib.diagrams.scene import Scene
from course_lib.diagrams.shapes import Area, Drawing, Label, Shape, moved
from course_lib.diagrams.text import Measure

HEAD = 18.0
FOOT = 26.0
ARROW = 24.0
"""From the host's edge to the highest container of the first line, where arrows are between."""
LEAST_WIDTH = 300.0


def lay_out(scene: Scene, measure: Measure, width: float = palette.WIDTH) -> Drawing:
    """Place everything of a scene on a sheet about ``width`` wide and as high as need be."""
    room = width - 4 * MARGIN
    lines = _lines(components_of(scene, measure, room), room)
    inner = max((sum(c.width for c in line) + APART * (len(line) - 1) for line in lines), default=0)
    title = f"host \N{MIDDLE DOT} {scene.title}" if scene.title else "host"
    inner = max(inner, measure(title, TEXT_SIZE, True), LEAST_WIDTH)
    inner = max(inner, stores.row_width(len(scene.stores), room))

    # Ports sit on the host's edge, straight above their container, where nothing is in between.
    crowned = _crowned(lines)
    published = [port for line in lines for c in line for port in c.published]
    crown = max((ports.pills_height(port.block.ports) for port in published), default=0.0)
    top = MARGIN + (max(0.0, crown - 10) if crowned else 0.0)
    shapes: list[Shape] = []
    y = top + HEAD
    for line in lines:
        rise = max(_height(c) + ARROW if crowned and line is lines[0] else c.rise for c in line)
        x = 2 * MARGIN
        for component in line:
            shapes += [moved(shape, x, y + rise) for shape in component.shapes]
            for port in component.published:
                at = port.moved(x, y + rise)
                shapes += (
                    ports.on_the_edge(at, top, measure)
                    if crowned
                    else ports.on_the_block(at, measure)
                )
            x += component.width + APART
        y += rise + max(component.fall for component in line) + GAP * 1.4
    if scene.stores:
        shown, y = stores.at_the_foot(scene.stores, y, inner, measure)
        shapes += shown
    bottom = y - GAP * 1.4 + FOOT + 16
    frame = Area(
        MARGIN, top, inner + 2 * MARGIN, bottom - top, palette.HOST_FILL, palette.MUTED, 1.6,
        radius=10, z=0, role="host",
    )  # fmt: skip
    name = Label(2 * MARGIN, bottom - 16, title, TEXT_SIZE, True, palette.MUTED)
    shapes = [frame, name, *shapes]
    return Drawing(frame.right + MARGIN, bottom + MARGIN, tuple(shapes))


def _lines(components: Sequence[Component], room: float) -> list[list[Component]]:
    lines: list[list[Component]] = []
    used = 0.0
    for component in components:
        if not lines or used + component.width > room:
            lines.append([])
            used = 0.0
        lines[-1].append(component)
        used += component.width + APART
    return lines


def _crowned(lines: Sequence[Sequence[Component]]) -> bool:
    """Whether there are published ports, and all can be seen from the host's upper edge."""
    seen = False
    for line in lines:
        for component in line:
            areas = [s for s in component.shapes if isinstance(s, Area) and s.role != "badge"]
            for port in component.published:
                if line is not lines[0]:
                    return False
                left, right = port.middle - port.block.w / 2, port.middle + port.block.w / 2
                if any(a.y < port.top - 1 and a.x < right and a.right > left for a in areas):
                    return False
                seen = True
    return seen


def _height(component: Component) -> float:
    """How high its containers are above its bars, without the pills of their ports."""
    return -min(shape.y for shape in component.shapes if isinstance(shape, Area))
