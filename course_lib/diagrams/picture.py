"""A finished picture, as a notebook shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.diagrams.shapes import Drawing
from course_lib.showing import Exhibit, image

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Picture:
    """A diagram: its shapes, its SVG, and the same in words."""

    drawing: Drawing
    svg: bytes
    words: str
    colours: Mapping[str, str] = field(default_factory=dict)
    """Of networks, volumes and paths, by key: for the next picture to keep."""

    @property
    def figure(self) -> Figure:
        """A new matplotlib figure of it."""
        from course_lib.diagrams import paint

        return paint.figure(self.drawing)

    def png(self, scale: float = 2.0) -> bytes:
        """The picture in pixels, ``scale`` of them to each CSS pixel."""
        from course_lib.diagrams import paint

        return paint.as_png(self.figure, scale)

    def save(self, path: Path | str) -> None:
        """Write it as ``.svg`` or ``.png``, by the name."""
        path = Path(path)
        path.write_bytes(self.png() if path.suffix == ".png" else self.svg)

    def exhibit(self) -> Exhibit:
        """For display: an image with its text alternative, and the words to unfold."""
        summary = (
            "font:12px system-ui,sans-serif;color:var(--jp-ui-font-color2,#595959);cursor:pointer"
        )
        return Exhibit(
            self.words,
            f"{image(self.svg, self.drawing.width, self.words)}"
            f'<details><summary style="{summary}">in words</summary>'
            f'<pre style="font-size:12px">{escape(self.words)}</pre></details>',
        )

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return self.exhibit().bundle()
