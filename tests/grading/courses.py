"""A course directory for tests of ``course autograde``."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat

from tests.grading.notebooks import RIGHT, notebook, text
from tests.notebooks.test_courses import NBGRADER

COURSE = Path(sysconfig.get_path("scripts")) / "course"
NAME = "publish-a-service"


class Course:
    """A course directory, and its commands.

    :ivar prefix: what each of them begins with.
    """

    prefix: Sequence[str] = ()

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        home.mkdir(exist_ok=True)
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "DOCKER_HOST"},
            "HOME": str(home),
            "XDG_DATA_HOME": str(home / "data"),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }

    @classmethod
    def make(cls, folder: Path) -> Course:
        """One with a single short notebook, released."""
        made = cls(folder / "course", folder / "home")
        made.run(COURSE, "init", made.root, "--course-id", "docker-101", cwd=folder)
        shutil.rmtree(made.root / "source")
        (made.root / "source" / "networking").mkdir(parents=True)
        path = made.root / "source" / "networking" / f"{NAME}.ipynb"
        source = notebook(
            {key: f"### BEGIN SOLUTION\n{work}\n### END SOLUTION" for key, work in RIGHT.items()}
        )
        path.write_text(text(source))
        made.release("networking")
        return made

    def release(self, assignment: str) -> None:
        self.run(NBGRADER, "generate_assignment", assignment)

    def run(self, *words: Any, cwd: Path | None = None, code: int = 0) -> str:
        done = subprocess.run(
            [*self.prefix, *map(str, words)], cwd=cwd or self.root, env=self.environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=7200,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr[-3000:]
        return done.stdout

    def grade(self, *words: str, assignment: str = "networking", code: int = 0) -> dict[str, Any]:
        """Rows of the summary by student."""
        printed = self.run(COURSE, "autograde", assignment, "--json", *words, code=code)
        return {row["student"]: row for row in json.loads(printed)[assignment]}

    def submit(self, student: str, work: dict[str, str]) -> Path:
        """Hand in the release with that in its solution cells."""
        path = self.root / "release" / "networking" / f"{NAME}.ipynb"
        found: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        for cell in found.cells:
            words = cell.metadata.get("nbgrader", {})
            if words.get("solution"):
                default = cell.source
                cell.source = work.get(words["grade_id"].removesuffix("-work"), default)
        return self.hand_in(student, text(found))

    def hand_in(
        self,
        student: str,
        content: str | bytes,
        name: str = f"{NAME}.ipynb",
        assignment: str = "networking",
    ) -> Path:
        path = self.root / "submitted" / student / assignment / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def autograded(self, student: str) -> Any:
        path = self.root / "autograded" / student / "networking" / f"{NAME}.ipynb"
        return json.loads(path.read_text())

    def scores(
        self, student: str, assignment: str = "networking"
    ) -> dict[str, tuple[float | None, bool]]:
        """By exercise the automatic score, and whether the instructor has to look."""
        rows = self.query(
            "select base_cell.name, grade.auto_score, grade.needs_manual_grade from grade"
            " join base_cell on base_cell.id = grade.cell_id"
            " join submitted_notebook s on s.id = grade.notebook_id"
            " join submitted_assignment a on a.id = s.assignment_id"
            " join assignment on assignment.id = a.assignment_id"
            " where a.student_id = ? and assignment.name = ?",
            student,
            assignment,
        )
        return {name: (score, bool(manual)) for name, score, manual in rows}

    def query(self, words: str, *values: str) -> list[Any]:
        with sqlite3.connect(self.root / "gradebook.db") as book:
            return book.execute(words, values).fetchall()
