"""Diagrams of an engine: topology -> scene -> layout -> matplotlib figure, all pure.

matplotlib is imported when something is drawn, not before.
"""

from __future__ import annotations

from course_lib.diagrams.picture import Picture
from course_lib.diagrams.scene import build_scene
from course_lib.diagrams.words import describe, describe_scene
from course_lib.topology import Topology
from course_lib.trace import Trace

__all__ = ["Picture", "describe", "draw", "draw_trace"]


def draw(topology: Topology, since: Topology | None = None) -> Picture:
    """The picture of a topology.

    :param since: an earlier one; what is new, changed or gone since is marked.
    """
    from course_lib.diagrams import paint
    from course_lib.diagrams.layout import lay_out

    scene = build_scene(topology, since)
    drawing = lay_out(scene, paint.measure)
    return Picture(drawing, paint.as_svg(paint.figure(drawing)), describe_scene(scene))


def draw_trace(trace: Trace, topology: Topology) -> Picture:
    """The picture of a packet's way; networks have the colours of the topology's picture."""
    from course_lib.diagrams import paint
    from course_lib.diagrams.trace import lay_out_trace

    colours = {bar.title: bar.colour for bar in build_scene(topology).bars if bar.kind == "network"}
    drawing = lay_out_trace(trace, colours, paint.measure)
    return Picture(drawing, paint.as_svg(paint.figure(drawing)), str(trace))
