"""Keeps each service at its tasks (swarmkit: ``manager/orchestrator``).

One pass looks at everything that is and does what is missing; every change of the state calls for
another. What has to wait (the delay of a restart, a rolling update) waits in a task of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from course_lib.engine.clock import Clock
from course_lib.engine.ids import Identities
from course_lib.engine.swarm.allocator import Allocator
from course_lib.engine.swarm.dispatcher import Dispatcher
from course_lib.engine.swarm.model import Service, Task, TaskStatus, Thing, rank, slots_of
from course_lib.engine.swarm.policy import restart_policy
from course_lib.engine.swarm.scheduler import Scheduler, eligible
from course_lib.engine.swarm.state import ClusterState
from course_lib.engine.swarm.tokens import new_id
from course_lib.engine.swarm.updater import Updater

log = logging.getLogger(__name__)

_HISTORY = 5


class Orchestrator:
    """Makes, schedules, replaces and forgets tasks."""

    def __init__(
        self,
        state: ClusterState,
        clock: Clock,
        ids: Identities,
        allocator: Allocator,
        dispatcher: Dispatcher,
    ) -> None:
        self._state = state
        self._clock = clock
        self._ids = ids
        self._allocator = allocator
        self._dispatcher = dispatcher
        self._scheduler = Scheduler(state)
        self._wake = asyncio.Event()
        self._loop_task: asyncio.Task[None] | None = None
        self._waits: dict[str, asyncio.Task[None]] = {}
        self._updaters: dict[str, tuple[int, asyncio.Task[None]]] = {}
        state.watch(self._changed)

    # --- running -------------------------------------------------------------------------

    def start(self) -> None:
        """Work from now on."""
        if self._loop_task is None:
            self._loop_task = asyncio.create_task(self._run())
            self._wake.set()

    async def stop(self) -> None:
        """Work no more."""
        tasks = [self._loop_task, *self._waits.values(), *(t for _, t in self._updaters.values())]
        self._loop_task = None
        self._waits.clear()
        self._updaters.clear()
        for task in tasks:
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def _changed(self, kind: str, action: str, thing: Thing) -> None:
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                self._pass()
            except Exception:  # one service must not end the care for all others
                log.exception("swarm: a pass of the orchestrator failed")
                await self._clock.sleep(1)
            await asyncio.sleep(0)

    def _pass(self) -> None:
        for service in self._state.services:
            self._reconcile(service)
        for task in self._state.tasks:
            self._look_after(task)
        self._reap()
        self._dispatcher.publish()

    # --- services ------------------------------------------------------------------------

    def _reconcile(self, service: Service) -> None:
        tasks = self._state.tasks_of(service.id)
        if service.mode == "Global":
            self._reconcile_global(service, tasks)
        else:
            self._reconcile_replicated(service, tasks)
        self._update(service)

    def _reconcile_replicated(self, service: Service, tasks: list[Task]) -> None:
        slots = slots_of(tasks)
        wanted = service.replicas
        if len(slots) > wanted:
            # Those that run stay before those that do not, low numbers before high ones.
            order = sorted(slots, key=lambda s: (not any(map(_runs, slots[s])), s))
            for slot in order[wanted:]:
                for task in slots[slot]:
                    self.retire(task, "remove")
        number = 1
        for _ in range(wanted - len(slots)):
            while number in slots:
                number += 1
            slots[number] = [self.new_task(service, number)]

    def _reconcile_global(self, service: Service, tasks: list[Task]) -> None:
        by_node: dict[str, list[Task]] = {}
        for task in tasks:
            if rank(task.desired) <= rank("running"):
                by_node.setdefault(task.node_id, []).append(task)
        for node in self._state.nodes:
            mine = by_node.pop(node.id, [])
            if not eligible(node, service.template):
                drained = node.spec.get("Availability") == "drain" or node.state == "down"
                for task in mine if drained else ():
                    self.retire(task, "shutdown")
            elif not mine and not self._gave_up(service, tasks, node.id):
                self.new_task(service, 0, node_id=node.id)
        for gone in by_node.values():
            for task in gone:
                self.retire(task, "remove")

    def _gave_up(self, service: Service, tasks: list[Task], node_id: str) -> bool:
        """Whether the last task of a global service there has ended, and is not to be replaced."""
        ended = [
            t
            for t in tasks
            if t.node_id == node_id
            and t.ended
            and t.status.state != "shutdown"
            and t.spec_index == service.spec_index
        ]
        return bool(ended) and not self._may_restart(max(ended, key=lambda t: t.created_ns))

    def new_task(
        self,
        service: Service,
        slot: int,
        *,
        node_id: str = "",
        desired: str = "running",
        late: bool = False,
    ) -> Task:
        """A new task of a service; it starts once ``desired`` is ``running``."""
        task = Task(
            id=new_id(self._ids.random),
            spec={key: value for key, value in service.template.items() if key != "Runtime"},
            spec_index=service.spec_index,
            service_id=service.id,
            service_name=service.name,
            slot=slot,
            node_id=node_id,
            desired=desired,
            host_ports=[p for p in service.ports if p.get("PublishMode") == "host"],
            started_late=late,
        )
        task.status = TaskStatus(self._clock.time_ns(), "new", "created")
        self._state.tasks.put(task)
        return task

    def retire(self, task: Task, desired: str) -> None:
        """A task is to end (``shutdown``) or to go altogether (``remove``)."""
        if rank(task.desired) < rank(desired):
            task.desired = desired
            self._cancel_wait(task.id)
            self._state.tasks.put(task)

    # --- updates -------------------------------------------------------------------------

    def _update(self, service: Service) -> None:
        running = self._updaters.get(service.id)
        if running is not None:
            if running[0] == service.spec_index:
                return
            running[1].cancel()
            del self._updaters[service.id]
        updater = Updater(self._state, self._clock, self, service.id)
        if not updater.dirty(service):
            if service.update and service.update["State"] in {"updating", "rollback_started"}:
                # The specification has changed in a way that leaves the tasks as they are.
                updater.conclude(service)
            return
        if service.update and service.update["State"] in {"paused", "rollback_paused"}:
            return
        task = asyncio.create_task(self._updated(service.id, updater))
        self._updaters[service.id] = (service.spec_index, task)

    async def _updated(self, service_id: str, updater: Updater) -> None:
        await updater.run()
        self._updaters.pop(service_id, None)
        self._wake.set()

    # --- tasks ---------------------------------------------------------------------------

    def _look_after(self, task: Task) -> None:
        service = self._state.services.get(task.service_id)
        if service is None:
            self.retire(task, "remove")
        if task.ended:
            self._after_end(task, service)
            return
        if rank(task.status.state) < rank("assigned"):
            if rank(task.desired) > rank("running"):
                self._forget(task)  # nobody has it yet
                return
            self._schedule(task, service)
        elif self._lost(task) and rank(task.desired) <= rank("running"):
            self._replace(task, service, delay=0.0)
        self._dispatcher.tell(task)

    def _lost(self, task: Task) -> bool:
        """Whether its node is gone or takes no tasks any more."""
        node = self._state.nodes.get(task.node_id)
        return node is None or node.state == "down" or node.spec.get("Availability") == "drain"

    def _schedule(self, task: Task, service: Service | None) -> None:
        if task.status.state == "new":
            networks = service.networks if service is not None else []
            problem = self._allocator.task(task, networks)
            if problem:
                if task.status.err != problem:
                    task.status.err = problem
                    self._state.tasks.put(task)
                return
            task.status.state = "pending"
            task.status.message = "pending task scheduling"
            task.status.err = ""
        node = self._state.nodes.get(task.node_id) if task.node_id else None
        problem = ""
        if node is None:
            node, problem = self._scheduler.choose(task, service)
        if node is None:
            if task.status.err != problem:
                task.status.err = problem
                task.status.timestamp_ns = self._clock.time_ns()
                self._state.tasks.put(task)
            return
        for network_id in task.addresses:
            network = self._state.networks.get(network_id)
            if network is not None and network_id not in node.balancers:
                node.balancers[network_id] = self._allocator.address(network)
                self._state.nodes.put(node)
        task.node_id = node.id
        task.status = TaskStatus(
            self._clock.time_ns(), "assigned", "scheduler assigned task to node"
        )
        self._state.tasks.put(task)

    def _after_end(self, task: Task, service: Service | None) -> None:
        if task.desired == "remove":
            self._forget(task)
        elif rank(task.desired) <= rank("running"):
            if service is None or task.id in self._waits:
                return
            slots = slots_of(self._state.tasks_of(service.id))
            superfluous = task.slot and len(slots) > service.replicas
            if self._may_restart(task) and not superfluous:
                self._replace(task, service, delay=restart_policy(task.spec).delay)
            elif task.slot:
                self._give_up(task)
            else:
                self.retire(task, "shutdown")

    def _give_up(self, task: Task) -> None:
        """It ended and is not replaced; it holds its place, so that nobody else takes it."""
        if task.desired != "shutdown":
            task.desired = "shutdown"
            self._state.tasks.put(task)

    def _may_restart(self, task: Task) -> bool:
        policy = restart_policy(task.spec)
        if not policy.wants(task):
            return False
        if not policy.attempts:
            return True
        history = [
            t
            for t in self._state.tasks_of(task.service_id)
            if t.slot == task.slot
            and (t.slot or t.node_id == task.node_id)
            and t.spec_index == task.spec_index
            and t.started_late
        ]
        return len(history) < policy.attempts

    def _replace(self, task: Task, service: Service | None, *, delay: float) -> None:
        """Put another task in the place of one that has ended, or that has to."""
        self.retire(task, "shutdown")
        if service is None:
            return
        late = task.ended
        if not task.slot:
            node = self._state.nodes.get(task.node_id)
            if node is None or not eligible(node, service.template):
                return
        fresh = self.new_task(
            service,
            task.slot,
            node_id="" if task.slot else task.node_id,
            desired="ready",
            late=late,
        )
        self.start_later(fresh.id, task.id, delay)

    def start_later(self, task_id: str, before: str, delay: float) -> None:
        """Start a task when another one has ended, and that many seconds after."""
        self._waits[task_id] = asyncio.create_task(self._start_later(task_id, before, delay))

    async def _start_later(self, task_id: str, before: str, delay: float) -> None:
        if delay:
            await self._clock.sleep(delay)
        await self.ended(before)
        self._waits.pop(task_id, None)
        task = self._state.tasks.get(task_id)
        if task is not None and task.desired == "ready":
            task.desired = "running"
            self._state.tasks.put(task)

    async def ended(self, task_id: str) -> None:
        """Wait until a task has ended, or is forgotten, or lost with its node."""

        def over() -> bool:
            task = self._state.tasks.get(task_id)
            if task is None or task.ended:
                return True
            node = self._state.nodes.get(task.node_id)
            return node is None or node.state == "down"

        await self._state.until(over)

    def lose(self, task: Task) -> None:
        """Its node is no member any more: nobody will say what has become of it."""
        if not task.ended:
            self._allocator.release_task(task)
            task.status = TaskStatus(self._clock.time_ns(), "orphaned", "node removed")
            self._state.tasks.put(task)

    def _cancel_wait(self, task_id: str) -> None:
        wait = self._waits.pop(task_id, None)
        if wait is not None:
            wait.cancel()

    def _forget(self, task: Task) -> None:
        self._cancel_wait(task.id)
        if not task.ended:
            self._allocator.release_task(task)
        self._state.tasks.remove(task.id)
        self._dispatcher.forget(task)

    def _reap(self) -> None:
        """Of each place keep as many tasks as the swarm remembers."""
        cluster = self._state.cluster
        if cluster is None:
            return
        limit = (cluster.spec.get("Orchestration") or {}).get("TaskHistoryRetentionLimit")
        limit = _HISTORY if limit is None else limit
        if limit < 0:
            return
        places: dict[tuple[str, int, str], list[Task]] = {}
        for task in self._state.tasks:
            key = (task.service_id, task.slot, "" if task.slot else task.node_id)
            places.setdefault(key, []).append(task)
        for tasks in places.values():
            spare = len(tasks) - limit
            for task in sorted(tasks, key=lambda t: t.created_ns):
                if spare <= 0:
                    break
                if task.ended and rank(task.desired) > rank("running") and not _last(task, tasks):
                    self._forget(task)
                    spare -= 1


def _last(task: Task, tasks: list[Task]) -> bool:
    """Whether it is the newest of its place: that one says what has become of the service."""
    return task is max(tasks, key=lambda t: t.created_ns)


def _runs(task: Task) -> bool:
    return task.status.state == "running"
