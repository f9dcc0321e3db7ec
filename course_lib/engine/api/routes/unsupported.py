"""What Docker can do and this engine cannot: said clearly, never pretended."""

from __future__ import annotations

from course_lib.engine.api.messages import Handler, Request, Response, json_response
from course_lib.engine.errdefs import NotImplementedByEngine, Unavailable

NOT_A_MANAGER = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect '
    "this node to swarm and try again."
)


def refuse(what: str) -> Handler:
    """A handler that says that something is not supported."""

    async def handler(request: Request) -> Response:
        raise NotImplementedByEngine(what)

    return handler


async def not_a_manager(request: Request) -> Response:
    """The answer of every engine outside of a swarm."""
    raise Unavailable(NOT_A_MANAGER)


async def not_in_a_swarm(request: Request) -> Response:
    """``docker swarm leave`` outside of one."""
    raise Unavailable("This node is not part of a swarm")


async def no_plugins(request: Request) -> Response:
    """``docker plugin ls``."""
    return json_response([])
