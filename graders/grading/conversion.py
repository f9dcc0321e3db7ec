"""Steps of nbgrader's converters, without what they do again and again for a whole class."""

from __future__ import annotations

import json
from typing import Any

import nbformat
from nbconvert.exporters import Exporter, NotebookExporter
from nbformat import NotebookNode
from nbgrader.nbgraderformat import ValidationError  # type: ignore[attr-defined]
from nbgrader.nbgraderformat.v3 import MetadataValidatorV3
from nbgrader.preprocessors import CheckCellMetadata

from graders.grading import packed

PACKED = "packed"
"""Of an exporter's resources: the text is for another process, not for a file."""


class _Owned(NotebookNode):
    """A notebook that nobody else holds: whoever would copy it to be safe may have it."""

    def __deepcopy__(self, memo: Any) -> _Owned:
        return self


class OwningExporter(NotebookExporter):
    """nbconvert's, for notebooks that go nowhere else.

    On its way from one text to the next a notebook is copied four times, with all its outputs, and
    looked at once more when it is written: a quarter of what the grade book's process does.
    """

    def from_notebook_node(self, nb: Any, resources: Any = None, **kw: Any) -> Any:
        """Convert a notebook, which is used up by it.

        :raises nbformat.ValidationError: it is broken after the last step.
        """
        own: Any = _Owned
        convert: Any = Exporter.from_notebook_node
        nb, resources = convert(self, own(nb), resources, **kw)
        write: Any = packed.text if resources.get(PACKED) else nbformat.v4.writes
        return f"{write(nb)}\n", resources


class _KnownCells(MetadataValidatorV3):
    """nbgrader's check of cells' metadata, which for all of a class are mostly the same.

    With each cell it checks its own schema, too.
    """

    def __init__(self) -> None:
        super().__init__()
        self._valid: set[tuple[str, str]] = set()

    def validate_cell(self, cell: Any) -> None:
        key = (cell.cell_type, json.dumps(cell.metadata.get("nbgrader"), sort_keys=True))
        if key not in self._valid:
            super().validate_cell(cell)
            self._valid.add(key)


class CheckCells(CheckCellMetadata):
    """nbgrader's step, with what it knows of the notebooks before."""

    _validator = _KnownCells()

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Check one notebook.

        :raises ValidationError: its metadata are broken.
        """
        try:
            self._validator.validate_nb(nb)
        except ValidationError as error:
            raise ValidationError(
                "Notebook failed to validate; the nbgrader metadata may be corrupted."
            ) from error
        return nb, resources
