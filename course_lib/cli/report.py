"""``course report``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import IO

from course_lib.cli.progress import announce
from course_lib.errors import CourseError


def run(arguments: argparse.Namespace) -> int:
    """Print the report, or write it where it is asked for."""
    announce("reading the grade book")
    from graders.nbgrader.directory import open_directory
    from graders.report import table, text
    from graders.report.collect import collect

    root = arguments.course.absolute()
    reports = collect(root, arguments.assignment)
    if arguments.csv:
        with _open(arguments.csv) as file:
            table.write(reports, file)
    if arguments.html:
        from graders.report.page import page

        course_id = open_directory(root).course_id or root.name
        with _open(arguments.html) as file:
            file.write(page(reports, course_id))
    if not (arguments.csv or arguments.html):
        print("\n".join(line for report in reports for line in text.lines(report)))
    return 0


def _open(path: Path) -> IO[str]:
    try:
        return path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise CourseError(f"{path} cannot be written: {error.strerror}") from None
