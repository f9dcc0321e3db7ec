"""Puts the API together: every route of the table, over one engine."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from course_lib.engine.api.messages import AnyResponse, Handler, Headers, Request
from course_lib.engine.api.router import Route, Router
from course_lib.engine.api.routes import unsupported
from course_lib.engine.api.server import ApiServer
from course_lib.engine.api.table import CANCELLABLE, REFUSED, ROUTES
from course_lib.engine.api.version import NEWEST, show
from course_lib.engine.engine import Engine
from course_lib.engine.release import ENGINE_VERSION

SERVER_HEADERS: Headers = (
    ("Server", f"Docker/{ENGINE_VERSION} (linux)"),
    ("Api-Version", show(NEWEST)),
    ("Ostype", "linux"),
    ("Docker-Experimental", "false"),
)


class _Handlers:
    """The handlers of an engine, their modules loaded when first asked for."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._loaded: dict[str, Any] = {}

    def of(self, module: str, name: str) -> Handler:
        """A handler that loads the module at its first call."""

        async def handler(request: Request) -> AnyResponse:
            response: AnyResponse = await getattr(self._load(module), name)(request)
            return response

        return handler

    def _load(self, module: str) -> Any:
        found = self._loaded.get(module)
        if found is None:
            loaded = import_module(f"course_lib.engine.api.routes.{module}")
            found = self._loaded[module] = loaded.Handlers(self._engine)
        return found


def make_router(engine: Engine) -> Router:
    """The routes of an engine; those that only refuse come last."""
    handlers = _Handlers(engine)
    return Router(
        [
            *(
                Route(method, path, handlers.of(module, name), name in CANCELLABLE)
                for method, path, module, name in ROUTES
            ),
            *(Route(method, path, unsupported.refuse(what)) for method, path, what in REFUSED),
            Route("GET", "/plugins", unsupported.no_plugins),
            Route("GET", "/plugins/{name}/json", unsupported.no_such_plugin),
            Route("POST", "/plugins/{name}/enable", unsupported.no_such_plugin),
            Route("POST", "/plugins/{name}/disable", unsupported.no_such_plugin),
            Route("DELETE", "/plugins/{name}", unsupported.no_such_plugin),
        ]
    )


def make_server(engine: Engine) -> ApiServer:
    """A server for an engine, not yet listening."""
    return ApiServer(make_router(engine), SERVER_HEADERS, engine.clock)
