"""Who is at the other end: each side proves that it knows a secret, without saying it.

The listening side names its cluster and a random challenge; the caller says what it comes for
and proves the secret over both challenges; then the listening side proves it in turn. Nothing is
encrypted: both ends are on this machine's loopback, where only the administrator could listen.
Docker does this with TLS and certificates of the cluster's own authority (swarmkit: ``ca``).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from course_lib.engine.clock import Clock
from course_lib.engine.cluster.deadline import within
from course_lib.engine.cluster.frames import Frame, Kind, Message, ProtocolError, read_frame

VERSION = 1
SECONDS = 10.0
"""Within which the other side has to have proved itself."""

_LIMIT = 4096
"""Longest message of a stranger, in bytes."""

_Result = TypeVar("_Result")


class Refused(Exception):
    """The other side cannot prove what it has to, or refuses us; the message is its reason.

    :ivar reason: ``cluster`` (another cluster than expected), ``secret``, or ``protocol``.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a caller shows.

    :ivar purpose: ``join`` (with a token's secret), ``node`` or ``peer`` (with one of a member).
    :ivar node: who calls: the ID of a node, "" for who joins.
    :ivar cluster: fingerprint that the cluster has to have, "" for any.
    """

    purpose: str
    node: str
    secret: bytes
    cluster: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who has proved itself to the listening side.

    :ivar key: place of the secret that it knows among those that were possible.
    """

    purpose: str
    node: str
    key: int


Secrets = Callable[[str, str], Sequence[bytes]]
"""(purpose, node) → the secrets that such a caller may know; none where it is not let in."""


async def call(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, shown: Credentials, clock: Clock
) -> str:
    """Prove ourselves to the engine that we have called, and let it prove itself.

    :returns: the fingerprint of its cluster.
    :raises Refused: it did not, or did not believe us. :raises TimeoutError: it is too slow.
    """
    return await _guard(_call(reader, writer, shown), clock)


async def answer(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    cluster: str,
    allowed: Secrets,
    clock: Clock,
) -> Caller:
    """Let a caller prove itself, and prove ourselves to it.

    :raises Refused: it could not. :raises TimeoutError: it is too slow.
    """
    return await _guard(_answer(reader, writer, cluster, allowed), clock)


async def _call(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, shown: Credentials
) -> str:
    hello = await _receive(reader)
    cluster, theirs = _text(hello, "cluster"), _text(hello, "challenge")
    if hello.fields.get("version") != VERSION:
        raise Refused("protocol", "the engines are of releases that do not understand each other")
    if shown.cluster and not hmac.compare_digest(shown.cluster, cluster):
        raise Refused("cluster", f"remote CA does not match fingerprint. Expected: {shown.cluster}")
    ours = secrets.token_hex(32)
    said = (shown.purpose, shown.node, cluster, theirs, ours)
    await _send(
        writer,
        purpose=shown.purpose,
        node=shown.node,
        challenge=ours,
        proof=_proof(shown.secret, "caller", *said),
    )
    verdict = await _receive(reader)
    if "refused" in verdict.fields:
        raise Refused("secret", _text(verdict, "refused"))
    if not hmac.compare_digest(_text(verdict, "proof"), _proof(shown.secret, "listener", *said)):
        raise Refused("secret", "the other engine does not know the secret of its cluster")
    return cluster


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cluster: str, allowed: Secrets
) -> Caller:
    ours = secrets.token_hex(32)
    await _send(writer, version=VERSION, cluster=cluster, challenge=ours)
    claim = await _receive(reader)
    purpose, node = _text(claim, "purpose"), _text(claim, "node")
    said = (purpose, node, cluster, ours, _text(claim, "challenge"))
    shown = _text(claim, "proof")
    for key, secret in enumerate(allowed(purpose, node)):
        if hmac.compare_digest(shown, _proof(secret, "caller", *said)):
            await _send(writer, proof=_proof(secret, "listener", *said))
            return Caller(purpose, node, key)
    with contextlib.suppress(OSError):
        await _send(writer, refused="it does not know the secret")
    raise Refused("secret", f"a caller ({purpose!r}) that does not know the secret")


def _proof(secret: bytes, *said: str) -> str:
    # Lengths before the words: no two lists of words are the same bytes.
    text = b"".join(b"%d:%s" % (len(w.encode()), w.encode()) for w in said)
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


async def _send(writer: asyncio.StreamWriter, **fields: object) -> None:
    writer.write(Frame(Kind.NOTE, 0, Message(fields).pack()).pack())
    await writer.drain()


async def _receive(reader: asyncio.StreamReader) -> Message:
    frame = await read_frame(reader, _LIMIT)
    if frame is None:
        raise Refused("protocol", "the other side hung up")
    if frame.kind is not Kind.NOTE:
        raise Refused("protocol", "the other side does not speak as an engine does")
    return Message.unpack(frame.payload)


def _text(message: Message, name: str) -> str:
    value = message.fields.get(name)
    if not isinstance(value, str) or not value.isascii():
        raise Refused("protocol", "the other side does not speak as an engine does")
    return value


async def _guard(work: Awaitable[_Result], clock: Clock) -> _Result:
    try:
        return await within(clock, SECONDS, work)
    except ProtocolError as error:
        raise Refused(
            "protocol", f"the other side does not speak as an engine does: {error}"
        ) from None
    except TimeoutError:
        raise
    except OSError as error:
        raise Refused("protocol", f"the other side hung up: {error.strerror}") from None
