"""Texts of a picture: how wide they are, and the outlines of their letters.

The font comes with matplotlib, so that measures hold everywhere, and fontTools reads it, with which
matplotlib embeds fonts: neither matplotlib nor numpy is loaded, which takes longer than a lesson's
pictures do.
"""

from __future__ import annotations

import functools
import io
import string
import threading
import unicodedata
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.ttLib import TTFont

FAMILY = "DejaVu Sans"
FACE_SIZE = 2048.0
"""Units to the em, in which the font has its letters."""
BASELINE = 0.38
"""Of a text's size: how far its baseline lies below its middle, half as high as an ``l``."""
MISSING = 0
"""The font's own sign for a letter that it has not."""
_ONE_AT_A_TIME = threading.Lock()
"""Faces are one for all threads; a live picture draws in its own."""


@dataclass(frozen=True, slots=True)
class _Face:
    numbers: dict[int, str]
    """A character's glyph. Glyphs are called by their number."""
    glyphs: Any

    def glyph(self, letter: str) -> Any:
        return self.glyphs[self.numbers.get(ord(letter), str(MISSING))]


def measure(text: str, size: float, bold: bool) -> float:
    """How wide a text is in pixels; letters stand side by side as each of them is wide."""
    return sum(advance(letter, bold) for letter in text) * size / FACE_SIZE


def load() -> None:
    """Read the letters that most names have, which the first picture need not do then."""
    for letter in f"{string.ascii_lowercase}{string.digits}-./:":
        for bold in (False, True):
            advance(letter, bold)
            outline(letter, bold)


@functools.cache
def advance(letter: str, bold: bool) -> float:
    """How wide a letter is, with the space around it, at :data:`FACE_SIZE`."""
    if is_foreign(letter, bold) and unicodedata.east_asian_width(letter) in "FW":
        return FACE_SIZE
    with _ONE_AT_A_TIME:
        return float(_face(bold).glyph(letter).width)


@functools.cache
def is_foreign(letter: str, bold: bool) -> bool:
    """Whether the font has not this letter, and another one may: Chinese, a picture of a horse."""
    with _ONE_AT_A_TIME:
        return ord(letter) not in _face(bold).numbers and letter.isprintable()


@functools.cache
def outline(letter: str, bold: bool) -> str:
    """A letter's outline as SVG writes paths, at :data:`FACE_SIZE`, upwards from its baseline."""
    with _ONE_AT_A_TIME:
        face = _face(bold)
        pen = SVGPathPen(face.glyphs, ntos="{:g}".format)
        face.glyph(letter).draw(pen)
        return str(pen.getCommands())


@functools.cache
def _face(bold: bool) -> _Face:
    matplotlib = find_spec("matplotlib")
    assert matplotlib is not None
    assert matplotlib.origin is not None
    name = f"{FAMILY.replace(' ', '')}{'-Bold' if bold else ''}.ttf"
    file = Path(matplotlib.origin).with_name("mpl-data") / "fonts" / "ttf" / name
    # From memory: a face reads on as it goes, and whoever is forked (for grading) shares a file.
    font = TTFont(io.BytesIO(file.read_bytes()), lazy=True)
    # The names that the font has for its glyphs take as long to read as everything else.
    font.setGlyphOrder([str(number) for number in range(font["maxp"].numGlyphs)])
    return _Face(font.getBestCmap(), font.getGlyphSet())
