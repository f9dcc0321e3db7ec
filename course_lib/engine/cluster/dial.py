"""Calling another engine."""

from __future__ import annotations

import asyncio

from course_lib.engine.clock import Clock
from course_lib.engine.cluster.deadline import within
from course_lib.engine.cluster.handshake import SECONDS, Caller, Credentials, call
from course_lib.engine.cluster.link import Link
from course_lib.engine.cluster.methods import Methods


async def dial(
    address: tuple[str, int], shown: Credentials, peer: Caller, methods: Methods, clock: Clock
) -> Link:
    """A link to the engine that listens there; :meth:`Link.start` is left to the caller.

    :param peer: who that is going to be.
    :raises Refused: it and we do not believe each other.
    :raises OSError: nobody answers there. ``TimeoutError`` is one.
    """
    opening = asyncio.open_connection(*address)
    reader, writer = await within(clock, SECONDS, opening)
    try:
        await call(reader, writer, shown, clock)
    except BaseException:
        writer.transport.abort()
        raise
    return Link(reader, writer, peer, methods, clock, dialed=True)
