"""``/swarm``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.engine.api import swarmschemas
from course_lib.engine.api.bodies import read_json
from course_lib.engine.api.format import swarm as show
from course_lib.engine.api.messages import Request, Response, json_response
from course_lib.engine.engine import Engine
from course_lib.engine.errdefs import Conflict, InvalidParameter, NotImplementedByEngine
from course_lib.engine.swarm.allocator import DEFAULT_POOLS
from course_lib.engine.swarm.interfaces import JoinRequest
from course_lib.engine.swarm.swarm import InitRequest
from course_lib.engine.truth import parse_bool

_UINT64 = 1 << 64


def version_of(request: Request, what: str) -> int:
    """The version of the thing that a client wants to change.

    :raises InvalidParameter: with dockerd's text.
    """
    text = request.text("version")
    if text.isascii() and text.isdecimal() and int(text) < _UINT64:
        return int(text)
    raise InvalidParameter(
        f"invalid {what} version '{text}': strconv.ParseUint: parsing \"{text}\": invalid syntax"
    )


def _pools(body: Mapping[str, Any]) -> tuple[Sequence[str], int]:
    """Address pools and the prefix length of subnets; without pools both are Docker's own."""
    pools = body.get("DefaultAddrPool")
    return (DEFAULT_POOLS, 24) if pools is None else (pools, body.get("SubnetSize", 0))


class Handlers:
    """Handlers of ``/swarm``."""

    def __init__(self, engine: Engine) -> None:
        self._swarm = engine.swarm

    async def get_swarm(self, request: Request) -> Response:
        manager = self._swarm.control()
        result = show.cluster(manager.cluster)
        return json_response({**result, "JoinTokens": manager.tokens()})

    async def get_unlock_key(self, request: Request) -> Response:
        self._swarm.control()
        return json_response({"UnlockKey": ""})

    async def post_unlock(self, request: Request) -> Response:
        await read_json(request, swarmschemas.SWARM_UNLOCK)
        self._swarm.control()
        raise Conflict("swarm is not locked")

    async def post_init(self, request: Request) -> Response:
        body = await read_json(request, swarmschemas.SWARM_INIT)
        if body.get("ForceNewCluster"):
            raise NotImplementedByEngine("forcing a new cluster")
        spec = body.get("Spec") or {}
        if body.get("AutoLockManagers"):
            spec["EncryptionConfig"] = {"AutoLockManagers": True}
        node_id = await self._swarm.init(
            InitRequest(
                body.get("ListenAddr", ""),
                body.get("AdvertiseAddr", ""),
                spec,
                body.get("Availability", ""),
                *_pools(body),
                body.get("DataPathPort", 0),
            )
        )
        return json_response(node_id)

    async def post_join(self, request: Request) -> Response:
        body = await read_json(request, swarmschemas.SWARM_JOIN)
        await self._swarm.join(
            JoinRequest(
                body.get("RemoteAddrs") or (),
                body.get("JoinToken", ""),
                body.get("ListenAddr", ""),
                body.get("AdvertiseAddr", ""),
                body.get("DataPathAddr", ""),
                body.get("Availability", ""),
            )
        )
        return Response(200)

    async def post_leave(self, request: Request) -> Response:
        await self._swarm.leave(force=request.flag("force"))
        return Response(200)

    async def post_update(self, request: Request) -> Response:
        spec = await read_json(request, swarmschemas.SWARM_SPEC)
        version = version_of(request, "swarm")
        rotate = {
            name: self._truth(request, name)
            for name in ("rotateWorkerToken", "rotateManagerToken", "rotateManagerUnlockKey")
        }
        manager = self._swarm.control()
        manager.update_cluster(
            version,
            spec,
            rotate_worker=rotate["rotateWorkerToken"],
            rotate_manager=rotate["rotateManagerToken"],
        )
        return Response(200)

    @staticmethod
    def _truth(request: Request, name: str) -> bool:
        text = request.text(name)
        try:
            return parse_bool(text or "0")
        except ValueError:
            raise InvalidParameter(f"invalid value for {name}: {text}") from None
