"""``docker swarm join``: an engine asks another one to become a node of its swarm."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from typing import Any

from course_lib.engine.clock import Clock
from course_lib.engine.cluster import address
from course_lib.engine.cluster.dial import dial
from course_lib.engine.cluster.handshake import Caller, Credentials, Refused
from course_lib.engine.cluster.keys import NodeKeys
from course_lib.engine.cluster.methods import Methods
from course_lib.engine.cluster.worker import Membership
from course_lib.engine.errdefs import EngineError, InvalidParameter, SystemFailure, Unavailable
from course_lib.engine.swarm.interfaces import JoinRequest
from course_lib.engine.swarm.tokens import parse_token


async def ask_to_join(
    request: JoinRequest, description: Mapping[str, Any], clock: Clock
) -> Membership:
    """Become a node, on paper: :class:`course_lib.engine.cluster.worker.Worker` does the rest.

    :param description: this engine's ``NodeDescription``.
    :raises EngineError: with dockerd's text: a bad token, nobody there, not allowed.
    """
    if not request.remote_addresses:
        raise InvalidParameter("at least 1 RemoteAddr is required to join")
    token = parse_token(request.token)
    place = address.worker_place(request.listen_address, request.advertise_address)
    named = address.names_host(request.listen_address, request.advertise_address)
    remotes = [address.remote_address(text) for text in request.remote_addresses]
    problem: EngineError | None = None
    for remote in remotes:
        shown = Credentials("join", "", token.secret.encode(), token.digest)
        try:
            link = await dial(remote, shown, Caller("manager", "", 0), Methods(), clock)
        except Refused as error:
            raise _refusal(error, token.digest) from None
        except OSError as error:
            problem = _unreachable(remote, error)
            continue
        link.start()
        try:
            answer = await link.call(
                "join",
                {
                    "description": dict(description),
                    "availability": request.availability,
                    "address": place.host if named else "",
                },
            )
        except OSError as error:
            problem = _unreachable(remote, error)
            continue
        finally:
            link.close()
            await link.wait_closed()
        given = {name: str(answer.fields[name]) for name in ("node", "own", "peers")}
        keys = NodeKeys(**given, cluster=token.digest)
        return Membership(
            keys, str(answer.fields["manager"]), remote, (str(answer.fields["address"]), place.port)
        )
    assert problem is not None
    raise problem


def _refusal(error: Refused, digest: str) -> EngineError:
    if error.reason == "cluster":
        return SystemFailure(
            f"remote CA does not match fingerprint. Expected: {int(digest, 36):064x}"
        )
    if error.reason == "secret":
        return InvalidParameter(
            "rpc error: code = InvalidArgument desc = A valid join token is necessary to join "
            "this cluster"
        )
    return Unavailable(f"rpc error: code = Unavailable desc = connection error: {error}")


def _unreachable(remote: tuple[str, int], error: OSError) -> EngineError:
    text = "i/o timeout" if isinstance(error, TimeoutError) else error.strerror or str(error)
    if error.errno == errno.ECONNREFUSED:
        text = f"connect: {os.strerror(error.errno).lower()}"
    return Unavailable(
        'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while '
        f'dialing: dial tcp {remote[0]}:{remote[1]}: {text}"'
    )
