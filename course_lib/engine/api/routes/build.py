"""``/build`` and ``/commit``: images from Dockerfiles and from containers."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from course_lib.engine.api import gojson, schemas
from course_lib.engine.api.bodies import has_body, read_json
from course_lib.engine.api.buildoutput import BuildOutput
from course_lib.engine.api.messages import (
    AnyResponse,
    Request,
    Response,
    StreamResponse,
    atoi,
    json_response,
)
from course_lib.engine.engine import Engine
from course_lib.engine.errdefs import EngineError, InvalidParameter, NotImplementedByEngine
from course_lib.engine.filters import Filters

if TYPE_CHECKING:
    from pathlib import Path

    from course_lib.engine.builder.context import Source
    from course_lib.engine.builder.options import BuildOptions

_LIMITS = {
    "memory": "Memory",
    "memswap": "MemorySwap",
    "cpushares": "CpuShares",
    "cpuperiod": "CpuPeriod",
    "cpuquota": "CpuQuota",
}
_NOT_CONFIG = frozenset({"HostConfig", "NetworkingConfig"})


class Handlers:
    """Handlers of builds."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def post_build(self, request: Request) -> AnyResponse:
        from course_lib.engine.builder.builder import Builder, make_plan, tag_names
        from course_lib.engine.builder.dockerfile import DockerfileError, parse

        options = _options(request)
        names = tag_names(options.tags)
        workspace = ExitStack()
        folder = workspace.enter_context(self._engine.images.layers.workspace())
        try:
            source, text = await self._context(request, options, folder)
            try:
                dockerfile = parse(text)
            except DockerfileError as error:
                raise InvalidParameter(f"failed to parse {options.dockerfile}: {error}") from None
            plan = make_plan(dockerfile, options)
            plan.names = names
        except BaseException:
            workspace.close()
            raise
        output = BuildOutput(workspace.close, aux=request.version >= (1, 30))
        engine = self._engine
        builder = Builder(
            engine.images, engine.containers, engine.clock, options, source, output.say, output.room
        )
        output.start(builder.build(plan))
        if request.flag("q"):
            return await output.quiet()
        return StreamResponse(output)

    async def _context(
        self, request: Request, options: BuildOptions, folder: Path
    ) -> tuple[Source, bytes]:
        """The files that the client sends, and the Dockerfile among them."""
        from course_lib.engine.builder.context import Source, read_dockerfile
        from course_lib.engine.fs.archive import extract_tar
        from course_lib.engine.image.inflate import inflated

        _refuse_remote(request.text("remote"))
        fs = self._engine.images.layers.bare_files((), folder)
        try:
            await extract_tar(fs, "/", inflated(request.body), clamp=True)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise EngineError(f"{error.filename}: {reason}") from None
        return Source(fs, is_context=True), read_dockerfile(fs, options.dockerfile)

    async def post_prune(self, request: Request) -> Response:
        from course_lib.engine.builder.cacheprune import check_filters

        filters = Filters.parse(request.text("filters"))
        keep = request.text("keep-storage")
        if keep:
            try:
                atoi(keep)
            except InvalidParameter as error:
                raise InvalidParameter(
                    f"keep-storage is in bytes and expects an integer, got {keep}: {error}"
                ) from None
        check_filters(filters, self._engine.clock)
        # The classic builder's cache are images, which ``docker image prune`` takes.
        self._engine.events.publish("builder", "prune", "", {"reclaimed": "0"})
        return json_response({"CachesDeleted": None, "SpaceReclaimed": 0})

    async def post_cancel(self, request: Request) -> Response:
        if not request.text("id"):
            raise InvalidParameter("build ID not provided")
        return Response(200, b"", "application/json")  # it cancels builds of BuildKit

    async def post_commit(self, request: Request) -> Response:
        from course_lib.engine.api.requested import container_config
        from course_lib.engine.builder.commit import Committer, target_name

        body = await read_json(request, schemas.CONTAINER_CREATE)
        body = {key: value for key, value in body.items() if key not in _NOT_CONFIG}
        container = self._engine.containers.get(request.text("container"))
        engine = self._engine
        image = await Committer(engine.images, engine.containers, engine.clock).commit(
            container,
            name=target_name(request.text("repo"), request.text("tag")),
            author=request.text("author"),
            comment=request.text("comment"),
            changes=request.query.get("changes", []),
            config=container_config(body) if has_body(request) else None,
            pause=not request.text("pause") or request.flag("pause"),
        )
        return json_response({"Id": image.id}, 201)


