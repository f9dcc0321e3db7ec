"""The outputs of a cell, put together from what the kernel says, as nbclient would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from nbformat.json_compat import FastJsonSchemaValidator

_LINE_BYTES = 12
"""Blanks, quotes, a comma and an end: what a line of output has around it."""
_RICH = {
    "display_data": ("data", "metadata"),
    "execute_result": ("data", "metadata", "execution_count"),
    "error": ("ename", "evalue", "traceback"),
}
"""What of a message is kept, by its kind."""
TRUNCATED = "\n... more output than the limit allows; the rest was dropped ...\n"


def new_output(kind: str, **fields: Any) -> Any:
    """An output of a cell. (nbformat's function looks each up in its schema, in half a
    millisecond.)"""
    make: Any = nbformat.NotebookNode
    output = make(output_type=kind)
    output.update(fields)
    return output


@cache
def schema() -> Any:
    """What checks the form of an output."""
    everything = Path(nbformat.v4.__file__).with_name("nbformat.v4.schema.json").read_bytes()
    definitions = json.loads(everything)["definitions"]
    make: Any = FastJsonSchemaValidator
    return make({"definitions": definitions, "$ref": "#/definitions/output"})


class Outputs:
    """Gathers the outputs of the cells of one notebook, up to ``limit`` bytes in all."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._shown: dict[str, list[Any]] = {}
        self._clear = False
        self.cell: list[Any] = []
        self.exceeded = False

    def begin(self) -> list[Any]:
        """Outputs of the next cell; the list grows as they come."""
        self.cell = []
        self._clear = False
        return self.cell

    def add_text(self, name: str, text: str) -> None:
        """A piece of what the cell printed."""
        if not text or not self._afford(_size(text)):
            return
        self._clear_now()
        last = self.cell[-1] if self.cell else None
        if last is not None and last.output_type == "stream" and last.name == name:
            last.text += text
        else:
            self._append(new_output("stream", name=name, text=text))

    def add(self, kind: str, content: Any) -> None:
        """One message; what is no output in form is dropped."""
        if kind == "stream":
            name, text = content.get("name"), content.get("text")
            if name in {"stdout", "stderr"} and isinstance(text, str):
                self.add_text(name, text)
        elif kind == "clear_output":
            self._clear = bool(content.get("wait"))
            if not self._clear:
                self.cell.clear()
        elif kind in _RICH or kind == "update_display_data":
            self._add_rich(kind, content)

    def _add_rich(self, kind: str, content: Mapping[str, Any]) -> None:
        if not self._afford(_size(content)):
            return
        kept = kind.removeprefix("update_")
        try:
            output = new_output(kept, **{name: content[name] for name in _RICH[kept]})
            schema().validate(output)
        except (KeyError, nbformat.ValidationError):
            return
        transient = content.get("transient") or {}
        name = transient.get("display_id") if isinstance(transient, dict) else None
        if kind == "update_display_data":
            for shown in self._shown.get(str(name), ()):
                shown.data, shown.metadata = output.data, output.metadata
            return
        self._clear_now()
        if name:
            self._shown.setdefault(str(name), []).append(output)
        self._append(output)

    def _append(self, output: Any) -> None:
        self.cell.append(output)

    def _clear_now(self) -> None:
        if self._clear:
            self.cell.clear()
            self._clear = False

    def _afford(self, size: int) -> bool:
        self._left -= size
        if self._left < 0 and not self.exceeded:
            self.exceeded = True
            self._append(new_output("stream", name="stderr", text=TRUNCATED))
        return not self.exceeded


def _size(value: Any) -> int:
    """Bytes in the notebook's file, where each line of a text stands on one of its own."""
    if isinstance(value, str):
        return len(json.dumps(value)) + _LINE_BYTES * value.count("\n")
    if isinstance(value, dict):
        return sum(_size(key) + _size(entry) for key, entry in value.items())
    if isinstance(value, list):
        return sum(map(_size, value))
    return 8
