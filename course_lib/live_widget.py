"""The live picture: an output that is drawn again, and below it a line and a button (ipywidgets).

The picture itself is an ordinary output, not a part of the widget: a notebook that is opened
again, or exported, shows the last one, though widgets do not run there.
"""

from __future__ import annotations

from collections.abc import Callable

from ipywidgets import HTML, Button, HBox, Layout

from course_lib import showing, stand_in
from course_lib.diagrams import Picture
from course_lib.topology import Topology

_LINE = 'style="font:13px/1.5 system-ui,sans-serif"'


class LiveWidget:
    """A screen for :class:`course_lib.live.Following`.

    :param draw: makes the picture of a topology with what changed since another marked.
    """

    def __init__(self, draw: Callable[[Topology, Topology | None], Picture]) -> None:
        self._draw = draw
        self._pictures = 0
        self._output: showing.Handle | None = None
        self._still: showing.Handle | None = None
        self.line = HTML()
        self.button = Button(
            description="Stop", icon="stop", tooltip="Keep this picture as it is",
            layout=Layout(width="6em"),
        )  # fmt: skip
        self.box = HBox([self.button, self.line])

    def show(self, before: Topology | None, now: Topology) -> None:
        """Show ``now``; what differs from ``before`` is marked."""
        exhibit = self._draw(now, before).exhibit()
        if self._output is None:
            self._output = showing.show(exhibit)
        else:
            self._output.update(exhibit)
        times, self._pictures = self._pictures, self._pictures + 1
        changes = f"{times} change{'' if times == 1 else 's'} since it was opened"
        self.line.value = (
            f'<span role="status" {_LINE}>\N{BLACK CIRCLE} live \N{MIDDLE DOT} {changes}</span>'
        )

    def show_controls(self) -> None:
        """Below the picture, in a notebook."""
        self._still = stand_in.show(self.box, _still())

    def ended(self, reason: str) -> None:
        """Say that the picture follows no more; the button goes."""
        still = _still(reason)
        self.line.value = f'<span role="status" {_LINE}>{still.text}</span>'
        self.button.layout.display = "none"
        if self._still is not None:
            self._still.update(still)


def _still(reason: str = "") -> showing.Exhibit:
    why = f": {reason}" if reason else ""
    return showing.note(f"\N{BLACK SQUARE} still{why}. Run the cell again to follow.")
