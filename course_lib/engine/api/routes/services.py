"""``/services``, and the logs of services and tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from course_lib.engine.api import swarmschemas
from course_lib.engine.api.bodies import read_json
from course_lib.engine.api.format import swarm as show
from course_lib.engine.api.messages import (
    AnyResponse,
    Request,
    Response,
    StreamResponse,
    json_response,
)
from course_lib.engine.api.routes.streams import MULTIPLEXED, RAW, fixed_width
from course_lib.engine.api.routes.swarm import version_of
from course_lib.engine.api.streams import frame
from course_lib.engine.api.timestamps import unix_ns
from course_lib.engine.container.logs import LogLine, StreamKind
from course_lib.engine.engine import Engine
from course_lib.engine.errdefs import InvalidParameter, NotFound
from course_lib.engine.filters import Filters
from course_lib.engine.swarm.interfaces import LogOptions
from course_lib.engine.swarm.manager import Manager
from course_lib.engine.swarm.model import Service, Task

_FILTERS = frozenset({"name", "id", "label", "mode", "runtime"})
_MODES = {
    "Replicated": "replicated",
    "Global": "global",
    "ReplicatedJob": "replicated-job",
    "GlobalJob": "global-job",
}
_Line = tuple[Task, LogLine]


class Handlers:
    """Handlers of ``/services``."""

    def __init__(self, engine: Engine) -> None:
        self._swarm = engine.swarm

    async def get_services(self, request: Request) -> Response:
        manager = self._swarm.control()
        filters = Filters.parse(request.text("filters"))
        filters.validate(_FILTERS)
        status = request.flag("status")
        found = [service for service in manager.state.services if _passes(service, filters)]
        return json_response(
            [show.service(service, manager.state, status=status) for service in found]
        )

    async def get_service(self, request: Request) -> Response:
        manager = self._swarm.control()
        service = manager.state.services.find(request.variables["id"])
        defaults = request.truth("insertDefaults")
        return json_response(show.service(service, manager.state, defaults=defaults))

    async def post_create(self, request: Request) -> Response:
        spec = await read_json(request, swarmschemas.SERVICE_SPEC)
        service = self._swarm.control().services.create(spec)
        return json_response({"ID": service.id, "Warnings": None}, 201)

    async def post_update(self, request: Request) -> Response:
        spec = await read_json(request, swarmschemas.SERVICE_SPEC)
        version = version_of(request, "service")
        self._swarm.control().services.update(
            request.variables["id"], version, spec, request.text("rollback")
        )
        return json_response({"Warnings": None})

    async def delete_service(self, request: Request) -> Response:
        self._swarm.control().services.remove(request.variables["id"])
        return Response(200)

    # --- logs ----------------------------------------------------------------------------

    async def get_logs(self, request: Request) -> AnyResponse:
        _require_stream(request)
        manager = self._swarm.control()
        service = manager.state.services.find(request.variables["id"])
        return self._logs(request, manager, lambda task: task.service_id == service.id, service)

    async def get_task_logs(self, request: Request) -> AnyResponse:
        _require_stream(request)
        manager = self._swarm.control()
        wanted = manager.state.tasks.find(request.variables["id"])
        service = manager.state.services.get(wanted.service_id)
        if service is None:
            raise NotFound(f"service {wanted.service_id} not found")
        return self._logs(request, manager, lambda task: task.id == wanted.id, service)

    @staticmethod
    def _logs(
        request: Request, manager: Manager, wanted: Callable[[Task], bool], service: Service
    ) -> AnyResponse:
        tail, until = request.text("tail"), request.text("until")
        options = LogOptions(
            tail=int(tail) if tail.isdigit() else None,
            since_ns=unix_ns(request.text("since")) or 0,
            until_ns=unix_ns(until) if until not in {"", "0"} else None,
            follow=request.flag("follow"),
        )
        streams = {name for name in ("stdout", "stderr") if request.flag(name)}
        tty = bool((service.template.get("ContainerSpec") or {}).get("TTY"))
        details, timestamps = request.flag("details"), request.flag("timestamps")

        async def chunks() -> AsyncIterator[bytes]:
            async for task, line in _lines(manager, wanted, options):
                if line.stream not in streams:
                    continue
                data = line.data
                if details:
                    data = _attributes(task) + b" " + data
                if timestamps:
                    data = fixed_width(line.time).encode() + b" " + data
                name: StreamKind = "stderr" if line.stream == "stderr" else "stdout"
                yield data if tty else frame(name, data)

        return StreamResponse(
            chunks(), content_type=MULTIPLEXED if not tty and request.version >= (1, 42) else RAW
        )


async def _lines(
    manager: Manager, wanted: Callable[[Task], bool], options: LogOptions
) -> AsyncIterator[_Line]:
    """The lines of all tasks that are wanted, and of those to come while it follows."""
    queue: asyncio.Queue[_Line | None] = asyncio.Queue(256)
    pumps: dict[str, asyncio.Task[None]] = {}

    async def pump(task: Task) -> None:
        agent = manager.dispatcher.agent(task.node_id)
        if agent is not None:
            async for line in agent.logs(task.id, options):
                await queue.put((task, line))

    def fresh() -> list[Task]:
        return [
            task
            for task in manager.state.tasks
            if wanted(task) and task.status.container_id and task.id not in pumps
        ]

    async def collect() -> None:
        while True:
            for task in fresh():
                pumps[task.id] = asyncio.create_task(pump(task))
                if not options.follow:
                    await pumps[task.id]
            if not options.follow:
                break
            await manager.state.until(lambda: bool(fresh()))
        await queue.put(None)

    collector = asyncio.create_task(collect())
    try:
        while True:
            line = await queue.get()
            if line is None:
                return
            yield line
    finally:
        collector.cancel()
        for task in pumps.values():
            task.cancel()


def _attributes(task: Task) -> bytes:
    text = (
        f"com.docker.swarm.node.id={task.node_id},"
        f"com.docker.swarm.service.id={task.service_id},"
        f"com.docker.swarm.task.id={task.id}"
    )
    return text.encode()


def _require_stream(request: Request) -> None:
    if not (request.flag("stdout") or request.flag("stderr")):
        raise InvalidParameter("Bad parameters: you must choose at least one stream")


def _passes(service: Service, filters: Filters) -> bool:
    runtime = filters.get("runtime")
    return (
        filters.prefix("name", service.name)
        and filters.prefix("id", service.id)
        and filters.exact("mode", _MODES[service.mode])
        and filters.labels("label", service.spec.get("Labels"))
        and (not runtime or "container" in runtime)
    )
