"""Points in time as the API's ``until`` and ``since`` take them (moby: ``api/types/time``)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from course_lib.engine.errdefs import EngineError

_UNITS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_DURATION = re.compile(rf"[+-]?(?:{_PART.pattern})+")
_STAMP = re.compile(r"(\d+)(?:\.(\d{1,9}))?")


def moment_ns(text: str, now_ns: int) -> int:
    """Nanoseconds since the epoch.

    :param text: a Go duration back from now (``1h30m``), seconds since the epoch with an optional
        fraction, or a date with or without time (RFC 3339; UTC where no zone is given).
    """
    if _DURATION.fullmatch(text):
        parts = _PART.findall(text)
        length = sum(round(float(number) * _UNITS[unit]) for number, unit in parts)
        return now_ns + length if text.startswith("-") else now_ns - length
    stamp = _STAMP.fullmatch(text)
    if stamp:
        return int(stamp[1]) * 10**9 + int((stamp[2] or "").ljust(9, "0") or 0)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise EngineError(f'failed to parse value as time or duration: "{text}"') from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 10**9 + moment.microsecond * 1000
