"""What Docker can do and this engine cannot: said clearly, never pretended."""

from __future__ import annotations

from course_lib.engine.api.messages import Handler, Request, Response, json_response
from course_lib.engine.errdefs import NotFound, NotImplementedByEngine


def refuse(what: str) -> Handler:
    """A handler that says that something is not supported."""

    async def handler(request: Request) -> Response:
        raise NotImplementedByEngine(what)

    return handler


async def no_plugins(request: Request) -> Response:
    """``docker plugin ls``."""
    return json_response([])


async def no_such_plugin(request: Request) -> Response:
    """``docker plugin inspect`` and its kin: there are none."""
    raise NotFound(f'plugin "{request.variables["name"]}" not found')
