"""Who is in the class: the students file, and the passwords that go with it."""

from __future__ import annotations

import csv
import io
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import UsageError
from course_lib.files import write_whole

NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}\Z")
"""What is a Unix user's name on every Linux, and needs no escape in an address."""

COLUMNS = ("name", "first_name", "last_name", "email")
"""Of a students file; only the first is needed. The other three go into the grade book."""

_PASSWORD_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look like another
_PASSWORD_LENGTH = 12
_SHOWN_PROBLEMS = 3


@dataclass(frozen=True, slots=True)
class Student:
    """One student as the class list has them."""

    name: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""


def read_students(path: Path) -> list[Student]:
    """The students of a file: names one a line, or CSV whose first line names :data:`COLUMNS`.

    Empty lines and what follows ``#`` at the start of a line do not count.

    :raises UsageError: where it cannot be read, or a line is wrong; with the first few of them.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text", "save it as CSV in UTF-8") from None
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    columns, lines = _columns(path, lines)
    students: list[Student] = []
    known: dict[str, int] = {}
    problems = []
    for number, line in lines:
        fields = [field.strip() for field in next(csv.reader([line]))]
        if len(fields) > len(columns):
            problems.append(f"line {number} has {len(fields)} fields, not {len(columns)}")
            continue
        student = Student(**dict(zip(columns, fields, strict=False)))
        problem = name_problem(student.name)
        if not problem and student.name in known:
            problem = f"{student.name!r} stands in line {known[student.name]} already"
        if problem:
            problems.append(f"line {number}: {problem}")
            continue
        known[student.name] = number
        students.append(student)
    if problems:
        more = len(problems) - _SHOWN_PROBLEMS
        rest = f"; and {more} more" if more > 0 else ""
        raise UsageError(f"{path}: {'; '.join(problems[:_SHOWN_PROBLEMS])}{rest}", "mend the file")
    if not students:
        raise UsageError(f"{path} names no student", "one name a line")
    return students


def name_problem(name: str) -> str:
    """What is wrong with a person's name on the server; empty where nothing is."""
    if NAME.match(name):
        return ""
    if not name:
        return "there is no name"
    if NAME.match(name.lower()):
        return f"{name!r} has capital letters; write {name.lower()!r}"
    if "@" in name:
        return f"{name!r} is an address; a name comes first, the address has a column `email`"
    return (
        f"{name!r} is no user name: a small letter first, then small letters, digits, "
        "'-' and '_', at most 31"
    )


def write_students(path: Path, students: Iterable[Student]) -> None:
    """Write a class list that :func:`read_students` reads."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for student in students:
        table.writerow([getattr(student, column) for column in COLUMNS])
    write_whole(path, out.getvalue().encode())


def read_passwords(path: Path) -> dict[str, str]:
    """The passwords by name; none where there is no such file yet.

    :raises UsageError: where it is not what :func:`complete_passwords` writes.
    """
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None
    found = {}
    for number, row in enumerate(rows[1:], 2):
        if len(row) != 2 or not all(row):
            raise UsageError(
                f"{path}: line {number} is not `name,password`", "delete that line for a new one"
            )
        found[row[0]] = row[1]
    return found


def complete_passwords(path: Path, names: Iterable[str]) -> Mapping[str, str]:
    """Give a password to everybody who has none; the file is its owner's alone.

    Passwords are made here, so they are nobody's from elsewhere, and kept as they are: whoever
    forgets theirs asks the instructor. A line that is deleted makes a new one.
    """
    found = read_passwords(path)
    missing = [name for name in names if name not in found]
    for name in missing:
        letters = (secrets.choice(_PASSWORD_LETTERS) for _ in range(_PASSWORD_LENGTH))
        found[name] = "".join(letters)
    if missing:
        out = io.StringIO()
        table = csv.writer(out, lineterminator="\n")
        table.writerow(("name", "password"))
        table.writerows(sorted(found.items()))
        if not path.exists():
            path.touch(mode=0o600)
        # In place, so that it never is anything but private.
        path.write_text(out.getvalue(), encoding="utf-8")
    return found


def _columns(
    path: Path, lines: list[tuple[int, str]]
) -> tuple[tuple[str, ...], list[tuple[int, str]]]:
    """The columns, and the lines without the one that names them."""
    if not lines:
        return COLUMNS[:1], lines
    first = tuple(word.strip().lower() for word in next(csv.reader([lines[0][1]])))
    if "name" not in first:
        if len(first) > 1:
            raise UsageError(
                f"{path}: the first line does not name the columns",
                f"make it {','.join(COLUMNS)} or leave all but the names away",
            )
        return COLUMNS[:1], lines
    unknown = [word for word in first if word not in COLUMNS]
    if unknown or len(set(first)) != len(first):
        what = f"unknown column {unknown[0]!r}" if unknown else "a column stands there twice"
        raise UsageError(f"{path}: {what}", f"columns are {', '.join(COLUMNS)}")
    return first, lines[1:]
