"""The time zone of a process: what ``TZ`` says, else the container's ``/etc/localtime``.

``TZ`` is a string of POSIX (``EST5EDT``, ``CET-1CEST,M3.5.0,M10.5.0/3``) or the name of a file
below ``/usr/share/zoneinfo``, as C libraries take it; what makes no sense is UTC.
"""

from __future__ import annotations

import io
import re
import struct
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from course_lib.engine.interfaces import Process

_AMERICAN = ",M3.2.0,M11.1.0"
"""When summer is where the string does not say: as glibc and musl have it."""


def zone_of(proc: Process) -> tzinfo:
    """The zone in which a process's programs show times."""
    name = proc.env.get("TZ")
    if name is None:
        return _of_file(proc, "/etc/localtime") or UTC
    name = name.removeprefix(":")
    if not name:
        return UTC
    path = name if name.startswith("/") else f"/usr/share/zoneinfo/{name}"
    return _of_file(proc, path) or _of_rule(name) or UTC


def _of_file(proc: Process, path: str) -> tzinfo | None:
    try:
        return _parsed(proc.fs.read_bytes(path))
    except OSError:
        return None


@lru_cache(maxsize=16)
def _of_rule(rule: str) -> tzinfo | None:
    name = r"(?:<[^>]+>|[A-Za-z]{3,})"
    if re.fullmatch(rf"{name}[-+]?\d[\d:]*{name}[-+\d:]*", rule):  # with a summer, but no dates
        rule += _AMERICAN
    # A file of one kind of time and no change, whose footer is the rule (RFC 8536, 3.3).
    header = struct.pack(">4sc15x6I", b"TZif", b"2", 0, 0, 0, 0, 1, 4)
    body = struct.pack(">iBB4s", 0, 0, 0, b"UTC\0")
    return _parsed(header + body + header + body + f"\n{rule}\n".encode())


@lru_cache(maxsize=16)
def _parsed(data: bytes) -> tzinfo | None:
    try:
        zone = ZoneInfo.from_file(io.BytesIO(data))
        datetime.fromtimestamp(0, zone)
    except (ValueError, IndexError, struct.error, OverflowError):
        return None
    return zone
