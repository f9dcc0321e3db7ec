"""This engine as a node: runs the tasks that it is given (swarmkit: ``agent``).

Each task has a coroutine that takes its container from state to state and reports each.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable, Sequence, Set
from typing import TYPE_CHECKING

from course_lib.engine.clock import Clock
from course_lib.engine.container.assembly import StartError
from course_lib.engine.container.container import Container
from course_lib.engine.container.health import has_check
from course_lib.engine.container.logs import LogLine
from course_lib.engine.errdefs import EngineError, NotFound
from course_lib.engine.network.hostsocket import HOST
from course_lib.engine.network.model import IpamConfig
from course_lib.engine.network.network import NetworkSettings
from course_lib.engine.network.services import ServiceBinding
from course_lib.engine.swarm.containers import create_request, stop_grace
from course_lib.engine.swarm.interfaces import (
    LogOptions,
    ManagerLink,
    NetworkAssignment,
    ServiceRecord,
    TaskAssignment,
)
from course_lib.engine.swarm.model import Json, TaskStatus, rank

if TYPE_CHECKING:
    from course_lib.engine.container.service import ContainerService
    from course_lib.engine.image.store import ImageStore
    from course_lib.engine.network.controller import NetworkController

log = logging.getLogger(__name__)

VXLAN_OPTION = "com.docker.network.driver.overlay.vxlanid_list"


class LocalAgent:
    """A node's side, done with this engine's containers and networks.

    :param manager: who is told how tasks do.
    """

    def __init__(
        self,
        node_id: str,
        manager: ManagerLink,
        containers: ContainerService,
        networks: NetworkController,
        images: ImageStore,
        clock: Clock,
    ) -> None:
        self.node_id = node_id
        self.manager = manager
        self.containers = containers
        self.images = images
        self.clock = clock
        self._networks = networks
        self._runners: dict[str, _Runner] = {}
        self._attached: dict[tuple[str, str], str] = {}
        self._published: dict[str, str] = {}

    @property
    def own_address(self) -> str:
        """Where this node's ports are published, "" for the usual address of this machine."""
        address = self._networks.swarm.address
        return "" if address == HOST else address

    # --- what the manager asks -----------------------------------------------------------

    async def assign(self, assignment: TaskAssignment) -> None:
        if assignment.id not in self._runners:
            self._runners[assignment.id] = _Runner(self, assignment)

    async def update(self, task_id: str, desired: str) -> None:
        runner = self._runners.get(task_id)
        if runner is not None:
            runner.want(desired)

    async def remove(self, task_id: str) -> None:
        runner = self._runners.pop(task_id, None)
        if runner is not None:
            await runner.forget()
        container = self.container(task_id)
        if container is not None:
            with contextlib.suppress(EngineError):
                await self.containers.remover.remove(
                    container, container.id, force=True, volumes=True
                )
        if runner is not None:
            self.release_networks(network for network, _ in runner.assignment.networks)

    async def keep_only(self, task_ids: Set[str]) -> None:
        """Forget all tasks but these: the manager has forgotten them while it was not reached."""
        known = {
            container.config.labels.get("com.docker.swarm.task.id", "")
            for container in self.containers.registry
        }
        for task_id in (known | self._runners.keys()) - task_ids - {""}:
            await self.remove(task_id)

    def publish(self, records: Sequence[ServiceRecord]) -> None:
        bindings: dict[str, list[ServiceBinding]] = {}
        for record in records:
            bindings.setdefault(record.network_id, []).append(
                ServiceBinding(
                    record.service_id,
                    record.name,
                    record.aliases,
                    record.vip,
                    [(backend.task_id, backend.address) for backend in record.backends],
                )
            )
        self._networks.swarm.set_services(bindings)
        # With its last task a service's ports go, too (libnetwork: ``rmLBBackend``).
        served = {r.service_id: r for r in records if r.ports and r.backends}
        for service_id, network_id in self._published.items():
            if service_id not in served:
                self._networks.swarm.publish(service_id, (), "", network_id)
        for record in served.values():
            try:
                self._networks.swarm.publish(
                    record.service_id, _pairs(record.ports), record.vip, record.network_id
                )
            except EngineError as error:
                # As dockerd: the service runs, and the log says why its port does not.
                log.error("swarm: %s", error)
        self._published = {r.service_id: r.network_id for r in served.values()}

    def check_ports(self, service_id: str, ports: Sequence[Json]) -> None:
        """Whether a service's ports, as far as it has them not, can be had on this machine.

        :raises SystemFailure: one cannot be bound.
        """
        self._networks.swarm.check_ports(service_id, _pairs(ports))

    async def logs(self, task_id: str, options: LogOptions) -> AsyncIterator[LogLine]:
        container = self.container(task_id)
        if container is None or container.streams.log is None:
            return
        async for line in container.streams.log.read(
            tail=options.tail,
            since_ns=options.since_ns,
            until_ns=options.until_ns,
            follow=options.follow,
        ):
            yield line

    # --- networks ------------------------------------------------------------------------

    def bring_up(self, network: NetworkAssignment) -> None:
        """A network that a container here is to join."""
        self._networks.swarm.bring_up(settings_of(network), network.balancer.partition("/")[0])

    def release_networks(self, networks: Iterable[NetworkAssignment]) -> None:
        """Take down those that nobody here uses any more."""
        for network in networks:
            if not any(self._needs(runner, network.id) for runner in self._runners.values()):
                self._networks.swarm.take_down(network.id)

    @staticmethod
    def _needs(runner: _Runner, network_id: str) -> bool:
        return not runner.over and any(n.id == network_id for n, _ in runner.assignment.networks)

    async def attach(self, network_ref: str, container_id: str, address: str) -> tuple[str, str]:
        """A container of no service joins: gives the network's ID and the address there."""
        network, given, attachment = await self.manager.attach(
            self.node_id, network_ref, container_id, address
        )
        self.bring_up(network)
        self._attached[container_id, network.id] = attachment
        return network.id, given.partition("/")[0]

    async def detach(self, container_id: str, network_id: str = "") -> None:
        """It has left that network, or all of them."""
        for key in list(self._attached):
            if key[0] == container_id and network_id in {"", key[1]} and key in self._attached:
                await self.manager.detach(self.node_id, self._attached.pop(key))
                if not any(self._needs(r, key[1]) for r in self._runners.values()):
                    self._networks.swarm.take_down(key[1])

    # --- containers ----------------------------------------------------------------------

    def container(self, task_id: str) -> Container | None:
        """The container of a task."""
        for container in self.containers.registry:
            if container.config.labels.get("com.docker.swarm.task.id") == task_id:
                return container
        return None

    def report(self, task_id: str, status: TaskStatus) -> None:
        """Tell the manager."""
        self.manager.report(self.node_id, task_id, status)

    async def close(self) -> None:
        """The engine ends; the tasks' containers end with it, and nobody is told."""
        for runner in self._runners.values():
            await runner.forget()
        self._runners.clear()

    async def leave(self) -> None:
        """The node leaves the swarm: all tasks and networks of the swarm go."""
        runners = list(self._runners)
        for task_id in runners:
            await self.remove(task_id)
        for container in list(self.containers.registry):
            if "com.docker.swarm.task.id" in container.config.labels:
                with contextlib.suppress(EngineError):
                    await self.containers.remover.remove(
                        container, container.id, force=True, volumes=True
                    )
        self.publish([])


