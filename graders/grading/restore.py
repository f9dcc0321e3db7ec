"""Puts a submission's graded cells right before nbgrader's ``OverwriteCells`` looks at them.

nbgrader restores the text of locked cells, but trusts what a cell says of its own kind, and
stumbles (the whole submission fails) over a test cell whose neighbour is gone too, over flags
that were changed, and over test cells that a student invented.
"""

from __future__ import annotations

from typing import Any

import nbformat
from nbformat.corpus.words import generate_corpus_id
from nbgrader.api import Gradebook
from nbgrader.preprocessors import OverwriteCells
from nbgrader.preprocessors.base import NbGraderPreprocessor

STRANGE = "course_strange"


class RestoreCells(NbGraderPreprocessor):
    """Flags as in the source, no cells that the source does not know, none of its tests missing.

    An honest notebook passes unchanged. One that has none of the source's cells is another one's,
    or has lost them: :data:`STRANGE` is set among the resources then.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Restore the cells of one notebook."""
        words = resources["nbgrader"]
        with Gradebook(words["db_url"]) as book:
            source: Any = book.find_notebook(words["notebook"], words["assignment"])
            grades = {cell.name: cell for cell in source.grade_cells}
            solutions = {cell.name for cell in source.solution_cells}
            tasks = {cell.name for cell in source.task_cells}
            sources = list(source.source_cells)
            known = {cell.name: cell for cell in sources}
            resources[STRANGE] = not any(_name(cell) in known for cell in nb.cells)
            for cell in nb.cells:
                self._restore(cell, known, grades, solutions, tasks)
            self._put_back(nb, sources, grades, solutions)
        return nb, resources

    def _restore(
        self, cell: Any, known: dict[str, Any], grades: Any, solutions: Any, tasks: Any
    ) -> None:
        words = cell.metadata.get("nbgrader")
        if words is None:
            return
        name = words.get("grade_id") if isinstance(words, dict) else None
        if name not in known:
            # Or none: what DeduplicateIds leaves of a copy. OverwriteCells stumbles over it.
            self.log.warning("a cell that the source does not have: %s", name)
            del cell.metadata["nbgrader"]
            return
        right: dict[str, Any] = {
            "grade": name in grades,
            "solution": name in solutions,
            "task": name in tasks,
            "locked": bool(known[name].locked),
        }
        if name in grades:
            right["points"] = float(grades[name].max_score)
        for key, value in right.items():
            if words.get(key, False if key == "task" else None) != value:
                self.log.warning("%s of cell %s was changed", key, name)
                words[key] = value
        if "cell_type" in words:
            words["cell_type"] = known[name].cell_type

    def _put_back(self, nb: Any, sources: list[Any], grades: Any, solutions: Any) -> None:
        """Every missing test behind whatever of the source that comes before it is still there."""
        make: Any = OverwriteCells
        transform = make(parent=self.parent).missing_cell_transform
        place = 0
        for source in sources:
            at = next((i for i, cell in enumerate(nb.cells) if _name(cell) == source.name), None)
            if at is not None:
                place = max(place, at + 1)
                continue
            if source.name not in grades:
                continue
            self.log.warning("cell %s was missing, and is put back", source.name)
            score = grades[source.name].max_score
            cell = transform(source, score, is_solution=source.name in solutions)
            cell["id"] = generate_corpus_id()  # type: ignore[no-untyped-call]
            nb.cells.insert(place, nbformat.from_dict(cell))  # type: ignore[no-untyped-call]
            place += 1


def _name(cell: Any) -> Any:
    return cell.metadata.get("nbgrader", {}).get("grade_id")
