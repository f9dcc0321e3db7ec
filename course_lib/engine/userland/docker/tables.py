"""Rows as the ``docker`` command prints them: by template, in columns, with readable sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.engine.userland.docker.client import DockerError
from course_lib.engine.userland.docker.template import Template, TemplateError

Values = Mapping[str, Any]


class Row(dict[str, Any]):
    """What a template for rows sees: the client's own type, says Go of a field it has not."""

    def __init__(self, values: Values, kind: str) -> None:
        super().__init__(values)
        self.kind = kind


def columns(lines: Sequence[str]) -> str:
    """Lines with tabs, aligned as Go's tabwriter does (minimum 10, padding 3)."""
    cells = [line.split("\t") for line in lines]
    count = max((len(row) for row in cells), default=0)
    widths = [
        max([10, *(len(row[n]) + 3 for row in cells if len(row) > n + 1)]) for n in range(count)
    ]
    return "".join(
        "".join(cell.ljust(widths[n]) for n, cell in enumerate(row[:-1])) + row[-1] + "\n"
        for row in cells
    )


def render(
    rows: Sequence[Values], form: str, default: str, titles: Mapping[str, str], kind: str
) -> str:
    """Rows by ``--format``: ``table …``, ``json``, or a template for each.

    :param default: the template of the table that is shown without ``--format``.
    :param titles: heading of each field.
    :param kind: what the real client calls the type of a row.
    :raises DockerError: the template cannot be used.
    """
    if form == "json":
        form = "{{json .}}"
    if not form or form == "table":
        form = f"table {default}"
    wanted = form.removeprefix("table ").replace("\\t", "\t").replace("\\n", "\n")
    try:
        template = Template(wanted)
        lines = [template.render(Row(row, kind)) for row in rows]
        if form.startswith("table "):
            return columns([template.render(Row(titles, kind)), *lines])
    except TemplateError as error:
        verb = "parse" if error.parsing else "execute"
        raise DockerError(f"failed to {verb} template: {error}") from None
    return "".join(f"{line}\n" for line in lines)


def duration(seconds: float) -> str:
    """``units.HumanDuration`` of Docker."""
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole < 60:
        return f"{whole} second{'s' if whole != 1 else ''}"
    minutes = whole // 60
    if minutes < 60:
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    hours = int(seconds / 3600 + 0.5)
    if hours == 1:
        return "About an hour"
    for limit, unit, name in (
        (48, 1, "hours"), (24 * 14, 24, "days"), (24 * 60, 24 * 7, "weeks"),
        (24 * 365 * 2, 24 * 30, "months"),
    ):  # fmt: skip
        if hours < limit:
            return f"{hours // unit} {name}"
    return f"{int(seconds / 3600 / 24 / 365)} years"


def size(count: float, digits: int = 3) -> str:
    """``units.HumanSize``: ``7.8MB``."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:.{digits}g}{unit}"
        value /= 1000
    return ""


def ports(entries: Sequence[Mapping[str, Any]]) -> str:
    """The column PORTS: ranges where host and container ports are the same, or there is none."""
    groups: dict[tuple[str, str], list[list[int]]] = {}
    mapped = []
    ordered = sorted(
        entries,
        key=lambda p: (p["PrivatePort"], p.get("IP", ""), p.get("PublicPort", 0), p["Type"]),
    )
    for entry in ordered:
        address, private, kind = entry.get("IP", ""), entry["PrivatePort"], entry["Type"]
        if address and entry["PublicPort"] != private:
            mapped.append(f"{address}:{entry['PublicPort']}->{private}/{kind}")
            continue
        spans = groups.setdefault((address, kind), [])
        if spans and spans[-1][1] + 1 == private:
            spans[-1][1] = private
        else:
            spans.append([private, private])
    shown = []
    for (address, kind), spans in groups.items():
        for first, last in spans:
            span = str(first) if first == last else f"{first}-{last}"
            shown.append(f"{address}:{span}->{span}/{kind}" if address else f"{span}/{kind}")
    return ", ".join([*shown, *mapped])


def ellipsis(text: str, width: int) -> str:
    """At most ``width`` characters; the last is ``…`` where something was cut."""
    return text if len(text) <= width else text[: width - 1] + "…"
