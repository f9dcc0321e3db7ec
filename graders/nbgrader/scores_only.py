"""nbclient for notebooks at which nobody will look."""

from __future__ import annotations

from typing import Any

from nbclient import NotebookClient

from graders.nbgrader.check_cells import is_check


class ScoresOnly(NotebookClient):
    """Keeps what check cells put out: a picture that is kept is validated against a schema."""

    def __init__(self, nb: Any, **options: Any) -> None:
        super().__init__(nb, **options)
        self.checks = [index for index, cell in enumerate(nb.cells) if is_check(cell)]
        """Where check cells are in the notebook."""

    def output(self, outs: Any, msg: Any, display_id: Any, cell_index: int) -> Any:
        if cell_index not in self.checks:
            return None
        return super().output(outs, msg, display_id, cell_index)
