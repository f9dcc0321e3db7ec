"""The live picture as a widget (ipywidgets): the picture, a line that says it lives, a button."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ipywidgets import HTML, Button, HBox, Layout, VBox

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
        self.still: Picture | None = None
        """The picture that was shown last: for where widgets do not run."""
        self.picture = HTML()
        self.line = HTML()
        self.button = Button(
            description="Stop", icon="stop", tooltip="Keep this picture as it is",
            layout=Layout(width="6em"),
        )  # fmt: skip
        self.box = VBox([self.picture, HBox([self.button, self.line])])

    def show(self, before: Topology | None, now: Topology) -> None:
        """Show ``now``; what differs from ``before`` is marked."""
        self.still = self._draw(now, before)
        self.picture.value = self.still.exhibit().html
        self._pictures += 1
        times = self._pictures - 1
        changes = f"{times} change{'' if times == 1 else 's'} since it was opened"
        self.line.value = (
            f'<span role="status" {_LINE}>\N{BLACK CIRCLE} live \N{MIDDLE DOT} {changes}</span>'
        )

    def ended(self, reason: str) -> None:
        """Say that the picture follows no more."""
        why = f": {reason}" if reason else ""
        self.line.value = (
            f'<span role="status" {_LINE}>\N{BLACK SQUARE} still{why}. '
            "Run the cell again to follow.</span>"
        )
        self.button.layout.display = "none"

    def bundle(self) -> dict[str, Any]:
        """As a Jupyter MIME bundle: the picture so far is for where widgets do not run."""
        made: dict[str, Any] = self.box._repr_mimebundle_()
        return {**made, **(self.still.exhibit().bundle() if self.still else {})}
