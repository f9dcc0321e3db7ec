"""``/containers/{name}/archive``: ``docker cp`` both ways."""

from __future__ import annotations

from course_lib.engine.api.messages import Request, Response
from course_lib.engine.api.router import Route
from course_lib.engine.engine import Engine
from course_lib.engine.errdefs import NotImplementedByEngine


class ArchiveRoutes:
    """Handlers of tar streams in and out of a container."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def routes(self) -> list[Route]:
        """The table."""
        return [
            Route("HEAD", "/containers/{name}/archive", self.archive),
            Route("GET", "/containers/{name}/archive", self.archive),
            Route("PUT", "/containers/{name}/archive", self.archive),
        ]

    async def archive(self, request: Request) -> Response:
        self._engine.containers.get(request.variables["name"])
        raise NotImplementedByEngine("docker cp")
