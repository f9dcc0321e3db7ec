"""What a student wrote, as formgrader and the feedback show it: nothing of it runs there.

nbgrader's pages show HTML in Markdown and in outputs as it is. A script in a submission would
then run in the instructor's browser, signed in to formgrader, and could change any grade. The
configuration that ``course init`` writes puts these two filters in the place of nbconvert's own;
checks' panels, tables and pictures pass unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import nh3
from jinja2 import pass_context

_TAGS = nh3.ALLOWED_TAGS | {"section"}
_SHAPES = {"class", "style", "title", "aria-hidden", "aria-label"}
_ATTRIBUTES = {
    "*": _SHAPES,
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align", "scope"},
    "ol": {"start"},
    "details": {"open"},
}
_STYLES = {
    "align-items", "background", "background-color", "border", "border-bottom", "border-collapse",
    "border-color", "border-left", "border-radius", "border-right", "border-top", "color",
    "display", "flex", "font-family", "font-size", "font-style", "font-variant", "font-weight",
    "gap", "height", "justify-content", "line-height", "margin", "margin-bottom", "margin-left",
    "margin-right", "margin-top", "max-width", "opacity", "overflow-wrap", "padding",
    "padding-bottom", "padding-left", "padding-right", "padding-top", "text-align",
    "text-decoration", "vertical-align", "white-space", "width",
}  # fmt: skip
"""No ``position``: nothing of a student's lies over what is nbgrader's."""


def clean_html(html: Any) -> str:
    """HTML without scripts, handlers, forms, frames and names that nbgrader's scripts look for."""
    text = html.decode(errors="replace") if isinstance(html, bytes) else str(html)
    return nh3.clean(
        text,
        tags=_TAGS,
        clean_content_tags={"script", "style"},
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        url_schemes={"http", "https", "mailto", "data"},
        filter_style_properties=_STYLES,
    )


def _attribute(tag: str, name: str, value: str) -> str | None:
    begin = value.strip().lower()
    if begin.startswith("data:") and not (tag == "img" and begin.startswith("data:image/")):
        return None
    if name == "style" and "url(" in begin:
        return None
    return value


@pass_context
def markdown2html(context: Mapping[str, Any], source: str) -> str:
    """Markdown as nbconvert's own filter renders it, cleaned."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    cell = context.get("cell", {})
    renderer: Any = IPythonRenderer(escape=False, attachments=cell.get("attachments", {}))
    markdown: Any = MarkdownWithMath(renderer=renderer)
    return clean_html(markdown.render(source))
