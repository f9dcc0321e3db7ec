"""Colours: dark enough to be read (WCAG 2.2), and told apart by the colour-blind."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest

from course_lib import showing
from course_lib.diagrams import palette
from course_lib.diagrams.layout import lay_out
from course_lib.diagrams.scene import build_scene
from course_lib.diagrams.shapes import Area, Drawing, Label
from course_lib.diagrams.storage import build_storage_scene
from tests.course_lib.test_diagrams import AFTER, BEFORE, SCENES, STORAGE_SCENES, measure

Linear = tuple[float, float, float]
TEXT, SIGN = 4.5, 3.0
"""WCAG's least contrast of texts, and of lines and signs that mean something (1.4.3, 1.4.11)."""
APART = 15.0
"""A distance in CIELAB that is seen at a glance; from 2 on it can be seen at all."""
LIGHT, DARK = "#ffffff", "#111111"
"""Paper of JupyterLab's two themes."""
BLINDNESS = {
    "none": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}  # fmt: skip
"""Machado, Oliveira and Fernandes (2009), of full strength: what is seen of red, green and blue."""


def linear(colour: str) -> Linear:
    def part(text: str) -> float:
        value = int(text, 16) / 255
        return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)

    return part(colour[1:3]), part(colour[3:5]), part(colour[5:7])


def luminance(light: Linear) -> float:
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]


def contrast(one: str, other: str) -> float:
    dark, bright = sorted((luminance(linear(one)), luminance(linear(other))))
    return (bright + 0.05) / (dark + 0.05)


def seen(colour: str, blindness: str) -> Linear:
    """CIELAB of a colour as somebody with that blindness sees it."""
    light = linear(colour)
    red, green, blue = (
        min(1.0, max(0.0, sum(a * b for a, b in zip(row, light, strict=True))))
        for row in BLINDNESS[blindness]
    )
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = luminance((red, green, blue))
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    x, y, z = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_networks_are_told_apart(blindness: str) -> None:
    for one, other in combinations(palette.NETWORK_COLOURS, 2):
        pairs = zip(seen(one, blindness), seen(other, blindness), strict=True)
        assert sum((a - b) ** 2 for a, b in pairs) ** 0.5 >= APART, (one, other)


def test_wires_and_edges_are_dark_enough() -> None:
    for colour in (*palette.NETWORK_COLOURS, palette.PLAIN, palette.RUNNING, palette.PORT):
        for paper in (palette.HOST_FILL, palette.BOX_FILL):
            assert contrast(colour, paper) >= SIGN, (colour, paper)


def test_signs_of_panels_are_seen_in_both_themes() -> None:
    for colour in (showing.GREEN, showing.VERMILION, showing.OCHRE, showing.BLUE):
        for paper in (LIGHT, DARK):
            assert contrast(colour, paper) >= SIGN, (colour, paper)


def drawings() -> Iterator[Drawing]:
    for scene in SCENES.values():
        yield lay_out(build_scene(scene), measure)
    yield lay_out(build_scene(AFTER, BEFORE), measure)
    for scene in STORAGE_SCENES.values():
        yield lay_out(build_storage_scene(scene), measure)


def test_texts_can_be_read_on_what_lies_below_them() -> None:
    checked = 0
    for drawing in drawings():
        areas = [shape for shape in drawing.shapes if isinstance(shape, Area)]
        for label in drawing.shapes:
            if isinstance(label, Label) and len(label.text) > 1:  # a sign is none
                below = [
                    area
                    for area in areas
                    if area.x <= label.x <= area.right
                    and area.y <= label.y <= area.bottom
                    and area.z <= label.z
                ]
                paper = max(below, key=lambda area: area.z).fill if below else palette.PAPER
                assert contrast(label.colour, paper) >= TEXT, (label.text, label.colour, paper)
                checked += 1
    assert checked > 500
