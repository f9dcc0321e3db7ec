"""How Moodle's grade import reads a file: ``csv_import_reader`` of ``csvlib.class.php``.

It reads with PHP's ``fgetcsv``, stores with ``fputcsv`` (and an apostrophe before formulas) and
reads that again, both with a backslash as the escape character, which RFC 4180 does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def imported(content: bytes) -> list[list[str]]:
    """The cells of a file, header first, as they are looked up in the course."""
    text = re.sub("\r\n?", "\n", content.decode("utf-8-sig")).strip()
    stored = put([_guarded(cell) for cell in row] for row in get(text))
    return [[cell.strip() for cell in row] for row in get(stored)]


def get(text: str) -> list[list[str]]:
    """PHP's ``fgetcsv``, line by line: a backslash takes a quote's meaning, and stays."""
    rows, at = [], 0
    while at < len(text):
        row: list[str] = []
        more = True
        while more:
            cell, at = _cell(text, at)
            row.append(cell)
            more = text[at : at + 1] == ","
            at += 1
        rows.append(row)
    return rows


def _cell(text: str, at: int) -> tuple[str, int]:
    begin = re.compile(r"[ \t\v\f\r]*").match(text, at)
    assert begin is not None
    found = ""
    if text[begin.end() : begin.end() + 1] == '"':
        at = begin.end() + 1
        while at < len(text):
            two = text[at : at + 2]
            if two[0] == "\\":
                found, at = found + two, at + 2
            elif two == '""':
                found, at = found + '"', at + 2
            elif two[0] == '"':
                at += 1
                break
            else:
                found, at = found + two[0], at + 1
    end = re.compile(r"[^,\n]*").match(text, at)
    assert end is not None
    return found + end[0], end.end()


def put(rows: Iterable[Sequence[str]]) -> str:
    """PHP's ``fputcsv``: a quote behind a backslash is not doubled."""
    lines = []
    for row in rows:
        cells = []
        for cell in row:
            if re.search(r'[,"\\\n\r\t ]', cell):
                doubled, escaped = "", False
                for char in cell:
                    doubled += '""' if char == '"' and not escaped else char
                    escaped = char == "\\"
                cells.append(f'"{doubled}"')
            else:
                cells.append(cell)
        lines.append(",".join(cells) + "\n")
    return "".join(lines)


def _guarded(cell: str) -> str:
    formula = cell != "-" and cell.lstrip().startswith(("=", "+", "-", "@"))
    return f"'{cell}" if formula else cell
