"""Reads the bodies of requests by their schema."""

from __future__ import annotations

from course_lib.engine.api import gojson
from course_lib.engine.api.gojson import Decoded, Struct
from course_lib.engine.api.messages import Request
from course_lib.engine.errdefs import InvalidParameter

JSON_LIMIT = 8 * 1024 * 1024
"""Bytes; no sensible request body is longer."""


def _check_content_type(request: Request, *, has_body: bool) -> None:
    given = request.headers.get("content-type", "")
    if not given:
        if has_body:
            raise InvalidParameter("malformed Content-Type header (): mime: no media type")
        return
    if given.partition(";")[0].strip().lower() != "application/json":
        raise InvalidParameter(
            f"unsupported Content-Type header ({given}): must be 'application/json'"
        )


def has_body(request: Request) -> bool:
    """Whether the request announces a body."""
    return (
        request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    )


async def read_json(request: Request, schema: Struct, *, required: bool = False) -> Decoded:
    """The decoded body; no body gives an empty one, as Moby's ``httputils.ReadJSON``.

    :param required: no body is an error.
    :raises InvalidParameter: it is not JSON, or not of that shape.
    """
    present = has_body(request)
    _check_content_type(request, has_body=present)
    if not present and not required:
        return {}
    body = await request.body.read_all(JSON_LIMIT)
    if not body.strip():
        raise InvalidParameter("invalid JSON: got EOF while reading request body")
    return gojson.decode(schema, body) or {}
