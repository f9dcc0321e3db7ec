"""Showing something where the program runs: rich in a notebook, as text anywhere else."""

from __future__ import annotations

import base64
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Exhibit:
    """The same thing as HTML and as text; the text is what a screen reader or a log gets."""

    text: str
    html: str = ""

    def bundle(self) -> dict[str, str]:
        """As a Jupyter MIME bundle."""
        bundle = {"text/plain": self.text}
        return {**bundle, "text/html": self.html} if self.html else bundle


class Handle(Protocol):
    """An output that may still change."""

    def update(self, exhibit: Exhibit) -> None:
        """Show this instead."""


GREEN, VERMILION, OCHRE, BLUE = "#009E73", "#D55E00", "#BF7A00", "#0072B2"
"""Of signs: right, wrong, half, something else; seen on light and on dark paper. Words keep the
page's own colour, and a sign and a word always say the same."""

LEAST_SCALE = 0.75
"""How far a drawing may shrink: its small letters are 10 pixels high."""

_CODE = re.compile(r"`([^`]+)`")

UNATTENDED = "COURSE_UNATTENDED"
"""Set in the environment while lessons run for their scores alone, and nobody looks."""


def attended(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether somebody may be there to press a button: not while grading or in ``course run``."""
    return not environ.get(UNATTENDED)


def shell() -> Any | None:
    """The IPython shell that runs this code, without importing IPython where there is none."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    return get_ipython()


def show(exhibit: Exhibit) -> Handle:
    """Show something below the cell; printed outside of a notebook."""
    if shell() is None:
        return _Printed(exhibit)
    from IPython.display import DisplayHandle

    handle = DisplayHandle()  # type: ignore[no-untyped-call]
    handle.display(exhibit.bundle(), raw=True)  # type: ignore[no-untyped-call]
    return _Displayed(handle)


def rich(text: str) -> str:
    """As HTML: what stands in backticks is code."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def image(svg: bytes, width: float, alt: str) -> str:
    """A drawing as HTML, on paper of its own, which dark pages need.

    In a narrow notebook it shrinks, but not so far that nobody could read it: then it scrolls.

    :param width: of the drawing, in CSS pixels.
    :param alt: the same in words.
    """
    source = base64.b64encode(svg).decode("ascii")
    return (
        '<div style="overflow-x:auto">'
        f'<img src="data:image/svg+xml;base64,{source}" alt="{escape(alt, quote=True)}" '
        f'width="{width:.0f}" style="max-width:100%;min-width:{LEAST_SCALE * width:.0f}px;'
        'height:auto;background:#fff;border-radius:6px"/></div>'
    )


def note(text: str, sign: str = "") -> Exhibit:
    """A quiet line in the look of the course."""
    line = f"{sign} {text}" if sign else text
    style = (
        "font:13px/1.5 system-ui,sans-serif;color:var(--jp-ui-font-color1,#444);"
        "border-left:3px solid #0072B2;"
    )
    return Exhibit(line, f'<div style="{style}padding:2px 10px">{rich(line)}</div>')


class Status:
    """The line that ``start`` shows: first what takes a while, in the end what is ready."""

    def __init__(self) -> None:
        self._handle: Handle | None = None

    def announce(self, text: str) -> None:
        """Say what is going on."""
        self._show(note(f"{text} \N{HORIZONTAL ELLIPSIS}"))

    def finish(self, exhibit: Exhibit) -> None:
        """Say what is ready."""
        self._show(exhibit)

    def _show(self, exhibit: Exhibit) -> None:
        if self._handle is None:
            self._handle = show(exhibit)
        else:
            self._handle.update(exhibit)


class _Printed:
    def __init__(self, exhibit: Exhibit) -> None:
        self.update(exhibit)

    def update(self, exhibit: Exhibit) -> None:
        print(exhibit.text, flush=True)


class _Displayed:
    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def update(self, exhibit: Exhibit) -> None:
        self._handle.update(exhibit.bundle(), raw=True)
