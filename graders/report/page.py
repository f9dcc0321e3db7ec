"""A report as one HTML file that needs nothing else: no script, no font, no other file."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from graders.report import look, plots
from graders.report.model import OUTCOMES, ClassReport, middle

NAMES_SHOWN = 6
"""Students named at once beside a wrong state; the others unfold."""


def page(reports: Sequence[ClassReport], course_id: str) -> str:
    """The document. Whatever comes from students is escaped, and scripts are forbidden in it."""
    environment = Environment(
        loader=PackageLoader("graders.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(seconds=look.seconds, number=look.number, students=look.students)
    return environment.get_template("page.html.j2").render(
        course_id=course_id,
        sections=[_section(report) for report in reports],
        outcomes=OUTCOMES,
        look=look,
        named=NAMES_SHOWN,
    )


def _section(report: ClassReport) -> dict[str, Any]:
    standings = report.standings()
    earned = [one.earned for one in standings if one.earned is not None]
    return {
        "report": report,
        "standings": standings,
        "graded": len(earned),
        "mean": sum(earned) / len(earned) if earned else None,
        "median": middle(earned) if earned else None,
        "waiting": report.waiting(),
        "seconds": [one.seconds for one in standings if one.seconds is not None],
        "distribution": _source(plots.distribution(report)),
        "outcomes": _source(plots.outcomes(report.exercises)),
        "times": _source(plots.times(report.exercises)),
        "lessons": [
            (name, [one for one in report.exercises if one.notebook == name])
            for name in report.notebooks
        ],
    }


def _source(svg: str) -> str:
    """For ``src`` of an image."""
    if not svg:
        return ""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode('ascii')}"
