"""What a user of ``nbgrader autograde`` types: taken as meant, or told what to use instead."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from course_lib.errors import UsageError

_ELSEWHERE = {
    "--no-execute": (0, "every submission is run here", "nbgrader autograde --no-execute"),
    "--debug": (0, "there is no log here", "leave it out; the summary says what went wrong"),
    "--log-level": (1, "there is no log here", "leave it out; the summary says what went wrong"),
    "--quiet": (0, "a pipe is quiet by itself", "course autograde … > summary.txt 2>&1"),
    "--config": (1, "the course's own nbgrader_config.py is read", "write it there"),
}
"""Of nbgrader: how many words follow, why not here, and what to do."""

_TRAIT = re.compile(r"--([A-Z]\w*\.\w+)")


def add(parser: argparse.ArgumentParser) -> None:
    """Add nbgrader's words that ``course autograde`` has no others for."""
    parser.add_argument(
        "--assignment", dest="assignment_option", metavar="NAME", help=argparse.SUPPRESS
    )
    parser.add_argument("--course-dir", type=Path, metavar="DIR", help=argparse.SUPPRESS)
    # What it asks for nbgrader does by itself, and so does this.
    parser.add_argument("--create", action="store_true", help=argparse.SUPPRESS)
    for word, (count, _, _) in _ELSEWHERE.items():
        parser.add_argument(
            word, action=_Elsewhere, nargs=count, dest=argparse.SUPPRESS, help=argparse.SUPPRESS
        )


def course_of(arguments: argparse.Namespace) -> tuple[Path, str | None]:
    """The course directory that was named, and the course's id where one was.

    ``--course`` is a directory here and an id there: it is taken as an id beside ``--course-dir``,
    and where it is the name of nothing in a course directory.
    """
    from course_lib.courses import CONFIG, COURSE_ID

    root, word = arguments.course_dir, arguments.course
    if root is not None or word is None:
        return root or Path(), word
    here = Path()
    if COURSE_ID.match(word) and not (here / word).exists() and (here / CONFIG).is_file():
        return here, word
    return Path(word), None


def instead(text: str) -> str:
    """What to do instead where ``--Class.trait=value`` is refused; empty for other words."""
    found = _TRAIT.search(text)
    return f"write c.{found[1]} = … into the course's nbgrader_config.py" if found else ""


class _Elsewhere(argparse.Action):
    """One that is refused, with what to use instead."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace,
        values: str | Sequence[Any] | None, option_string: str | None = None,
    ) -> NoReturn:  # fmt: skip
        _, why, hint = _ELSEWHERE[str(option_string)]
        raise UsageError(f"{option_string} is an option of nbgrader: {why}", hint)
