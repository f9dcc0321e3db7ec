"""``/containers/{name}/archive``: ``docker cp`` both ways."""

from __future__ import annotations

import base64
import errno
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from course_lib.engine.api.format.times import time_text
from course_lib.engine.api.messages import AnyResponse, Request, Response, StreamResponse
from course_lib.engine.engine import Engine
from course_lib.engine.errdefs import InvalidParameter, NotFound, SystemFailure

if TYPE_CHECKING:
    from course_lib.engine.fs.archive import PathStat


class Handlers:
    """Handlers of tar streams into and out of a container."""

    def __init__(self, engine: Engine) -> None:
        self._containers = engine.containers

    async def head_archive(self, request: Request) -> Response:
        from course_lib.engine.fs.archive import path_stat

        path = _path(request)
        container = self._containers.get(request.variables["name"])
        with _named(request, path), self._containers.mounts.files(container) as fs:
            return Response(200, headers=(_stat_header(path_stat(fs, path)),))

    async def get_archive(self, request: Request) -> AnyResponse:
        from course_lib.engine.fs.archive import path_stat, read_tar

        path = _path(request)
        container = self._containers.get(request.variables["name"])
        runtime = container.runtime
        files = self._containers.mounts.files
        with _named(request, path), nullcontext(runtime.fs) if runtime else files(container) as fs:
            header = _stat_header(path_stat(fs, path))

        async def chunks() -> AsyncIterator[bytes]:
            with files(container) as fs:
                self._containers.lifecycle.publish(container, "archive-path")
                async for chunk in read_tar(fs, path):
                    yield chunk

        return StreamResponse(chunks(), content_type="application/x-tar", headers=(header,))

    async def put_archive(self, request: Request) -> Response:
        from course_lib.engine.fs.archive import extract_tar

        path = _path(request)
        container = self._containers.get(request.variables["name"])
        with _named(request, path), self._containers.mounts.files(container) as fs:
            try:
                await extract_tar(
                    fs,
                    path,
                    request.body,
                    keep_kinds=request.flag("noOverwriteDirNonDir"),
                    keep_owners=request.flag("copyUIDGID"),
                )
            except NotADirectoryError:
                raise InvalidParameter("extraction point is not a directory") from None
            self._containers.lifecycle.publish(container, "extract-to-dir")
        return Response(200)


def _path(request: Request) -> str:
    path = request.text("path")
    if not path:
        raise InvalidParameter("bad parameter: path")
    return path


@contextmanager
def _named(request: Request, path: str) -> Iterator[None]:
    """Errors of the file systems in dockerd's words."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        name = request.variables["name"]
        raise NotFound(f"Could not find the file {path} in container {name}") from None
    except OSError as error:
        if error.errno == errno.EROFS:
            raise SystemFailure("container rootfs is marked read-only") from None
        reason = (error.strerror or str(error)).lower()
        raise SystemFailure(f"{error.filename or path}: {reason}") from None


def _stat_header(stat: PathStat) -> tuple[str, str]:
    text = json.dumps(
        {
            "name": stat.name,
            "size": stat.size,
            "mode": stat.mode,
            "mtime": time_text(stat.mtime_ns),
            "linkTarget": stat.link_target,
        },
        separators=(",", ":"),
    )
    return "X-Docker-Container-Path-Stat", base64.b64encode(text.encode()).decode()
