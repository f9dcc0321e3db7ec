"""``course init``."""

from __future__ import annotations

import argparse
import re

from course_lib.cli.progress import announce


def run(arguments: argparse.Namespace) -> int:
    """Make the course directory and say what comes next."""
    from course_lib.courses import init_course

    name = arguments.directory.absolute().name
    course_id = arguments.course_id or re.sub(r"[^\w.-]+", "-", name).strip("-.") or "docker"
    announce("making the grade book")
    made = init_course(arguments.directory, course_id)
    print(f"{made} is ready; in it: nbgrader generate_assignment networking")
    return 0
