"""Hands tasks to their nodes and takes what those report (swarmkit: ``manager/dispatcher``)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from course_lib.engine.swarm.blobs import files_of
from course_lib.engine.swarm.interfaces import (
    Backend,
    NetworkAssignment,
    NodeAgent,
    ServiceRecord,
    TaskAssignment,
)
from course_lib.engine.swarm.model import Network, Service, Task, rank
from course_lib.engine.swarm.state import ClusterState

log = logging.getLogger(__name__)

LOCAL_NETWORKS = frozenset({"bridge", "host"})
"""Networks of each node that a service may use."""

_Order = Callable[[], Coroutine[Any, Any, None]]


class _Line:
    """What one node is told, in order."""

    def __init__(self, agent: NodeAgent) -> None:
        self.agent = agent
        self.told: dict[str, str] = {}
        self._orders: asyncio.Queue[_Order] = asyncio.Queue()
        self._worker = asyncio.create_task(self._work())

    def give(self, order: _Order) -> None:
        self._orders.put_nowait(order)

    async def _work(self) -> None:
        while True:
            order = await self._orders.get()
            try:
                await order()
            except Exception:  # a node that fails is the business of who connects it
                log.exception("swarm: a node did not take an order")

    def stop(self) -> None:
        self._worker.cancel()

    async def close(self) -> None:
        self.stop()
        with contextlib.suppress(asyncio.CancelledError):
            await self._worker


class Dispatcher:
    """Knows by which agent each node is reached."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state
        self._lines: dict[str, _Line] = {}
        self._published: list[ServiceRecord] | None = None

    def connect(self, node_id: str, agent: NodeAgent) -> None:
        """A node is reached by that agent from now on; it is told everything anew."""
        old = self._lines.get(node_id)
        if old is not None:
            old.stop()
        self._lines[node_id] = _Line(agent)
        self._published = None

    async def disconnect(self, node_id: str) -> None:
        """A node is not reached any more."""
        line = self._lines.pop(node_id, None)
        if line is not None:
            await line.close()

    async def close(self) -> None:
        """Talk to nobody any more."""
        for node_id in list(self._lines):
            await self.disconnect(node_id)
        self._published = None

    def agent(self, node_id: str) -> NodeAgent | None:
        """The agent of a node that is connected."""
        line = self._lines.get(node_id)
        return line.agent if line is not None else None

    # --- tasks ---------------------------------------------------------------------------

    def tell(self, task: Task) -> None:
        """Tell a task's node what is wanted of it, if it does not know yet."""
        line = self._lines.get(task.node_id)
        if line is None or rank(task.status.state) < rank("assigned"):
            return
        told = line.told.get(task.id)
        if told == task.desired:
            return
        line.told[task.id] = task.desired
        if told is None:
            assignment = self.assignment(task)
            line.give(lambda: line.agent.assign(assignment))
        else:
            task_id, desired = task.id, task.desired
            line.give(lambda: line.agent.update(task_id, desired))

    def forget(self, task: Task) -> None:
        """The task is no more."""
        line = self._lines.get(task.node_id)
        if line is not None and line.told.pop(task.id, None) is not None:
            task_id = task.id
            line.give(lambda: line.agent.remove(task_id))

    def assignment(self, task: Task) -> TaskAssignment:
        """A task as its node is told of it."""
        networks = []
        for network_id, address in task.addresses.items():
            network = self._state.networks.get(network_id)
            if network is not None:
                networks.append((self.network(network, task.node_id), address))
        container = task.spec.get("ContainerSpec") or {}
        labels = {
            **(container.get("Labels") or {}),
            "com.docker.swarm.node.id": task.node_id,
            "com.docker.swarm.service.id": task.service_id,
            "com.docker.swarm.service.name": task.service_name,
            "com.docker.swarm.task": "",
            "com.docker.swarm.task.id": task.id,
            "com.docker.swarm.task.name": task.name,
        }
        node = self._state.nodes.get(task.node_id)
        service = self._state.services.get(task.service_id)
        return TaskAssignment(
            id=task.id,
            service_id=task.service_id,
            service_name=task.service_name,
            service_labels=dict((service.spec.get("Labels") or {}) if service else {}),
            name=task.name,
            slot=task.slot,
            node_id=task.node_id,
            node_hostname=node.hostname if node else "",
            desired=task.desired,
            spec=task.spec,
            labels=labels,
            networks=networks,
            local_networks=[
                entry["Target"]
                for entry in task.spec.get("Networks") or ()
                if entry["Target"] in LOCAL_NETWORKS
            ],
            host_ports=task.host_ports,
            files=files_of(self._state, container),
        )

    def network(self, network: Network, node_id: str) -> NetworkAssignment:
        """A network as a node is told of it."""
        node = self._state.nodes.get(node_id)
        balancer = node.balancers.get(network.id, "") if node is not None else ""
        return NetworkAssignment(
            network.id, network.created_ns, network.spec, network.pools, network.vni, balancer
        )

    # --- services ------------------------------------------------------------------------

    def publish(self) -> None:
        """Tell all nodes which services there are and who is behind them, if that has changed."""
        records = [r for service in self._state.services for r in self._records(service)]
        if records == self._published:
            return
        self._published = records
        for line in self._lines.values():
            line.agent.publish(records)

    def _records(self, service: Service) -> list[ServiceRecord]:
        running = [
            task
            for task in self._state.tasks_of(service.id)
            if task.status.state == "running" and rank(task.desired) <= rank("running")
        ]
        aliases = {
            entry.get("Target"): entry.get("Aliases") or ()
            for entry in service.template.get("Networks") or ()
        }
        records = []
        for network_id in service.networks:
            network = self._state.networks.get(network_id)
            ingress = network is not None and network.ingress
            backends = [
                Backend(task.id, task.node_id, task.addresses[network_id].partition("/")[0])
                for task in running
                if network_id in task.addresses
            ]
            ports = [p for p in service.ports if p.get("PublishMode", "ingress") == "ingress"]
            records.append(
                ServiceRecord(
                    service.id,
                    network_id,
                    service.name,
                    tuple(aliases.get(network_id, ())),
                    service.vips.get(network_id, "").partition("/")[0],
                    tuple(ports) if ingress else (),
                    tuple(backends),
                )
            )
        return records
