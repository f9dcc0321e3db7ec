"""A widget (ipywidgets), and what stands in for it where it does not run.

JupyterLab takes a widget before any other form of the same output, and where its kernel is gone, as
in a notebook that was opened again, it shows an error in its place. So these are two outputs: one
that needs no kernel, and the widget. While the widget lives, its style hides the first; otherwise
the second. Without styles (a notebook that is not trusted) the first is shown.
"""

from __future__ import annotations

from typing import Any

from course_lib import showing
from course_lib.showing import Exhibit, Handle

VIEW = "application/vnd.jupyter.widget-view+json"
_DEAD = "jupyter-widgets-disconnected"
"""The class that ipywidgets gives a widget whose kernel is gone."""


def show(box: Any, still: Exhibit) -> Handle:
    """Show a widget below the cell of a notebook.

    :param box: the outermost widget.
    :param still: what stands in for it; it may be changed later.
    """
    name = f"course-{box.model_id}"
    box.add_class(name)
    handle = _StandIn(showing.show(standing_in(still, name)), name)
    from IPython.display import display

    view = box._repr_mimebundle_()[VIEW]
    display({VIEW: view, "text/plain": ""}, raw=True)  # type: ignore[no-untyped-call]
    return handle


def standing_in(still: Exhibit, name: str) -> Exhibit:
    """The same, visible only where no widget with the class ``name`` lives."""
    alive = f".{name}:not(.{_DEAD})"
    output = ".jp-OutputArea-child"
    style = (
        f"body:has({alive}) .{name}-still"
        f",{output}:has(.{name}-still)+{output}:not(:has({alive}))"
        "{display:none}"
    )
    html = f'<div class="{name}-still">{still.html}</div><style>{style}</style>'
    return Exhibit(still.text, html)


class _StandIn:
    def __init__(self, handle: Handle, name: str) -> None:
        self._handle = handle
        self._name = name

    def update(self, exhibit: Exhibit) -> None:
        self._handle.update(standing_in(exhibit, self._name))
