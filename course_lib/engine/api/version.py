"""API versions: which are spoken, and what is said to the others."""

from __future__ import annotations

import functools

from course_lib.engine.errdefs import InvalidParameter

Version = tuple[int, ...]

NEWEST: Version = (1, 45)
"""The version of dockerd 26.1, our reference."""
OLDEST: Version = (1, 24)


def show(version: Version) -> str:
    """``1.45``."""
    return ".".join(map(str, version))


@functools.lru_cache(maxsize=64)
def negotiate(text: str) -> Version:
    """The version that a path names, ``""`` for none.

    :raises InvalidParameter: it is not spoken, in dockerd's words (``VersionMiddleware``).
    """
    if not text:
        return NEWEST
    version = tuple(int(part) if part else 0 for part in text.split("."))
    if version < OLDEST:
        raise InvalidParameter(
            f"client version {text} is too old. Minimum supported API version is "
            f"{show(OLDEST)}, please upgrade your client to a newer version"
        )
    if version > NEWEST:
        raise InvalidParameter(
            f"client version {text} is too new. Maximum supported API version is {show(NEWEST)}"
        )
    return version
