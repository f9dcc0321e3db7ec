"""``/volumes``."""

from __future__ import annotations

from course_lib.engine.api import schemas
from course_lib.engine.api.bodies import read_json
from course_lib.engine.api.format import volumes as show
from course_lib.engine.api.messages import Request, Response, json_response, no_content
from course_lib.engine.engine import Engine
from course_lib.engine.errdefs import InvalidParameter, Unavailable
from course_lib.engine.filters import Filters


class Handlers:
    """Handlers of ``/volumes``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._volumes = engine.volumes

    async def get_volumes(self, request: Request) -> Response:
        try:
            filters = Filters.parse(request.text("filters"))
        except InvalidParameter as error:
            raise InvalidParameter(f"error reading volume filters: {error}") from None
        found = self._volumes.list(filters)
        return json_response({"Volumes": [show.volume(entry) for entry in found], "Warnings": None})

    async def get_volume(self, request: Request) -> Response:
        return json_response(show.volume(self._volumes.get(request.variables["name"])))

    async def post_volumes_create(self, request: Request) -> Response:
        body = await read_json(request, schemas.VOLUME_CREATE)
        if "ClusterVolumeSpec" in body:
            raise Unavailable(
                'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" '
                "to connect this node to swarm and try again."
            )
        volume = self._volumes.create(
            body.get("Name", ""), body.get("Driver", ""), body.get("DriverOpts"), body.get("Labels")
        )
        return json_response(show.volume(volume), 201)

    async def put_volume(self, request: Request) -> Response:
        raise Unavailable("volume update only valid for cluster volumes, but swarm is unavailable")

    async def delete_volume(self, request: Request) -> Response:
        self._volumes.remove(request.variables["name"], force=request.flag("force"))
        return no_content()

    async def post_volumes_prune(self, request: Request) -> Response:
        filters = Filters.parse(request.text("filters"))
        # Until 1.42 "prune" meant every unused volume, not only anonymous ones.
        deleted, reclaimed = self._volumes.prune(filters, all_by_default=request.version < (1, 42))
        return json_response({"VolumesDeleted": list(deleted), "SpaceReclaimed": reclaimed})
