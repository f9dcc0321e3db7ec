"""What a student gets of an instructor's notebook: no solutions, checks locked.

nbgrader's own preprocessors do it, in the order of its ``generate_assignment``, so that a
workspace holds what ``nbgrader release_assignment`` would hand out.
"""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import Any

from course_lib import lean
from course_lib.courses import CODE_STUB
from course_lib.errors import CatalogError

RECIPE = "1"
"""Raised with every change of what is made here, so that workspaces are offered the new one."""


def release_notebook(path: Path) -> bytes:
    """The release version of a notebook, as the bytes of an ``.ipynb``.

    :raises CatalogError: where it is no notebook, or its exercises are marked wrongly.
    """
    lean.import_nbformat()
    import nbformat

    with warnings.catch_warnings():
        # nbgrader and nbconvert import what they deprecate themselves.
        warnings.simplefilter("ignore")
        steps: Any = importlib.import_module("nbgrader.preprocessors")
        formats: Any = importlib.import_module("nbgrader.nbgraderformat.common")
    try:
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        resources: Any = {}
        for step in (
            steps.LockCells(),
            steps.ClearSolutions(code_stub={"python": CODE_STUB}),
            steps.ClearOutput(),
            steps.CheckCellMetadata(),
            steps.ClearHiddenTests(),
            steps.ClearMarkScheme(),
            steps.ComputeChecksums(),
        ):
            notebook, resources = step.preprocess(notebook, resources)
        text = nbformat.writes(notebook, version=4)  # type: ignore[no-untyped-call]
    except OSError as error:
        raise CatalogError(f"{path} cannot be read: {error.strerror}") from None
    except (
        ValueError, RuntimeError, KeyError, AttributeError, formats.SchemaMismatchError,
    ) as error:  # fmt: skip
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CatalogError(f"{path} cannot be released: {reason}") from None
    return (str(text).rstrip("\n") + "\n").encode()
