"""How Go's ``fmt`` writes values: what ``docker history`` shows of a step follows from it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

_CONTROL = re.compile(r"\\u00([0-9a-f]{2})")
_HOUR, _MINUTE, _SECOND = 3600 * 10**9, 60 * 10**9, 10**9


def go_quote(text: str) -> str:
    """``%q`` of a string."""
    quoted = json.dumps(text, ensure_ascii=False).replace("\x7f", r"\x7f")
    return _CONTROL.sub(r"\\x\1", quoted)


def go_list(values: Iterable[str], *, quoted: bool = False) -> str:
    """``%v`` or ``%q`` of a list of strings."""
    return f"[{' '.join(go_quote(value) if quoted else value for value in values)}]"


def go_rune(value: int) -> str:
    """``%q`` of an integer: the character of that number."""
    names = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 39: "'", 92: "\\"}
    if value in names:
        return f"'\\{names[value]}'"
    if value < 32 or value == 127:
        return f"'\\x{value:02x}'"
    return f"'{chr(value)}'" if value < 0xD800 else "'\ufffd'"


def go_duration(ns: int) -> str:
    """``time.Duration.String``: ``1m30s``, ``1.5s``, ``100ms``."""
    if ns == 0:
        return "0s"
    if abs(ns) < _SECOND:
        for unit, size in (("ms", 10**6), ("µs", 10**3), ("ns", 1)):
            if abs(ns) >= size:
                return f"{_decimal(ns, size)}{unit}"
    hours, rest = divmod(ns, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    result = f"{hours}h" if hours else ""
    if hours or minutes:
        result += f"{minutes}m"
    return f"{result}{_decimal(rest, _SECOND)}s"


def _decimal(value: int, size: int) -> str:
    whole, rest = divmod(value, size)
    if not rest:
        return str(whole)
    return f"{whole}.{str(rest).zfill(len(str(size)) - 1).rstrip('0')}"
