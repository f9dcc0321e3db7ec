"""Points in time as clients give them (Moby: ``api/types/time``)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from course_lib.engine.errdefs import EngineError, InvalidParameter

_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9}
_UNITS["h"] = 3600 * 10**9
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_NUMBER = re.compile(r"-?\d+(\.\d*)?")


def unix_ns(text: str) -> int | None:
    """``1700000000.000000001`` → nanoseconds; ``None`` for no text.

    :raises EngineError: it is not such a number (dockerd answers 500 then).
    """
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        whole = text.partition(".")[0]
        raise EngineError(f'strconv.ParseInt: parsing "{whole}": invalid syntax')
    seconds, _, fraction = text.partition(".")
    return int(seconds) * 10**9 + int(f"{fraction[:9]:0<9}")


def parse_time(text: str, now_ns: int) -> int:
    """A Unix time, an RFC 3339 time or date, or a span such as ``10m`` before now.

    :raises InvalidParameter: it is none of these.
    """
    span = _duration(text)
    if span is not None:
        return now_ns - span
    if _NUMBER.fullmatch(text):
        return unix_ns(text) or 0
    shown = text.replace("Z", "+00:00")
    match = re.fullmatch(r"(.*?)(\.\d+)?([+-]\d\d:\d\d)?", shown)
    try:
        assert match is not None
        base = datetime.fromisoformat(match[1] + (match[3] or ""))
    except (ValueError, AssertionError):
        raise InvalidParameter(f'failed to parse value as time or duration: "{text}"') from None
    if base.tzinfo is None:
        base = base.replace(tzinfo=UTC)
    return int(base.timestamp()) * 10**9 + int(f"{(match[2] or '.')[1:10]:0<9}")


def _duration(text: str) -> int | None:
    """Go's ``time.ParseDuration`` in nanoseconds."""
    sign = -1 if text.startswith("-") else 1
    rest = text.lstrip("+-")
    total = 0.0
    position = 0
    for part in _PART.finditer(rest):
        if part.start() != position:
            return None
        total += float(part[1]) * _UNITS[part[2]]
        position = part.end()
    return int(sign * total) if rest and position == len(rest) else None
