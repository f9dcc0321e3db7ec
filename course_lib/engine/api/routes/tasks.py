"""``/tasks``."""

from __future__ import annotations

from course_lib.engine.api.format import swarm as show
from course_lib.engine.api.messages import Request, Response, json_response
from course_lib.engine.engine import Engine
from course_lib.engine.errdefs import InvalidParameter, SystemFailure
from course_lib.engine.filters import Filters
from course_lib.engine.swarm.manager import Manager
from course_lib.engine.swarm.model import Task, rank

_FILTERS = frozenset(
    {"name", "id", "label", "service", "node", "desired-state", "runtime", "_up-to-date"}
)
_DESIRED = {"running": "running", "shutdown": "shutdown", "accepted": "accepted"}


class Handlers:
    """Handlers of ``/tasks``."""

    def __init__(self, engine: Engine) -> None:
        self._swarm = engine.swarm

    async def get_tasks(self, request: Request) -> Response:
        manager = self._swarm.control()
        filters = Filters.parse(request.text("filters"))
        filters.validate(_FILTERS)
        filters = _resolved(manager, filters)
        tasks = [task for task in manager.state.tasks if _passes(task, filters)]
        return json_response([show.task(task, manager.state) for task in tasks])

    async def get_task(self, request: Request) -> Response:
        manager = self._swarm.control()
        task = manager.state.tasks.find(request.variables["id"])
        return json_response(show.task(task, manager.state))


def _resolved(manager: Manager, filters: Filters) -> Filters:
    """With IDs for names of services and nodes."""
    services = filters.get("service")
    if services:
        filters = filters.replace(
            "service", [manager.state.services.find(ref).id for ref in services]
        )
    nodes = filters.get("node")
    if nodes:
        filters = filters.replace("node", [manager.node(ref).id for ref in nodes])
    for value in filters.get("desired-state"):
        if value not in _DESIRED:
            if not value:
                raise InvalidParameter("invalid filter 'desired-state'")
            raise SystemFailure(f"Invalid desired-state filter: '{value}'")
    return filters


def _passes(task: Task, filters: Filters) -> bool:
    desired = filters.get("desired-state")
    if desired and not any(_wants(task, value) for value in desired):
        return False
    runtime = filters.get("runtime")
    shown = f"{task.service_name}.{task.slot or task.node_id}"
    return (
        filters.prefix("id", task.id)
        and (filters.prefix("name", shown) or filters.prefix("name", task.name))
        and filters.exact("service", task.service_id)
        and filters.exact("node", task.node_id)
        and filters.labels("label", {})
        and (not runtime or "container" in runtime)
    )


def _wants(task: Task, value: str) -> bool:
    if value == "running":
        return task.desired == "running"
    if value == "shutdown":
        return task.desired == "shutdown"
    return rank(task.desired) == rank(value)
