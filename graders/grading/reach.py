"""What of this machine a student's process needs: Python, the course, the ``docker`` command.

All else is out of reach for it, by Landlock where the system has that.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from course_lib import clients
from graders.grading import confine, landlock

_PACKAGE = Path(__file__).resolve().parents[2]
_SYSTEM = (
    "/bin", "/etc", "/lib", "/lib32", "/lib64", "/nix", "/opt", "/proc", "/sbin", "/snap", "/sys",
    "/usr",
)  # fmt: skip
_DEVICES = Path("/dev")


def needed() -> list[Path]:
    """Folders that have to be there wherever they lie."""
    client = clients.find()
    return [
        *(Path(found) for found in {sys.prefix, sys.base_prefix}),
        _PACKAGE,
        *([client.path.resolve().parent] if client is not None else ()),
    ]


def weakness(engine: str) -> str:
    """What does not protect the machine here from a student's code; empty where all does.

    :param engine: ``embedded``, or the host of a daemon.
    """
    if engine != "embedded":
        return (
            f"students' code may do on {engine} whatever you may do there, and so with your files:"
            " use a daemon that is for this alone"
        )
    if confine.possible():
        return (
            ""
            if landlock.version()
            else (
                "this system has no Landlock: students' code does not see the course directory, but"
                " can read and change other files of yours"
            )
        )
    if landlock.version():
        return (
            "this system lets nobody make namespaces: students' code is kept from your files"
            " (Landlock), but not from your network, and may leave full disks behind"
        )
    return (
        "this system lets nobody make namespaces, and has no Landlock: students' code runs with"
        " your rights, and can read and change what you can, the grade book too; grade as another"
        " user, or in a container that allows unshare(2)"
    )


def confinement() -> dict[str, Any]:
    """Whether submissions have ``namespaces`` here, are ``confined`` by those or by Landlock, and
    the ``weakness`` of it."""
    namespaces = confine.possible()
    return {
        "namespaces": namespaces,
        "confined": namespaces or landlock.version() > 0,
        "weakness": weakness("embedded"),
    }


def restrict(writable: Iterable[Path]) -> bool:
    """Leave this process what is needed, to read, and ``writable``: whether the system can."""
    return landlock.restrict(_rules(), [_DEVICES, *writable])


def _rules() -> Iterator[tuple[Path, int]]:
    search = [Path(part) for part in os.environ.get("PATH", "").split(os.pathsep)]
    readable = [*map(Path, _SYSTEM), *(part for part in search if part.is_absolute())]
    for path in [*readable, *needed()]:
        if path != _PACKAGE:
            yield path, landlock.READ_ONLY
    # Of a checkout not all: somebody's course directory may lie in it.
    yield _PACKAGE, landlock.NAMES_ONLY
    for name in ("course_lib", "graders", "notebooks"):
        yield _PACKAGE / name, landlock.READ_ONLY
