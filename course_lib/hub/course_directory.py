"""Run as the course's own account: its course directory, and the class list in its grade book.

Reads one JSON document from standard input; does what of it has not been done yet.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

from course_lib import lean
from course_lib.courses import CONFIG, GRADE_BOOK, init_course
from course_lib.errors import CourseError

_EXCHANGE = """
# The exchange of the hub that this directory belongs to.
c.Exchange.root = {exchange!r}
"""


def fill(document: dict[str, Any]) -> None:
    """Make the directory where there is none, and add the students that the grade book lacks."""
    lean.import_nbformat()
    directory = Path(document["directory"])
    if not (directory / GRADE_BOOK).exists():
        init_course(directory, document["course"])
        with (directory / CONFIG).open("a", encoding="utf-8") as file:
            file.write(_EXCHANGE.format(exchange=document["exchange"]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nbgrader.api import Gradebook

        with Gradebook(f"sqlite:///{directory / GRADE_BOOK}", document["course"]) as book:
            known = {student.id for student in book.students}
            for student in document["students"]:
                if student["id"] not in known:
                    book.add_student(student.pop("id"), **student)


if __name__ == "__main__":
    try:
        fill(json.load(sys.stdin))
    except CourseError as error:
        sys.exit(str(error))
