"""``/containers``: life cycle and looking."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from course_lib.engine.api import requested, schemas
from course_lib.engine.api.bodies import read_json
from course_lib.engine.api.format import containers as show
from course_lib.engine.api.format.rows import row
from course_lib.engine.api.messages import (
    AnyResponse,
    Request,
    Response,
    StreamResponse,
    atoi,
    encode,
    json_response,
    no_content,
)
from course_lib.engine.api.timestamps import parse_time
from course_lib.engine.container.container import Container
from course_lib.engine.container.listing import ListOptions, PortRow, select
from course_lib.engine.container.signals import parse_for_platform
from course_lib.engine.container.state import Condition
from course_lib.engine.engine import Engine
from course_lib.engine.errdefs import EngineError, InvalidParameter, NotFound, SystemFailure
from course_lib.engine.filters import Filters
from course_lib.engine.image.platform import ARCHITECTURE, OS, Platform
from course_lib.engine.image.platform import parse as parse_platform

_CONDITIONS: dict[str, Condition] = {
    "": "not-running",
    "not-running": "not-running",
    "next-exit": "next-exit",
    "removed": "removed",
}


class Handlers:
    """Handlers of ``/containers``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._containers = engine.containers

    def _get(self, request: Request) -> Container:
        return self._containers.get(request.variables["name"])

    # --- looking -------------------------------------------------------------------------

    async def get_containers_json(self, request: Request) -> Response:
        limit = request.text("limit")
        options = ListOptions(
            all=request.flag("all"),
            limit=_atoi_or_fail(limit) if limit else 0,
            before=request.text("before"),
            since=request.text("since"),
            filters=Filters.parse(request.text("filters")),
        )
        found = select(self._containers.registry, options, self._image_family, self._port_rows)
        now = self._engine.clock.time_ns()
        with_size = request.flag("size")
        rows = [
            row(
                container,
                self._containers.registry.link_names(container.id),
                self._containers.networks.view(container),
                self._shown_image(container),
                request.version,
                now,
                self._containers.sizes(container) if with_size else None,
            )
            for container in found
        ]
        return json_response(rows)

    def _image_family(self, reference: str) -> set[str]:
        images = self._engine.images
        try:
            family, todo = set(), [images.get(reference).id]
        except EngineError:
            return set()
        while todo:
            image_id = todo.pop()
            if image_id not in family:
                family.add(image_id)
                todo += images.children(image_id)
        return family

    def _port_rows(self, container: Container) -> list[PortRow]:
        rows = []
        for key, bindings in self._containers.networks.view(container).ports.items():
            number, _, protocol = key.partition("/")
            rows += [PortRow(int(number), port, protocol) for _, port in bindings]
            if not bindings:
                rows.append(PortRow(int(number), 0, protocol))
        return rows

    def _shown_image(self, container: Container) -> str:
        """The name the user gave, while it still means that image."""
        name = container.config.image
        if name == container.image_id:
            return name
        try:
            same = self._engine.images.get(name).id == container.image_id
        except EngineError:
            same = False
        return name if same else container.image_id

    async def get_container(self, request: Request) -> Response:
        container = self._get(request)
        sizes = self._containers.sizes(container) if request.flag("size") else None
        view = self._containers.networks.view(container)
        return json_response(show.inspect(container, view, request.version, sizes))

    async def get_changes(self, request: Request) -> Response:
        changes = self._containers.changes(self._get(request))
        rows = [{"Path": change.path, "Kind": change.kind} for change in changes]
        return json_response(rows or None)

    async def get_top(self, request: Request) -> Response:
        table = self._containers.top(self._get(request), request.text("ps_args"))
        return json_response({"Titles": table.titles, "Processes": table.rows})

    # --- life cycle ----------------------------------------------------------------------

    async def post_containers_create(self, request: Request) -> Response:
        platform = request.text("platform")
        body = await read_json(request, schemas.CONTAINER_CREATE, required=True)
        check = platform and request.version >= (1, 41)
        wanted_platform = parse_platform(platform) if check else None
        wanted = requested.create_request(request.text("name"), body, request.version)
        other = self._check_platform(wanted.config.image, wanted_platform)
        container, warnings = await self._containers.creator.create(wanted)
        return json_response({"Id": container.id, "Warnings": [*other, *warnings]}, 201)

    def _check_platform(self, name: str, wanted: Platform | None) -> list[str]:
        """Warnings about an image that was made for another platform than the engine's.

        :raises NotFound: another platform was asked for than that of the image that is there: it
            counts as missing, and clients pull then.
        """
        image = self._engine.images.get(name) if name else None
        if image is None:
            return []
        if wanted is None and image.architecture != ARCHITECTURE:
            return [
                f"The requested image's platform ({Platform(image.os, image.architecture)}) does "
                f"not match the detected host platform ({Platform(OS, ARCHITECTURE)}) and no "
                "specific platform was requested"
            ]
        if wanted is not None and not wanted.fits(image.os, image.architecture):
            raise NotFound(
                f"image with reference {name} was found but does not match the specified platform: "
                f"wanted {wanted}, actual: {image.os}/{image.architecture}"
            )
        return []

    async def post_start(self, request: Request) -> Response:
        length = request.headers.get("content-length", "0")
        if "transfer-encoding" in request.headers or (length.isdigit() and int(length) > 7):
            raise InvalidParameter(
                "starting container with non-empty request body was deprecated since API v1.22 "
                "and removed in v1.24"
            )
        container = self._get(request)
        await self._containers.start(container)
        await self._containers.begin_serving(container)
        return no_content()

    async def post_stop(self, request: Request) -> Response:
        timeout, signal = self._stop_options(request)
        await self._containers.lifecycle.stop(self._get(request), timeout, signal)
        return no_content()

    async def post_restart(self, request: Request) -> Response:
        timeout, signal = self._stop_options(request)
        container = self._get(request)
        try:
            await self._containers.lifecycle.restart(container, timeout, signal)
        except EngineError as error:  # whatever it was, dockerd makes this of it
            name = request.variables["name"]
            raise SystemFailure(f"Cannot restart container {name}: {error}") from None
        await self._containers.begin_serving(container)
        return no_content()

    @staticmethod
    def _stop_options(request: Request) -> tuple[int | None, str]:
        text = request.text("t")
        timeout = _atoi_or_fail(text) if text else None
        return timeout, request.text("signal") if request.version >= (1, 42) else ""

    async def post_kill(self, request: Request) -> Response:
        name = request.variables["name"]
        try:
            signum = parse_for_platform(request.text("signal") or "KILL")
            await self._containers.lifecycle.kill(self._get(request), signum)
        except EngineError as error:
            raise _reworded(error, f"cannot kill container: {name}: {error}") from None
        return no_content()

    async def post_pause(self, request: Request) -> Response:
        self._containers.lifecycle.pause(self._get(request))
        return no_content()

    async def post_unpause(self, request: Request) -> Response:
        self._containers.lifecycle.unpause(self._get(request))
        return no_content()

    async def post_wait(self, request: Request) -> AnyResponse:
        container = self._get(request)
        legacy = request.version < (1, 30)
        text = "" if legacy else request.text("condition")
        if text not in _CONDITIONS:
            raise InvalidParameter(f'invalid condition: "{text}"')
        condition = _CONDITIONS[text]
        if legacy:
            return json_response(_exit_status(*await container.state.wait(condition)))

        async def answer() -> AsyncIterator[bytes]:
            # The client learns at once that we are waiting; the status follows.
            yield encode(_exit_status(*await container.state.wait(condition)))

        return StreamResponse(answer())

    async def post_resize(self, request: Request) -> Response:
        rows, columns = atoi(request.text("h")), atoi(request.text("w"))
        container = self._get(request)
        if container.runtime is None:
            from course_lib.engine.container.container import NotRunning

            raise NotRunning(container)
        container.streams.resize(rows, columns)
        self._containers.lifecycle.publish(
            container, "resize", height=str(rows), width=str(columns)
        )
        return Response(200)

    async def post_rename(self, request: Request) -> Response:
        await self._containers.rename(request.variables["name"], request.text("name"))
        return no_content()

    async def post_update(self, request: Request) -> Response:
        body = await read_json(request, schemas.CONTAINER_UPDATE)
        policy, passive, warnings = requested.update_request(body)
        self._containers.update(self._get(request), policy, passive)
        return json_response({"Warnings": warnings or None})

    async def delete_container(self, request: Request) -> Response:
        name = request.variables["name"]
        container = self._get(request)
        if request.flag("link"):
            self._containers.connections.remove_link(container, name)
            return no_content()
        await self._containers.remover.remove(
            container, name, force=request.flag("force"), volumes=request.flag("v")
        )
        return no_content()

    async def post_containers_prune(self, request: Request) -> Response:
        filters = Filters.parse(request.text("filters"))
        until = until_filter(filters, self._engine.clock.time_ns())
        deleted, reclaimed = await self._containers.remover.prune(
            filters, until, self._containers.mounts.upper_size
        )
        return json_response({"ContainersDeleted": deleted or None, "SpaceReclaimed": reclaimed})


def until_filter(filters: Filters, now_ns: int) -> int | None:
    """The ``until`` filter of prune calls as nanoseconds since the epoch."""
    values = filters.get("until")
    if not values:
        return None
    if len(values) > 1:
        raise InvalidParameter("more than one until filter specified")
    return parse_time(values[0], now_ns)


def _exit_status(exit_code: int, error: str) -> dict[str, Any]:
    result: dict[str, Any] = {"StatusCode": exit_code}
    if error:
        result["Error"] = {"Message": error}
    return result


def _reworded(error: EngineError, message: str) -> EngineError:
    """The same kind of refusal with a longer message."""
    error.args = (message,)
    return error


def _atoi_or_fail(text: str) -> int:
    """An integer; dockerd answers 500, not 400, where it is none."""
    try:
        return atoi(text)
    except InvalidParameter as error:
        raise EngineError(str(error)) from None
