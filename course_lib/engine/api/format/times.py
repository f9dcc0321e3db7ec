"""Times as dockerd's answers show them."""

from __future__ import annotations

from course_lib.engine.clock import ZERO_TIME, rfc3339_nano


def time_text(time_ns: int) -> str:
    """RFC 3339, Go's zero time for "never"."""
    return rfc3339_nano(time_ns) if time_ns else ZERO_TIME


def seconds_text(time_ns: int) -> str:
    """RFC 3339 without fraction, as volumes show their age."""
    return rfc3339_nano(time_ns // 1_000_000_000 * 1_000_000_000)


def human_duration(seconds: float) -> str:
    """``3 minutes``: Docker's words for a span of time (``go-units.HumanDuration``)."""
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole == 1:
        return "1 second"
    if whole < 60:
        return f"{whole} seconds"
    minutes = whole // 60
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    hours = int(seconds / 3600 + 0.5)
    if hours == 1:
        return "About an hour"
    if hours < 48:
        return f"{hours} hours"
    if hours < 24 * 7 * 2:
        return f"{hours // 24} days"
    if hours < 24 * 30 * 2:
        return f"{hours // 24 // 7} weeks"
    if hours < 24 * 365 * 2:
        return f"{hours // 24 // 30} months"
    return f"{int(seconds / 3600) // 24 // 365} years"
