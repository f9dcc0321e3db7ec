"""The cluster's state: everything that a manager knows, in one place, and durable.

swarmkit keeps it in a store that Raft replicates; here one manager has it, in the engine's own
records. Whoever changes a thing calls :meth:`Table.put`; who wants to know of changes subscribes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from course_lib.engine.clock import Clock
from course_lib.engine.errdefs import InvalidParameter, NotFound
from course_lib.engine.store import Store
from course_lib.engine.swarm.model import (
    Attachment,
    Blob,
    Cluster,
    Network,
    Node,
    Service,
    Task,
    Thing,
)

T = TypeVar("T", bound=Thing)

Watcher = Callable[[str, str, Thing], None]
"""Told of every change: kind, ``create``, ``update`` or ``remove``, and the thing."""


class Table(Generic[T]):
    """Things of one kind, by ID and by name."""

    def __init__(self, state: ClusterState, kind: str, noun: str, factory: type[T]) -> None:
        self._state = state
        self._kind = kind
        self._noun = noun
        self._factory = factory
        self._by_id: dict[str, T] = {}

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, thing_id: object) -> bool:
        return thing_id in self._by_id

    def get(self, thing_id: str) -> T | None:
        """The thing with that very ID."""
        return self._by_id.get(thing_id)

    def named(self, name: str) -> T | None:
        """The thing of that name, whatever the case of its letters."""
        wanted = name.lower()
        return next((thing for thing in self if thing.name.lower() == wanted), None)

    def find(self, ref: str) -> T:
        """A thing by ID, name or beginning of its ID.

        :raises NotFound: there is none. :raises InvalidParameter: there are several.
        """
        found = self._by_id.get(ref) or self.named(ref) if ref else None
        if found is not None:
            return found
        candidates = [thing for thing in self if ref and thing.id.startswith(ref)]
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise InvalidParameter(
                f"{self._noun} {ref} is ambiguous ({len(candidates)} matches found)"
            )
        raise NotFound(f"{self._noun} {ref} not found")

    def put(self, thing: T) -> None:
        """Keep a thing that is new or was changed."""
        state = self._state
        action = "update" if thing.id in self._by_id else "create"
        state.index += 1
        now = state.clock.time_ns()
        thing.index = state.index
        thing.created_ns = thing.created_ns or now
        thing.updated_ns = now
        self._by_id[thing.id] = thing
        state.store.write(f"swarm-{self._kind}", thing.id, thing.to_record())
        state.tell(self._kind, action, thing)

    def remove(self, thing_id: str) -> None:
        """Forget a thing."""
        thing = self._by_id.pop(thing_id, None)
        if thing is not None:
            self._state.index += 1
            self._state.store.delete(f"swarm-{self._kind}", thing_id)
            self._state.tell(self._kind, "remove", thing)

    def load(self) -> None:
        """Read what is on record."""
        records = self._state.store.all(f"swarm-{self._kind}")
        for thing_id, record in records.items():
            thing = self._by_id[thing_id] = self._factory.from_record(record)
            self._state.index = max(self._state.index, thing.index)

    def clear(self) -> None:
        """Forget everything, also on disk, and tell nobody."""
        for thing_id in self._by_id:
            self._state.store.delete(f"swarm-{self._kind}", thing_id)
        self._by_id.clear()


class ClusterState:
    """All tables.

    :ivar index: version of the whole state; every change makes it one more.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.index = 9  # of a swarm that swarmkit has just made
        self._watchers: list[Watcher] = []
        self._waiters: list[asyncio.Future[None]] = []
        self.clusters: Table[Cluster] = Table(self, "clusters", "cluster", Cluster)
        self.nodes: Table[Node] = Table(self, "nodes", "node", Node)
        self.networks: Table[Network] = Table(self, "networks", "network", Network)
        self.services: Table[Service] = Table(self, "services", "service", Service)
        self.tasks: Table[Task] = Table(self, "tasks", "task", Task)
        self.attachments: Table[Attachment] = Table(self, "attachments", "attachment", Attachment)
        self.secrets: Table[Blob] = Table(self, "secrets", "secret", Blob)
        self.configs: Table[Blob] = Table(self, "configs", "config", Blob)

    def tables(
        self,
    ) -> tuple[
        Table[Cluster]
        | Table[Node]
        | Table[Network]
        | Table[Service]
        | Table[Task]
        | Table[Attachment]
        | Table[Blob],
        ...,
    ]:
        """All of them."""
        return (
            self.clusters,
            self.nodes,
            self.networks,
            self.services,
            self.tasks,
            self.attachments,
            self.secrets,
            self.configs,
        )

    @property
    def cluster(self) -> Cluster | None:
        """The swarm, where there is one."""
        return next(iter(self.clusters), None)

    def load(self) -> None:
        """Read what an earlier run left."""
        for table in self.tables():
            table.load()

    def clear(self) -> None:
        """The swarm is no more."""
        for table in self.tables():
            table.clear()
        self.index = 9

    def watch(self, watcher: Watcher) -> None:
        """Tell somebody of all changes from now on."""
        self._watchers.append(watcher)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds; asked after every change."""
        while not condition():
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(future)
            try:
                await future
            finally:
                if future in self._waiters:
                    self._waiters.remove(future)

    def tell(self, kind: str, action: str, thing: Thing) -> None:
        """Something has changed."""
        for watcher in self._watchers:
            watcher(kind, action, thing)
        waiters, self._waiters = self._waiters, []
        for future in waiters:
            if not future.done():
                future.set_result(None)

    def tasks_of(self, service_id: str) -> list[Task]:
        """The tasks of a service, ended ones included."""
        return [task for task in self.tasks if task.service_id == service_id]
