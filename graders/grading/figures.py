"""A kernel's figures, each drawn for its PNG alone.

After a cell pyplot draws every figure for a window, which a kernel does not have; then
matplotlib-inline draws it for the PNG. The first is half of what a picture costs, and nothing of it
is to be seen, but where it does more than draw.
"""

from __future__ import annotations

import io
from typing import Any


def load(shell: Any) -> None:
    """Import pyplot and draw, before the fork: the first figure loads fonts and a canvas."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    axes.plot([1, 2, 3])
    axes.set_title("warm")
    figure.savefig(io.BytesIO(), format="png", bbox_inches="tight")
    pyplot.close(figure)
    _draw_once(shell)


def _draw_once(shell: Any) -> None:
    """Take pyplot's drawing after each cell from a shell that has it."""
    from matplotlib import pyplot

    after: list[Any] = shell.events.callbacks["post_execute"]
    drawing = getattr(pyplot, "_draw_all_if_interactive", None)
    if drawing in after:
        after[after.index(drawing)] = _draw_what_matters


def _draw_what_matters() -> None:
    """Draw the figures whose next drawing depends on it, or that somebody waits for."""
    import matplotlib
    from matplotlib._pylab_helpers import Gcf

    if not matplotlib.is_interactive():
        return
    for manager in Gcf.get_all_fig_managers():
        figure = manager.canvas.figure
        arranged = figure.get_layout_engine() is not None  # anew with every drawing
        waited_for = figure.canvas.callbacks.callbacks.get("draw_event")
        if figure.stale and (arranged or waited_for):
            manager.canvas.draw_idle()
