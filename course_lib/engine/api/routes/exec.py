"""``/exec`` and ``/containers/{name}/exec``."""

from __future__ import annotations

from course_lib.engine.api import requested, schemas
from course_lib.engine.api.bodies import read_json
from course_lib.engine.api.format.execs import exec_instance
from course_lib.engine.api.messages import (
    AnyResponse,
    RawStream,
    Request,
    Response,
    Upgrade,
    atoi,
    json_response,
)
from course_lib.engine.api.routes.streams import MULTIPLEXED, RAW, unframed
from course_lib.engine.api.streams import frame
from course_lib.engine.container.attach import DEFAULT_DETACH, Detached, attach
from course_lib.engine.engine import Engine
from course_lib.engine.errdefs import EngineError


class Handlers:
    """Handlers of exec instances."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._execs = engine.containers.execs

    async def post_container_exec(self, request: Request) -> Response:
        body = await read_json(request, schemas.EXEC_CREATE)
        spec = requested.exec_spec(body, request.version)
        name = request.variables["name"]
        instance = self._execs.create(self._engine.containers.get(name), name, spec)
        return json_response({"Id": instance.id}, 201)

    async def get_exec(self, request: Request) -> Response:
        return json_response(exec_instance(self._execs.get(request.variables["name"])))

    async def post_exec_resize(self, request: Request) -> Response:
        rows, columns = atoi(request.text("h")), atoi(request.text("w"))
        instance = self._execs.get_startable(request.variables["name"])
        instance.streams.resize(rows, columns)
        return Response(200)

    async def post_exec_start(self, request: Request) -> AnyResponse:
        body = await read_json(request, schemas.EXEC_START)
        instance = self._execs.get_startable(request.variables["name"])
        tty = body.get("Tty", False)
        size = requested.console_size(body) if tty and request.version >= (1, 42) else None
        if body.get("Detach", False):
            await self._execs.start(instance, size)
            return Response(200)
        spec = instance.spec
        framing = frame if not tty else unframed

        async def run(stream: RawStream) -> None:
            attachment = instance.streams.attach(
                stdout=spec.attach_stdout, stderr=spec.attach_stderr
            )
            try:
                await self._execs.start(instance, size)
            except EngineError as error:
                instance.streams.detach(attachment)
                await stream.write(framing("stdout", f"{error}\r\n".encode()))
                return
            try:
                await attach(
                    instance.streams,
                    attachment,
                    stream,
                    framing,
                    stdin=spec.attach_stdin,
                    keys=spec.detach_keys or DEFAULT_DETACH,
                )
            except Detached:
                container = instance.container
                self._engine.containers.lifecycle.publish(
                    container, "exec_detach", execID=instance.id
                )

        multiplexed = not tty and request.version >= (1, 42)
        return Upgrade(run, MULTIPLEXED if multiplexed else RAW)
