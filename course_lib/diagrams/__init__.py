"""Diagrams of an engine: topology -> scene -> layout -> SVG or matplotlib figure, all pure.

fontTools is imported when something is drawn, not before; matplotlib, for a figure alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from course_lib.diagrams.picture import Picture
from course_lib.diagrams.scene import Scene, build_scene, recoloured
from course_lib.diagrams.storage import build_storage_scene
from course_lib.diagrams.words import describe_scene
from course_lib.topology import Topology
from course_lib.trace import Trace

__all__ = ["Picture", "View", "describe", "draw", "draw_trace"]

View = Literal["networks", "volumes"]
"""Who is joined to whom, or who keeps what where."""


def scene_of(
    topology: Topology,
    since: Topology | None = None,
    view: View = "networks",
    colours: Mapping[str, str] = {},
) -> Scene:
    """What a picture of that kind shows, in the ``colours`` of earlier ones."""
    build = build_storage_scene if view == "volumes" else build_scene
    return recoloured(build(topology, since), colours)


def describe(topology: Topology, since: Topology | None = None, view: View = "networks") -> str:
    """What the picture of a topology shows, one fact a line."""
    return describe_scene(scene_of(topology, since, view))


def draw(
    topology: Topology,
    since: Topology | None = None,
    view: View = "networks",
    colours: Mapping[str, str] = {},
) -> Picture:
    """The picture of a topology.

    :param since: an earlier one; what is new, changed or gone since is marked.
    :param colours: those of earlier pictures, which are kept.
    """
    from course_lib.diagrams.layout import lay_out
    from course_lib.diagrams.lettering import measure
    from course_lib.diagrams.svg import as_svg

    scene = scene_of(topology, since, view, colours)
    drawing = lay_out(scene, measure)
    return Picture(drawing, as_svg(drawing), describe_scene(scene), scene.colours)


def draw_trace(trace: Trace, topology: Topology, colours: Mapping[str, str] = {}) -> Picture:
    """The picture of a packet's way; networks have the colours of the topology's picture."""
    from course_lib.diagrams.lettering import measure
    from course_lib.diagrams.svg import as_svg
    from course_lib.diagrams.trace import lay_out_trace

    bars = recoloured(build_scene(topology), colours).bars
    known = {bar.title: bar.colour for bar in bars if bar.kind == "network"}
    drawing = lay_out_trace(trace, known, measure)
    return Picture(drawing, as_svg(drawing), str(trace))
