"""``docker builder prune``: what of the build cache is to go (moby ``builder-next``).

The classic builder's cache are images, which ``docker image prune`` takes: here is nothing to
remove, but a filter that is none is refused as by dockerd.
"""

from __future__ import annotations

from course_lib.engine.clock import Clock
from course_lib.engine.errdefs import EngineError, InvalidParameter
from course_lib.engine.filters import Filters
from course_lib.engine.image.moments import moment_ns

_FIELDS = ("id", "parent", "type", "description", "inuse", "shared", "private")
_AGES = ("until", "unused-for")


def check_filters(filters: Filters, clock: Clock) -> None:
    """Refuse filters that the build cache does not know.

    :raises InvalidParameter: with dockerd's text.
    """
    try:
        _check(filters, clock)
    except EngineError as error:
        raise InvalidParameter(f"failed to prune build cache: {error}") from None


def _check(filters: Filters, clock: Clock) -> None:
    filters.validate((*_FIELDS, *_AGES, "label", "label!"))
    ages = [(name, value) for name in _AGES for value in filters.get(name)]
    if all(filters.get(name) for name in _AGES):
        raise EngineError('conflicting filters: "until" and "unused-for"')
    if len(ages) > 1 or any(len(filters.get(name)) > 1 for name in _FIELDS):
        raise EngineError("filters expect only one value")
    for name, value in ages:
        try:
            moment_ns(value, clock.time_ns())
        except EngineError as error:
            raise EngineError(
                f"\"{name}\" filter expects a duration (e.g., '24h') or a timestamp: {error}"
            ) from None
