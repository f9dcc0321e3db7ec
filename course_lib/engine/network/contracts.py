"""What the network part needs of the rest of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class RecordStore(Protocol):
    """Durable records by kind and ID (``course_lib.engine.store.Store``)."""

    def write(self, kind: str, record_id: str, record: Mapping[str, Any]) -> None: ...
    def delete(self, kind: str, record_id: str) -> None: ...
    def all(self, kind: str) -> Mapping[str, dict[str, Any]]: ...


class EventLog(Protocol):
    """Where events are published (``course_lib.engine.events.Events``)."""

    def publish(
        self,
        type: str,
        action: str,
        actor_id: str,
        attributes: Mapping[str, str] | None = None,
    ) -> None: ...
