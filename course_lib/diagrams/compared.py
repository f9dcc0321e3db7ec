"""Before and after a command: a difference that shows itself, as a list and as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from course_lib.showing import Exhibit
from course_lib.topology import Change, Difference, Topology, What

SIGNS: dict[What, str] = {"new": "+", "removed": "\N{MINUS SIGN}", "changed": "~"}


@dataclass(frozen=True)
class Compared(Difference):
    """A difference with the two topologies it lies between.

    :param view: ``networks`` or ``volumes``, as :func:`course_lib.diagrams.draw` takes it.
    :param colours: those of earlier pictures.
    """

    before: Topology | None = None
    after: Topology | None = None
    view: str = "networks"
    colours: Mapping[str, str] = field(default_factory=dict, compare=False)

    def exhibit(self) -> Exhibit:
        """What changed, line by line, and below it the picture in which that is marked."""
        from course_lib import diagrams

        style = "font:13px/1.6 system-ui,sans-serif;list-style:none;margin:2px 0 6px;padding:0"
        lines = "".join(map(_line, self.changes)) or "<li>nothing changed</li>"
        html = f'<ul style="{style}">{lines}</ul>'
        if self.changes and self.after is not None:
            view: diagrams.View = "volumes" if self.view == "volumes" else "networks"
            picture = diagrams.draw(self.after, self.before, view, self.colours)
            html += picture.exhibit().html
        return Exhibit(str(self), html)

    def __repr__(self) -> str:
        return str(self)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return self.exhibit().bundle()


def _line(change: Change) -> str:
    sign = (
        "display:inline-block;width:1.4em;text-align:center;border:1px solid currentColor;"
        f"border-radius:{'50%' if change.what == 'changed' else '3px'};margin-right:.6em;"
        f"border-style:{'dotted' if change.what == 'removed' else 'solid'};font-weight:700"
    )
    details = f": {', '.join(change.details)}" if change.details else ""
    name = escape(change.name[:12] if len(change.name) == 64 else change.name)
    return (
        f'<li style="margin:3px 0"><span style="{sign}">{SIGNS[change.what]}</span>'
        f"{change.what} {change.kind} <strong>{name}</strong>{escape(details)}</li>"
    )
