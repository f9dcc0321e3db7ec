"""``/nodes``."""

from __future__ import annotations

from course_lib.engine.api import swarmschemas
from course_lib.engine.api.bodies import read_json
from course_lib.engine.api.format import swarm as show
from course_lib.engine.api.messages import Request, Response, json_response
from course_lib.engine.api.routes.swarm import version_of
from course_lib.engine.engine import Engine
from course_lib.engine.filters import Filters
from course_lib.engine.swarm.model import Node

_FILTERS = frozenset({"name", "id", "label", "role", "membership", "node.label"})


class Handlers:
    """Handlers of ``/nodes``."""

    def __init__(self, engine: Engine) -> None:
        self._swarm = engine.swarm

    async def get_nodes(self, request: Request) -> Response:
        state = self._swarm.control().state
        filters = Filters.parse(request.text("filters"))
        filters.validate(_FILTERS)
        return json_response([show.node(node) for node in state.nodes if _passes(node, filters)])

    async def get_node(self, request: Request) -> Response:
        return json_response(show.node(self._swarm.control().node(request.variables["id"])))

    async def post_update(self, request: Request) -> Response:
        spec = await read_json(request, swarmschemas.NODE_SPEC)
        version = version_of(request, "node")
        self._swarm.control().update_node(request.variables["id"], version, spec)
        return Response(200)

    async def delete_node(self, request: Request) -> Response:
        manager = self._swarm.control()
        manager.remove_node(request.variables["id"], force=request.flag("force"))
        return Response(200)


def _passes(node: Node, filters: Filters) -> bool:
    membership = filters.get("membership")
    return (
        (filters.prefix("name", node.hostname) or filters.exact("name", node.name))
        and filters.prefix("id", node.id)
        and filters.exact("role", str(node.spec.get("Role")))
        and (not membership or "accepted" in membership)
        and filters.labels("label", (node.description.get("Engine") or {}).get("Labels"))
        and filters.labels("node.label", node.spec.get("Labels"))
    )
