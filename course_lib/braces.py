"""Formats of the ``docker`` command keep their double braces in lines with ``!``.

IPython puts Python variables into such a line where they stand in braces, and makes one brace of
two on the way (``DollarFormatter``): ``!docker ps --format '{{.Names}}'`` would reach Docker as
``{.Names}``. Here each pair is doubled before IPython sees it, so that what a student types is
what Docker gets; ``{name}`` with single braces still stands for the variable.
"""

from __future__ import annotations

import re
from typing import Any

_SHELL_LINE = re.compile(r"\s*(?:[\w.,\[\]*() ]+=\s*)?!")
_DOUBLE = re.compile(r"\{\{|\}\}")


def keep_double_braces(lines: list[str]) -> list[str]:
    """The lines of a cell, ready for IPython: what ``input_transformers_cleanup`` asks for."""
    if lines and lines[0].startswith("%%"):
        return lines  # a cell magic takes its cell as it stands
    kept = []
    continued = False
    for line in lines:
        shell = continued or bool(_SHELL_LINE.match(line))
        continued = shell and line.rstrip("\n").endswith("\\")
        kept.append(_DOUBLE.sub(lambda found: found[0] * 2, line) if shell else line)
    return kept


def attach(shell: Any) -> None:
    """Have an IPython shell use it from its next cell on; a second call changes nothing."""
    transformers = shell.input_transformers_cleanup
    if keep_double_braces not in transformers:
        transformers.append(keep_double_braces)
