"""``/containers/{name}/archive``: ``docker cp`` both ways."""

from __future__ import annotations

import base64
import errno
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from stat import S_ISDIR
from typing import TYPE_CHECKING

from course_lib.engine.api.messages import AnyResponse, Request, Response, StreamResponse
from course_lib.engine.clock import rfc3339_nano
from course_lib.engine.engine import Engine
from course_lib.engine.errdefs import InvalidParameter, NotFound, SystemFailure

if TYPE_CHECKING:
    from course_lib.engine.fs.archive import PathStat
    from course_lib.engine.fs.containerfs import ContainerFs


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
        files = self._containers.mounts.files
        with _named(request, path), files(container, announced=False) as fs:
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
        with (
            _named(request, path, "open"),
            self._containers.mounts.files(container) as fs,
        ):
            _require_writable(fs, path)
            owner = None
            if request.flag("copyUIDGID") and container.config.user:
                from course_lib.engine.userland.users import credentials

                who = credentials(fs, container.config.user)
                owner = (who.uid, who.gid)
            await extract_tar(
                fs,
                path,
                request.body,
                keep_kinds=request.flag("noOverwriteDirNonDir"),
                keep_owners=owner is None,
                owner=owner or (0, 0),
            )
            self._containers.lifecycle.publish(container, "extract-to-dir")
        return Response(200)


def _path(request: Request) -> str:
    path = request.text("path")
    if not path:
        raise InvalidParameter("bad parameter: pathcannot be empty")
    return path


def _require_writable(fs: ContainerFs, path: str) -> None:
    """Refuse to unpack into what is mounted read-only (moby: ``containerExtractToDir``)."""
    if not S_ISDIR(fs.stat(path).mode):
        raise SystemFailure("extraction point is not a directory")
    mounted = fs.mounted_at(path)
    if mounted.read_only:
        what = "container rootfs" if mounted.kind == "root" else "mounted volume"
        raise SystemFailure(f"{what} is marked read-only")


@contextmanager
def _named(request: Request, path: str, call: str = "lstat") -> Iterator[None]:
    """Errors of the file systems in dockerd's words.

    :param call: what Moby was doing: its errors name the system call.
    """
    try:
        yield
    except FileNotFoundError:
        name = request.variables["name"]
        raise NotFound(f"Could not find the file {path} in container {name}") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        if call == "open" and error.errno == errno.ENOTDIR:
            raise SystemFailure(reason) from None
        raise SystemFailure(f"{call} {error.filename or path}: {reason}") from None
    except KeyError as error:  # the user of the container is none
        raise SystemFailure(str(error.args[0])) from None


def _stat_header(stat: PathStat) -> tuple[str, str]:
    text = json.dumps(
        {
            "name": stat.name,
            "size": stat.size,
            "mode": stat.mode,
            "mtime": rfc3339_nano(stat.mtime_ns),
            "linkTarget": stat.link_target,
        },
        separators=(",", ":"),
    )
    return "X-Docker-Container-Path-Stat", base64.b64encode(text.encode()).decode()
