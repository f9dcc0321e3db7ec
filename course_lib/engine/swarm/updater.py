"""A rolling update of one service (swarmkit: ``manager/orchestrator/update``)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from course_lib.engine.clock import Clock
from course_lib.engine.swarm.model import Service, Task, rank, slots_of
from course_lib.engine.swarm.policy import UpdatePolicy, update_policy
from course_lib.engine.swarm.state import ClusterState

if TYPE_CHECKING:
    from course_lib.engine.swarm.orchestrator import Orchestrator


class Updater:
    """Replaces the tasks of a service that were made from an older specification."""

    def __init__(
        self, state: ClusterState, clock: Clock, orchestrator: Orchestrator, service_id: str
    ) -> None:
        self._state = state
        self._clock = clock
        self._orchestrator = orchestrator
        self._service_id = service_id
        self._replaced: set[str] = set()

    def dirty(self, service: Service) -> list[Task]:
        """The tasks that have to be replaced."""
        tasks = self._state.tasks_of(service.id)
        if service.mode == "Global":
            present = [task for task in tasks if rank(task.desired) <= rank("running")]
        else:
            present = [task for slot in slots_of(tasks).values() for task in slot]
        template = {key: value for key, value in service.template.items() if key != "Runtime"}
        host_ports = [p for p in service.ports if p.get("PublishMode") == "host"]
        return [t for t in present if t.spec != template or t.host_ports != host_ports]

    async def run(self) -> None:
        """Update until nothing is left to do, or it goes wrong."""
        service = self._state.services.get(self._service_id)
        if service is None:
            return
        rolling_back = bool(service.update and service.update["State"] == "rollback_started")
        if service.update is None:
            service.update = {
                "State": "updating",
                "Message": "update in progress",
                "started_ns": self._clock.time_ns(),
            }
            self._state.services.put(service)
        config = service.spec.get("RollbackConfig" if rolling_back else "UpdateConfig")
        policy = update_policy(config)
        await self._replace_all(service, policy)
        failed = await self._watch(policy)
        service = self._state.services.get(self._service_id)
        if service is None:
            return
        if failed:
            self._fail(service, policy, rolling_back=rolling_back)
        elif not self.dirty(service):
            self.conclude(service)

    async def _replace_all(self, service: Service, policy: UpdatePolicy) -> None:
        tasks = sorted(self.dirty(service), key=lambda t: (t.slot, t.created_ns))
        places: dict[tuple[int, str], list[Task]] = {}
        for task in tasks:
            places.setdefault((task.slot, "" if task.slot else task.node_id), []).append(task)
        queue = list(places.values())

        async def work() -> None:
            while queue and not self._failed(policy):
                await self._replace(queue.pop(0), policy)
                if policy.delay:
                    await self._clock.sleep(policy.delay)

        workers = min(policy.parallelism or len(queue), len(queue))
        running = [asyncio.ensure_future(work()) for _ in range(workers)]
        try:
            if running:
                await asyncio.gather(*running)
        finally:
            for worker in running:
                worker.cancel()

    async def _replace(self, tasks: list[Task], policy: UpdatePolicy) -> None:
        service = self._state.services.get(self._service_id)
        old = tasks[-1]
        if service is None or (rank(old.desired) > rank("running") and not old.ended):
            return
        first = policy.order == "start-first"
        fresh = self._orchestrator.new_task(
            service,
            old.slot,
            node_id="" if old.slot else old.node_id,
            desired="running" if first else "ready",
        )
        self._replaced.add(fresh.id)
        if first:
            await self._settled(fresh.id)
        for task in tasks:
            self._orchestrator.retire(task, "shutdown")
        if not first:
            self._orchestrator.start_later(fresh.id, old.id, 0)
            await self._settled(fresh.id)

    async def _settled(self, task_id: str) -> None:
        """Wait until a task runs, or has ended, or is unwanted."""

        def settled() -> bool:
            task = self._state.tasks.get(task_id)
            return (
                task is None
                or rank(task.status.state) >= rank("running")
                or rank(task.desired) > rank("running")
            )

        await self._state.until(settled)

    async def _watch(self, policy: UpdatePolicy) -> bool:
        """Look whether the new tasks keep running; gives whether too many did not."""
        seconds = policy.monitor if policy.delay < policy.monitor else policy.delay + 1
        timer = asyncio.ensure_future(self._clock.sleep(seconds))
        failure = asyncio.ensure_future(self._state.until(lambda: self._failed(policy)))
        try:
            await asyncio.wait({timer, failure}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            failure.cancel()
        return self._failed(policy)

    def _failed(self, policy: UpdatePolicy) -> bool:
        if policy.failure_action == "continue":
            return False
        return self._failures() > policy.ratio * max(len(self._replaced), 1)

    def _failures(self) -> int:
        tasks = [self._state.tasks.get(task_id) for task_id in self._replaced]
        return sum(
            task is not None and task.status.state in {"failed", "rejected", "complete"}
            for task in tasks
        )

    def _first_failed(self) -> str:
        for task_id in sorted(self._replaced):
            task = self._state.tasks.get(task_id)
            if task is not None and task.status.state in {"failed", "rejected", "complete"}:
                return task_id
        return ""

    def _fail(self, service: Service, policy: UpdatePolicy, *, rolling_back: bool) -> None:
        assert service.update is not None
        reason = f"task {self._first_failed()}"
        if policy.failure_action == "rollback" and not rolling_back and service.previous:
            service.update = {
                "State": "rollback_started",
                "Message": f"update rolled back due to failure or early termination of {reason}",
                "started_ns": self._clock.time_ns(),
            }
            service.spec, service.previous = service.previous, None
            service.spec_index = self._state.index + 1
        else:
            what = "rollback_paused" if rolling_back else "paused"
            word = "rollback" if rolling_back else "update"
            service.update["State"] = what
            service.update["Message"] = (
                f"{word} paused due to failure or early termination of {reason}"
            )
        self._state.services.put(service)

    def conclude(self, service: Service) -> None:
        """All tasks are as they should be."""
        update = service.update
        if update is None or update["State"] not in {"updating", "rollback_started"}:
            return
        back = update["State"] == "rollback_started"
        update["State"] = "rollback_completed" if back else "completed"
        update["Message"] = "rollback completed" if back else "update completed"
        update["completed_ns"] = self._clock.time_ns()
        self._state.services.put(service)
