"""``HEALTHCHECK``: the checks of an image, and how the history writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from course_lib.engine.builder.flags import read_flags
from course_lib.engine.builder.goquote import go_duration, go_list, go_quote, go_rune
from course_lib.engine.errdefs import InvalidParameter

if TYPE_CHECKING:
    from course_lib.engine.builder.dockerfile import Line

_TIMES = ("interval", "timeout", "start-period", "start-interval")
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9}
_UNITS["h"] = 60 * _UNITS["m"]
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")
_SHORTEST = 10**6


@dataclass(frozen=True, slots=True)
class Check:
    """``Healthcheck`` of an image; times in nanoseconds, 0 for the default."""

    test: tuple[str, ...]
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0

    def config(self) -> Mapping[str, Any]:
        """As the API has it: what is 0 is left out."""
        values = {
            "Test": list(self.test),
            "Interval": self.interval,
            "Timeout": self.timeout,
            "StartPeriod": self.start_period,
            "StartInterval": self.start_interval,
            "Retries": self.retries,
        }
        return {name: value for name, value in values.items() if value}

    def __str__(self) -> str:
        """Go's ``%q`` of the struct."""
        times = (self.interval, self.timeout, self.start_period, self.start_interval)
        shown = " ".join(go_quote(go_duration(time)) for time in times)
        return f"&{{{go_list(self.test, quoted=True)} {shown} {go_rune(self.retries)}}}"


def read(line: Line) -> Check:
    """The check of one line.

    :raises InvalidParameter: with BuildKit's words.
    """
    if not line.args:
        raise InvalidParameter("HEALTHCHECK requires at least one argument")
    kind, *words = line.args
    kind = kind.upper()
    if kind == "NONE":
        if words:
            raise InvalidParameter("HEALTHCHECK NONE takes no arguments")
        return Check(("NONE",))
    flags = read_flags(line.flags, strings=(*_TIMES, "retries"))
    if kind != "CMD":
        raise InvalidParameter(f"Unknown type {go_quote(kind)} in HEALTHCHECK (try CMD)")
    if not words:
        raise InvalidParameter("Missing command after HEALTHCHECK CMD")
    interval, timeout, start_period, start_interval = (
        _time(name, flags.get(name, "")) for name in _TIMES
    )
    test = ("CMD" if line.is_json else "CMD-SHELL", *words)
    retries = _retries(flags.get("retries", ""))
    return Check(test, interval, timeout, start_period, start_interval, retries)


def _retries(text: str) -> int:
    if not text:
        return 0
    if not re.fullmatch(r"[+-]?\d+", text, re.ASCII):
        raise InvalidParameter(f"strconv.ParseInt: parsing {go_quote(text)}: invalid syntax")
    value = int(text)
    if not -(2**31) <= value < 2**31:
        raise InvalidParameter(f"strconv.ParseInt: parsing {go_quote(text)}: value out of range")
    if value < 0:
        raise InvalidParameter(f"--retries cannot be negative ({value})")
    return value


def _time(name: str, text: str) -> int:
    if not text:
        return 0
    value = _duration(text)
    if value and value < _SHORTEST:
        raise InvalidParameter(f"Interval {go_quote(name)} cannot be less than 1ms")
    return value


def _duration(text: str) -> int:
    """Go's ``time.ParseDuration``, its commonest errors included."""
    sign = -1 if text.startswith("-") else 1
    rest = text.lstrip("+-") if text[0] in "+-" else text
    if rest == "0":
        return 0
    if not re.fullmatch(f"(?:{_PART.pattern})+", rest):
        number = re.fullmatch(r"(\d+\.?\d*|\.\d+)(.*)", rest)
        if number and not number[2]:
            raise InvalidParameter(f"time: missing unit in duration {go_quote(text)}")
        if number and (unit := re.match(r"[^\d.]+", number[2])) and unit[0] not in _UNITS:
            raise InvalidParameter(
                f"time: unknown unit {go_quote(unit[0])} in duration {go_quote(text)}"
            )
        raise InvalidParameter(f"time: invalid duration {go_quote(text)}")
    return sign * sum(round(float(value) * _UNITS[unit]) for value, unit in _PART.findall(rest))
