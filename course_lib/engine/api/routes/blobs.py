"""``/secrets`` and ``/configs``."""

from __future__ import annotations

from collections.abc import Callable

from course_lib.engine.api import swarmschemas
from course_lib.engine.api.bodies import read_json
from course_lib.engine.api.format import swarm as show
from course_lib.engine.api.messages import Request, Response, json_response, no_content
from course_lib.engine.api.routes.swarm import version_of
from course_lib.engine.engine import Engine
from course_lib.engine.filters import Filters
from course_lib.engine.swarm.blobs import Blobs

_FILTERS = frozenset({"name", "names", "id", "label"})


class Handlers:
    """Handlers of both: they differ in that a secret's data is never shown."""

    def __init__(self, engine: Engine) -> None:
        self._swarm = engine.swarm

    def _secrets(self) -> Blobs:
        return self._swarm.control().secrets

    def _configs(self) -> Blobs:
        return self._swarm.control().configs

    async def get_secrets(self, request: Request) -> Response:
        return _list(self._secrets(), request, with_data=False)

    async def get_configs(self, request: Request) -> Response:
        return _list(self._configs(), request, with_data=True)

    async def get_secret(self, request: Request) -> Response:
        blob = self._secrets().table.find(request.variables["id"])
        return json_response(show.blob(blob, with_data=False))

    async def get_config(self, request: Request) -> Response:
        blob = self._configs().table.find(request.variables["id"])
        return json_response(show.blob(blob, with_data=True))

    async def post_secret(self, request: Request) -> Response:
        return await _create(self._secrets, request)

    async def post_config(self, request: Request) -> Response:
        return await _create(self._configs, request)

    async def post_secret_update(self, request: Request) -> Response:
        return await _update(self._secrets, request, "secret")

    async def post_config_update(self, request: Request) -> Response:
        return await _update(self._configs, request, "config")

    async def delete_secret(self, request: Request) -> Response:
        self._secrets().remove(request.variables["id"])
        return no_content()

    async def delete_config(self, request: Request) -> Response:
        self._configs().remove(request.variables["id"])
        return no_content()


def _list(blobs: Blobs, request: Request, *, with_data: bool) -> Response:
    filters = Filters.parse(request.text("filters"))
    filters.validate(_FILTERS)
    found = [
        blob
        for blob in blobs.table
        if filters.prefix("name", blob.name)
        and filters.exact("names", blob.name)
        and filters.prefix("id", blob.id)
        and filters.labels("label", blob.spec.get("Labels"))
    ]
    return json_response([show.blob(blob, with_data=with_data) for blob in found])


async def _create(blobs: Callable[[], Blobs], request: Request) -> Response:
    spec = await read_json(request, swarmschemas.BLOB_SPEC)
    return json_response({"ID": blobs().create(spec).id}, 201)


async def _update(blobs: Callable[[], Blobs], request: Request, what: str) -> Response:
    spec = await read_json(request, swarmschemas.BLOB_SPEC)
    blobs().update(request.variables["id"], version_of(request, what), spec)
    return Response(200)
