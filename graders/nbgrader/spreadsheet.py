"""Text in a CSV file that a spreadsheet may open."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[+@-]?[\w.@+-]*\Z")
"""A login, an address, a number: nothing that a spreadsheet would compute."""


def harmless(text: str) -> str:
    """The text, behind an apostrophe where a spreadsheet would take it for a formula.

    A student's name or words may begin with ``=``, ``+``, ``-``, ``@``, a tab or a line's end, all
    of which begin a formula there (OWASP, "CSV Injection"). Logins and numbers stay as they are.
    """
    if text.startswith(("=", "\t", "\r", "\n")):
        return f"'{text}"
    if text.startswith(("+", "-", "@")) and not _PLAIN.match(text):
        return f"'{text}"
    return text
