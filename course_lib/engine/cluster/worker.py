"""A worker's side: keeps in touch with its manager, and does what that says.

What it is a member of is kept, so that an engine that was stopped or killed is a node again as
soon as it runs and its manager answers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any, Protocol

from course_lib.engine.clock import Clock
from course_lib.engine.cluster import codec
from course_lib.engine.cluster.address import Place
from course_lib.engine.cluster.channel import Channel
from course_lib.engine.cluster.deadline import end
from course_lib.engine.cluster.frames import Message
from course_lib.engine.cluster.hub import Hub
from course_lib.engine.cluster.keys import NodeKeys
from course_lib.engine.cluster.link import Link
from course_lib.engine.cluster.manager import RemoteManager
from course_lib.engine.cluster.mesh import Member
from course_lib.engine.cluster.node import send_lines
from course_lib.engine.errdefs import EngineError
from course_lib.engine.network import NetworkController
from course_lib.engine.swarm.interfaces import NetworkAssignment, NodeAgent

_MANAGER = frozenset({"manager"})

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Membership:
    """What a worker is a member of.

    :ivar manager: the manager's node ID; :ivar calls: where that listens.
    :ivar listens: where the worker listened last.
    """

    keys: NodeKeys
    manager: str
    calls: Address
    listens: Address

    def listening(self, place: Address) -> Membership:
        """The same, of a worker that listens there."""
        return replace(self, listens=place)

    def to_record(self) -> dict[str, Any]:
        """As a JSON record."""
        return {
            "keys": self.keys.to_record(),
            "manager": self.manager,
            "calls": list(self.calls),
            "listens": list(self.listens),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Membership:
        """Back from a record.

        :raises KeyError, TypeError, ValueError: it is none.
        """
        keys = NodeKeys.from_record(record["keys"])
        calls, listens = record["calls"], record["listens"]
        return cls(
            keys,
            str(record["manager"]),
            (str(calls[0]), int(calls[1])),
            (str(listens[0]), int(listens[1])),
        )


class Agent(NodeAgent, Protocol):
    """What does a node's work (:class:`course_lib.engine.swarm.agent.LocalAgent`)."""

    def bring_up(self, network: NetworkAssignment) -> None:
        """Have a network of the swarm here."""

    async def keep_only(self, task_ids: Set[str]) -> None:
        """Forget all tasks but these."""


class Worker:
    """An engine as a worker of another engine's swarm.

    :param agent: what does the node's work. :param describe: gives ``NodeDescription``.
    :ivar manager: what the agent reports to.
    """

    def __init__(
        self,
        membership: Membership,
        networks: NetworkController,
        describe: Callable[[], Mapping[str, Any]],
        clock: Clock,
    ) -> None:
        self.membership = membership
        self.agent: Agent | None = None
        self._fresh = True
        keys = membership.keys
        self.hub = Hub(
            keys.node,
            keys.cluster,
            keys.allowed,
            lambda member: keys.credentials(member.purpose),
            networks,
            clock,
        )
        self.manager = RemoteManager(self.hub.mesh, membership.manager)
        self._describe = describe
        self._ready = asyncio.Event()
        self._greetings: set[asyncio.Task[None]] = set()
        self._logs: set[asyncio.Task[None]] = set()
        methods = self.hub.methods
        methods.on_call("task.assign", self._assign, _MANAGER)
        methods.on_call("task.update", self._update, _MANAGER)
        methods.on_call("task.remove", self._remove, _MANAGER)
        methods.on_open("task.logs", self._send_logs, _MANAGER)
        methods.on_note("services", self._services, _MANAGER)
        methods.on_note("members", self._members, _MANAGER)
        self.hub.mesh.on_up.append(self._up)
        self.hub.mesh.on_down.append(self._down)

    async def start(self, agent: Agent) -> None:
        """Listen, and call the manager until it answers."""
        self.agent = agent
        host, port = self.membership.listens
        await self.hub.listen(Place(host, port, False))
        self.hub.mesh.set_members([self._manager_member()])

    @property
    def listens(self) -> Address:
        """Where it listens."""
        return self.hub.address

    async def ready(self) -> None:
        """Wait until the manager knows that this node is there."""
        await self._ready.wait()

    def _manager_member(self) -> Member:
        return Member(self.membership.manager, self.membership.calls, "manager")

    def _up(self, link: Link) -> None:
        if link.peer.node == self.membership.manager:
            task = asyncio.create_task(self._greet(link))
            self._greetings.add(task)
            task.add_done_callback(self._greetings.discard)

    async def _greet(self, link: Link) -> None:
        fields = {
            "description": dict(self._describe()),
            "listens": list(self.hub.address),
            "fresh": self._fresh,
        }
        try:
            answer = await link.call("node.hello", fields)
            ingress = answer.fields["ingress"]
            if ingress is not None:
                self._node().bring_up(codec.unpack_network(ingress))
            tasks = {str(task) for task in answer.fields["tasks"]}
            await self._node().keep_only(tasks)
            await link.call("node.ready")
            await self.manager.catch_up(tasks)
        except (OSError, EngineError, KeyError, TypeError, ValueError) as error:
            link.close(f"it does not answer as a manager does: {error!r}")
        else:
            self._fresh = False
            self._ready.set()

    def _down(self, node: str) -> None:
        if node == self.membership.manager:
            self._ready.clear()

    # --- what the manager says ---------------------------------------------------------------

    def _node(self) -> Agent:
        assert self.agent is not None
        return self.agent

    async def _assign(self, _: Link, message: Message) -> Message:
        task = codec.unpack_task(message.fields["task"])
        await self._node().assign(task)
        # A node that was away knows the task already, and perhaps not what is wanted of it now.
        await self._node().update(task.id, task.desired)
        return Message({})

    async def _update(self, _: Link, message: Message) -> Message:
        await self._node().update(str(message.fields["task"]), str(message.fields["desired"]))
        return Message({})

    async def _remove(self, _: Link, message: Message) -> Message:
        task_id = str(message.fields["task"])
        await self._node().remove(task_id)
        self.manager.forget(task_id)
        return Message({})

    def _services(self, _: Link, message: Message) -> None:
        self._node().publish([codec.unpack_service(r) for r in message.fields["services"]])

    def _members(self, _: Link, message: Message) -> None:
        members = [
            Member(str(node), (str(host), int(port)))
            for node, host, port in message.fields["members"]
        ]
        self.hub.mesh.set_members([*members, self._manager_member()])

    async def _send_logs(self, _: Link, message: Message, channel: Channel) -> Message:
        options = codec.unpack_log_options(message.fields["options"])
        lines = self._node().logs(str(message.fields["task"]), options)
        task = asyncio.create_task(send_lines(lines, channel))
        self._logs.add(task)
        task.add_done_callback(self._logs.discard)
        return Message({})

    # --- the end -----------------------------------------------------------------------------

    async def leave(self) -> None:
        """Tell the manager, if it is there, that this node leaves."""
        link = self.hub.mesh.link(self.membership.manager)
        if link is not None:
            with contextlib.suppress(OSError):  # it will miss the node
                await link.call("node.leave", seconds=5)

    async def close(self) -> None:
        """Hang up; what runs here goes on."""
        await self.hub.close()
        for task in [*self._greetings, *self._logs]:
            await end(task)
