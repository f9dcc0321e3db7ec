"""The manager on another engine, as a node sees it."""

from __future__ import annotations

import contextlib

from course_lib.engine.cluster import codec
from course_lib.engine.cluster.link import Link
from course_lib.engine.cluster.mesh import Mesh
from course_lib.engine.errdefs import EngineError, Unavailable
from course_lib.engine.swarm.interfaces import NetworkAssignment
from course_lib.engine.swarm.model import TaskStatus


class RemoteManager:
    """Stands in for the manager, linked or not (``swarm.interfaces.ManagerLink``).

    What is to be told while there is no link is kept, of each task the latest, and told when the
    manager is back.
    """

    def __init__(self, mesh: Mesh, manager: str) -> None:
        self._mesh = mesh
        self._manager = manager
        self._untold: dict[str, TaskStatus] = {}
        self._left: list[str] = []

    def report(self, node_id: str, task_id: str, status: TaskStatus) -> None:
        link = self._mesh.link(self._manager)
        if link is None:
            self._untold[task_id] = status
        else:
            self._tell(link, task_id, status)

    async def catch_up(self) -> None:
        """Tell what could not be told before."""
        link = self._mesh.link(self._manager)
        if link is not None:
            while self._left:
                attachment = self._left.pop()  # several tasks may be at it
                try:
                    await link.call("network.detach", {"attachment": attachment})
                except OSError:
                    self._left.append(attachment)
                    raise
            untold, self._untold = self._untold, {}
            for task_id, status in untold.items():
                self._tell(link, task_id, status)

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
        with contextlib.suppress(OSError, EngineError):
            await self.catch_up()

    def _link(self) -> Link:
        link = self._mesh.link(self._manager)
        if link is None:
            raise Unavailable(
                "The swarm does not have a leader. It's possible that too few managers are online."
                " Make sure more than half of the managers are online."
            )
        return link
