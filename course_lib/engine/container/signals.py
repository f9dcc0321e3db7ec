"""Names and numbers of signals as Docker takes them (``moby/sys/signal``)."""

from __future__ import annotations

import signal

from course_lib.engine.errdefs import InvalidParameter

_NAMES = {
    entry.name.removeprefix("SIG"): int(entry)
    for entry in signal.Signals
    if not entry.name.startswith("SIGRT")
}
_RTMIN, _RTMAX = 34, 64


def parse_signal(text: str) -> int:
    """``KILL``, ``SIGKILL``, ``9``, ``RTMIN+3``.

    :raises InvalidParameter: there is no such signal.
    """
    if text.isdecimal():
        number = int(text)
        if number == 0:
            raise InvalidParameter(f"invalid signal: {text}")
        return number
    name = text.upper().removeprefix("SIG")
    if name in _NAMES:
        return _NAMES[name]
    for base, start, sign in (("RTMIN", _RTMIN, 1), ("RTMAX", _RTMAX, -1)):
        rest = name.removeprefix(base)
        if rest != name:
            if not rest:
                return start
            offset = rest[1:]
            if rest[0] in "+-" and offset.isdecimal():
                number = start + sign * int(offset)
                if _RTMIN <= number <= _RTMAX:
                    return number
    raise InvalidParameter(f"invalid signal: {text}")


def parse_for_platform(text: str) -> int:
    """As :func:`parse_signal`, for a signal that is to be sent now."""
    number = parse_signal(text)
    if not 1 <= number <= _RTMAX:
        raise InvalidParameter(f"the linux daemon does not support signal {number}")
    return number
