"""``/images``."""

from __future__ import annotations

from collections.abc import AsyncIterator

from course_lib.engine.api.format import images as show
from course_lib.engine.api.messages import (
    AnyResponse,
    Request,
    Response,
    StreamResponse,
    atoi,
    json_response,
)
from course_lib.engine.engine import Engine
from course_lib.engine.errdefs import (
    EngineError,
    InvalidParameter,
    NotFound,
    NotImplementedByEngine,
)
from course_lib.engine.filters import Filters
from course_lib.engine.image.platform import parse as parse_platform
from course_lib.engine.image.reference import InvalidReference
from course_lib.engine.image.remove import ImageUser

_SEARCH_LIMIT, _SEARCH_MOST = 25, 100


class Handlers:
    """Handlers of ``/images``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._images = engine.images

    def users(self) -> list[ImageUser]:
        """The containers, as far as images are concerned."""
        return [
            ImageUser(container.id, container.image_id, container.state.running)
            for container in self._engine.containers.registry
        ]

    async def get_images_json(self, request: Request) -> Response:
        filters = Filters.parse(request.text("filters"))
        if request.version < (1, 41) and request.text("filter"):
            filters = filters.replace("reference", [request.text("filter")])
        found = self._images.list(filters, all=request.flag("all"))
        shared = request.flag("shared-size") and request.version >= (1, 42)
        rows = [
            show.row(
                self._images,
                image,
                request.version,
                shared=self._images.shared_size(image.id) if shared else -1,
                filters=filters,
            )
            for image in found
        ]
        return json_response(rows)

    async def get_image(self, request: Request) -> Response:
        image = self._images.get(request.variables["name"])
        return json_response(show.inspect(self._images, image, request.version))

    async def get_history(self, request: Request) -> Response:
        return json_response(show.history(self._images.history(request.variables["name"])))

    async def get_images_search(self, request: Request) -> Response:
        try:
            limit = request.number("limit") or _SEARCH_LIMIT
        except InvalidParameter as error:
            raise InvalidParameter(f"invalid limit specified: {error}") from None
        if limit < 0:
            return Response(200)  # Moby wraps the error that there is not, and so answers nothing
        if limit > _SEARCH_MOST:
            raise InvalidParameter(f"limit {limit} is outside the range of [1, {_SEARCH_MOST}]")
        filters = Filters.parse(request.text("filters"))
        filters.validate(("is-automated", "is-official", "stars"))
        official = filters.boolean("is-official", default=False)
        found = []
        if not filters.boolean("is-automated", default=False):
            found = self._images.catalogue.search(request.text("term"))
        if any(atoi(stars) > 0 for stars in filters.get("stars")):
            found = []  # nobody gives stars to the catalogue
        rows = [
            show.search_result(name, description)
            for name, description in found
            if "is-official" not in filters or official == ("/" not in name)
        ]
        return json_response(rows[:limit])

    async def post_push(self, request: Request) -> Response:
        name, tag = request.variables["name"], request.text("tag")
        self._images.get(f"{name}:{tag}" if tag else name)
        raise NotImplementedByEngine("pushing to a registry")

    async def post_tag(self, request: Request) -> Response:
        name = request.variables["name"]
        try:
            self._images.get(name)
        except InvalidReference as error:
            raise NotFound(str(error)) from None
        self._images.tag(name, request.text("repo"), request.text("tag"))
        return Response(201)

    async def delete_image(self, request: Request) -> Response:
        name = request.variables["name"]
        if not name.strip():
            raise InvalidParameter("image name cannot be blank")
        removed = self._images.remove(
            name,
            force=request.flag("force"),
            prune=not request.flag("noprune"),
            users=self.users(),
        )
        return json_response(show.removed(removed))

    async def post_images_prune(self, request: Request) -> Response:
        filters = Filters.parse(request.text("filters"))
        removed, reclaimed = self._images.prune(filters, self.users())
        return json_response(
            {"ImagesDeleted": show.removed(removed) or None, "SpaceReclaimed": reclaimed}
        )

    async def post_images_create(self, request: Request) -> AnyResponse:
        name, tag = request.text("fromImage"), request.text("tag")
        if request.text("platform"):
            parse_platform(request.text("platform"))
        if not name:
            from course_lib.engine.api.routes.imagearchives import Handlers as Archives

            return await Archives(self._engine).import_image(request)
        progress = self._images.pull(name, tag, request.text("platform"))
        # What is refused is refused before the first line, as a status of its own.
        first = await anext(progress, None)

        async def lines() -> AsyncIterator[bytes]:
            if first is not None:
                yield show.progress(first)
            try:
                async for item in progress:
                    yield show.progress(item)
            except EngineError as error:
                yield show.stream_error(str(error))

        return StreamResponse(lines())
