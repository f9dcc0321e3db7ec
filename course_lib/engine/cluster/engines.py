"""The other engines of the swarm: this one joins them, or lets them join.

Loaded with the engine's part in a swarm; what it needs for others is loaded when there are any.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from course_lib.engine.clock import Clock
from course_lib.engine.errdefs import EngineError, SystemFailure
from course_lib.engine.ids import Identities
from course_lib.engine.store import Store
from course_lib.engine.swarm.interfaces import JoinRequest

if TYPE_CHECKING:
    from course_lib.engine.cluster.admission import Admission
    from course_lib.engine.cluster.worker import Membership, Worker
    from course_lib.engine.network.controller import NetworkController
    from course_lib.engine.swarm.swarm import Swarm

JOINED = 20.0
"""Seconds that joining may take (Moby: ``swarmConnectTimeout``)."""

_KIND = "swarm"
_log = logging.getLogger(__name__)


class Engines:
    """Connects this engine's part in a swarm with those of others."""

    def __init__(
        self, swarm: Swarm, store: Store, networks: NetworkController, ids: Identities, clock: Clock
    ) -> None:
        self._swarm = swarm
        self._store = store
        self._networks = networks
        self._ids = ids
        self._clock = clock
        self._admission: Admission | None = None
        self._worker: Worker | None = None
        swarm.joiner = self
        swarm.on_manager.append(self._manage)
        swarm.on_leave.append(self._leave)
        swarm.on_end.append(self._end)

    # --- a worker --------------------------------------------------------------------------

    async def join(self, request: JoinRequest) -> None:
        """``docker swarm join``.

        :raises EngineError: with dockerd's text.
        """
        from course_lib.engine.cluster.deadline import within
        from course_lib.engine.cluster.joining import ask_to_join

        membership = await ask_to_join(request, self._swarm.description(), self._clock)
        worker = await self._work(membership)
        try:
            await within(self._clock, JOINED, worker.ready())
        except TimeoutError:
            raise SystemFailure(
                "Timeout was reached before node joined. The attempt to join the swarm will "
                'continue in the background. Use the "docker info" command to see the current '
                "swarm status of your node."
            ) from None

    async def restore(self) -> None:
        """Be a worker again, where this engine was one."""
        from course_lib.engine.cluster.worker import Membership

        record = self._store.all(_KIND).get("local") or {}
        if record.get("role") == "worker":
            await self._work(Membership.from_record(record["membership"]))

    async def settled(self) -> None:
        """Wait a while for the manager of a worker that has come up again."""
        from course_lib.engine.cluster.deadline import within

        if self._worker is not None:
            with contextlib.suppress(TimeoutError):
                await within(self._clock, JOINED, self._worker.ready())

    async def _work(self, membership: Membership) -> Worker:
        from course_lib.engine.cluster.worker import Worker

        worker = Worker(membership, self._networks, self._swarm.description, self._clock)
        host, port = membership.calls
        agent = self._swarm.become_worker(
            membership.keys.node,
            membership.listens[0],
            membership.manager,
            f"{host}:{port}",
            worker.manager,
        )
        self._worker = worker
        await worker.start(agent)
        self._swarm.address = self._networks.swarm.address = worker.listens[0]
        self._keep(worker)
        return worker

    def _keep(self, worker: Worker) -> None:
        membership = worker.membership.listening(worker.listens)
        record: Mapping[str, Any] = {
            "node_id": membership.keys.node,
            "role": "worker",
            "membership": membership.to_record(),
        }
        self._store.write(_KIND, "local", record)

    # --- a manager -------------------------------------------------------------------------

    async def _manage(self, swarm: Swarm) -> None:
        from course_lib.engine.cluster.address import Place, manager_place
        from course_lib.engine.cluster.admission import Admission
        from course_lib.engine.cluster.keys import ManagerKeys

        manager = swarm.manager
        assert manager is not None
        record = self._store.all(_KIND).get("manager")
        if record is None:
            keys = ManagerKeys.new()
            listen = f"{swarm.listens[0]}:{swarm.listens[1]}"
            place = manager_place(listen, swarm.manager_address)
        else:
            keys = ManagerKeys(str(record["nodes"]), str(record["peers"]))
            place = Place(str(record["host"]), int(record["port"]), True)
        admission = Admission(
            swarm.node_id,
            keys,
            manager.state,
            manager.dispatcher,
            manager,
            self._networks,
            self._ids.random,
            self._clock,
        )
        self._admission = admission
        try:
            await admission.hub.listen(place)
        except EngineError as error:
            if record is None:
                raise
            # It goes on alone: nodes find it again once the port is free and it starts anew.
            _log.error("swarm: no other engine can reach this one: %s", error)
            return
        host, port = admission.hub.address
        self._store.write(
            _KIND,
            "manager",
            {"nodes": keys.nodes, "peers": keys.peers, "host": host, "port": port},
        )
        self._networks.swarm.address = host
        swarm.manager_address = f"{host}:{port}"
        node = manager.state.nodes.get(swarm.node_id)
        if node is not None and node.manager_address != swarm.manager_address:
            node.manager_address = swarm.manager_address
            manager.state.nodes.put(node)

    # --- both ------------------------------------------------------------------------------

    def peers(self, network_id: str) -> list[tuple[str, str]]:
        """The nodes that have an overlay network up: their IDs and addresses."""
        found = {self._swarm.node_id: self._swarm.address}
        for endpoint in self._networks.remotes.members(network_id).values():
            node = endpoint.wire.node
            found[node] = self._address_of(node)
        return sorted(found.items())

    def _address_of(self, node: str) -> str:
        if self._worker is not None:
            return self._worker.hub.mesh.host_of(node)
        manager = self._swarm.manager
        known = manager.state.nodes.get(node) if manager is not None else None
        return known.address if known is not None else ""

    # --- the end ---------------------------------------------------------------------------

    async def _leave(self, _: Swarm) -> None:
        if self._worker is not None:
            await self._worker.leave()
        self._store.delete(_KIND, "manager")

    async def _end(self, _: Swarm) -> None:
        worker, admission = self._worker, self._admission
        self._worker = self._admission = None
        if worker is not None:
            await worker.close()
        if admission is not None:
            await admission.close()
