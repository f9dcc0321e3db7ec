"""Notebooks on their way between the grader's own processes.

nbformat's text is for people and version control: a line for each line of text, written by Python
that is 20 times as slow as JSON's own writer. And each reader and writer of it looks at the whole
notebook again, which is done here where one comes in, and before it goes into a file.
"""

from __future__ import annotations

import json
from typing import Any

import nbformat


def text(notebook: Any) -> str:
    """A notebook as JSON in one line.

    What a student typed may have halves of surrogate pairs, which no file can hold: they become
    question marks.
    """
    line = json.dumps(notebook, ensure_ascii=False)
    return line.encode(errors="replace").decode()


def notebook(text: str) -> Any:
    """The notebook of such a text, or of one that nbformat wrote in its format 4."""
    read: Any = nbformat.v4.reads
    return read(text)
