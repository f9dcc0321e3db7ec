"""Identifiers and join tokens of a swarm (swarmkit: ``identity``, ``ca.ParseJoinToken``)."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from course_lib.engine.errdefs import InvalidParameter

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PREFIX = "SWMTKN"
_ID_LENGTH, _DIGEST_LENGTH, _SECRET_LENGTH = 25, 50, 25


def _base36(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 36)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def new_id(random: Random) -> str:
    """25 digits in base 36, as everything in a swarm has."""
    return _base36(random.getrandbits(128), _ID_LENGTH)


def new_secret(random: Random) -> str:
    """The part of a token that proves the right to join."""
    return _base36(random.getrandbits(128), _SECRET_LENGTH)


def new_digest(random: Random) -> str:
    """The part of a token that names the swarm."""
    return _base36(random.getrandbits(256), _DIGEST_LENGTH)


@dataclass(frozen=True, slots=True)
class JoinToken:
    """``SWMTKN-1-<digest>-<secret>``."""

    digest: str
    secret: str

    def __str__(self) -> str:
        return f"{_PREFIX}-1-{self.digest}-{self.secret}"


def parse_token(text: str) -> JoinToken:
    """Read a token.

    :raises InvalidParameter: it is none, with dockerd's text.
    """
    parts = text.split("-")
    if (
        len(parts) != 4
        or parts[0] != _PREFIX
        or parts[1] not in {"1", "2"}
        or len(parts[2]) != _DIGEST_LENGTH
        or len(parts[3]) != _SECRET_LENGTH
    ):
        raise InvalidParameter("invalid join token")
    return JoinToken(parts[2], parts[3])
