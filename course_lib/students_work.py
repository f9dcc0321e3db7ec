"""What of a handed-out file is a student's work: two files with the same have one digest. Pure.

Whoever only looks at a notebook leaves traces in it: JupyterLab writes down which kernel it found,
whether the notebook is trusted, what is folded or scrolled, and new IDs for cells that lack one.
Work is what was typed, pasted or shown: the cells with their order, kind, text, attachments and
outputs, and whatever else was written to their metadata or the notebook's. How often a cell ran is
none, as it says nothing that is lost with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from course_lib.catalog import INDEX

LOOKS = frozenset(
    {"collapsed", "execution", "jp-MarkdownHeadingCollapsed", "jupyter", "scrolled", "trusted"}
)
"""Of a cell's metadata, what says how it is shown, and when it ran."""
FOUND = frozenset({"language_info", "widgets"})
"""Of a notebook's metadata, what JupyterLab writes by itself: the kernel's words, and buttons."""


def digest(file: Path, content: bytes) -> str:
    """Of the work in ``content``, which ``file`` (relative to its workspace) holds.

    Of a file that is no notebook each byte counts. Of the index only the text and the code do: it
    shows the progress so far whenever it runs, which is nobody's work.
    """
    if file.suffix == ".ipynb":
        try:
            work = (
                _index(json.loads(content)) if file == Path(INDEX) else _book(json.loads(content))
            )
            content = json.dumps(work, sort_keys=True).encode()
        except (ValueError, KeyError, TypeError, AttributeError):
            pass  # no notebook any more: what it is counts
    return bytes_digest(content)


def bytes_digest(content: bytes) -> str:
    """Of each byte."""
    return hashlib.sha256(content).hexdigest()


def _index(book: Mapping[str, Any]) -> Any:
    return [(cell["cell_type"], _text(cell["source"])) for cell in book["cells"]]


def _book(book: Mapping[str, Any]) -> Any:
    metadata = _without(book["metadata"], FOUND)
    # Of the kernel its name: how it is displayed is the matter of the machine.
    metadata["kernelspec"] = metadata.get("kernelspec", {}).get("name")
    return metadata, [
        (
            cell["cell_type"],
            _text(cell["source"]),
            cell.get("attachments") or {},
            _without(cell["metadata"], LOOKS),
            [_without(output, ("execution_count",)) for output in cell.get("outputs", ())],
        )
        for cell in book["cells"]
    ]


def _text(source: str | list[str]) -> str:
    """A file has it in lines or in one."""
    return "".join(source)


def _without(things: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: value for key, value in things.items() if key not in keys}
