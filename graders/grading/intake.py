"""What was handed in: whether it can be graded, and in words why not."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from nbgrader.utils import find_all_files, parse_utc

from course_lib.errors import CourseError
from graders.grading.job import NotGradedError
from graders.grading.model import MEGABYTE

MAX_NOTEBOOK = 50 * MEGABYTE
MAX_FILES = 100 * MEGABYTE
"""Of all files beside the notebooks: they travel with them."""
MAX_COUNT = 1000
MAX_DEPTH = 50
"""nbgrader looks through all files of a folder once for each of them."""
TIMESTAMP = "timestamp.txt"
READABLE = (3, 4)
"""Formats that nbformat makes one of version 4 of."""


def check_notebook(path: str) -> None:
    """Look at the file of a notebook before it is read.

    :raises NotGradedError: it need not be read.
    """
    if os.path.islink(path):
        raise NotGradedError("it is a link, not a notebook")
    if not os.path.isfile(path):
        raise NotGradedError("it is no ordinary file")
    size = os.path.getsize(path)
    if size == 0:
        raise NotGradedError("the file is empty")
    if size > MAX_NOTEBOOK:
        raise NotGradedError(
            f"{size / MEGABYTE:.0f} MB are too much for a notebook"
            f" (at most {MAX_NOTEBOOK // MEGABYTE})"
        )
    try:
        # As nbformat reads it: in UTF-8, and without a mark before it.
        document = json.loads(Path(path).read_bytes().decode())
    except (ValueError, RecursionError):
        document = None
    words = document if isinstance(document, dict) else {}
    if not isinstance(words.get("cells", words.get("worksheets")), list):
        raise NotGradedError("it is not a notebook")
    if words.get("nbformat") not in READABLE:
        raise NotGradedError(f"it is of notebook format {words.get('nbformat')!r}, not of 3 or 4")


def look_over(folder: Path, limit: int) -> list[str]:
    """The links in a submission, by relative path.

    :raises NotGradedError: for what cannot be copied, or is too much.
    """
    links: list[str] = []
    total = count = 0
    for place, folders, files in os.walk(folder):
        count += len(files) + len(folders)
        if count > MAX_COUNT:
            raise NotGradedError(f"it has more than {MAX_COUNT} files and folders")
        if len(Path(place).relative_to(folder).parts) > MAX_DEPTH:
            raise NotGradedError(f"its folders are more than {MAX_DEPTH} deep")
        for name in (*folders, *files):
            path = os.path.join(place, name)
            mode = os.lstat(path).st_mode
            relative = os.path.relpath(path, folder)
            if stat.S_ISLNK(mode):
                if not os.path.exists(path):
                    raise NotGradedError(f"{relative} is a link to nothing")
                links.append(relative)
            elif stat.S_ISREG(mode):
                total += 0 if name.endswith(".ipynb") else os.lstat(path).st_size
            elif not stat.S_ISDIR(mode):
                raise NotGradedError(f"{relative} is no ordinary file")
    most = min(limit, MAX_FILES)
    if total > most:
        raise NotGradedError(
            f"its files are {total / MEGABYTE:.0f} MB (at most {most / MEGABYTE:.0f})"
        )
    return links


def check_time(folder: Path) -> None:
    """Look at the file in which nbgrader's exchange says when something was handed in.

    :raises NotGradedError: it says no time; for this nbgrader has no words.
    """
    path = folder / TIMESTAMP
    try:
        text = path.read_text().strip() if path.is_file() else ""
        if text:
            parse_utc(text)
    except (ValueError, OverflowError):
        raise NotGradedError(f"its {TIMESTAMP} says no time") from None


def read_files(folder: Path) -> dict[str, bytes]:
    """The files beside the notebooks; nothing that a link leads to elsewhere."""
    found: dict[str, bytes] = {}
    for path in find_all_files(str(folder)) if folder.exists() else ():
        if os.path.isfile(path) and not os.path.islink(path):
            found[os.path.relpath(path, folder)] = Path(path).read_bytes()
    return found


def reason(error: Exception, what: str = "") -> str:
    """One line for the summary.

    :param what: it means, where the error does not say so itself.
    """
    text = str(error).strip()
    lines = text.splitlines()
    first = lines[0] if lines else type(error).__name__
    if isinstance(error, CourseError):
        return text
    name = type(error).__name__
    if "database is locked" in text:
        return "the grade book is locked by another program; grade again when it is free"
    return f"{what} ({name}: {first})" if what else f"{name}: {first}"
