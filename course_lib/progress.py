"""What checks have said to a student so far: the best and the last result of each exercise.

Kept in ``.docker-course/progress.json`` of the workspace that a check runs in, and never in a
notebook: what is handed in for grading stays as the student wrote it. Outside of a workspace it
is kept with the user's data. It is for the student's own eyes; no grade comes from it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from course_lib import places, showing
from course_lib.files import write_whole

FORMAT = 1
STATE = ".docker-course"
"""The folder of a workspace in which the course keeps what it knows of it."""
NAME = "progress.json"


@dataclass(frozen=True, slots=True)
class Score:
    """Points that checks of one exercise gave: the most so far, and the last time."""

    best: float
    last: float


@dataclass(frozen=True, slots=True)
class Progress:
    """The file in which scores lie, and the workspace that it belongs to, if any."""

    path: Path
    workspace: Path | None = None

    @classmethod
    def of(cls, folder: Path, environ: Mapping[str, str] = os.environ) -> Progress:
        """The progress of whoever works in ``folder``, at any depth of a workspace."""
        folder = folder.absolute()
        for root in (folder, *folder.parents):
            if (root / STATE / "workspace.json").is_file():
                return cls.of_workspace(root)
        return cls(places.data_folder(environ) / NAME)

    @classmethod
    def of_workspace(cls, workspace: Path) -> Progress:
        """The progress in a workspace."""
        return cls(workspace / STATE / NAME, workspace)

    def scores(self) -> dict[str, Score]:
        """By ``grade_id``; nothing where nothing was checked, or the file is broken or newer."""
        try:
            return _parse(self.path.read_bytes())
        except OSError:
            return {}

    def record(
        self, results: Iterable[tuple[str, float]], environ: Mapping[str, str] = os.environ
    ) -> None:
        """Note the points of exercises that were judged (``grade_id``, points earned).

        Nothing is noted while lessons run for their scores alone. Where it cannot be written,
        the student's check says all that there is to say, so that is no error.
        """
        if not showing.attended(environ):
            return
        scores = self.scores()
        for grade_id, earned in results:
            known = scores.get(grade_id)
            scores[grade_id] = Score(max(earned, known.best) if known else earned, earned)
        with suppress(OSError):
            self._write(scores)

    def bring_back(self, document: bytes) -> int:
        """Add what was kept elsewhere; for how many exercises it was more.

        :param document: the content of such a file.
        :raises OSError: where it cannot be written.
        """
        scores, better = self.scores(), 0
        for grade_id, kept in _parse(document).items():
            known = scores.get(grade_id)
            if kept.best > (known.best if known else 0):
                scores[grade_id] = Score(kept.best, known.last if known else kept.last)
                better += 1
        if better:
            self._write(scores)
        return better

    def _write(self, scores: Mapping[str, Score]) -> None:
        entries = {grade_id: asdict(score) for grade_id, score in sorted(scores.items())}
        document = json.dumps({"format": FORMAT, "scores": entries}, indent=1)
        write_whole(self.path, document.encode())


def _parse(document: bytes) -> dict[str, Score]:
    """The scores of such a file; none where it is broken or newer."""
    try:
        found = json.loads(document)
        if found["format"] != FORMAT:
            return {}
        return {
            grade_id: Score(float(entry["best"]), float(entry["last"]))
            for grade_id, entry in found["scores"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
