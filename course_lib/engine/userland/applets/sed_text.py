"""Texts that ``sed`` makes: what ``s`` puts in the place of a match, what ``l`` shows."""

from __future__ import annotations

import re

from course_lib.engine.userland.applets.common import Fail


def visible(text: str) -> str:
    """A line with what cannot be printed as escapes."""
    table = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\a": "\\a", "\b": "\\b"}
    return "".join(table.get(c) or (c if c.isprintable() else f"\\{ord(c):03o}") for c in text)


def replacement(template: str, match: re.Match[str], *, gnu: bool) -> str:
    """``&``, ``\\1`` and, of GNU, ``\\U``, ``\\L``, ``\\E``, ``\\u``, ``\\l``."""
    out = ""
    case = ""
    once = ""

    def add(text: str) -> None:
        nonlocal out, once
        if case:
            text = text.upper() if case == "U" else text.lower()
        if once and text:
            text = (text[0].upper() if once == "u" else text[0].lower()) + text[1:]
            once = ""
        out += text

    position = 0
    while position < len(template):
        char = template[position]
        position += 1
        if char == "&":
            add(match[0])
        elif char == "\\" and position < len(template):
            char = template[position]
            position += 1
            if char.isdigit():
                if int(char) > match.re.groups:
                    raise Fail(f"invalid reference \\{char} on s command's RHS")
                add(match[int(char)] or "")
            elif char in "ULE" and gnu:
                case = "" if char == "E" else char
            elif char in "ul" and gnu:
                once = char
            else:
                add({"n": "\n", "t": "\t", "r": "\r"}.get(char, char))
        else:
            add(char)
    return out
