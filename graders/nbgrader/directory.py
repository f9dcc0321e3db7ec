"""An instructor's course directory, as nbgrader's configuration says it is."""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path
from typing import Any

from course_lib.courses import CONFIG
from course_lib.errors import CourseError


def check_directory(root: Path) -> None:
    """:raises CourseError: where this is no course directory."""
    if not (root / CONFIG).is_file():
        raise CourseError(
            f"{root} is no nbgrader course directory: it has no {CONFIG}", f"course init {root}"
        )


def open_directory(root: Path) -> Any:
    """nbgrader's ``CourseDirectory`` there.

    :raises CourseError: where this is none.
    """
    from nbgrader.apps.baseapp import NbGrader
    from nbgrader.coursedir import CourseDirectory

    check_directory(root)
    with chdir(root):
        app = NbGrader()
        app.load_config_file()
    found = CourseDirectory(config=app.config)
    if "root" not in app.config.CourseDirectory:
        found.root = str(root)
    return found
