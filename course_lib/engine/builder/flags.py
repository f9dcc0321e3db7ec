"""Flags of instructions (``--chown=…``) and the near misses that error texts point out.

Follows BuildKit's ``instructions/bflag.go`` and ``util/suggest``.
"""

from __future__ import annotations

from collections.abc import Iterable

from course_lib.engine.errdefs import InvalidParameter

_NEAR = 3


def read_flags(
    given: Iterable[str], *, strings: Iterable[str] = (), booleans: Iterable[str] = ()
) -> dict[str, str]:
    """The values of the flags that were given.

    :raises InvalidParameter: with BuildKit's words.
    """
    known_strings, known_booleans = tuple(strings), tuple(booleans)
    found: dict[str, str] = {}
    for flag in given:
        name, has_value, value = flag.removeprefix("--").partition("=")
        if name not in known_strings and name not in known_booleans:
            near = suggestion(name, (*known_strings, *known_booleans))
            raise InvalidParameter(f"unknown flag: {name}{near}")
        if name in found:
            raise InvalidParameter(f"duplicate flag specified: {name}")
        if name in known_booleans:
            if has_value and not value:
                raise InvalidParameter(f"missing a value on flag: {name}")
            if value.lower() not in {"", "true", "false"}:
                raise InvalidParameter(f"expecting boolean value for flag {name}, not: {value}")
            value = value.lower() or "true"
        elif not has_value:
            raise InvalidParameter(f"missing a value on flag: {name}")
        found[name] = value
    return found


def suggestion(word: str, options: Iterable[str]) -> str:
    """``" (did you mean FROM?)"`` where an option is at most two letters away."""
    best, distance = "", _NEAR
    for option in options:
        here = _distance(word.lower(), option.lower())
        if here == 0:
            return ""
        if here < distance:
            best, distance = option, here
    if not best:
        return ""
    if word == word.lower():
        best = best.lower()
    elif word == word.upper():
        best = best.upper()
    return f" (did you mean {best}?)"


def _distance(one: str, other: str) -> int:
    """Letters to add, drop or change (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, char in enumerate(one, 1):
        previous, row[0] = row[0], number
        for at, char2 in enumerate(other, 1):
            previous, row[at] = (
                row[at],
                min(row[at] + 1, row[at - 1] + 1, previous + (char != char2)),
            )
    return row[-1]
