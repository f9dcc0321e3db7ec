"""Which engines this one is linked with: one link for each other member of the swarm.

Of two members the one whose node ID comes first calls the other, again and again while there is
no link; a worker always calls its manager. A new link to a member takes the place of an older one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from course_lib.engine.clock import Clock
from course_lib.engine.cluster.deadline import end
from course_lib.engine.cluster.dial import dial
from course_lib.engine.cluster.handshake import Caller, Credentials, Refused
from course_lib.engine.cluster.link import Link
from course_lib.engine.cluster.methods import Methods

_FIRST_WAIT = 0.1
_LONGEST_WAIT = 2.0
"""Seconds between attempts to call a member that does not answer."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Member:
    """An engine of the swarm.

    :ivar address: where it listens.
    :ivar purpose: as what it is called: ``manager`` or ``peer``.
    """

    node: str
    address: tuple[str, int]
    purpose: str = "peer"


class Mesh:
    """The links of one member.

    :param node: its own node ID.
    :param credentials: (member) → what to show it.
    """

    def __init__(
        self,
        node: str,
        credentials: Callable[[Member], Credentials],
        methods: Methods,
        clock: Clock,
    ) -> None:
        self.node = node
        self.on_up: list[Callable[[Link], None]] = []
        self.on_down: list[Callable[[str], None]] = []
        self.on_refused: Callable[[Member, Refused], None] | None = None
        self._credentials = credentials
        self._methods = methods
        self._clock = clock
        self._members: dict[str, Member] = {}
        self._links: dict[str, Link] = {}
        self._callers: dict[str, asyncio.Task[None]] = {}

    @property
    def links(self) -> Mapping[str, Link]:
        """The links that stand, by node ID."""
        return self._links

    def link(self, node: str) -> Link | None:
        """The link to a member, if it stands."""
        return self._links.get(node)

    def host_of(self, node: str) -> str:
        """Where a member listens, without the port; "" for who is none."""
        member = self._members.get(node)
        return member.address[0] if member is not None else ""

    def set_members(self, members: Iterable[Member]) -> None:
        """These are the other members now; who is none any more is hung up on."""
        wanted = {member.node: member for member in members if member.node != self.node}
        for node in self._members.keys() - wanted.keys():
            self._drop(node)
        for node, member in wanted.items():
            known = self._members.get(node)
            self._members[node] = member
            if known != member and node not in self._links:
                self._stop_calling(node)
            self._call(member)

    def add(self, link: Link) -> None:
        """A link to a member stands (it has called, or we have)."""
        node = link.peer.node
        older = self._links.get(node)
        self._links[node] = link
        if older is not None:
            older.close("it has called anew")
        link.on_close(lambda: self._gone(node, link))
        for call in self.on_up:
            call(link)

    def _gone(self, node: str, link: Link) -> None:
        if self._links.get(node) is not link:
            return
        del self._links[node]
        for call in self.on_down:
            call(node)
        member = self._members.get(node)
        if member is not None:
            self._call(member)

    def _drop(self, node: str) -> None:
        self._members.pop(node, None)
        self._stop_calling(node)
        link = self._links.get(node)
        if link is not None:
            link.close("it is no member any more")

    # --- calling -------------------------------------------------------------------------

    def _call(self, member: Member) -> None:
        if member.purpose == "peer" and member.node < self.node:
            return  # that one calls
        if member.node in self._links or member.node in self._callers:
            return
        task = asyncio.create_task(self._keep_calling(member))
        self._callers[member.node] = task
        task.add_done_callback(lambda done: self._called(member.node, done))

    def _called(self, node: str, task: asyncio.Task[None]) -> None:
        if self._callers.get(node) is task:
            del self._callers[node]

    def _stop_calling(self, node: str) -> None:
        task = self._callers.pop(node, None)
        if task is not None:
            task.cancel()

    async def _keep_calling(self, member: Member) -> None:
        wait = _FIRST_WAIT
        while member.node not in self._links:
            try:
                link = await dial(
                    member.address,
                    self._credentials(member),
                    Caller(member.purpose, member.node, 0),
                    self._methods,
                    self._clock,
                )
            except Refused as error:
                _log.warning("node %s: %s", member.node, error)
                if self.on_refused is not None:
                    self.on_refused(member, error)
            except OSError as error:
                _log.info("node %s: %s", member.node, error)
            else:
                self._callers.pop(member.node, None)
                self.add(link)
                link.start()
                return
            await self._clock.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    async def close(self) -> None:
        """Hang up on everybody."""
        self._members.clear()
        for task in list(self._callers.values()):
            await end(task)
        for link in list(self._links.values()):
            link.close()
            await link.wait_closed()