def _refuse_remote(remote: str) -> None:
    if not remote:
        return
    if remote == "client-session":
        raise InvalidParameter(
            "experimental session with v1 builder is no longer supported, use builder version v2 "
            "(BuildKit) instead"
        )
    schemes = ("http://", "https://", "git://", "git@", "github.com/", "ssh://")
    if remote.startswith(schemes):
        raise NotImplementedByEngine(f"fetching the build context from the network ({remote})")
    raise EngineError(f"remoteURL ({remote}) could not be recognized as URL")


def _options(request: Request) -> BuildOptions:
    from course_lib.engine.builder.options import BuildOptions

    if request.flag("squash"):
        raise InvalidParameter("squash is only supported with experimental mode")
    if "securityopt" in request.query:
        raise InvalidParameter("security options are not supported on linux")
    version = request.text("version")
    if version == "2":
        raise NotImplementedByEngine("BuildKit (DOCKER_BUILDKIT=0 takes the classic builder)")
    if version not in {"", "1"}:
        raise InvalidParameter(f"invalid version {json.dumps(version)}")
    isolation = request.text("isolation")
    if isolation not in {"", "default"}:
        raise InvalidParameter(f"unsupported isolation: {json.dumps(isolation)}")
    passive: dict[str, Any] = {
        name: int(request.text(word)) for word, name in _LIMITS.items() if _is_number(request, word)
    }
    passive = {name: value for name, value in passive.items() if value}
    return BuildOptions(
        dockerfile=request.text("dockerfile") or "Dockerfile",
        tags=request.query.get("t", []),
        arguments=_map(request, "buildargs", "build args"),
        labels={name: value or "" for name, value in _map(request, "labels", "labels").items()},
        target=request.text("target"),
        platform=request.text("platform") if request.version >= (1, 32) else "",
        no_cache=request.flag("nocache"),
        cache_from=_cache_from(request),
        pull=request.flag("pull"),
        remove=not request.text("rm") or request.flag("rm"),
        force_remove=request.flag("forcerm"),
        network=request.text("networkmode"),
        extra_hosts=request.query.get("extrahosts"),
        shm_size=_shm_size(request),
        passive=passive,
    )


def _is_number(request: Request, name: str) -> bool:
    return request.text(name).lstrip("-").isdecimal()


def _shm_size(request: Request) -> int:
    text = request.text("shmsize")
    if not text:
        return 0
    try:
        return atoi(text)
    except InvalidParameter as error:
        raise EngineError(str(error).replace("Atoi", "ParseInt")) from None


def _map(request: Request, name: str, what: str) -> dict[str, Any]:
    """A JSON object of strings; ``null`` is kept."""
    text = request.text(name)
    if not text:
        return {}
    try:
        values = gojson.load(text.encode())
    except InvalidParameter as error:
        words = str(error).removeprefix("invalid JSON: ")
        raise InvalidParameter(f"error reading {what}: {words}") from None
    if values is None:
        return {}
    wrong = [values] if not isinstance(values, dict) else values.values()
    for value in wrong:
        if not isinstance(value, str | None):
            go = "map[string]string" if value is values else "string"
            raise InvalidParameter(
                f"error reading {what}: json: cannot unmarshal {gojson.kind(value)} into Go value "
                f"of type {go}"
            )
    return dict(values)


def _cache_from(request: Request) -> list[str]:
    text = request.text("cachefrom")
    if text in {"", "null"}:  # Compose sends the latter
        return []
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise InvalidParameter("error reading cache-from: not a list of names")
    return found
