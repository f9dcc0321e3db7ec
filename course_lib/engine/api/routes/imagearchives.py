"""Images and containers as tar archives: ``save``, ``load``, ``import``, ``export``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from course_lib.engine.api.format import build as show
from course_lib.engine.api.format import images as show_images
from course_lib.engine.api.messages import AnyResponse, Request, Response, StreamResponse
from course_lib.engine.engine import Engine
from course_lib.engine.errdefs import Conflict, EngineError, InvalidParameter
from course_lib.engine.image.platform import ARCHITECTURE, OS
from course_lib.engine.image.platform import parse as parse_platform

if TYPE_CHECKING:
    from course_lib.engine.image.load import Loading

_TAR = "application/x-tar"


class Handlers:
    """Handlers of archives."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def get_image(self, request: Request) -> AnyResponse:
        return self._save([request.variables["name"]])

    async def get_images(self, request: Request) -> AnyResponse:
        return self._save(request.query.get("names", []))

    def _save(self, names: list[str]) -> StreamResponse:
        from course_lib.engine.image.save import find, save

        images = self._engine.images
        return StreamResponse(save(images, find(images, names)), content_type=_TAR)

    async def post_load(self, request: Request) -> AnyResponse:
        from course_lib.engine.image.load import load

        quiet = request.flag("quiet", default=True)
        layers: list[Loading] = []
        said: list[bytes] = []
        try:
            async for line in load(self._engine.images, request.body, layers.append):
                if not quiet:
                    said += [show.loading(item) for item in layers]
                layers.clear()
                said.append(show.text(line))
        except EngineError as error:
            said += [] if quiet else [show.loading(item) for item in layers]
            said.append(show.failure(error))
        except OSError as error:
            said.append(show.failure(EngineError(_words(error))))
        return Response(200, b"".join(said), "application/json")

    async def import_image(self, request: Request) -> Response:
        """``POST /images/create`` with ``fromSrc``."""
        from course_lib.engine.builder.commit import changed, target_name
        from course_lib.engine.image.load import import_image
        from course_lib.engine.image.model import ImageConfig

        source = request.text("fromSrc")
        name = target_name(request.text("repo"), request.text("tag"))
        if not source:
            raise EngineError('Get "http:": http: no Host in request URL')
        architecture = _architecture(request)
        if source != "-":
            url = source if "://" in source else f"http://{source}"
            raise EngineError(
                f'Get "{url}": network is unreachable (the embedded engine has no way out of this '
                "machine: send the archive itself, as `docker import -` does)"
            )
        config = changed(ImageConfig(), request.query.get("changes", []))
        try:
            image = await import_image(
                self._engine.images,
                request.body,
                self._engine.clock,
                config=config,
                name=name,
                comment=request.text("message") or f"Imported from {source}",
                architecture=architecture,
            )
        except OSError as error:
            raise EngineError(_words(error)) from None
        return Response(200, show_images.status(image.id), "application/json")

    async def get_export(self, request: Request) -> AnyResponse:
        from course_lib.engine.fs.archive import read_tar
        from course_lib.engine.fs.containerfs import ContainerFs

        containers = self._engine.containers
        container = containers.get(request.variables["name"])
        if container.state.dead:
            raise Conflict(f"You cannot export container {container.id} which is Dead")
        if container.state.removing:
            raise Conflict(f"You cannot export container {container.id} which is being removed")
        rootfs = containers.mounts.rootfs(container)

        async def chunks() -> AsyncIterator[bytes]:
            fs = ContainerFs(rootfs, clock=self._engine.clock, kernel=False)
            async for chunk in read_tar(fs, "/", ""):
                yield chunk
                await asyncio.sleep(0)
            containers.lifecycle.publish(container, "export")

        return StreamResponse(chunks(), content_type=_TAR)


def _architecture(request: Request) -> str:
    """What the files of an archive are said to be made for.

    :raises InvalidParameter: another system than Linux.
    """
    if not request.text("platform") or request.version < (1, 32):
        return ARCHITECTURE
    platform = parse_platform(request.text("platform"))
    if platform.os != OS:
        raise InvalidParameter("operating system is not supported")
    return platform.architecture


def _words(error: OSError) -> str:
    return f"{error.filename}: {(error.strerror or str(error)).lower()}"
