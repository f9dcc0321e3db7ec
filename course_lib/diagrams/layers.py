"""Panels above, the groups they share below, side by side as Sugiyama's method puts them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from course_lib import lean
from course_lib.diagrams.panels import APART, Grid, Panel

# grandalf takes numpy for another method than this one, and does without it, too: a first picture
# would wait a fifth of a second for it.
lean.import_without("grandalf.utils.geometry", "numpy")

from grandalf.graphs import Edge, Graph, Vertex  # noqa: E402
from grandalf.layouts import SugiyamaLayout, VertexViewer  # noqa: E402


def lefts(
    panels: Sequence[Panel], hanging: Mapping[tuple[str, ...], Grid]
) -> dict[str | tuple[str, ...], float]:
    """Left edges: of panels by their bar's key, of shared groups by their bars' keys."""
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
    found = {v.data: v.view.xy[0] - v.view.w / 2 for v in vertices}
    for layer in (list(tops), list(lows)):
        # The method leaves boxes of very different widths touching now and then.
        edge = -math.inf
        for key in sorted(layer, key=lambda k: found[k]):
            found[key] = max(found[key], edge + APART)
            edge = found[key] + widths[key]
    first = min(found.values())
    return {key: left - first for key, left in found.items()}
