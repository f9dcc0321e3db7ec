"""What Docker can do and this engine cannot: said clearly, never pretended."""

from __future__ import annotations

from course_lib.engine.api.messages import Handler, Request, Response, json_response
from course_lib.engine.api.router import Route
from course_lib.engine.errdefs import NotImplementedByEngine, Unavailable

NOT_A_MANAGER = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect '
    "this node to swarm and try again."
)

_REFUSED: tuple[tuple[str, str, str], ...] = (
    ("POST", "/build", "docker build"),
    ("POST", "/build/prune", "docker builder prune"),
    ("POST", "/build/cancel", "docker build"),
    ("POST", "/session", "a BuildKit session"),
    ("POST", "/grpc", "BuildKit"),
    ("POST", "/commit", "docker commit"),
    ("GET", "/images/get", "docker save"),
    ("GET", "/images/{name}/get", "docker save"),
    ("POST", "/images/load", "docker load"),
    ("GET", "/distribution/{name}/json", "asking a registry"),
    ("GET", "/containers/{name}/export", "docker export"),
    ("GET", "/containers/{name}/checkpoints", "checkpoints"),
    ("POST", "/containers/{name}/checkpoints", "checkpoints"),
    ("DELETE", "/containers/{name}/checkpoints/{checkpoint}", "checkpoints"),
    ("POST", "/swarm/init", "swarm mode"),
    ("POST", "/swarm/join", "swarm mode"),
    ("POST", "/plugins/pull", "plugins"),
    ("GET", "/plugins/privileges", "plugins"),
    ("POST", "/plugins/{name}/enable", "plugins"),
    ("POST", "/plugins/{name}/disable", "plugins"),
    ("POST", "/plugins/create", "plugins"),
    ("GET", "/plugins/{name}/json", "plugins"),
    ("DELETE", "/plugins/{name}", "plugins"),
)

_SWARM: tuple[tuple[str, str], ...] = (
    ("GET", "/swarm"),
    ("GET", "/swarm/unlockkey"),
    ("POST", "/swarm/update"),
    ("POST", "/swarm/unlock"),
    ("GET", "/services"),
    ("GET", "/services/{id}"),
    ("POST", "/services/create"),
    ("POST", "/services/{id}/update"),
    ("DELETE", "/services/{id}"),
    ("GET", "/services/{id}/logs"),
    ("GET", "/nodes"),
    ("GET", "/nodes/{id}"),
    ("DELETE", "/nodes/{id}"),
    ("POST", "/nodes/{id}/update"),
    ("GET", "/tasks"),
    ("GET", "/tasks/{id}"),
    ("GET", "/tasks/{id}/logs"),
    ("GET", "/secrets"),
    ("POST", "/secrets/create"),
    ("GET", "/secrets/{id}"),
    ("DELETE", "/secrets/{id}"),
    ("POST", "/secrets/{id}/update"),
    ("GET", "/configs"),
    ("POST", "/configs/create"),
    ("GET", "/configs/{id}"),
    ("DELETE", "/configs/{id}"),
    ("POST", "/configs/{id}/update"),
)


def routes() -> list[Route]:
    """The table."""
    return [
        *(Route(method, path, _refuse(what)) for method, path, what in _REFUSED),
        *(Route(method, path, _not_a_manager) for method, path in _SWARM),
        Route("POST", "/swarm/leave", _not_in_a_swarm),
        Route("GET", "/plugins", _no_plugins),
    ]


def _refuse(what: str) -> Handler:
    async def handler(request: Request) -> Response:
        raise NotImplementedByEngine(what)

    return handler


async def _not_a_manager(request: Request) -> Response:
    raise Unavailable(NOT_A_MANAGER)


async def _not_in_a_swarm(request: Request) -> Response:
    raise Unavailable("This node is not part of a swarm")


async def _no_plugins(request: Request) -> Response:
    return json_response([])