def settings_of(network: NetworkAssignment) -> NetworkSettings:
    """A network of the swarm in the form of one of this engine's own."""
    spec = network.spec
    ipam = spec.get("IPAM") or {}
    return NetworkSettings(
        id=network.id,
        name=str(spec["Name"]),
        created_ns=network.created_ns,
        driver="overlay",
        scope="swarm",
        internal=bool(spec.get("Internal")),
        attachable=bool(spec.get("Attachable")),
        ingress=bool(spec.get("Ingress")),
        ipam_driver="default",
        ipam_options=ipam.get("Options") or None,
        pools=[
            IpamConfig(pool["Subnet"], pool.get("IPRange", ""), pool["Gateway"])
            for pool in network.pools
        ],
        options={**(spec.get("Options") or {}), VXLAN_OPTION: str(network.vni)},
        labels=dict(spec.get("Labels") or {}),
    )


class _Runner:
    """One task."""

    def __init__(self, agent: LocalAgent, assignment: TaskAssignment) -> None:
        self.assignment = assignment
        self.over = False
        self._agent = agent
        self._desired = assignment.desired
        self._changed = asyncio.Event()
        self._container: Container | None = None
        self._state = "assigned"
        self._work = asyncio.create_task(self._run())

    def want(self, desired: str) -> None:
        """The manager wants another state."""
        self._desired = desired
        self._changed.set()

    async def forget(self) -> None:
        """Stop caring."""
        self._work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._work

    # --- states --------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            await self._live()
        except EngineError as error:
            failed = rank(self._state) >= rank("starting")
            self._report("failed" if failed else "rejected", err=str(error))
        except Exception as error:
            log.exception("swarm: task %s", self.assignment.id)
            self._report("failed", err=f"{type(error).__name__}: {error}")
        finally:
            self.over = True

    async def _live(self) -> None:
        found = self._agent.container(self.assignment.id)
        if found is not None:
            self._found(found)
            return
        self._report("accepted", "accepted")
        self._report("preparing", "preparing")
        container = await self._prepare()
        self._report("ready", "prepared")
        while self._desired == "ready":
            await self._next()
        if self._unwanted:
            self._report("shutdown", "shutdown")
            return
        self._report("starting", "starting")
        try:
            await self._agent.containers.start(container)
        except StartError as error:
            raise EngineError(f"starting container failed: {error}") from None
        except EngineError as error:
            raise EngineError(f"starting container failed: {error}") from None
        await self._watch(container)

    def _found(self, container: Container) -> None:
        """The engine has come up again and finds the container of an earlier run."""
        self._container = container
        self._state = "running"
        if self._unwanted:
            self._report("shutdown", "shutdown")
        else:
            self._ended(container)

    async def _prepare(self) -> Container:
        agent, assignment = self._agent, self.assignment
        for network, _ in assignment.networks:
            agent.bring_up(network)
        request = create_request(assignment, agent.own_address)
        await self._image(request.config.image)
        container, _ = await agent.containers.creator.create(request)
        self._container = container
        container.placed = assignment.files or None
        return container

    async def _image(self, name: str) -> None:
        images = self._agent.images
        try:
            images.get(name)
            return
        except NotFound:
            pass
        repository, _, tag = name.partition("@")[0].rpartition(":")
        if not repository or "/" in tag:
            repository, tag = name, "latest"
        try:
            async for _ in images.pull(repository, tag):
                pass
        except EngineError:
            raise NotFound(f"No such image: {name}") from None

    async def _watch(self, container: Container) -> None:
        """Until it ends: by itself, because it is not healthy, or the manager has it ended.

        With a health check the task runs from its first success on (Moby: the executor's
        ``controller.Start``).
        """
        health = container.state.health if has_check(container) else None
        sick = False
        end = asyncio.ensure_future(container.state.wait("not-running"))
        try:
            while not end.done() and not self._unwanted and not sick:
                if self._state == "starting" and (health is None or health.status == "healthy"):
                    self._report("running", "started")
                changes = {asyncio.ensure_future(self._next())}
                if health is not None:
                    changes.add(asyncio.ensure_future(health.turn()))
                try:
                    await asyncio.wait({end, *changes}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for change in changes:
                        change.cancel()
                # (That of a container that has ended is unhealthy as well.)
                sick = health is not None and health.status == "unhealthy" and not end.done()
        finally:
            end.cancel()
        if end.done() and not end.cancelled():
            self._ended(container)
            return
        await self._agent.containers.lifecycle.stop_if_running(
            container, stop_grace(self.assignment)
        )
        if sick and not self._unwanted:
            self._ended(container, ": dockerexec: unhealthy container")
        else:
            self._report("shutdown", "shutdown")

    def _ended(self, container: Container, cause: str = "") -> None:
        code = container.state.exit_code
        if code or container.state.removed:
            self._report("failed", "started", err=f"task: non-zero exit ({code}){cause}")
        else:
            self._report("complete", "finished")

    async def _next(self) -> None:
        await self._changed.wait()
        self._changed.clear()

    @property
    def _unwanted(self) -> bool:
        return rank(self._desired) > rank("running")

    def _report(self, state: str, message: str = "", err: str = "") -> None:
        self._state = state
        status = TaskStatus(self._agent.clock.time_ns(), state, message, err)
        container = self._container
        if container is not None:
            status.container_id = container.id
            status.pid = container.state.pid
            status.exit_code = container.state.exit_code
            if state == "running":
                status.ports = self._host_ports(container)
        self._agent.report(self.assignment.id, status)

    def _host_ports(self, container: Container) -> list[Json]:
        view = self._agent.containers.networks.view(container)
        found: list[Json] = []
        for entry in self.assignment.host_ports:
            protocol = entry.get("Protocol") or "tcp"
            for _, port in view.ports.get(f"{entry['TargetPort']}/{protocol}", ()):
                found.append(
                    {
                        "Protocol": protocol,
                        "TargetPort": entry["TargetPort"],
                        "PublishedPort": port,
                        "PublishMode": "host",
                    }
                )
        return found


def _pairs(ports: Sequence[Json]) -> list[tuple[int, int]]:
    return [(int(port["TargetPort"]), int(port["PublishedPort"])) for port in ports]
