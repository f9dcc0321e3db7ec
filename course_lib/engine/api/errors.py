"""Which HTTP status says what kind of refusal: the one place that knows both.

Follows Moby's ``api/server/httpstatus``.
"""

from __future__ import annotations

from course_lib.engine import errdefs

_STATUS: tuple[tuple[type[errdefs.EngineError], int], ...] = (
    (errdefs.NotFound, 404),
    (errdefs.InvalidParameter, 400),
    (errdefs.Conflict, 409),
    (errdefs.Unauthorized, 401),
    (errdefs.Unavailable, 503),
    (errdefs.Forbidden, 403),
    (errdefs.NotModified, 304),
    (errdefs.NotImplementedByEngine, 501),
)


class BodyTooLarge(errdefs.InvalidParameter):
    """The body of a request is longer than any sensible one (413)."""


def status_of(error: Exception) -> int:
    """The HTTP status of a refusal; 500 for everything that is none."""
    if isinstance(error, BodyTooLarge):
        return 413
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
