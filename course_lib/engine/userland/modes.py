"""File modes in the notation of ``chmod`` and ``ls``."""

from __future__ import annotations

import re
import stat

_CLAUSE = re.compile(r"([ugoa]*)((?:[-+=][rwxXst]*|[-+=][ugo])+)\Z")
_ACTION = re.compile(r"([-+=])([ugo]|[rwxXst]*)")
_WHO = {"u": 0o4700, "g": 0o2070, "o": 0o0007}
_SHIFT = {"u": 6, "g": 3, "o": 0}


def parse_mode(text: str, current: int, *, is_directory: bool, umask: int) -> int | None:
    """The mode that ``chmod TEXT`` gives a file that has ``current``; None if text is no mode."""
    if text and all(c in "01234567" for c in text):
        mode = int(text, 8)
        return mode if mode <= 0o7777 else None
    mode = current & 0o7777
    for clause in text.split(","):
        match = _CLAUSE.match(clause)
        if match is None:
            return None
        for operator, letters in _ACTION.findall(match[2]):
            mode = _apply(mode, match[1], operator, letters, is_directory, umask)
    return mode


def _apply(mode: int, who: str, operator: str, letters: str, is_directory: bool, umask: int) -> int:
    everyone = not who or "a" in who
    classes = "ugo" if everyone else who
    mask = 0
    for letter in classes:
        mask |= _WHO[letter]
    if everyone:
        mask |= 0o7000
    bits = _bits(mode, letters, is_directory) & mask
    if letters in ("u", "g", "o"):
        bits &= 0o777
    if not who:
        bits &= ~(umask & 0o777)
    if operator == "+":
        return mode | bits
    if operator == "-":
        return mode & ~bits
    return (mode & ~mask) | bits


def _bits(mode: int, letters: str, is_directory: bool) -> int:
    if letters in ("u", "g", "o"):
        three = (mode >> _SHIFT[letters]) & 7
        return three << 6 | three << 3 | three
    bits = 0
    for letter in letters:
        bits |= {"r": 0o444, "w": 0o222, "x": 0o111, "s": 0o6000, "t": 0o1000, "X": 0}[letter]
        if letter == "X" and (is_directory or mode & 0o111):
            bits |= 0o111
    return bits


def symbolic(mode: int) -> str:
    """``u=rwx,g=rx,o=rx``."""
    parts = []
    for who, shift in _SHIFT.items():
        three = (mode >> shift) & 7
        letters = "".join(c for c, bit in (("r", 4), ("w", 2), ("x", 1)) if three & bit)
        parts.append(f"{who}={letters}")
    return ",".join(parts)


def listing(mode: int) -> str:
    """``-rwxr-xr-x`` as ``ls -l`` shows it."""
    return stat.filemode(mode)
