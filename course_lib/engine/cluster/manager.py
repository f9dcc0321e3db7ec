"""The manager on another engine, as a node sees it."""

from __future__ import annotations

import contextlib
from collections.abc import Set

from course_lib.engine.cluster import codec
from course_lib.engine.cluster.link import Link
from course_lib.engine.cluster.mesh import Mesh
from course_lib.engine.errdefs import EngineError, Unavailable
from course_lib.engine.swarm.interfaces import NetworkAssignment
from course_lib.engine.swarm.model import TaskStatus


class RemoteManager:
    """Stands in for the manager, linked or not (``swarm.interfaces.ManagerLink``).

    The latest of each task is kept and told again when the manager is back: what was told just
    before the link went may not have arrived.
    """

    def __init__(self, mesh: Mesh, manager: str) -> None:
        self._mesh = mesh
        self._manager = manager
        self._latest: dict[str, TaskStatus] = {}
        self._left: list[str] = []

    def report(self, node_id: str, task_id: str, status: TaskStatus) -> None:
        self._latest[task_id] = status
        link = self._mesh.link(self._manager)
        if link is not None:
            self._tell(link, task_id, status)

    def forget(self, task_id: str) -> None:
        """The manager has forgotten that task."""
        self._latest.pop(task_id, None)

    async def catch_up(self, known: Set[str]) -> None:
        """Tell what may not have been told before.

        :param known: the tasks that the manager knows.
        """
        link = self._mesh.link(self._manager)
        if link is not None:
            self._latest = {i: status for i, status in self._latest.items() if i in known}
            await self._tell_left(link)
            for task_id, status in list(self._latest.items()):
                self._tell(link, task_id, status)

    async def _tell_left(self, link: Link) -> None:
        while self._left:
            attachment = self._left.pop()  # several tasks may be at it
            try:
                await link.call("network.detach", {"attachment": attachment})
            except OSError:
                self._left.append(attachment)
                raise

    @staticmethod
    def _tell(link: Link, task_id: str, status: TaskStatus) -> None:
        link.note("task.status", {"task": task_id, "status": codec.pack_status(status)})

    async def attach(
        self, node_id: str, network_ref: str, container_id: str, address: str
    ) -> tuple[NetworkAssignment, str, str]:
        fields = {"network": network_ref, "container": container_id, "address": address}
        try:
            answer = await self._link().call("network.attach", fields)
        except OSError:
            raise Unavailable(
                "attaching to network failed, make sure your network options are correct and check"
                " manager logs: context deadline exceeded"
            ) from None
        found = answer.fields
        network = codec.unpack_network(found["network"])
        return network, str(found["address"]), str(found["attachment"])

    async def detach(self, node_id: str, attachment_id: str) -> None:
        self._left.append(attachment_id)
        link = self._mesh.link(self._manager)
        if link is not None:
            with contextlib.suppress(OSError, EngineError):
                await self._tell_left(link)

    def _link(self) -> Link:
        link = self._mesh.link(self._manager)
        if link is None:
            raise Unavailable(
                "The swarm does not have a leader. It's possible that too few managers are online."
                " Make sure more than half of the managers are online."
            )
        return link
