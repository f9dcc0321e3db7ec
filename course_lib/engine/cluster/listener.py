"""Where other engines call: a TCP port on a loopback address, open while the engine is a member.

Docker's is 2377 on the advertised address. Several engines of one machine share its addresses,
so that each takes the port it was told, or any that is free.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from course_lib.engine.clock import Clock
from course_lib.engine.cluster.handshake import Refused, Secrets, answer
from course_lib.engine.cluster.link import Link
from course_lib.engine.cluster.methods import Methods

MAX_STRANGERS = 64
"""Callers that have not proved themselves yet; further ones are hung up on."""

_log = logging.getLogger(__name__)


class Listener:
    """Lets members in, and hands their links over.

    :param cluster: fingerprint of the cluster, shown to every caller.
    :param on_link: told of each new link before anything is read from it.
    """

    def __init__(
        self,
        cluster: str,
        allowed: Secrets,
        methods: Methods,
        clock: Clock,
        on_link: Callable[[Link], None],
    ) -> None:
        self.address: tuple[str, int] = ("", 0)
        self._cluster = cluster
        self._allowed = allowed
        self._methods = methods
        self._clock = clock
        self._on_link = on_link
        self._server: asyncio.Server | None = None
        self._strangers: set[asyncio.Task[None]] = set()
        self._links: set[Link] = set()

    async def start(self, host: str, port: int) -> None:
        """Listen; :attr:`address` says where, with the port that was found for 0.

        :raises OSError: the address cannot be had.
        """
        self._server = await asyncio.start_server(self._welcome, host, port)
        name = self._server.sockets[0].getsockname()
        self.address = (name[0], name[1])

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._strangers) >= MAX_STRANGERS:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._meet(reader, writer))
        self._strangers.add(task)
        task.add_done_callback(self._strangers.discard)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = None
        try:
            caller = await answer(reader, writer, self._cluster, self._allowed, self._clock)
            link = Link(reader, writer, caller, self._methods, self._clock, dialed=False)
        except (Refused, TimeoutError) as error:
            _log.warning("a caller was refused: %s", error)
        finally:
            if link is None:
                writer.close()
        if link is not None:
            known = link
            self._links.add(known)
            known.on_close(lambda: self._links.discard(known))
            self._on_link(known)
            known.start()

    async def close(self) -> None:
        """Listen no more, and hang up on everybody who called."""
        if self._server is not None:
            self._server.close()
        for task in list(self._strangers):
            task.cancel()
        if self._strangers:
            await asyncio.wait(self._strangers)
        for link in list(self._links):
            link.close()
            await link.wait_closed()
        if self._server is not None:
            with contextlib.suppress(OSError):
                await self._server.wait_closed()
