"""``/_ping``: what clients ask first, so it needs nothing else of the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.engine.api.messages import Headers, Request, Response

if TYPE_CHECKING:
    from course_lib.engine.engine import Engine


class Handlers:
    """Handlers of the ping."""

    def __init__(self, engine: Engine) -> None:
        del engine

    async def get_ping(self, request: Request) -> Response:
        headers: Headers = (
            ("Builder-Version", "1"),
            ("Swarm", "inactive"),
            ("Cache-Control", "no-cache, no-store, must-revalidate"),
            ("Pragma", "no-cache"),
        )
        if request.method == "HEAD":
            headers = (*headers, ("Content-Length", "0"))
        sized = request.method == "HEAD"
        return Response(200, b"OK", "text/plain; charset=utf-8", headers, sized=sized)
