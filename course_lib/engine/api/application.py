"""All routes of the API, in one table."""

from __future__ import annotations

from course_lib.engine.api.router import Router
from course_lib.engine.api.routes import unsupported
from course_lib.engine.api.routes.archive import ArchiveRoutes
from course_lib.engine.api.routes.containers import ContainerRoutes
from course_lib.engine.api.routes.exec import ExecRoutes
from course_lib.engine.api.routes.images import ImageRoutes
from course_lib.engine.api.routes.networks import NetworkRoutes
from course_lib.engine.api.routes.streams import StreamRoutes
from course_lib.engine.api.routes.system import SERVER_HEADERS, SystemRoutes
from course_lib.engine.api.routes.volumes import VolumeRoutes
from course_lib.engine.api.server import ApiServer
from course_lib.engine.engine import Engine


def make_router(engine: Engine) -> Router:
    """The routes of an engine; those that only refuse come last."""
    return Router(
        [
            *SystemRoutes(engine).routes(),
            *StreamRoutes(engine).routes(),
            *ArchiveRoutes(engine).routes(),
            *ExecRoutes(engine).routes(),
            *ContainerRoutes(engine).routes(),
            *ImageRoutes(engine).routes(),
            *NetworkRoutes(engine).routes(),
            *VolumeRoutes(engine).routes(),
            *unsupported.routes(),
        ]
    )


def make_server(engine: Engine) -> ApiServer:
    """A server for an engine, not yet listening."""
    return ApiServer(make_router(engine), SERVER_HEADERS, engine.clock)
