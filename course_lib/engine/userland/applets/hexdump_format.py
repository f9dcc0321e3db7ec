"""The format strings of ``hexdump -e``: how many units of how many bytes, shown how."""

from __future__ import annotations

import re
from dataclasses import dataclass

from course_lib.engine.userland.applets.common import Fail
from course_lib.engine.userland.applets.printing import unescape

_UNIT = re.compile(r'\s*(?:(\d*)/(\d*)\s*|(\d+)\s+)?"((?:[^"\\]|\\.)*)"')
_DIRECTIVE = re.compile(r"%([-+ #0]*)(\d*)(?:\.(\d+))?(_a[dox]|_[cpu]|[a-zA-Z%])")
_DEFAULT_SIZE = {"c": 1, "_c": 1, "_p": 1, "_u": 1}
_CONTROL = {0: "\\0", 7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}


@dataclass(frozen=True, slots=True)
class _Unit:
    """A text with at most one directive, and how often it is applied."""

    times: int
    before: str
    kind: str
    form: str
    after: str
    size: int

    @property
    def length(self) -> int:
        """Bytes that it takes, all in all."""
        return self.times * self.size


def dump(data: bytes, formats: list[str], offset: int, *, every: bool) -> str:
    """Data as the formats say; each format is applied to the same block of bytes.

    :param every: show a block that is as the one before too, instead of ``*``.
    :raises Fail: ``bad format {...}``, as BusyBox says it.
    """
    lines = [_parsed(text) for text in formats]
    size = max(sum(unit.length for unit in units) for units in lines)
    if not size:
        raise Fail("zero byte format")
    out: list[str] = []
    previous = None
    starred = False
    for start in range(0, len(data), size):
        block = data[start : start + size]
        if block == previous and not every:
            out += [] if starred else ["*\n"]
            starred = True
            continue
        previous, starred = block, False
        out += [_line(units, block, start + offset) for units in lines]
    return "".join(out)


def _parsed(text: str) -> list[_Unit]:
    units: list[_Unit] = []
    position = 0
    while text[position:].strip():
        match = _UNIT.match(text, position)
        if match is None:
            raise Fail(f"bad format {{{text[position:].strip()}}}")
        position = match.end()
        times = int(match[1] or match[3] or 1)
        units += _units(match[4], times, int(match[2] or 0))
    return units


def _units(body: str, times: int, size: int) -> list[_Unit]:
    found = list(_DIRECTIVE.finditer(body))
    shown = [match for match in found if match[4] != "%"]
    if not shown:
        return [_Unit(times, _text(body), "", "", "", 0)]
    units = []
    start = 0
    for number, match in enumerate(shown):
        end = len(body) if number == len(shown) - 1 else match.end()
        kind = match[4]
        width = size or (int(match[3] or 1) if kind == "s" else _DEFAULT_SIZE.get(kind, 4))
        units.append(
            _Unit(
                times,
                _text(body[start : match.start()]),
                kind,
                f"{match[1]}{match[2]}",
                _text(body[match.end() : end]),
                0 if kind.startswith("_a") else width,
            )
        )
        start = end
    return units


def _text(body: str) -> str:
    data, _ = unescape(body.replace("%%", "%"), zero_prefix=False)
    return data.decode("utf-8", "surrogateescape")


def _line(units: list[_Unit], block: bytes, offset: int) -> str:
    out = ""
    place = 0
    for unit in units:
        for turn in range(unit.times):
            if unit.size and place >= len(block):
                width = re.search(r"[1-9]\d*$", unit.form)  # what is not there is as wide, if said
                out += unit.before + " " * int(width[0] if width else 0)
            else:
                piece = block[place : place + unit.size]
                out += unit.before + _shown(unit, piece, offset + place)
            last = turn == unit.times - 1
            trimmed = unit.times > 1 and last and unit.after.isspace() and "\n" not in unit.after
            out += "" if trimmed else unit.after
            place += unit.size
    return out


def _shown(unit: _Unit, piece: bytes, offset: int) -> str:
    if not unit.kind:
        return ""
    if unit.kind.startswith("_a"):
        return f"%{unit.form}{unit.kind[2]}" % offset
    if unit.kind in ("_p", "_c", "_u"):
        byte = piece[0]
        plain = chr(byte) if 32 <= byte < 127 else ""
        other = "." if unit.kind == "_p" else _CONTROL.get(byte, f"{byte:03o}")
        return f"%{unit.form}s" % (plain or other)
    if unit.kind in ("c", "s"):
        return f"%{unit.form}s" % piece.decode("latin-1")
    value = int.from_bytes(piece, "little", signed=unit.kind in "di")
    kind = {"i": "d", "u": "d"}.get(unit.kind, unit.kind)
    if kind not in "doxX":
        raise Fail(f"bad conversion character %{unit.kind}")
    return f"%{unit.form}{kind}" % value
