"""``python -m tests.notebooks.store [LESSON …]``: store the outputs of lessons in their notebooks.

Each lesson (without words: every one) runs on a fresh embedded engine with a fixed seed. A cell
whose new outputs differ from the stored ones in nothing that is compared keeps those, so that
times and ports do not make a difference in the history. ``--check`` only says what would change.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat

from course_lib.catalog import Lesson, course
from tests.notebooks import stored

HOME = "/home/student"


def main() -> int:
    """Store, and answer 1 where ``--check`` found differences."""
    parser = argparse.ArgumentParser(prog="python -m tests.notebooks.store", description=__doc__)
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help="as in networking/NAME")
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    chosen = [course().lesson(key) for key in arguments.lessons] or list(course().lessons())
    different = 0
    for lesson in chosen:
        cells = store(lesson, write=not arguments.check)
        different += len(cells)
        print(f"{lesson.key}: {', '.join(cells) or 'as it was'}", flush=True)
    return 1 if arguments.check and different else 0


def store(lesson: Lesson, *, write: bool) -> list[str]:
    """Run a lesson and store its outputs; gives the cells that show something else now."""
    path = course().notebook(lesson)
    old: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    new: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    with tempfile.TemporaryDirectory(prefix="store-") as place:
        root = Path(place)
        folder = root / stored.FOLDER
        folder.mkdir()
        with stored.seeded_engine(root) as environment:
            stored.outputs_of(new, folder, environment)
        _as_at_home(new, root)
    patterns = stored.patterns("embedded.sanitize")
    count, changed = 0, []
    for before, after in zip(old.cells, new.cells, strict=True):
        if after.cell_type != "code":
            continue
        seen = before.execution_count is not None, after.execution_count is not None
        if seen[0] == seen[1] and stored.words(before.outputs, patterns) == stored.words(
            after.outputs, patterns
        ):
            after.outputs = before.outputs
        else:
            changed.append(after.id)
        # Numbered as a student's Run All would: those that show nothing count as well.
        count += 1
        after.execution_count = count if seen[1] else None
        for output in after.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
    if write and (changed or new != old):
        text = nbformat.writes(new, version=4)  # type: ignore[no-untyped-call]
        path.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    return changed


def _as_at_home(notebook: Any, root: Path) -> None:
    """Paths of a temporary folder become those of somebody who runs the course at home."""
    at_home = {
        f"{root}/engine.sock": "/run/user/1000/docker-course/engine.sock",
        f"{root}/engine": f"{HOME}/.local/share/docker-course/engine",
        f"{root}/{stored.FOLDER}": f"{HOME}/{stored.FOLDER}",
        str(root): f"{HOME}/.local/share",
    }
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            for place, path in at_home.items():
                if "text" in output:
                    output.text = output.text.replace(place, path)
                if "text/plain" in output.get("data", ()):
                    output.data["text/plain"] = output.data["text/plain"].replace(place, path)


if __name__ == "__main__":
    os.environ.pop("COURSE_ENGINE", None)
    sys.exit(main())
