"""Values that a student sets: what forms of the same answer count as the same."""

from __future__ import annotations

import ipaddress
import re
from numbers import Integral
from typing import TypeGuard

_PORT_IN_TEXT = re.compile(r"(?<![\w.])(\d{1,5})(?:/(?:tcp|udp)?)?$", re.ASCII)


def as_text(value: object) -> str | None:
    """The answer as text without surrounding blanks; None where nothing was answered.

    ``int`` and ``str`` make no difference. One line captured by IPython (``x = !command``) is
    that line; any other type is not an answer of this kind and gives an empty text.
    """
    if value is None or value is ...:
        return None
    if _is_captured_line(value):
        (value,) = value
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool) or not isinstance(value, Integral):
        return ""
    try:
        return str(int(value))
    except ValueError:  # thousands of digits
        return ""


def cut(text: str) -> str:
    """As much of a text as a line of a panel has room for."""
    return text if len(text) <= 60 else text[:57] + "…"


def describe(value: object, wanted: str = "a text or a whole number") -> str:
    """A short form of the answer for a student to recognise; the type, where that is the mistake.

    Whatever a student's object does when it is asked for its text is no mistake of the check.
    """
    kind = type(value).__name__
    if _is_captured_line(value):
        (value,) = value
    try:
        text = repr(value)
    except Exception:
        return f"something of the type {kind}, which has no text"
    text = cut(text)
    if as_text(value) == "" and not isinstance(value, str):
        return f"{text} (of the type {kind}; {wanted} is asked for)"
    return text


def port_in(text: str) -> int | None:
    """The port that ``text`` leads to: ``32768``, ``0.0.0.0:32768``, ``[::]:32768``."""
    found = _PORT_IN_TEXT.search(text)
    return int(found[1]) if found else None


def is_digits(text: str) -> bool:
    """Whether ``text`` is digits alone."""
    return text.isascii() and text.isdigit()


def address_in(text: str) -> str | None:
    """The IP address in canonical form that ``text`` names, with or without prefix length."""
    try:
        return str(ipaddress.ip_interface(text).ip)
    except ValueError:
        return None


def is_address(text: str) -> bool:
    """Whether ``text`` is an address alone, without prefix length."""
    return "/" not in text and address_in(text) is not None


def _is_captured_line(value: object) -> TypeGuard[list[object]]:
    # By name: IPython is not needed to judge.
    return type(value).__name__ == "SList" and isinstance(value, list) and len(value) == 1
